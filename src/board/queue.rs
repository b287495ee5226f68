//! Who waits for locks, in which order, and who is in whose way.
//!
//! The rules are those of appendix A of the study on semantics, which were found by simulation: all targets
//! or none, first come first served, but nobody stands behind those who wait for itself; a wait that would
//! close a circle is refused to the newcomer; holders are never robbed. [`super::command::Acquire`] applies
//! them; here is the queue and the questions that it answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::space::Space;
use super::{Key, Lease, Mode, Owner, Presence, Revision, Target, Time};

/// The most requests that wait in a namespace.
pub(crate) const MAX_WAITERS: usize = 1_000;
/// How long a place is kept for who gave up waiting.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(30);

/// The number of a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

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

    fn is_in_the_way(&self, owner: &Owner, wish: &Wish) -> bool {
        **self.owner() != *owner && self.wish.conflicts(wish)
    }
}

impl Wish {
    /// Tells whether two owners cannot have both at a time.
    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        (self.mode == Mode::Exclusive || other.mode == Mode::Exclusive)
            && self
                .targets
                .iter()
                .any(|a| other.targets.iter().any(|b| a.overlaps(b)))
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
}

impl Queue {
    /// Returns all places, kept ones too, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Waiter> {
        self.waiters.iter()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiters.len() >= MAX_WAITERS
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.iter().filter(|waiter| waiter.is_open())
    }

    fn position(&self, ticket: Ticket) -> Option<usize> {
        self.waiters.iter().position(|waiter| waiter.ticket == ticket)
    }

    /// Returns where the place is that is kept for this wish of `owner`.
    pub(crate) fn kept(&self, owner: &Owner, wish: &Wish) -> Option<usize> {
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

    /// Takes the kept place at `position` again.
    pub(crate) fn reopen(&mut self, position: usize, wish: Wish) -> Ticket {
        let waiter = &mut self.waiters[position];
        waiter.kept_until = None;
        waiter.wish = wish;
        waiter.ticket
    }

    /// Gives up waiting at `now`; the place is kept for a while. Tells whether it was waited in.
    pub(crate) fn close(&mut self, ticket: Ticket, now: Time) -> bool {
        let Some(position) = self.position(ticket) else {
            return false;
        };
        self.waiters[position].kept_until = Some(now.after(KEPT_FOR));
        true
    }

    /// Takes a place away; tells whether it was there.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.waiters.remove(self.position(ticket)?)
    }

    /// Takes the place at `position` away.
    pub(crate) fn remove_at(&mut self, position: usize) {
        self.waiters.remove(position);
    }

    /// Takes away every place for which `gone` holds; tells whether there was one.
    pub(crate) fn drop_where(&mut self, gone: impl Fn(&Waiter) -> bool) -> bool {
        let before = self.waiters.len();
        self.waiters.retain(|waiter| !gone(waiter));
        self.waiters.len() < before
    }

    /// Returns the next moment at which a place is kept no longer.
    pub(crate) fn next_end(&self) -> Option<Time> {
        self.waiters.iter().filter_map(|waiter| waiter.kept_until).min()
    }
}

/// What keeps a request from being granted.
#[derive(Debug, Default)]
pub(crate) struct Obstacles<'a> {
    /// Leases of others that conflict.
    pub(crate) leases: Vec<(&'a Target, &'a Key, &'a Lease)>,
    /// Those who stand before it and want what it wants.
    pub(crate) waiters: Vec<&'a Waiter>,
}

impl Obstacles<'_> {
    pub(crate) fn is_none(&self) -> bool {
        self.leases.is_empty() && self.waiters.is_empty()
    }

    pub(crate) fn owners(&self) -> BTreeSet<Arc<Owner>> {
        let holders = self.leases.iter().map(|(_, _, lease)| lease.owner());
        holders
            .chain(self.waiters.iter().map(|waiter| waiter.owner()))
            .cloned()
            .collect()
    }
}

/// The questions that need both the queue and what is held.
impl Space {
    /// Returns what is in the way of `wish` of `owner` in the place `position`. A lease of its own never is.
    pub(crate) fn obstacles<'a>(&'a self, owner: &Owner, wish: &'a Wish, position: usize) -> Obstacles<'a> {
        let held = wish.targets.iter().flat_map(|target| self.overlapping(target));
        let leases = held.flat_map(|(target, key)| {
            let leases = self.get(key.as_str()).map_or(&[][..], |entry| entry.leases());
            leases.iter().map(move |lease| (target, key, lease))
        });
        let shared = wish.mode == Mode::Shared;
        let mut leases: Vec<_> = leases
            .filter(|(_, _, lease)| **lease.owner() != *owner && !(shared && lease.mode == Mode::Shared))
            .collect();
        leases.sort_by_key(|(_, key, lease)| (lease.fence, *key));
        leases.dedup_by_key(|(_, key, lease)| (lease.fence, *key));
        let before = self.queue.iter().take(position).filter(|waiter| waiter.is_open());
        let waiters = before.filter(|waiter| waiter.is_in_the_way(owner, wish));
        Obstacles {
            leases,
            waiters: waiters.collect(),
        }
    }

