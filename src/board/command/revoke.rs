//! A person ends leases.

use std::sync::Arc;

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{EventKind, Key, Kind, Reason, Refusal, Revision, Term};

/// Ends the leases that the person saw: one, all of an agent, or all whose holder is gone. What changed
/// meanwhile is not touched. The answer tells how many ended.
#[derive(Clone, Debug)]
pub struct Revoke {
    /// The leases on the screen when the person decided: the key and the fence of each.
    pub leases: Vec<(Key, Revision)>,
}

impl Command for Revoke {
    type Answer = usize;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<usize, Refusal> {
        let namespace = transaction.caller().namespace;
        let person = Arc::clone(transaction.caller().owner());
        // What has run out ends before the batch begins.
        let live: Vec<_> = self.leases.iter().map(|(key, _)| transaction.live(key)).collect();
        let current = self.leases.iter().zip(live).filter_map(|((key, fence), entry)| {
            let entry = entry?;
            let mut leases = entry.leases().iter();
            leases.any(|lease| lease.fence == *fence).then(|| {
                let raw = entry.leases().iter().all(|lease| lease.term == Term::Entry);
                (key, *fence, raw && key.kind() == Kind::Lock)
            })
        });
        let current: Vec<_> = current.collect();
        if current.is_empty() {
            return Ok(0);
        }
        let rev = transaction.begin();
        for (key, fence, raw) in &current {
            if *raw {
                transaction.end(rev, namespace, key, EventKind::Expire, &person);
            } else {
                transaction.let_go(rev, namespace, key, *fence, Reason::Person, &person);
            }
        }
        Ok(current.len())
    }
}
