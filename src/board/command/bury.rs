//! A person gives a task up.

use super::Command;
use super::requeue::decide;
use crate::board::tasks::DEAD_FOR;
use crate::board::transaction::Transaction;
use crate::board::{Key, Refusal, Revision, Work, WorkState};

/// Makes the task under `key` dead, so that nobody gets it, provided that it still has the revision `rev` which
/// the person saw. A claim on it ends; it is kept for a day.
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
        let day = transaction.now().after(DEAD_FOR);
        decide(transaction, self.key, self.rev, Work::of(WorkState::Dead), |_| {
            day
        })
    }
}
