//! Taking locks: all targets or none, first come first served, no deadlock.

use std::sync::Arc;

use super::Command;
use super::refusals::{deadlock, held};
use crate::board::grant::growth_of;
use crate::board::queue::{MAX_WAITERS, Wish};
use crate::board::transaction::Transaction;
use crate::board::{Grant, Owner, Refusal, Ticket};

/// The most targets of one lock.
pub const MAX_TARGETS: usize = 64;

/// Locks targets, or waits for them in a queue.
///
/// An own lock that covers what is wanted is answered again, under the same fence, as etcd does. Else what
/// others hold, or wait for, is in the way: [`Refusal::Held`], or a place in the queue when the caller waits.
/// A wait that would close a circle is refused: [`Refusal::Deadlock`].
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
        transaction.check_presence()?;
        let Self { wish, wait } = self;
        let (now, space) = (transaction.now(), transaction.space());
        let owner = transaction.caller().owner();
        if let Some((fence, end)) = space.covering(now, owner, &wish) {
            return Ok(Acquired::Granted(Grant {
                fence,
                targets: wish.targets,
                remaining: end.since(now),
            }));
        }
        let kept = space.queue.kept(owner, &wish);
        let position = kept.unwrap_or_else(|| space.place_of(now, owner, &wish));
        if space.is_free(now, owner, &wish, position) {
            if let Some(circle) = space.circle(now, owner, Some(&wish)) {
                return Err(deadlock(transaction, &circle));
            }
            let grant = transaction.grant_now(&wish)?;
            if let Some(position) = kept {
                transaction.space_mut().queue.remove_at(position);
            }
            return Ok(Acquired::Granted(grant));
        }
        if !wait {
            return Err(held(transaction, &space.obstacles(now, owner, &wish, position)));
        }
        if kept.is_none() && space.queue.is_full() {
            return Err(Refusal::Full {
                which: "waiters",
                limit: MAX_WAITERS,
            });
        }
        let growth = growth_of(space, &transaction.caller().presence, &wish, now);
        transaction.check(&growth)?;
        stand_in(transaction, owner, &wish, kept, position)
    }
}

/// Stands in the queue at `position`, in the place that is `kept` there if there is one.
fn stand_in(
    transaction: &mut Transaction<'_>,
    owner: &Arc<Owner>,
    wish: &Wish,
    kept: Option<usize>,
    position: usize,
) -> Result<Acquired, Refusal> {
    let (now, holder) = (transaction.now(), transaction.caller_presence());
    let queue = &mut transaction.space_mut().queue;
    let ticket = match kept {
        Some(at) => queue.reopen(at, holder, wish.clone()),
        None => queue.insert(position, holder, wish.clone(), now),
    };
    let space = transaction.space();
    if let Some(circle) = space.circle(now, owner, None) {
        let refusal = deadlock(transaction, &circle);
        transaction.space_mut().queue.remove(ticket);
        return Err(refusal);
    }
    for blocker in space.obstacles(now, owner, wish, position).owners() {
        space.holdings.tell(&blocker);
    }
    Ok(Acquired::Waiting(ticket))
}
