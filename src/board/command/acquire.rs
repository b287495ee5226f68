//! Taking locks: all targets or none, first come first served, no deadlock.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Command;
use crate::board::queue::{MAX_WAITERS, Obstacles, Wish};
use crate::board::space::{Growth, Space};
use crate::board::transaction::Transaction;
use crate::board::{
    Circle, Grant, Held, Key, Kind, Mode, Owner, Presence, Refusal, Revision, Stuck, Target, Ticket, locks,
};

/// The most targets of one lock.
pub const MAX_TARGETS: usize = 64;

/// Locks targets, or waits for them in a queue.
///
/// An own lock that covers what is wanted is renewed and answered again, under the same fence, as etcd does.
/// Else what others hold, or wait for, is in the way: [`Refusal::Held`], or a place in the queue when the
/// caller waits. A wait that would close a circle is refused: [`Refusal::Deadlock`].
#[derive(Clone, Debug)]
pub struct Acquire {
    wish: Wish,
    wait: bool,
}

/// What a request for locks came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// The caller holds everything.
    Granted(Grant),
    /// The caller stands in the queue; it will be told when its turn has come.
    Waiting(Ticket),
}

impl Acquire {
    /// Returns the request, or refuses one of no targets or more than 64. The targets may come in any order,
    /// and one of them twice; `wait` tells whether to stand in the queue.
    pub fn new(mut wish: Wish, wait: bool) -> Result<Self, Refusal> {
        let mut targets = wish.targets.to_vec();
        targets.sort();
        targets.dedup();
        if targets.is_empty() || targets.len() > MAX_TARGETS {
            return Err(Refusal::Invalid {
                field: "targets",
                problem: format!("give 1 to {MAX_TARGETS} paths; lock the directory for more"),
            });
        }
        wish.targets = Arc::from(targets);
        Ok(Self { wish, wait })
    }
}

impl Command for Acquire {
    type Answer = Acquired;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Acquired, Refusal> {
        let Self { wish, wait } = self;
        let namespace = transaction.caller().namespace;
        let holder = transaction.caller_presence();
        let owner = holder.owner();
        if let Some(fence) = covering(transaction.space(), owner, &wish) {
            return Ok(Acquired::Granted(Grant {
                fence,
                targets: Arc::clone(&wish.targets),
                remaining: holder
                    .deadline(wish.ttl, transaction.now())
                    .since(transaction.now()),
            }));
        }
        let space = transaction.space();
        let kept = space.queue.kept(owner, &wish);
        let position = kept.unwrap_or_else(|| space.place_of(owner, &wish));
        let obstacles = space.obstacles(owner, &wish, position);
        if obstacles.is_none() {
            if let Some(circle) = space.circle_by_grant(owner, &wish) {
                return Err(deadlock(space, &circle));
            }
            let growth = growth_of(space, &holder, &wish);
            transaction.check(&growth)?;
            if let Some(at) = kept {
                transaction.space_mut().queue.remove_at(at);
            }
            return Ok(Acquired::Granted(transaction.grant(namespace, &holder, &wish)));
        }
        let blockers = obstacles.owners();
        if !wait {
            return Err(held(transaction, &obstacles));
        }
        if kept.is_none() && space.queue.is_full() {
            return Err(Refusal::Full {
                which: "waiters",
                limit: MAX_WAITERS,
            });
        }
        let growth = growth_of(space, &holder, &wish);
        transaction.check(&growth)?;
        let now = transaction.now();
        let queue = &mut transaction.space_mut().queue;
        let ticket = match kept {
            Some(at) => queue.reopen(at, wish),
            None => queue.insert(position, Arc::clone(&holder), wish, now),
        };
        if let Some(circle) = transaction.space().circle(&blockers, owner) {
            let refusal = deadlock(transaction.space(), &circle);
            transaction.space_mut().queue.remove(ticket);
            return Err(refusal);
        }
        for blocker in transaction.space().holdings.presences() {
            if blockers.contains(blocker.owner()) {
                blocker.tell(true);
            }
        }
        Ok(Acquired::Waiting(ticket))
    }
}

