//! What stands under a key, and who put it there.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lease::{Lease, Term};
use super::{Revision, Time};

/// One connection, numbered in the order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub u64);

impl SessionId {
    /// The board itself and the person who watches it.
    pub const BOARD: Self = Self(0);
}

/// Who acts: a name within a session. Two live sessions never share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

    /// Returns who stands for whoever is not known.
    pub fn somebody() -> Arc<Self> {
        Self::new("somebody", SessionId::BOARD)
    }

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
    /// The revision of the last change.
    pub rev: Revision,
    /// The revision of the first write since the key last did not exist.
    pub created_rev: Revision,
    /// When it was last written.
    pub written: Time,
    /// The moment until which it stands by itself; zero when it stands only as long as it is held.
    pub deadline: Time,
    /// Who wrote it last.
    pub by: Arc<Owner>,
    /// Who holds it, and how far the work on it has come. Most entries have neither.
    pub hold: Option<Box<Hold>>,
}

/// What an entry is to those who coordinate by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// The holds on it, oldest first.
    pub leases: Vec<Lease>,
    /// How often it was handed out, if it ever was.
    pub work: Work,
}

/// How far the work on a task, or the delivery of a message, has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// What is to become of it.
    pub state: WorkState,
    /// How often it was handed out and lost, or given back.
    pub attempts: u8,
    /// Before this moment nobody gets it.
    pub not_before: Time,
}

/// What is to become of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkState {
    /// Somebody is to do it, or does it while it is held.
    #[default]
    Open,
    /// It is done.
    Done,
    /// Who did it says that it cannot be done.
    Failed,
    /// It was lost too often; only a person brings it back.
    Dead,
}

impl Entry {
    /// Returns the holds on it, oldest first.
    pub fn leases(&self) -> &[Lease] {
        self.hold.as_ref().map_or(&[], |hold| &hold.leases)
    }

    /// Returns the hold on it, the oldest if it is shared.
    pub fn lease(&self) -> Option<&Lease> {
        self.leases().first()
    }

    /// Returns how far the work on it has come.
    pub fn work(&self) -> Work {
        self.hold.as_ref().map_or_else(Work::default, |hold| hold.work)
    }

    /// Tells whether a read at `now` may return this entry.
    pub fn is_live(&self, now: Time) -> bool {
        now < self.deadline || self.is_held(now)
    }

    /// Tells whether a hold keeps it at `now`.
    pub(crate) fn is_held(&self, now: Time) -> bool {
        self.leases()
            .iter()
            .any(|lease| lease.end().is_some_and(|end| now < end))
    }

    /// Returns when it ends as it looks at `now`.
    pub fn ends(&self, now: Time) -> Time {
        let held = self.leases().iter().filter_map(|lease| lease.deadline(now));
        held.fold(self.deadline, Time::max)
    }

    /// Returns when `lease`, one of its own, ends as it looks at `now`.
    pub fn held_until(&self, lease: &Lease, now: Time) -> Time {
        lease.deadline(now).unwrap_or(self.deadline)
    }

    /// Returns when the ledger must look whether `lease`, one of its own, is over, `None` when it need not. A raw
    /// lock that stands alone goes with the entry; beside a lease that keeps the entry it ends by itself.
    pub(crate) fn looked_at(&self, lease: &Lease) -> Option<Time> {
        let end = (lease.term == Term::Entry && self.own_end().is_none()).then_some(self.deadline);
        lease.looked_at().into_iter().chain(end).min()
    }

    /// Returns when it ends by itself, `None` while a hold keeps it that has a deadline of its own.
    pub(crate) fn own_end(&self) -> Option<Time> {
        let kept = self
            .leases()
            .iter()
            .any(|lease| matches!(lease.term, Term::Renewed(_)));
        (!kept).then_some(self.deadline)
    }
}
