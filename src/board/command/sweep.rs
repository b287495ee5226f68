//! Ending what has run out.

use super::Command;
use crate::board::ledger::MAX_ENDED;
use crate::board::transaction::Transaction;
use crate::board::{Refusal, Time};

/// Ends at most `limit` overdue entries of all namespaces, in the order of their deadlines.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The most entries to end, so that a storm of expiries holds nobody up; 4,096 at most.
    pub limit: usize,
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// How many entries ended.
    pub expired: usize,
    /// The next moment at which something ends; not after now when the limit was reached.
    pub next: Option<Time>,
}

impl Command for Sweep {
    type Answer = Swept;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Swept, Refusal> {
        let mut expired = 0;
        while expired < self.limit.min(MAX_ENDED) && transaction.end_first_overdue() {
            expired += 1;
        }
        Ok(Swept {
            expired,
            next: transaction.next_deadline(),
        })
    }
}
