//! What stands under a key, and who put it there.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::{Revision, Time};

/// One connection, numbered in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SessionId(pub u64);

impl SessionId {
    /// The board itself and the person who watches it.
    pub const BOARD: Self = Self(0);
}

/// Who acts: a name within a session. Two live sessions never share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Owner {
    /// What people and agents call it.
    pub name: Arc<str>,
    /// The connection behind the name.
    pub session: SessionId,
}

impl Owner {
    /// Returns the owner called `name` in `session`.
    pub fn new(name: &str, session: SessionId) -> Arc<Self> {
        Arc::new(Self {
            name: Arc::from(name),
            session,
        })
    }

    /// What the person at the dashboard is called, and no agent.
    pub(super) const HUMAN: &'static str = "human";

    /// Returns the person at the dashboard or the command line.
    pub fn human() -> Arc<Self> {
        Self::new(Self::HUMAN, SessionId::BOARD)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What stands under a key. It never changes: a write replaces it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The text that was stored.
    pub value: Arc<str>,
    /// The revision of the last write.
    pub rev: Revision,
    /// The revision of the first write since the key last did not exist.
    pub created_rev: Revision,
    /// When it was last written.
    pub written: Time,
    /// The moment from which on no read returns this entry.
    pub deadline: Time,
    /// Who wrote it last.
    pub by: Arc<Owner>,
    /// The hold on the key, if somebody has one.
    pub lease: Option<Box<Lease>>,
}

impl Entry {
    /// Tells whether a read at `now` may return this entry.
    pub fn is_live(&self, now: Time) -> bool {
        now < self.deadline
    }
}

/// A hold on an entry with the entry's deadline: nobody but its owner writes the key meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The revision of the grant. It orders grants of one key, so that a late writer can be told from
    /// the current holder.
    pub fence: Revision,
    /// Who holds.
    pub owner: Arc<Owner>,
    /// When the hold began.
    pub granted: Time,
}
