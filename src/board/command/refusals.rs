//! The refusals that say who is in the way: of a write, of a lock, of a wait.

use std::sync::Arc;

use super::acquire::MAX_TARGETS;
use crate::board::transaction::Transaction;
use crate::board::wait_for::{Obstacles, Rival};
use crate::board::{Circle, Entry, Held, Key, Lease, Owner, Refusal, Stuck, Target};

/// Returns the refusal of a write to what somebody else holds.
pub(super) fn leased(key: &Key, entry: &Entry, lease: &Lease, transaction: &Transaction<'_>) -> Refusal {
    let now = transaction.now();
    Refusal::Leased {
        key: key.clone(),
        holder: Arc::clone(lease.owner()),
        remaining: entry.held_until(lease, now).since(now),
    }
}

/// Returns the refusal that says who is in the way, and of what.
pub(super) fn held(transaction: &Transaction<'_>, obstacles: &Obstacles<'_>) -> Refusal {
    let position = obstacles.waiters.len() + 1;
    let last = obstacles.leases.iter().max_by_key(|rival| rival.until);
    Refusal::Held(Box::new(match (last, obstacles.waiters.first()) {
        (Some(Rival { lease, until, .. }), _) => Held {
            holder: Arc::clone(lease.owner()),
            why: lease.why.clone(),
            targets: targets(held_by(obstacles, lease.owner())),
            remaining: Some(until.since(transaction.now())),
            position,
        },
        (None, Some(waiter)) => Held {
            holder: Arc::clone(waiter.owner()),
            why: waiter.wish.why.clone(),
            targets: waiter.wish.targets.to_vec(),
            remaining: None,
            position,
        },
        // Nothing is in the way but the limit of locks: whoever asks again may find room.
        (None, None) => Held {
            holder: Arc::clone(transaction.caller().owner()),
            why: None,
            targets: Vec::new(),
            remaining: None,
            position,
        },
    }))
}

fn held_by<'a>(obstacles: &'a Obstacles<'_>, owner: &Owner) -> impl Iterator<Item = &'a Target> {
    let of_owner = move |rival: &&Rival<'_>| **rival.lease.owner() == *owner;
    obstacles.leases.iter().filter(of_owner).map(|rival| rival.on)
}

/// Returns the refusal that shows the circle: what each of its owners holds, and waits for.
pub(super) fn deadlock(transaction: &Transaction<'_>, circle: &[Arc<Owner>]) -> Refusal {
    let (space, now) = (transaction.space(), transaction.now());
    let waits = |owner: &Arc<Owner>| {
        let open = space.queue.open().map(|(_, waiter)| waiter);
        open.filter(|waiter| waiter.owner() == owner).collect::<Vec<_>>()
    };
    let before = circle.iter().cycle().skip(circle.len() - 1);
    let stuck = circle.iter().zip(before).map(|(owner, before)| {
        let wanted = waits(before);
        let wanted = wanted.iter().map(|waiter| &waiter.wish);
        let rivals = wanted.flat_map(|wish| space.obstacles(now, before, wish, 0).leases);
        let holds = rivals.filter(|rival| rival.lease.owner() == owner);
        let wants = waits(owner);
        Stuck {
            owner: Arc::clone(owner),
            holds: targets(holds.map(|rival| rival.on)),
            wants: targets(wants.iter().flat_map(|waiter| waiter.wish.targets.iter())),
        }
    });
    Refusal::Deadlock(Circle(stuck.collect()))
}

/// Returns each target once, but not more than anybody reads.
fn targets<'a>(all: impl Iterator<Item = &'a Target>) -> Vec<Target> {
    let mut targets: Vec<_> = all.collect();
    targets.sort();
    targets.dedup();
    targets.into_iter().take(MAX_TARGETS).cloned().collect()
}
