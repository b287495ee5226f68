//! Who is in whose way, and who waits for whom.
//!
//! The rules are those of appendix A of the study on semantics, which were found by simulation: all targets
//! or none, first come first served, but nobody stands behind those who wait for itself; a wait that would
//! close a circle is refused to the newcomer; holders are never robbed. [`super::command::Acquire`] applies
//! them; here are the questions that it asks, of the queue and of what is held.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::queue::{Waiter, Wish};
use super::space::Space;
use super::{Key, Kind, Lease, Mode, Owner, Revision, Target, Time, locks};

/// A lease that somebody holds on what somebody wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rival<'a> {
    pub(crate) on: &'a Target,
    pub(crate) key: &'a Key,
    pub(crate) lease: &'a Lease,
    /// When it ends as it looks now.
    pub(crate) until: Time,
}

/// How many locks of one owner are gone through one by one; more are looked up.
const FEW: usize = 16;

/// What keeps a request from being granted.
#[derive(Debug, Default)]
pub(crate) struct Obstacles<'a> {
    /// Leases of others that conflict; one may come twice.
    pub(crate) leases: Vec<Rival<'a>>,
    /// Those who stand before it and want what it wants.
    pub(crate) waiters: Vec<&'a Waiter>,
}

impl Obstacles<'_> {
    pub(crate) fn owners(&self) -> BTreeSet<Arc<Owner>> {
        let holders = self.leases.iter().map(|rival| rival.lease.owner());
        holders
            .chain(self.waiters.iter().map(|waiter| waiter.owner()))
            .cloned()
            .collect()
    }
}

impl Space {
    /// Returns the fence under which `owner` holds all that it wishes for, as strongly as it wishes (rule 2),
    /// and when that ends as it looks at `now`.
    pub(crate) fn covering(&self, now: Time, owner: &Owner, wish: &Wish) -> Option<(Revision, Time)> {
        let covers = |target: &Target| -> BTreeMap<Revision, Time> {
            let own = self.above(now, target).filter(|held| {
                **held.lease.owner() == *owner
                    && (held.lease.mode == Mode::Exclusive || wish.mode == Mode::Shared)
            });
            own.map(|held| (held.lease.fence, held.until)).collect()
        };
        let (first, rest) = wish.targets.split_first()?;
        let mut fences = covers(first);
        for target in rest {
            let here = covers(target);
            fences.retain(|fence, until| {
                let found = here.get(fence);
                *until = found.map_or(*until, |other| (*until).min(*other));
                found.is_some()
            });
        }
        fences.pop_first()
    }

