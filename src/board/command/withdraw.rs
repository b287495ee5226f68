//! Waiting no longer.

use super::Command;
use super::refusals::held;
use crate::board::transaction::Transaction;
use crate::board::{Refusal, Ticket};

/// Gives up waiting for locks. The answer is the refusal to tell, `None` when the request waits no more,
/// because it was granted.
#[derive(Clone, Copy, Debug)]
pub struct Withdraw {
    /// The request that waits.
    pub ticket: Ticket,
    /// Whether its place is kept for half a minute, so that who asks again is not served after those who
    /// came later. Meanwhile it is in nobody's way (rule 8).
    pub keep: bool,
}

impl Command for Withdraw {
    type Answer = Option<Refusal>;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Option<Refusal>, Refusal> {
        let refusal = {
            let (now, space) = (transaction.now(), transaction.space());
            let mut open = space.queue.open();
            let Some((position, waiter)) = open.find(|(_, waiter)| waiter.ticket == self.ticket) else {
                return Ok(None);
            };
            let obstacles = space.obstacles(now, waiter.owner(), &waiter.wish, position);
            held(transaction, &obstacles)
        };
        transaction.withdraw(self.ticket, self.keep);
        Ok(Some(refusal))
    }
}
