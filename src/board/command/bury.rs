//! A person gives a task up.

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{Key, Refusal, Revision};

/// Makes the task under `key` dead, so that nobody gets it, provided that it still has the revision `rev` which
/// the person saw. A claim on it ends.
#[derive(Clone, Debug)]
pub struct Bury {
    /// The task.
    pub key: Key,
    /// The revision on the screen when the person decided.
    pub rev: Revision,
}

impl Command for Bury {
    type Answer = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Refusal> {
        let current = transaction.live(&self.key);
        let rev = current.map_or(Revision::ZERO, |entry| entry.rev);
        Err(Refusal::Changed { key: self.key, rev })
    }
}
