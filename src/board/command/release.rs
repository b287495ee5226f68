//! Giving locks back.

use std::sync::Arc;

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{EventKind, Key, Kind, Loss, Reason, Refusal, Revision, Target, Term, locks};

/// Gives back what the caller holds under `fence`, or every lock of its own.
///
/// What is gone is not an error: the answer lists what was given back, and who lost something and gives it
/// back is not told of the loss again.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// The fence of the grant; `None` means every lock.
    pub fence: Option<Revision>,
}

impl Command for Release {
    type Answer = Vec<Target>;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Vec<Target>, Refusal> {
        let namespace = transaction.caller().namespace;
        let owner = Arc::clone(transaction.caller().owner());
        let wanted = |fence: Revision| self.fence.is_none_or(|wanted| wanted == fence);
        let space = transaction.space();
        let mut held: Vec<(Revision, Key)> = match self.fence {
            Some(fence) => space.fenced(fence).map(|key| (fence, key.clone())).collect(),
            None => space.holdings.of(&owner).cloned().collect(),
        };
        held.retain(|one| one.1.kind() == Kind::Lock && space.holdings.has(&owner, one));
        // What has run out ends before the batch begins.
        held.retain(|(_, key)| transaction.live(key).is_some());
        // A lost claim is given up in the same way; there is nothing else to do about it.
        let made_up = |loss: &Loss| wanted(loss.fence);
        transaction.space_mut().holdings.make_up(&owner, made_up);
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let rev = transaction.begin();
        let mut released = Vec::new();
        for (fence, key) in held {
            let Some(entry) = transaction.space().get(key.as_str()).cloned() else {
                continue;
            };
            released.extend(locks::target(&key, &entry.value));
            if entry.leases().iter().all(|lease| lease.term == Term::Entry) {
                transaction.end(rev, namespace, &key, EventKind::Delete, &owner);
            } else {
                transaction.let_go(rev, namespace, &key, fence, Reason::Released, &owner);
            }
        }
        released.sort();
        released.dedup();
        Ok(released)
    }
}
