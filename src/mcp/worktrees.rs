//! The same file in several worktrees of a repository: no conflict now, but one when they are merged.
//!
//! A lock is on a physical file, so worktrees do not block each other. Here is remembered where in its worktree
//! each locked path lies, so that agents who will meet at the merge are told of each other in time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::targets::Named;
use crate::board::{Call, NamespaceId, Owner, Revision, Target};

/// The most locks that are remembered; those that were taken first are forgotten first.
const MAX_LOCKS: usize = 10_000;
/// The most overlaps that an agent is told of at a time.
const MAX_TOLD: usize = 16;

/// Two locks on one path, in different worktrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overlap {
    /// What the agent holds.
    pub(super) own: Target,
    /// What the other one holds.
    pub(super) other: Target,
    /// Who that is.
    pub(super) by: Arc<Owner>,
}

/// What is locked in which worktree. Who overlaps is told once, with the next answer.
#[derive(Debug, Default)]
pub(super) struct Worktrees {
    known: Mutex<Known>,
    /// How many agents are to be told, so that the others need not ask.
    untold: AtomicUsize,
}

#[derive(Debug, Default)]
struct Known {
    locks: Vec<Lock>,
    /// How many of them are in other worktrees than the board's own: without one there is no overlap.
    apart: usize,
    untold: HashMap<(NamespaceId, Arc<Owner>), Vec<Overlap>>,
}

#[derive(Clone, Debug)]
struct Lock {
    namespace: NamespaceId,
    owner: Arc<Owner>,
    fence: Revision,
    target: Target,
    within: Target,
}

impl Lock {
    fn is_apart(&self) -> bool {
        self.target != self.within
    }

    fn meets(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.owner != other.owner
            && self.within.overlaps(&other.within)
            && !self.target.overlaps(&other.target)
    }

    fn is_held(&self, agent: &Call<'_>) -> bool {
        let entry = agent.board().get(self.namespace, &self.target.key());
        entry.is_some_and(|entry| entry.leases().iter().any(|lease| lease.fence == self.fence))
    }
}

impl Worktrees {
    /// Notes what `agent` holds under `fence`, and whom it will meet at a merge.
    pub(super) fn locked(&self, agent: &Call<'_>, fence: Revision, named: &[Named]) {
        let mut known = self.known();
        for named in named {
            let Some(within) = named.within.clone() else {
                continue;
            };
            let lock = Lock {
                namespace: agent.namespace(),
                owner: Arc::clone(agent.owner()),
                fence,
                target: named.target.clone(),
                within,
            };
            known.add(agent, lock);
        }
        self.untold.store(known.untold.len(), Ordering::Relaxed);
        drop(known);
    }

    /// Returns whom `agent` must be told of, once.
    pub(super) fn take(&self, agent: &Call<'_>) -> Vec<Overlap> {
        if self.untold.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut known = self.known();
        let told = known
            .untold
            .remove(&(agent.namespace(), Arc::clone(agent.owner())));
        self.untold.store(known.untold.len(), Ordering::Relaxed);
        drop(known);
        told.unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, agent: &Call<'_>, lock: Lock) {
        let is_same = |one: &Lock| one.fence == lock.fence && one.target == lock.target;
        if self.locks.iter().any(is_same) {
            return;
        }
        if self.apart > 0 || lock.is_apart() {
            let meets: Vec<Lock> = self
                .locks
                .iter()
                .filter(|one| one.meets(&lock))
                .cloned()
                .collect();
            for other in meets.iter().filter(|other| other.is_held(agent)) {
                self.meet(&lock, other);
                self.meet(other, &lock);
            }
        }
        if self.locks.len() == MAX_LOCKS {
            self.locks.retain(|one| one.is_held(agent));
            let excess = (self.locks.len() + 1).saturating_sub(MAX_LOCKS);
            self.locks.drain(..excess);
            self.apart = self.locks.iter().filter(|one| one.is_apart()).count();
        }
        self.apart += usize::from(lock.is_apart());
        self.locks.push(lock);
    }

    fn meet(&mut self, own: &Lock, other: &Lock) {
        let told = self.untold.entry((own.namespace, Arc::clone(&own.owner)));
        let told = told.or_default();
        let overlap = Overlap {
            own: own.target.clone(),
            other: other.target.clone(),
            by: Arc::clone(&other.owner),
        };
        if told.len() < MAX_TOLD && !told.contains(&overlap) {
            told.push(overlap);
        }
    }
}
