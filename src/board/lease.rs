//! Holds with a deadline, and why they end.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Key, Owner, Presence, Revision, Target, Time};

/// Whether a hold tolerates others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nobody else holds the same at the same time.
    #[default]
    Exclusive,
    /// Others may hold the same, if they share it too.
    Shared,
}

/// What keeps a lease alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// It ends this long after its owner's last sign of life; see [`Presence`].
    Renewed(Duration),
    /// It ends with its entry. A raw write of a lock keeps the time to live that it names to the letter.
    Entry,
}

/// A hold on an entry: nobody else writes the key meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The revision of the grant. It orders grants of one key, so that a late writer can be told from
    /// the current holder.
    pub fence: Revision,
    /// Who holds, and whether it is still there.
    pub holder: Arc<Presence>,
    /// Whether others may hold too.
    pub mode: Mode,
    /// What keeps it alive.
    pub term: Term,
    /// When the hold began.
    pub granted: Time,
    /// What for, in the holder's words; those who wait are told.
    pub why: Option<Arc<str>>,
    /// A moment before which it does not end: a person's extension.
    pub at_least: Time,
}

impl Lease {
    /// Returns who holds.
    pub fn owner(&self) -> &Arc<Owner> {
        self.holder.owner()
    }

    /// Returns when it ends as it looks at `now`, `None` when that is up to its entry.
    pub fn deadline(&self, now: Time) -> Option<Time> {
        match self.term {
            Term::Renewed(ttl) => Some(self.holder.deadline(ttl, now).max(self.at_least)),
            Term::Entry => None,
        }
    }

    /// Returns when it ends if its owner does nothing any more, `None` when that is up to its entry.
    pub(crate) fn end(&self) -> Option<Time> {
        match self.term {
            Term::Renewed(ttl) => Some(self.holder.end(ttl).max(self.at_least)),
            Term::Entry => None,
        }
    }

    /// Returns when the ledger must look whether it is over, `None` for a raw lock whose owner is here.
    ///
    /// A raw lock outlives its session by the grace time, also when its process is gone: some clients start a
    /// process for every call, and hold by what they wrote and not by being here.
    pub(crate) fn looked_at(&self) -> Option<Time> {
        match self.term {
            Term::Renewed(_) => self.end(),
            Term::Entry => {
                let gone = self.holder.gone()?;
                Some(gone.after(super::presence::GRACE).max(self.at_least))
            }
        }
    }
}

/// Why a lease ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Its owner gave it back.
    Released,
    /// Its owner finished the task.
    Submitted,
    /// Its owner gave the task back to others.
    Retried,
    /// Its owner has read the message.
    Confirmed,
    /// Its owner was silent for too long.
    Expired,
    /// Its owner's connection closed and it did not come back in time.
    Disconnected,
    /// Its owner's process is gone.
    Died,
    /// The person at the board ended it.
    Person,
    /// The board started anew and its owner did not come back in time.
    Restart,
    /// Its owner had given up waiting when it was granted.
    Cancelled,
}

impl Reason {
    /// Returns the word that tools and the dashboard use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Submitted => "submitted",
            Self::Retried => "retried",
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Disconnected => "disconnected",
            Self::Died => "died",
            Self::Person => "person",
            Self::Restart => "restart",
            Self::Cancelled => "cancelled",
        }
    }

    /// Tells whether the owner did not end it itself, and so must be told.
    pub fn is_loss(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::Disconnected | Self::Died | Self::Person | Self::Restart
        )
    }
}

/// A lease that ended without its owner's doing. The owner is told until it takes or gives back what it lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What was held.
    pub key: Key,
    /// What the lock was on that was held; its key need not tell.
    pub target: Option<Target>,
    /// The fence under which it was held.
    pub fence: Revision,
    /// Why it ended.
    pub reason: Reason,
    /// When it ended.
    pub at: Time,
    /// The files below it before whose next edit the owner was told of it.
    pub told: Vec<Target>,
}

impl Loss {
    /// Tells whether the owner must hear of it before it edits `file`, and has not yet.
    pub fn concerns(&self, file: &Target) -> bool {
        let is_of_it = self.target.as_ref().is_some_and(|lost| lost.overlaps(file));
        is_of_it && !self.told.contains(file)
    }
}
