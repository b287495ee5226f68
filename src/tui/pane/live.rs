//! What of a row moves although its entry stays the same.
//!
//! A call of the holder renews its leases without a new entry, its connection may close, others may begin to
//! wait. All of that is read from the board once per picture and kept in the row, so that drawing and sorting
//! see one moment, also in a picture that stands still.

use std::time::Duration;

use crate::board::{Entry, Lease, Term, Time};

/// How much of a time remains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// When it is over.
    pub until: Time,
    /// How long it is when nothing of it has passed.
    pub whole: Duration,
}

impl Left {
    /// Returns what remains of `entry` by itself.
    pub fn of(entry: &Entry) -> Self {
        Self {
            until: entry.deadline,
            whole: entry.deadline.since(entry.written),
        }
    }

    /// Returns what remains of `lease` on `entry`, as it looks at `now`.
    pub fn of_lease(entry: &Entry, lease: &Lease, now: Time) -> Self {
        match lease.term {
            Term::Renewed(ttl) => Self {
                until: entry.held_until(lease, now),
                whole: ttl,
            },
            Term::Entry => Self::of(entry),
        }
    }
}

/// What of an entry's row moves although the entry stays the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// How much of the lease remains, or of the entry when nobody holds it.
    pub left: Left,
    /// When the holder called last.
    pub active: Option<Time>,
    /// Whether the holder's connection is closed.
    pub orphaned: bool,
    /// How many wait for it.
    pub waiting: usize,
    /// When somebody else than the holder was last seen to change what is locked.
    pub changed: Option<Time>,
    /// Whether nobody may claim the task yet, since it was lost lately; then that is what remains.
    pub resting: bool,
}

impl Live {
    /// Returns how `entry` and `lease`, one of its own, look at `now`, while `waiting` others want it.
    pub fn of(entry: &Entry, lease: Option<&Lease>, waiting: usize, now: Time) -> Self {
        let Some(lease) = lease else {
            return Self::unheld(entry, now);
        };
        Self {
            left: Left::of_lease(entry, lease, now),
            active: Some(lease.holder.active()),
            orphaned: lease.holder.gone().is_some(),
            waiting,
            changed: None,
            resting: false,
        }
    }

    fn unheld(entry: &Entry, now: Time) -> Self {
        let not_before = entry.work().not_before;
        let resting = now < not_before;
        let left = if resting {
            Left {
                until: not_before,
                whole: not_before.since(entry.written),
            }
        } else {
            Left::of(entry)
        };
        Self {
            left,
            resting,
            ..Self::default()
        }
    }
}