    /// Returns the leases of others that keep `owner` from having `wish` at `now`; one may come twice.
    fn rivals<'a>(&'a self, now: Time, owner: &'a Owner, wish: &'a Wish) -> impl Iterator<Item = Rival<'a>> {
        let shared = wish.mode == Mode::Shared;
        let held = wish
            .targets
            .iter()
            .flat_map(move |target| self.above(now, target).chain(self.below(now, target)));
        held.filter(move |held| {
            !(shared && held.lease.mode == Mode::Shared) && **held.lease.owner() != *owner
        })
    }

    /// Tells whether nothing is in the way of `wish` of `owner` in the place `position`.
    pub(crate) fn is_free(&self, now: Time, owner: &Owner, wish: &Wish, position: usize) -> bool {
        let mut before = self.queue.before(position);
        self.rivals(now, owner, wish).next().is_none() && !before.any(|one| one.is_in_the_way(owner, wish))
    }

    /// Returns what is in the way of `wish` of `owner` in the place `position`. A lease of its own never is.
    pub(crate) fn obstacles<'a>(
        &'a self,
        now: Time,
        owner: &'a Owner,
        wish: &'a Wish,
        position: usize,
    ) -> Obstacles<'a> {
        let before = self.queue.before(position);
        Obstacles {
            leases: self.rivals(now, owner, wish).collect(),
            waiters: before.filter(|one| one.is_in_the_way(owner, wish)).collect(),
        }
    }

    /// Returns where a new request stands: at the end, but before the first who waits for its owner (rule 4).
    pub(crate) fn place_of(&self, now: Time, owner: &Arc<Owner>, wish: &Wish) -> usize {
        let mut in_the_way = self
            .queue
            .open()
            .filter(|(_, one)| one.is_in_the_way(owner, wish));
        let end = self.queue.iter().len();
        let Some(first) = in_the_way.next() else {
            return end;
        };
        let waiting = self.waiting_for(now, owner, None);
        let mut in_the_way = std::iter::once(first).chain(in_the_way);
        let found = in_the_way.find(|(_, one)| waiting.contains_key(one.owner()));
        found.map_or(end, |(position, _)| position)
    }

    /// Returns the first place from `position` on in which somebody waits for nothing any more, of those that
    /// may have waited for `freed`.
    pub(crate) fn first_free(&self, now: Time, position: usize, freed: &[Target]) -> Option<usize> {
        let mut open = self.queue.open().skip_while(|(at, _)| *at < position);
        let free = open.find(|(at, one)| {
            (one.wish.overlaps(freed) || self.queue.is_starved(one))
                && self.is_free(now, one.owner(), &one.wish, *at)
        });
        free.map(|(at, _)| at)
    }

    /// Returns those who wait for each other in a circle with `owner`, beginning with it; `more` is what it
    /// is to hold besides what it holds.
    ///
    /// Nobody waits in a circle as it is, so one that a request of `owner` closes leads through `owner`.
    pub(crate) fn circle(
        &self,
        now: Time,
        owner: &Arc<Owner>,
        more: Option<&Wish>,
    ) -> Option<Vec<Arc<Owner>>> {
        let mut own = self.queue.open().filter(|(_, one)| one.owner() == owner);
        let first = own.next()?;
        let waiting = self.waiting_for(now, owner, more);
        if waiting.is_empty() {
            return None;
        }
        let mut blockers = std::iter::once(first)
            .chain(own)
            .flat_map(|(at, one)| self.obstacles(now, owner, &one.wish, at).owners());
        let blocker = blockers.find(|blocker| waiting.contains_key(blocker))?;
        let chain = std::iter::successors(Some(&blocker), |one| waiting.get(*one).copied());
        let chain = chain.take_while(|one| *one != owner);
        Some(std::iter::once(owner).chain(chain).cloned().collect())
    }

    /// Returns everyone who waits for `owner`, directly or not, each with the next on the way to it. `more` is
    /// what the owner is to hold besides what it holds.
    fn waiting_for<'a>(
        &'a self,
        now: Time,
        owner: &'a Arc<Owner>,
        more: Option<&Wish>,
    ) -> BTreeMap<&'a Arc<Owner>, &'a Arc<Owner>> {
        let mut rest: Vec<_> = self
            .queue
            .open()
            .filter(|(_, one)| one.owner() != owner)
            .collect();
        let mut waiting = BTreeMap::new();
        let mut ends = VecDeque::from([owner]);
        while let Some(end) = ends.pop_front()
            && !rest.is_empty()
        {
            let more = more.filter(|_| end == owner);
            let locks = self.few_locks(now, end);
            let tickets: Vec<_> = self.queue.open().filter(|(_, one)| one.owner() == end).collect();
            rest.retain(|(at, one)| {
                let mut before = tickets.iter().filter(|(before, _)| before < at);
                let waits = before.any(|(_, other)| other.wish.conflicts(&one.wish))
                    || more.is_some_and(|more| more.conflicts(&one.wish))
                    || match &locks {
                        Some(locks) => locks.iter().any(|lock| one.wish.conflicts_with(lock)),
                        None => self.holds_up(now, end, one),
                    };
                if waits && !waiting.contains_key(one.owner()) {
                    waiting.insert(one.owner(), end);
                    ends.push_back(one.owner());
                }
                !waiting.contains_key(one.owner())
            });
        }
        waiting
    }

    /// Returns what `owner` has locked and how, `None` when it is more than is worth going through.
    fn few_locks(&self, now: Time, owner: &Owner) -> Option<Vec<(Target, Mode)>> {
        let held = self.holdings.of(owner);
        let mut held = held.filter(|(_, key)| key.kind() == Kind::Lock);
        let few: Vec<_> = held.by_ref().take(FEW).collect();
        let locks = few.iter().filter_map(|(fence, key)| {
            let entry = self.get(key.as_str())?;
            let lease = entry.leases().iter().find(|lease| lease.fence == *fence)?;
            (now < entry.held_until(lease, now)).then_some((locks::target(key, &entry.value)?, lease.mode))
        });
        held.next().is_none().then(|| locks.collect())
    }

    /// Tells whether `owner` holds what `waiter` waits for.
    pub(crate) fn holds_up(&self, now: Time, owner: &Owner, waiter: &Waiter) -> bool {
        let mut rivals = self.rivals(now, waiter.owner(), &waiter.wish);
        rivals.any(|held| **held.lease.owner() == *owner)
    }
}
