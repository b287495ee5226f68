//! What ties a session to the process behind it, for whoever watches that process.
//!
//! Responsible for whose death counts for whom. Not for noticing it: that is for those who have the
//! connection, and they may notice it when the connection has been closed for a while.

use std::sync::Arc;

use super::Board;
use super::roster::Member;

/// One connection's part in a session. It outlasts the connection and keeps nobody on the roster.
#[derive(Clone, Debug)]
pub struct Tether {
    board: Board,
    member: Arc<Member>,
}

impl Tether {
    pub(super) fn new(board: Board, member: Arc<Member>) -> Self {
        Self { board, member }
    }

    /// Notes that the process behind the session is gone: it cannot come back, so nothing that it holds is
    /// kept for it. Does nothing when a newer connection has taken the session over.
    pub fn snapped(&self) {
        self.board.died(&self.member);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::board::{
        Introduction, Limits, ManualClock, Mode, Namespace, Reason, Revision, RevisionFile, Secret, Session,
        Target, Wish,
    };

    fn board() -> Board {
        let revisions = RevisionFile::in_memory();
        Board::new(
            ManualClock::default(),
            Limits::default(),
            revisions,
            Revision::ZERO,
        )
    }

    fn resume(board: &Board, secret: Option<&str>) -> Session {
        let namespace = board.open(&Namespace::default()).unwrap();
        board.resume(namespace, Introduction::default(), secret.map(Secret::from))
    }

    async fn lock(session: &Session, target: &str) {
        let wish = Wish {
            targets: Arc::from([Target::path(target)]),
            mode: Mode::Exclusive,
            why: None,
            ttl: Duration::from_secs(300),
        };
        session.call().acquire(wish, Duration::ZERO).await.unwrap();
    }

    /// Returns why the owner lost what it held, which it had not given back.
    fn fate(session: &Session) -> Vec<Reason> {
        let losses = session.board().losses(session.namespace(), &session.owner());
        losses.iter().map(|loss| loss.reason).collect()
    }

    #[tokio::test]
    async fn a_death_ends_what_is_held_also_when_the_connection_has_closed() {
        let board = board();
        for secret in [None, Some("s1")] {
            let closed = resume(&board, secret);
            lock(&closed, "src/a.rs").await;
            let (owner, namespace, tether) = (closed.owner(), closed.namespace(), closed.tether());
            drop(closed);
            assert_eq!(board.losses(namespace, &owner), []);
            tether.snapped();
            let losses = board.losses(namespace, &owner);
            assert_eq!(losses.len(), 1);
            assert_eq!(losses[0].reason, Reason::Died);
        }
        let open = resume(&board, None);
        lock(&open, "src/a.rs").await;
        open.tether().snapped();
        assert_eq!(fate(&open), [Reason::Died]);
    }

    #[tokio::test]
    async fn a_death_does_not_count_once_the_session_is_back_on_a_newer_connection() {
        let board = board();
        let first = resume(&board, Some("s1"));
        lock(&first, "src/a.rs").await;
        let old = first.tether();
        let second = resume(&board, Some("s1"));
        old.snapped();
        drop(first);
        old.snapped();
        assert_eq!(fate(&second), []);
        let (owner, namespace, new) = (second.owner(), second.namespace(), second.tether());
        drop(second);
        old.snapped();
        assert_eq!(board.losses(namespace, &owner), []);
        new.snapped();
        assert_eq!(board.losses(namespace, &owner)[0].reason, Reason::Died);
    }
}
