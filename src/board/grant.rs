//! Granting locks: at once, or when the turn of one who waits has come.
//!
//! The verbs of a [`Transaction`] that are about the queue. Whether something is in the way is asked of
//! [`super::wait_for`]; here it is not any more.

use std::sync::Arc;

use super::ledger::Served;
use super::queue::{Waiter, Wish};
use super::space::{Growth, Space};
use super::transaction::{Draft, Transaction};
use super::{
    Entry, EventKind, Grant, Lease, Loss, NamespaceId, Presence, Refusal, Revision, SessionId, Target, Term,
    Ticket, Time, locks,
};

impl Transaction<'_> {
    /// Notes that `targets` became free in `namespace`, for those who wait.
    pub(super) fn free(&mut self, namespace: NamespaceId, targets: impl IntoIterator<Item = Target>) {
        self.freed.entry(namespace).or_default().extend(targets);
    }

    /// Grants every request that waits for nothing any more (rule 7), where something became free.
    ///
    /// One pass in order is enough: a grant frees nobody, and only those after it stood behind it.
    pub(super) fn hand_over(&mut self) {
        while let Some((namespace, freed)) = self.freed.pop_first() {
            let (now, mut from) = (self.now(), 0);
            while let Some(position) = self.ledger.space(namespace).first_free(now, from, &freed) {
                from = position;
                if !self.serve(namespace, position) {
                    from += 1;
                }
            }
        }
    }

    /// Grants what is waited for at `position`, which nothing is in the way of; it is not granted, and true is
    /// not returned, when there is no room. Whoever comes next may want less.
    fn serve(&mut self, namespace: NamespaceId, position: usize) -> bool {
        let space = self.ledger.space(namespace);
        let Some(Waiter { holder, wish, .. }) = space.queue.iter().nth(position).cloned() else {
            return false;
        };
        self.meet(namespace, &wish);
        let space = self.ledger.space(namespace);
        let growth = growth_of(space, &holder, &wish, self.now());
        if space.check(&growth, &self.ledger.limits).is_err() {
            self.space_of(namespace).queue.starve(position);
            return false;
        }
        let Some(waiter) = self.space_of(namespace).queue.remove_at(position) else {
            return false;
        };
        let grant = self.grant(namespace, &holder, &wish);
        self.effects.served.push(Served {
            namespace,
            ticket: waiter.ticket,
            holder,
            grant,
        });
        true
    }

    /// Grants `wish`, which nothing is in the way of, to the caller, if there is room.
    pub(crate) fn grant_now(&mut self, wish: &Wish) -> Result<Grant, Refusal> {
        let (namespace, holder) = (self.caller().namespace, self.caller_presence());
        self.meet(namespace, wish);
        let growth = growth_of(self.space(), &holder, wish, self.now());
        self.check(&growth)?;
        Ok(self.grant(namespace, &holder, wish))
    }

    /// Ends what has run out under the keys of `wish`, before a batch begins that writes them.
    fn meet(&mut self, namespace: NamespaceId, wish: &Wish) {
        for target in &*wish.targets {
            self.live_in(namespace, &target.key());
        }
    }

    fn grant(&mut self, namespace: NamespaceId, holder: &Arc<Presence>, wish: &Wish) -> Grant {
        let (now, rev) = (self.now(), self.begin());
        // To get what one asked for is a sign of life, also for who has been waiting for it.
        holder.renew(now);
        for target in &*wish.targets {
            let key = target.key();
            let old = self.space_of(namespace).get(key.as_str()).cloned();
            let draft = held(old.as_deref(), target, lease(holder, wish, rev, now));
            self.put_for(rev, namespace, &key, EventKind::Lease, holder.owner(), draft);
        }
        let covered = |loss: &Loss| {
            let lost = loss.target.as_ref();
            lost.is_some_and(|lost| wish.targets.iter().any(|target| target.covers(lost)))
        };
        self.space_of(namespace).holdings.make_up(holder.owner(), covered);
        Grant {
            fence: rev,
            targets: Arc::clone(&wish.targets),
            remaining: holder.deadline(wish.ttl, now).since(now),
        }
    }

    /// Gives up waiting, with or without keeping the place.
    pub(crate) fn withdraw(&mut self, ticket: Ticket, keep: bool) {
        let (namespace, now) = (self.caller().namespace, self.now());
        let queue = &mut self.space_mut().queue;
        let wish = if keep {
            queue.close(ticket, now)
        } else {
            queue.remove(ticket).map(|waiter| waiter.wish)
        };
        if let Some(wish) = wish {
            self.unqueued(namespace, ticket, &wish);
        }
    }

    /// Ends the waiting of all in `session`, so that nobody who left is granted anything, with or without keeping
    /// their places.
    pub(crate) fn withdraw_all(&mut self, session: SessionId, keep: bool) {
        let places = self.space().queue.iter();
        let own = places.filter(|waiter| waiter.owner().session == session);
        let tickets: Vec<_> = own.map(|waiter| waiter.ticket).collect();
        for ticket in tickets {
            self.withdraw(ticket, keep);
        }
    }

    fn unqueued(&mut self, namespace: NamespaceId, ticket: Ticket, wish: &Wish) {
        self.effects.unqueued.push((namespace, ticket));
        self.free(namespace, wish.targets.iter().cloned());
    }
}

/// Returns what granting `wish` to `holder` adds to a namespace.
pub(crate) fn growth_of(space: &Space, holder: &Arc<Presence>, wish: &Wish, now: Time) -> Growth {
    let mut growth = Growth::default();
    for target in &*wish.targets {
        let key = target.key();
        let old = space.get(key.as_str()).map(|old| &**old);
        let draft = held(old, target, lease(holder, wish, Revision::ZERO, now));
        growth.add(&key, old, Some(draft.value.len()));
        if old.is_some_and(|old| !old.leases().is_empty()) {
            growth.add_hold();
        }
    }
    growth
}

fn lease(holder: &Arc<Presence>, wish: &Wish, fence: Revision, granted: Time) -> Lease {
    Lease {
        fence,
        holder: Arc::clone(holder),
        mode: wish.mode,
        term: Term::Renewed(wish.ttl),
        granted,
        why: wish.why.clone(),
        at_least: Time::default(),
    }
}

/// Returns the lock on `target` that was `old`, with `lease` on it too.
fn held(old: Option<&Entry>, target: &Target, lease: Lease) -> Draft {
    let mut hold = old
        .and_then(|old| old.hold.as_deref().cloned())
        .unwrap_or_default();
    // A raw lock keeps its time to live. Without its lease nobody holds it, and it is taken over.
    let raw = hold.leases.iter().any(|lease| lease.term == Term::Entry);
    hold.leases.push(lease);
    Draft {
        value: locks::describe(target, &hold.leases),
        deadline: old.filter(|_| raw).map_or(Time::default(), |old| old.deadline),
        hold,
    }
}
