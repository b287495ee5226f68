//! A locked file was changed by somebody else.

use std::sync::Arc;

use super::Command;
use crate::board::intrusions::Intrusion;
use crate::board::transaction::Transaction;
use crate::board::{Key, Owner, Refusal, Revision, Target};

/// Notes that `file` was changed, which is locked by whoever holds `key` under `fence`, and not by that one.
///
/// The entry stays as it is: nothing on the board has changed but what its readers know. The answer is whether
/// the lock is still held.
#[derive(Clone, Debug)]
pub struct Report {
    /// The lock.
    pub key: Key,
    /// The fence under which it was held when the file was changed.
    pub fence: Revision,
    /// The file.
    pub file: Target,
    /// Who alone was at work in a way that can have changed it, if that is known.
    pub suspect: Option<Arc<Owner>>,
}

impl Command for Report {
    type Answer = bool;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<bool, Refusal> {
        let Self {
            key,
            fence,
            file,
            suspect,
        } = self;
        let entry = transaction.live(&key);
        let lease = entry.as_ref().and_then(|entry| {
            let mut leases = entry.leases().iter();
            leases.find(|lease| lease.fence == fence)
        });
        let Some((entry, lease)) = entry.as_ref().zip(lease) else {
            return Ok(false);
        };
        let holder = Arc::clone(lease.owner());
        let rev = transaction.begin();
        // Whoever is suspected need not have done it, and history is no place for guesses.
        transaction.tell_changed(rev, &key, &Owner::somebody(), entry);
        let at = transaction.now();
        let space = transaction.space_mut();
        for owner in std::iter::once(&holder).chain(&suspect) {
            space.holdings.tell(owner);
        }
        let holdings = &space.holdings;
        let is_held = |known: &Intrusion| holdings.has(&known.holder, &(known.fence, known.key.clone()));
        let intrusion = Intrusion {
            key,
            fence,
            holder,
            file,
            suspect,
            at,
        };
        space.intrusions.add(intrusion, is_held);
        Ok(true)
    }
}
