//! Short ways to a board without a server around it.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Action, Board, Caller, Clock, Condition, Introduction, Key, Limits, Namespace, NamespaceId, Op, Owner,
    Presence, Revision, RevisionFile, Session, SessionId, Set, Time,
};

/// Returns an empty board and its one namespace.
pub(crate) fn board(clock: impl Clock + std::fmt::Debug, limits: Limits) -> (Board, NamespaceId) {
    let board = Board::new(clock, limits, RevisionFile::in_memory(), Revision::ZERO);
    let namespace = board.open(&Namespace::default()).unwrap();
    (board, namespace)
}

/// Returns a session of an agent called `name`.
pub(crate) fn attach(board: &Board, namespace: NamespaceId, name: &str) -> Session {
    let introduction = Introduction {
        name: Some(name.to_owned()),
        ..Introduction::default()
    };
    board.attach(namespace, introduction)
}

/// Returns a caller that is on no roster.
pub(crate) fn caller(namespace: NamespaceId, session: u64) -> Caller {
    let owner = Owner::new("agent", SessionId(session));
    Caller {
        namespace,
        presence: Presence::new(owner, Limits::default().idle, Time::default()),
    }
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

pub(crate) fn set(key_text: &str, value: &str, ttl: Duration) -> Set {
    Set::new(key(key_text), Arc::from(value), ttl).unwrap()
}

/// Returns the operation that writes a key without a condition.
pub(crate) fn write(key_text: &str, value: &str, ttl: Duration) -> Op {
    Op {
        action: Action::Set(set(key_text, value, ttl)),
        condition: Condition::default(),
    }
}
