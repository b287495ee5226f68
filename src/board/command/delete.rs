//! Removing one key.

use super::Command;
use super::refusals::leased;
use crate::board::locks::{LockWrite, in_the_way};
use crate::board::space::Growth;
use crate::board::transaction::Transaction;
use crate::board::{Entry, EventKind, Key, Kind, Refusal, Revision};

/// Removes `key`; the answer tells whether it was there. A live lease of somebody else refuses it.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The key to remove.
    pub key: Key,
}

impl Delete {
    pub(super) fn admit(
        &self,
        transaction: &Transaction<'_>,
        current: Option<&Entry>,
        growth: &mut Growth,
    ) -> Result<(), Refusal> {
        let write = (self.key.kind() == Kind::Lock).then_some(&LockWrite::DELETE);
        if let Some(entry) = current
            && let Some(lease) = in_the_way(entry, transaction.caller(), write)
        {
            return Err(leased(&self.key, entry, lease, transaction));
        }
        growth.add(&self.key, current, None);
        Ok(())
    }

    pub(super) fn commit(&self, transaction: &mut Transaction<'_>, rev: Revision) {
        let (namespace, owner) = (transaction.caller().namespace, transaction.caller().owner());
        transaction.end(rev, namespace, &self.key, EventKind::Delete, owner);
    }
}

impl Command for Delete {
    type Answer = bool;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<bool, Refusal> {
        let Some(current) = transaction.live(&self.key) else {
            return Ok(false);
        };
        self.admit(transaction, Some(&current), &mut Growth::default())?;
        let rev = transaction.begin();
        self.commit(transaction, rev);
        Ok(true)
    }
}