/// Returns the fence under which `owner` holds all that it wishes for, as strongly as it wishes (rule 2).
fn covering(space: &Space, owner: &Arc<Owner>, wish: &Wish) -> Option<Revision> {
    let holds = |fence: Option<Revision>, target: &Target| -> BTreeSet<Revision> {
        let found = space.overlapping(target).filter(|(on, _)| on.covers(target));
        let leases = found.flat_map(|(_, key)| {
            let leases = space.get(key.as_str()).map_or(&[][..], |entry| entry.leases());
            let own = leases.iter().filter(|lease| lease.owner() == owner);
            own.filter(|lease| lease.mode == Mode::Exclusive || wish.mode == Mode::Shared)
                .map(|lease| lease.fence)
        });
        leases
            .filter(|found| fence.is_none_or(|fence| fence == *found))
            .collect()
    };
    let (first, rest) = wish.targets.split_first()?;
    let candidates = holds(None, first);
    candidates
        .into_iter()
        .find(|fence| rest.iter().all(|target| !holds(Some(*fence), target).is_empty()))
}

/// Returns what granting `wish` to `holder` adds to a namespace.
pub(crate) fn growth_of(space: &Space, holder: &Arc<Presence>, wish: &Wish) -> Growth {
    let mut growth = Growth::default();
    for target in &*wish.targets {
        let key = target.key();
        let old = space.get(key.as_str());
        let bytes = holder.owner().name.len() + wish.why.as_ref().map_or(0, |why| why.len());
        growth.add(&key, old.map(|old| &**old), Some(bytes));
        if old.is_some_and(|old| !old.leases().is_empty()) {
            growth.add_hold();
        }
    }
    growth
}

/// Returns the refusal that says who is in the way, and of what.
pub(crate) fn held(transaction: &Transaction<'_>, obstacles: &Obstacles<'_>) -> Refusal {
    let now = transaction.now();
    let position = obstacles.waiters.len() + 1;
    let leases = obstacles.leases.iter().filter_map(|(_, key, lease)| {
        let entry = transaction.space().get(key.as_str())?;
        Some((entry.held_until(lease, now).since(now), *lease))
    });
    let last = leases.max_by_key(|(remaining, _)| *remaining);
    let mut targets: Vec<Target> = obstacles.leases.iter().map(|(on, ..)| (*on).clone()).collect();
    targets.dedup();
    let held = match (last, obstacles.waiters.first()) {
        (Some((remaining, lease)), _) => Held {
            holder: Arc::clone(lease.owner()),
            why: lease.why.clone(),
            targets,
            remaining: Some(remaining),
            position,
        },
        (None, Some(waiter)) => Held {
            holder: Arc::clone(waiter.owner()),
            why: waiter.wish.why.clone(),
            targets: waiter.wish.targets.to_vec(),
            remaining: None,
            position,
        },
        (None, None) => unheld(transaction.caller().owner()),
    };
    Refusal::Held(Box::new(held))
}

/// Nothing is in the way but the limit of locks: whoever asks again may find room.
fn unheld(owner: &Arc<Owner>) -> Held {
    Held {
        holder: Arc::clone(owner),
        why: None,
        targets: Vec::new(),
        remaining: None,
        position: 1,
    }
}

/// Returns the refusal that shows the circle: what each of its owners holds, and waits for.
fn deadlock(space: &Space, circle: &[Arc<Owner>]) -> Refusal {
    let stuck = |owner: &Arc<Owner>| {
        let held = space
            .holdings
            .of(owner)
            .filter(|(_, key)| key.kind() == Kind::Lock);
        let target = |key: &Key| {
            let entry = space.get(key.as_str())?;
            locks::target(key, &entry.value)
        };
        let wants = space.queue.open().filter(|waiter| waiter.owner() == owner);
        let mut holds: Vec<Target> = held.filter_map(|(_, key)| target(key)).collect();
        holds.dedup();
        Stuck {
            owner: Arc::clone(owner),
            holds,
            wants: wants.flat_map(|waiter| waiter.wish.targets.to_vec()).collect(),
        }
    };
    Refusal::Deadlock(Circle(circle.iter().map(stuck).collect()))
}
