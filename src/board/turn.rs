//! Waiting for locks: the one who waits, and the end of it.

use tokio::sync::oneshot;

use super::command::{Release, Withdraw};
use super::{Board, Caller, Grant, Refusal, Ticket};

/// What a request for locks came to.
#[derive(Debug)]
pub(super) enum Turn {
    /// It was granted at once.
    Come(Grant),
    /// It waits in the queue.
    Awaited(Awaited),
}

/// A request that waits. Dropping it takes it out of the queue; its place is kept for a while.
#[derive(Debug)]
pub(super) struct Awaited {
    board: Board,
    caller: Caller,
    ticket: Ticket,
    grant: oneshot::Receiver<Grant>,
    over: bool,
}

impl Awaited {
    pub(super) fn new(board: Board, caller: Caller, ticket: Ticket, grant: oneshot::Receiver<Grant>) -> Self {
        Self {
            board,
            caller,
            ticket,
            grant,
            over: false,
        }
    }

    /// Waits until the request is granted; it fails only when who waits is not attached any more.
    pub(super) async fn come(&mut self) -> Result<Grant, Refusal> {
        let grant = (&mut self.grant).await;
        self.over = true;
        grant.map_err(|_| Refusal::left())
    }

    /// Waits no longer. What was granted at the last moment counts.
    pub(super) fn give_up(mut self) -> Result<Grant, Refusal> {
        let withdraw = Withdraw {
            ticket: self.ticket,
            keep: true,
        };
        let withdrawn = self.board.apply(&self.caller, withdraw)?;
        self.over = true;
        self.board.tell();
        match withdrawn {
            Some(refusal) => Err(refusal),
            None => self.grant.try_recv().map_err(|_| Refusal::left()),
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let withdraw = Withdraw {
            ticket: self.ticket,
            keep: true,
        };
        let withdrawn = self.board.apply(&self.caller, withdraw);
        self.board.tell();
        let granted = self.grant.try_recv();
        if let (Ok(None), Ok(grant)) = (&withdrawn, granted) {
            let fence = Some(grant.fence);
            if let Err(refusal) = self.board.apply(&self.caller, Release { fence }) {
                tracing::error!(%refusal, "cannot give back what nobody waits for any more");
            }
        }
        if let Err(refusal) = withdrawn {
            tracing::error!(%refusal, "cannot take a request out of the queue");
        }
    }
}