    /// Returns where a new request stands: at the end, but before the first who waits for its owner (rule 4).
    pub(crate) fn place_of(&self, owner: &Arc<Owner>, wish: &Wish) -> usize {
        let mut graph = WaitFor::new(self);
        let ahead = |waiter: &Waiter| {
            waiter.is_open()
                && waiter.is_in_the_way(owner, wish)
                && graph.path(waiter.owner(), owner).is_some()
        };
        let found = self.queue.iter().position(ahead);
        found.unwrap_or(self.queue.waiters.len())
    }

    /// Returns the first request that waits although nothing is in its way any more.
    pub(crate) fn grantable(&self, passed: &BTreeSet<Ticket>) -> Option<&Waiter> {
        let mut places = self.queue.iter().enumerate();
        let free = places.find(|(position, waiter)| {
            waiter.is_open()
                && !passed.contains(&waiter.ticket)
                && self.obstacles(waiter.owner(), &waiter.wish, *position).is_none()
        });
        free.map(|(_, waiter)| waiter)
    }

    /// Returns the circle that would close if `owner` waited for each of `blockers`: those blockers who wait
    /// for it, from the first to the one that waits for the owner itself.
    pub(crate) fn circle(
        &self,
        blockers: &BTreeSet<Arc<Owner>>,
        owner: &Arc<Owner>,
    ) -> Option<Vec<Arc<Owner>>> {
        let mut graph = WaitFor::new(self);
        blockers.iter().find_map(|blocker| graph.path(blocker, owner))
    }

    /// Returns the circle that would close if `owner`, who waits in another call, were granted `wish` now.
    pub(crate) fn circle_by_grant(&self, owner: &Arc<Owner>, wish: &Wish) -> Option<Vec<Arc<Owner>>> {
        if !self.queue.open().any(|waiter| waiter.owner() == owner) {
            return None;
        }
        let mut graph = WaitFor::new(self);
        let blocked = self
            .queue
            .open()
            .filter(|waiter| waiter.is_in_the_way(owner, wish));
        let mut circles = blocked.filter_map(|waiter| graph.path(owner, waiter.owner()));
        circles.next()
    }
}

/// Who waits for whom: an edge leads from the owner of each open request to whoever is in its way.
struct WaitFor<'a> {
    space: &'a Space,
    /// What has been worked out already.
    edges: BTreeMap<Arc<Owner>, BTreeSet<Arc<Owner>>>,
}

impl<'a> WaitFor<'a> {
    fn new(space: &'a Space) -> Self {
        Self {
            space,
            edges: BTreeMap::new(),
        }
    }

    /// Returns the way from one owner to another, both included, `None` when there is none.
    fn path(&mut self, from: &Arc<Owner>, to: &Arc<Owner>) -> Option<Vec<Arc<Owner>>> {
        let mut came_from: BTreeMap<Arc<Owner>, Option<Arc<Owner>>> =
            BTreeMap::from([(Arc::clone(from), None)]);
        let mut open = VecDeque::from([Arc::clone(from)]);
        while let Some(owner) = open.pop_front() {
            if owner == *to {
                let back = |owner: &Arc<Owner>| came_from.get(owner).cloned().flatten();
                let mut path: Vec<_> = std::iter::successors(Some(owner), back).collect();
                path.reverse();
                return Some(path);
            }
            for next in self.blockers(&owner) {
                if !came_from.contains_key(&next) {
                    came_from.insert(Arc::clone(&next), Some(Arc::clone(&owner)));
                    open.push_back(next);
                }
            }
        }
        None
    }

    fn blockers(&mut self, owner: &Arc<Owner>) -> BTreeSet<Arc<Owner>> {
        if let Some(known) = self.edges.get(owner) {
            return known.clone();
        }
        let places = self.space.queue.iter().enumerate();
        let own = places.filter(|(_, waiter)| waiter.is_open() && waiter.owner() == owner);
        let blockers: BTreeSet<_> = own
            .flat_map(|(position, waiter)| self.space.obstacles(owner, &waiter.wish, position).owners())
            .collect();
        self.edges.insert(Arc::clone(owner), blockers.clone());
        blockers
    }
}
