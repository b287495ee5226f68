//! Why the board says no. Each front end maps these once, to its own texts.

use std::sync::Arc;
use std::time::Duration;

use super::{Key, KeyError, Loss, Owner, Revision, Target};

/// A command that was refused; nothing was changed.
///
/// The short texts are those of the original design and part of its contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key is not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No value was given.
    #[error("Value required")]
    ValueRequired,
    /// The value is not a text.
    #[error("Value must be a string")]
    ValueType,
    /// The value has more characters than a value may have.
    #[error("Value exceeds 10485760 characters")]
    ValueTooLong,
    /// The time to live is out of range.
    #[error("TTL must be 1-86400 seconds")]
    Ttl,
    /// Somebody else holds a live lease on the key.
    #[error("Key is leased")]
    Leased {
        /// The key that was to be written.
        key: Key,
        /// Who holds it.
        holder: Arc<Owner>,
        /// How long the lease runs if nobody renews it.
        remaining: Duration,
    },
    /// The namespace holds as much as it may.
    #[error("Storage full")]
    Full {
        /// What there is too much of: `keys`, `bytes`, `locks`, `waiters`, `messages` or `namespaces`.
        which: &'static str,
        /// The limit, in the unit of `which`.
        limit: usize,
    },
    /// A condition of a batch did not hold.
    #[error("a condition on {key} failed")]
    Conflict {
        /// The key whose condition failed.
        key: Key,
        /// The revision the key has now, zero when it does not exist.
        rev: Revision,
        /// The value it has now.
        value: Option<Arc<str>>,
    },
    /// The fence, or the token of a claim, is not that of a lease that the caller holds.
    #[error("fence {fence} is not current")]
    Lost {
        /// The fence that was given.
        fence: Revision,
        /// How it was lost, as far as that is known.
        loss: Option<Box<Loss>>,
        /// Who holds the same now.
        holder: Option<Arc<Owner>>,
    },
    /// Others hold what was wanted, or wait for it and came first.
    #[error("{} is in the way", .0.holder)]
    Held(Box<Held>),
    /// To wait would close a circle of those who wait for each other.
    #[error("waiting would never end")]
    Deadlock(Circle),
    /// There is no such task, or none that the caller can mean.
    #[error("there is no {what}")]
    NotFound {
        /// What there is not, in words.
        what: String,
    },
    /// An argument makes no sense.
    #[error("{field}: {problem}")]
    Invalid {
        /// The argument.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The events after the given revision are gone.
    #[error(transparent)]
    Compacted(#[from] Compacted),
    /// The key is not what the person saw when they decided.
    #[error("{key} has changed meanwhile")]
    Changed {
        /// The key that was to be expired.
        key: Key,
        /// The revision it has now, zero when it is gone.
        rev: Revision,
    },
    /// No further revisions could be set aside on disk, so none can be handed out safely.
    #[error("cannot reserve revisions: {0}")]
    Revisions(String),
}

impl Refusal {
    /// Returns what nobody but one who has left can be told, and so nobody is.
    pub(crate) fn left() -> Self {
        Self::NotFound {
            what: "session that asks; it has left".to_owned(),
        }
    }
}

/// Who is in the way of a request for locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The one who will be there longest, as it looks now.
    pub holder: Arc<Owner>,
    /// What for, in its words.
    pub why: Option<Arc<str>>,
    /// What is held of that which was wanted, 64 targets at most.
    pub targets: Vec<Target>,
    /// How long the hold lasts if nobody renews it; `None` when it is only waited for.
    pub remaining: Option<Duration>,
    /// The place in the queue, from 1.
    pub position: usize,
}

/// Owners each of whom waits for the next, and the last for the first, who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle(pub Vec<Stuck>);

/// One owner in a [`Circle`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// Who it is.
    pub owner: Arc<Owner>,
    /// What it has locked of what the one before it waits for; nothing if it only came first.
    pub holds: Vec<Target>,
    /// What it waits for.
    pub wants: Vec<Target>,
}

/// The events after a revision are no longer kept: list, then watch from `rev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("events before revision {oldest} are gone")]
pub struct Compacted {
    /// The oldest revision that is still kept whole.
    pub oldest: Revision,
    /// The board's revision now.
    pub rev: Revision,
}
