//! Sessions come back and go.

use std::sync::Arc;

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{Refusal, SessionId};

/// Notes that the connection of a session closed. What it holds, and where it stood in the queue, is kept for the
/// grace time, or ends at once when its process is gone; its requests wait no more, so that nobody who left is
/// granted anything.
#[derive(Clone, Copy, Debug)]
pub struct Depart {
    /// The session.
    pub session: SessionId,
    /// Whether its process is gone.
    pub died: bool,
}

impl Command for Depart {
    type Answer = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Refusal> {
        let (namespace, now) = (transaction.caller().namespace, transaction.now());
        transaction.withdraw_all(self.session, !self.died);
        for presence in transaction.space().holdings.of_session(self.session) {
            presence.leave(now, self.died);
            transaction.look_at(namespace, presence.owner());
        }
        Ok(())
    }
}

/// Notes that a session is back on a new connection: what it still holds is renewed.
#[derive(Clone, Copy, Debug)]
pub struct Return {
    /// The session.
    pub session: SessionId,
}

impl Command for Return {
    type Answer = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Refusal> {
        let (namespace, now) = (transaction.caller().namespace, transaction.now());
        for presence in transaction.space().holdings.of_session(self.session) {
            let owner = Arc::clone(presence.owner());
            transaction.look_at(namespace, &owner);
            presence.come_back(now);
            transaction.look_at(namespace, &owner);
        }
        Ok(())
    }
}

/// Ends what the caller holds no more, then renews the rest: the slow way of noting a call.
#[derive(Clone, Copy, Debug)]
pub struct Attend;

impl Command for Attend {
    type Answer = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Refusal> {
        let presence = transaction.caller_presence();
        transaction.look_at(transaction.caller().namespace, presence.owner());
        presence.renew(transaction.now());
        Ok(())
    }
}
