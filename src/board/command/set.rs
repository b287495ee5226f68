//! Writing one key.

use std::sync::Arc;
use std::time::Duration;

use super::Command;
use super::refusals::leased;
use crate::board::locks::{self, LockWrite, in_the_way};
use crate::board::queue::Wish;
use crate::board::space::Growth;
use crate::board::tasks::Terms;
use crate::board::transaction::{Draft, Transaction};
use crate::board::wait_for::Rival;
use crate::board::{
    Caller, Entry, EventKind, Key, Kind, Lease, Mode, Owner, Reason, Refusal, Revision, Target, Term, Time,
    Work, WorkState, check_value,
};

/// Writes `value` under `key` for `ttl`. The last write wins, except over a live lease of somebody else.
#[derive(Clone, Debug)]
pub struct Set {
    pub(super) key: Key,
    value: Arc<str>,
    ttl: Duration,
    lock: Option<LockWrite>,
    /// What a task says of itself.
    state: WorkState,
}

impl Set {
    /// Returns the command, or refuses a value that is too long. `ttl` has been checked.
    pub fn new(key: Key, value: Arc<str>, ttl: Duration) -> Result<Self, Refusal> {
        check_value(&value)?;
        let lock = LockWrite::read(&key, &value);
        let state = match key.kind() {
            Kind::Task => Terms::read(&value).state,
            _ => WorkState::Open,
        };
        Ok(Self {
            key,
            value,
            ttl,
            lock,
            state,
        })
    }

    fn releases(&self) -> bool {
        matches!(self.lock, Some(LockWrite::Release { .. }))
    }

    /// Returns what this write locks, and for whom.
    pub(super) fn locks(&self, caller: &Caller) -> Option<(Target, Arc<Owner>)> {
        let hold = self.lock.as_ref().filter(|_| !self.releases())?;
        Some((locks::target(&self.key, &self.value)?, hold.owner(caller)))
    }

    /// Refuses the write over somebody else's lease, and adds to `growth` what it would add.
    pub(super) fn admit(
        &self,
        transaction: &Transaction<'_>,
        current: Option<&Entry>,
        growth: &mut Growth,
    ) -> Result<(), Refusal> {
        let caller = transaction.caller();
        if let Some(entry) = current
            && let Some(lease) = in_the_way(entry, caller, self.lock.as_ref())
        {
            return Err(leased(&self.key, entry, lease, transaction));
        }
        if let Some((target, owner)) = self.locks(caller) {
            self.admit_lock(transaction, target, &owner)?;
        }
        let held = current.is_some_and(|entry| !entry.leases().is_empty());
        let frees = self.releases() && held;
        growth.add(&self.key, current, (!frees).then_some(self.value.len()));
        Ok(())
    }

    /// Refuses a lock on what others hold, above or below, or stand in the queue for, by the rules of the queue.
    fn admit_lock(
        &self,
        transaction: &Transaction<'_>,
        target: Target,
        owner: &Arc<Owner>,
    ) -> Result<(), Refusal> {
        transaction.check_presence()?;
        let wish = Wish {
            targets: Arc::from([target]),
            mode: Mode::Exclusive,
            why: None,
            ttl: self.ttl,
        };
        let (now, space) = (transaction.now(), transaction.space());
        if space.covering(now, owner, &wish).is_some() {
            return Ok(());
        }
        let position = space.place_of(now, owner, &wish);
        let obstacles = space.obstacles(now, owner, &wish, position);
        // Whether what stands under the key itself is in the way has been judged.
        let elsewhere = |rival: &&Rival<'_>| *rival.key != self.key;
        if let Some(rival) = obstacles.leases.iter().find(elsewhere)
            && let Some(entry) = space.get(rival.key.as_str())
        {
            return Err(leased(rival.key, entry, rival.lease, transaction));
        }
        let first = obstacles.waiters.first().map(|waiter| waiter.owner());
        let circle = || space.circle(now, owner, Some(&wish));
        match first.cloned().or_else(|| circle()?.pop()) {
            Some(waiter) => Err(Refusal::Leased {
                key: self.key.clone(),
                holder: waiter,
                remaining: Duration::ZERO,
            }),
            None => Ok(()),
        }
    }

    /// Writes in the batch `rev` what was admitted.
    pub(super) fn commit(self, transaction: &mut Transaction<'_>, rev: Revision, current: Option<&Entry>) {
        let caller = transaction.caller();
        let mut hold = current.and_then(|entry| entry.hold.as_deref()).cloned();
        let hold = hold.get_or_insert_default();
        if self.releases() && !hold.leases.is_empty() {
            release(transaction, rev, &self.key, &hold.leases);
            return;
        }
        if let Some((_, owner)) = self.locks(caller) {
            hold.leases
                .retain(|lease| lease.owner().session == caller.owner().session);
            if hold.leases.is_empty() {
                let holder = transaction.presence(&owner);
                hold.leases.push(Lease {
                    fence: rev,
                    holder,
                    mode: Mode::Exclusive,
                    term: Term::Entry,
                    granted: transaction.now(),
                    why: None,
                    at_least: Time::default(),
                });
            }
        }
        let kept = hold.leases.iter().any(|lease| lease.term != Term::Entry);
        let deadline = match current {
            Some(entry) if kept && self.lock.is_some() => entry.deadline,
            _ => transaction.now().after(self.ttl),
        };
        if hold.leases.is_empty() {
            // Who writes a task anew brings it back, whatever became of it.
            hold.work = Work::of(self.state);
        }
        let draft = Draft {
            value: self.value,
            deadline,
            hold: std::mem::take(hold),
        };
        transaction.put(rev, &self.key, EventKind::Set, draft);
    }
}

/// Gives back in the batch `rev` a lock that the caller may give back.
pub(super) fn release(transaction: &mut Transaction<'_>, rev: Revision, key: &Key, leases: &[Lease]) {
    let (namespace, owner) = (transaction.caller().namespace, transaction.caller().owner());
    let raw = leases.iter().all(|lease| lease.term == Term::Entry);
    let kind = if raw {
        EventKind::Delete
    } else {
        EventKind::Drop(Reason::Released)
    };
    transaction.end(rev, namespace, key, kind, owner);
}

impl Command for Set {
    type Answer = Revision;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Revision, Refusal> {
        let current = transaction.live(&self.key);
        let mut growth = Growth::default();
        self.admit(transaction, current.as_deref(), &mut growth)?;
        transaction.check(&growth)?;
        let rev = transaction.begin();
        self.commit(transaction, rev, current.as_deref());
        Ok(rev)
    }
}
