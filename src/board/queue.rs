//! The places of those who wait for locks, in the order in which they are served.
//!
//! Here is the queue alone: who stands where, and whose place is kept. Who is in whose way is the business of
//! [`super::wait_for`].

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::{Mode, Owner, Presence, Revision, Target, Time};

/// The most requests that wait in a namespace.
pub(crate) const MAX_WAITERS: usize = 1_000;
/// How long a place is kept for who gave up waiting.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(30);

/// The number of a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What somebody wants to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What is to be locked, in order and without repetition.
    pub targets: Arc<[Target]>,
    /// Whether others may hold the same.
    pub mode: Mode,
    /// What for.
    pub why: Option<Arc<str>>,
    /// How long the lock outlives its owner's last sign of life.
    pub ttl: Duration,
}

/// What somebody holds from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The revision of the grant: the proof of it, and its name.
    pub fence: Revision,
    /// What is locked.
    pub targets: Arc<[Target]>,
    /// How long it lasts if nobody renews it.
    pub remaining: Duration,
}

/// A request that waits, or one whose place is kept.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// Its number.
    pub ticket: Ticket,
    /// Who waits.
    pub holder: Arc<Presence>,
    /// What for.
    pub wish: Wish,
    /// When it came.
    pub since: Time,
    /// Until when its place is kept, when nobody waits in it: then it is in nobody's way.
    pub kept_until: Option<Time>,
}

impl Waiter {
    /// Returns who waits.
    pub fn owner(&self) -> &Arc<Owner> {
        self.holder.owner()
    }

    /// Tells whether somebody waits in this place.
    pub fn is_open(&self) -> bool {
        self.kept_until.is_none()
    }

    /// Tells whether `owner` cannot have `wish` while this one has what it waits for.
    pub(crate) fn is_in_the_way(&self, owner: &Owner, wish: &Wish) -> bool {
        self.wish.conflicts(wish) && **self.owner() != *owner
    }
}

impl Wish {
    /// Tells whether two owners cannot have both at a time.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        (self.mode == Mode::Exclusive || other.mode == Mode::Exclusive) && self.overlaps(&other.targets)
    }

    /// Tells whether another owner's `lock` is in its way.
    pub(crate) fn conflicts_with(&self, lock: &(Target, Mode)) -> bool {
        let (target, mode) = lock;
        (self.mode == Mode::Exclusive || *mode == Mode::Exclusive)
            && self.overlaps(std::slice::from_ref(target))
    }

    /// Tells whether it wants some of `targets`, or what is above or below them.
    pub(crate) fn overlaps(&self, targets: &[Target]) -> bool {
        self.targets
            .iter()
            .any(|own| targets.iter().any(|target| own.overlaps(target)))
    }

    fn same(&self, other: &Self) -> bool {
        self.targets == other.targets && self.mode == other.mode
    }
}

/// The requests that wait in one namespace, in the order in which they are served.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiters: VecDeque<Waiter>,
    last: u64,
    /// The places in which nobody waits, by when they are kept no longer.
    kept: BTreeSet<(Time, Ticket)>,
    /// Those whom nobody is in the way of, but for whom there was no room.
    starved: BTreeSet<Ticket>,
}

impl Queue {
    /// Returns all places, kept ones too, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Waiter> + ExactSizeIterator {
        self.waiters.iter()
    }

    /// Returns those who wait, each with its place.
    pub(crate) fn open(&self) -> impl Iterator<Item = (usize, &Waiter)> {
        self.waiters
            .iter()
            .enumerate()
            .filter(|(_, waiter)| waiter.is_open())
    }

    /// Returns those who wait before `position`.
    pub(crate) fn before(&self, position: usize) -> impl Iterator<Item = &Waiter> {
        let before = self.waiters.range(..position.min(self.waiters.len()));
        before.filter(|waiter| waiter.is_open())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiters.len() >= MAX_WAITERS
    }

    pub(crate) fn position(&self, ticket: Ticket) -> Option<usize> {
        self.waiters.iter().position(|waiter| waiter.ticket == ticket)
    }

    /// Returns where the place is that is kept for this wish of `owner`.
    pub(crate) fn kept(&self, owner: &Owner, wish: &Wish) -> Option<usize> {
        if self.kept.is_empty() {
            return None;
        }
        let kept =
            |waiter: &Waiter| !waiter.is_open() && **waiter.owner() == *owner && waiter.wish.same(wish);
        self.waiters.iter().position(kept)
    }

    /// Adds a place at `position`.
    pub(crate) fn insert(&mut self, position: usize, holder: Arc<Presence>, wish: Wish, now: Time) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        let waiter = Waiter {
            ticket,
            holder,
            wish,
            since: now,
            kept_until: None,
        };
        self.waiters.insert(position, waiter);
        ticket
    }

    /// Takes the kept place at `position` again, for the presence that its owner has now: it may have been away.
    pub(crate) fn reopen(&mut self, position: usize, holder: Arc<Presence>, wish: Wish) -> Ticket {
        let waiter = &mut self.waiters[position];
        waiter.holder = holder;
        if let Some(end) = waiter.kept_until.take() {
            self.kept.remove(&(end, waiter.ticket));
        }
        waiter.wish = wish;
        waiter.ticket
    }

    /// Gives up waiting at `now`; the place is kept for a while. Tells what was waited for.
    pub(crate) fn close(&mut self, ticket: Ticket, now: Time) -> Option<Wish> {
        let position = self.position(ticket)?;
        let waiter = &mut self.waiters[position];
        if waiter.is_open() {
            let end = now.after(KEPT_FOR);
            waiter.kept_until = Some(end);
            self.kept.insert((end, ticket));
            self.starved.remove(&ticket);
        }
        Some(waiter.wish.clone())
    }

    /// Takes a place away.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.remove_at(self.position(ticket)?)
    }

    /// Takes the place at `position` away.
    pub(crate) fn remove_at(&mut self, position: usize) -> Option<Waiter> {
        let waiter = self.waiters.remove(position)?;
        self.starved.remove(&waiter.ticket);
        if let Some(end) = waiter.kept_until {
            self.kept.remove(&(end, waiter.ticket));
        }
        Some(waiter)
    }

    /// Forgets the places that are kept no longer at `now`.
    pub(crate) fn forget_kept(&mut self, now: Time) {
        while let Some((_, ticket)) = self.kept.first().copied().filter(|(end, _)| *end <= now) {
            self.remove(ticket);
        }
    }

    /// Returns the next moment at which a place is kept no longer.
    pub(crate) fn next_end(&self) -> Option<Time> {
        self.kept.first().map(|(end, _)| *end)
    }

    /// Keeps the places longer by the time `by`, in which the board stood still.
    pub(crate) fn shift(&mut self, by: Duration) {
        for waiter in &mut self.waiters {
            waiter.kept_until = waiter.kept_until.map(|end| end.after(by));
        }
        let kept = self.kept.iter().map(|(end, ticket)| (end.after(by), *ticket));
        self.kept = kept.collect();
    }

    /// Notes that only room is wanting for the one who waits at `position`.
    pub(crate) fn starve(&mut self, position: usize) {
        if let Some(waiter) = self.waiters.get(position) {
            self.starved.insert(waiter.ticket);
        }
    }

    /// Tells whether somebody waits for nothing but room.
    pub(crate) fn is_starving(&self) -> bool {
        !self.starved.is_empty()
    }

    /// Tells whether `waiter` waits for nothing but room, as far as is known.
    pub(crate) fn is_starved(&self, waiter: &Waiter) -> bool {
        self.starved.contains(&waiter.ticket)
    }
}
