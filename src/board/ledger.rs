//! The state machine that decides. Time and caller come in; an answer and the changes come out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::command::Command;
use super::space::{Copied, Space};
use super::transaction::Transaction;
use super::{
    Compacted, Entry, Event, EventKind, Grant, Holder, Intrusion, Key, Kind, KindStats, Lease, Limits, Loss,
    Namespace, NamespaceId, Notices, Owner, Pattern, Presence, Refusal, Revision, Score, Target, Term,
    Ticket, Time, Waiter, Wish,
};

/// The most namespaces that a board opens.
pub(crate) const MAX_NAMESPACES: usize = 64;
/// The most keys that a list looks at while it holds the board.
const LOOK_AT: usize = 10_000;
/// The most entries that a command ends because they have run out, besides those it names.
pub(crate) const MAX_ENDED: usize = 4_096;

/// All namespaces and the one revision counter.
///
/// It reads no clock, does no I/O and never awaits, so that every rule can be tested with a virtual clock
/// and random programs.
#[derive(Debug)]
pub struct Ledger {
    pub(super) rev: Revision,
    pub(super) limits: Limits,
    pub(super) spaces: Vec<Space>,
}

/// On whose behalf a command is applied.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The namespace it works in.
    pub namespace: NamespaceId,
    /// Who it is, and whether it is still there.
    pub presence: Arc<Presence>,
}

impl Caller {
    /// Returns who calls.
    pub fn owner(&self) -> &Arc<Owner> {
        self.presence.owner()
    }
}

/// What a command did to one key, for those who publish it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The revision of the batch that it was part of.
    pub rev: Revision,
    /// The namespace of the key.
    pub namespace: NamespaceId,
    /// The key.
    pub key: Key,
    /// What happened.
    pub kind: EventKind,
    /// What stands there now.
    pub entry: Option<Arc<Entry>>,
}

impl Change {
    /// Tells whether it may have made a task or a message free.
    pub(crate) fn hands_back(&self) -> bool {
        matches!(self.key.kind(), Kind::Task | Kind::Msg)
            && matches!(self.kind, EventKind::Set | EventKind::Drop(_))
            && self.entry.is_some()
    }
}

/// What a command did, for those who publish it.
#[derive(Debug, Default)]
pub struct Effects {
    /// What became of which key, in order.
    pub changes: Vec<Change>,
    /// Which requests need not wait any more.
    pub served: Vec<Served>,
    /// Which requests were given up, or belong to somebody who left; their places may be kept.
    pub unqueued: Vec<(NamespaceId, Ticket)>,
}

/// A request that waited and was granted.
#[derive(Clone, Debug)]
pub struct Served {
    /// The namespace of the queue.
    pub namespace: NamespaceId,
    /// The request.
    pub ticket: Ticket,
    /// Who asked.
    pub holder: Arc<Presence>,
    /// What it holds from now on.
    pub grant: Grant,
}

/// Some rows of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Live entries in key order.
    pub rows: Vec<(Key, Arc<Entry>)>,
    /// The key to go on after, when there may be more.
    pub cursor: Option<Key>,
    /// The board's revision at the time of the list: watch from here and nothing is missed.
    pub rev: Revision,
}

impl Ledger {
    /// Returns an empty ledger whose first commit carries the revision after `start`.
    pub fn new(start: Revision, limits: Limits) -> Self {
        Self {
            rev: start,
            limits,
            spaces: Vec::new(),
        }
    }

    /// Returns the revision of the last commit.
    pub fn rev(&self) -> Revision {
        self.rev
    }

    /// Returns the namespace called `name`, opening it when it is new.
    pub fn open(&mut self, name: &Namespace) -> Result<NamespaceId, Refusal> {
        let at = match self.spaces.iter().position(|space| space.name == *name) {
            Some(at) => at,
            None if self.spaces.len() == MAX_NAMESPACES => {
                return Err(Refusal::Full {
                    which: "namespaces",
                    limit: MAX_NAMESPACES,
                });
            }
            None => {
                self.spaces.push(Space::new(name.clone(), self.rev));
                self.spaces.len() - 1
            }
        };
        Ok(NamespaceId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// Returns the open namespaces in the order in which they were opened.
    pub fn namespaces(&self) -> Vec<(NamespaceId, Namespace)> {
        (0..)
            .map(NamespaceId)
            .zip(self.spaces.iter().map(|space| space.name.clone()))
            .collect()
    }

    /// Returns the presence of `owner` in `namespace`: the one cell that all its leases share.
    pub fn presence(&mut self, namespace: NamespaceId, owner: &Arc<Owner>, now: Time) -> Arc<Presence> {
        let idle_limit = self.limits.idle;
        let space = &mut self.spaces[namespace.0 as usize];
        let presence = space.holdings.attach(owner, idle_limit, now);
        if space.inbox(&owner.name) > 0 {
            presence.tell(true);
        }
        presence
    }

    /// Gives the time `by`, in which the board stood still, back to all who hold something. Consul renews so
    /// when its leader fails: the server's own trouble must not end leases.
    pub fn give_back(&mut self, by: Duration) {
        for space in &mut self.spaces {
            for presence in space.holdings.presences() {
                presence.shift(by);
            }
            space.queue.shift(by);
        }
    }

    /// Applies `command` for `caller` at `now`, which never goes back, and returns its answer and what
    /// changed. A refused command changes nothing, but what had run out by then ends all the same, and who
    /// waited for that is served.
    pub fn apply<C: Command>(
        &mut self,
        now: Time,
        caller: &Caller,
        command: C,
    ) -> (Result<C::Answer, Refusal>, Effects) {
        let mut transaction = Transaction::new(self, now, caller);
        transaction.look();
        transaction.hand_over();
        let answer = command.apply(&mut transaction);
        transaction.hand_over();
        (answer, transaction.into_effects())
    }

    /// Returns the live entry under `key`.
    pub fn get(&self, now: Time, namespace: NamespaceId, key: &str) -> Option<Arc<Entry>> {
        self.space(namespace)
            .get(key)
            .filter(|entry| entry.is_live(now))
            .cloned()
    }

    /// Returns up to `limit` live entries that match `pattern`, after the key `after`, in key order.
    ///
    /// A page may end early, with a cursor, when it has looked at 10,000 keys.
    pub fn list(
        &self,
        now: Time,
        namespace: NamespaceId,
        pattern: &Pattern,
        after: Option<&str>,
        limit: usize,
    ) -> Page {
        let (rows, cursor) = self.space(namespace).list(now, pattern, after, limit, LOOK_AT);
        Page {
            rows,
            cursor,
            rev: self.rev,
        }
    }

    /// Returns about `limit` matching events after `since` and the cursor to go on from.
    pub fn events_after(
        &self,
        namespace: NamespaceId,
        since: Revision,
        pattern: &Pattern,
        limit: usize,
    ) -> Result<(Vec<Event>, Revision), Compacted> {
        self.space(namespace)
            .history
            .after(since, pattern, limit, self.rev)
    }

    /// Returns the newest `limit` matching events, newest first.
    pub fn latest_events(&self, namespace: NamespaceId, pattern: &Pattern, limit: usize) -> Vec<Event> {
        self.space(namespace).history.latest(pattern, limit)
    }

    /// Returns what a namespace holds, by kind.
    pub fn tally(&self, namespace: NamespaceId) -> [(Kind, KindStats); Kind::ALL.len()] {
        self.space(namespace).tally()
    }

    /// Returns the next moment at which something ends, or must be looked at.
    pub fn next_deadline(&self) -> Option<Time> {
        let own = self.spaces.iter().filter_map(|space| space.next_deadline());
        own.map(|(time, _)| *time).chain(self.next_look()).min()
    }

    /// Returns the next moment at which a lease may be over, or a place in a queue.
    pub(crate) fn next_look(&self) -> Option<Time> {
        self.spaces.iter().filter_map(Space::next_look).min()
    }

    /// Returns the places of those who wait for locks, in the order in which they are served.
    pub fn queue(&self, namespace: NamespaceId) -> impl Iterator<Item = &Waiter> {
        self.space(namespace).queue.iter()
    }

    /// Returns the requests that wait for locks, in the order in which they are served, each with those who
    /// are in its way at `now`.
    pub fn waiters(&self, now: Time, namespace: NamespaceId) -> Vec<(Waiter, Vec<Arc<Owner>>)> {
        let space = self.space(namespace);
        let places = space.queue.iter().enumerate();
        let blockers = |at, waiter: &Waiter| {
            let obstacles = space.obstacles(now, waiter.owner(), &waiter.wish, at);
            obstacles.owners().into_iter().collect()
        };
        places
            .map(|(at, waiter)| (waiter.clone(), blockers(at, waiter)))
            .collect()
    }

    /// Returns what `owner` holds, in the order of the grants.
    pub fn holds(&self, namespace: NamespaceId, owner: &Owner) -> Vec<(Key, Arc<Entry>)> {
        let space = self.space(namespace);
        let mut keys: Vec<_> = space.holdings.of(owner).map(|(_, key)| key).collect();
        keys.dedup();
        let held = keys
            .into_iter()
            .filter_map(|key| Some((key.clone(), Arc::clone(space.get(key.as_str())?))));
        held.collect()
    }

    /// Returns everyone who holds something or waits for it, in any namespace. A raw lock is held by whom its writer
    /// likes, who may be nobody, so it does not count.
    pub(super) fn at_work(&self) -> BTreeSet<Arc<Owner>> {
        let mut at_work = BTreeSet::new();
        for space in &self.spaces {
            at_work.extend(space.queue.iter().map(|waiter| Arc::clone(waiter.owner())));
            let everyone = space.holdings.presences().map(|presence| presence.owner());
            let holds = |owner: &&Arc<Owner>| {
                let of_owner = |lease: &Lease| lease.owner() == *owner && lease.term != Term::Entry;
                let mut held = space.holdings.of(owner);
                held.any(|(_, key)| {
                    let entry = space.get(key.as_str());
                    entry.is_some_and(|entry| entry.leases().iter().any(of_owner))
                })
            };
            at_work.extend(everyone.filter(holds).cloned());
        }
        at_work
    }

    /// Returns everyone who holds something.
    pub fn holders(&self, namespace: NamespaceId) -> Vec<Holder> {
        let everyone = self.space(namespace).holdings.presences();
        let holders = everyone.map(|presence| Holder {
            presence: Arc::clone(presence),
            held: self.holds(namespace, presence.owner()),
        });
        holders.filter(|holder| !holder.held.is_empty()).collect()
    }

    /// Returns what `owner` lost without its doing and has neither taken again nor given up.
    pub fn losses(&self, namespace: NamespaceId, owner: &Owner) -> Vec<Loss> {
        self.space(namespace).holdings.losses(owner).to_vec()
    }

    /// Returns what the owner of `presence` must be told at `now`.
    pub fn notices(&self, now: Time, namespace: NamespaceId, presence: &Presence) -> Option<Notices> {
        Notices::of(self.space(namespace), presence, now)
    }

    /// Returns when the last message that waits for the agent called `name` was sent, and how many wait.
    pub fn inbox(&self, namespace: NamespaceId, name: &str) -> Option<(Revision, usize)> {
        let space = self.space(namespace);
        Some((space.inboxes.newest(name)?, space.inbox(name)))
    }

    /// Returns the places that are kept for `owner`, who waited in vain.
    pub fn kept(&self, namespace: NamespaceId, owner: &Owner) -> Vec<Waiter> {
        let places = self.space(namespace).queue.iter();
        let own = places.filter(|one| !one.is_open() && **one.owner() == *owner);
        own.cloned().collect()
    }

    /// Tells whether `owner` would have `wish` at `now` if it asked for it, and has not got it.
    pub fn is_to_be_had(&self, now: Time, namespace: NamespaceId, owner: &Arc<Owner>, wish: &Wish) -> bool {
        let space = self.space(namespace);
        let kept = space.queue.kept(owner, wish);
        let position = kept.unwrap_or_else(|| space.place_of(now, owner, wish));
        space.covering(now, owner, wish).is_none() && space.is_free(now, owner, wish, position)
    }

    /// Notes that `owner` has heard of the changes `told`.
    pub fn note_told(&mut self, namespace: NamespaceId, owner: &Owner, told: &[Intrusion]) {
        self.space_mut(namespace).intrusions.tell(owner, told);
    }

    /// Forgets the losses `told` of `owner`.
    pub fn forget_losses(&mut self, namespace: NamespaceId, owner: &Owner, told: &[Loss]) {
        let holdings = &mut self.space_mut(namespace).holdings;
        holdings.make_up(owner, |loss| told.contains(loss));
    }

    /// Notes that `owner` was told of the `losses` before it edits `files`.
    pub fn note_losses_told(
        &mut self,
        namespace: NamespaceId,
        owner: &Owner,
        losses: &[Loss],
        files: &[Target],
    ) {
        self.space_mut(namespace).holdings.note_told(owner, losses, files);
    }

    /// Returns the changes of locked files by others than their holders, in the order in which they were seen.
    pub fn intrusions(&self, namespace: NamespaceId) -> Vec<Intrusion> {
        self.space(namespace).intrusions.all().cloned().collect()
    }

    /// Returns how the agents of `namespace` have done with their tasks, in the order of their names.
    pub fn scores(&self, namespace: NamespaceId) -> Vec<(Arc<str>, Score)> {
        self.space(namespace).scores.all()
    }

    /// Shows every entry to `see`.
    pub(super) fn each(&self, mut see: impl FnMut(NamespaceId, &Key, &Arc<Entry>)) {
        for (namespace, space) in (0..).map(NamespaceId).zip(&self.spaces) {
            space.each(|key, entry| see(namespace, key, entry));
        }
    }

    /// Returns a handle to everything that an image shows.
    pub(super) fn copy(&self) -> Vec<Copied> {
        self.spaces.iter().map(Space::copy).collect()
    }

    pub(super) fn space(&self, namespace: NamespaceId) -> &Space {
        &self.spaces[namespace.0 as usize]
    }

    pub(super) fn space_mut(&mut self, namespace: NamespaceId) -> &mut Space {
        &mut self.spaces[namespace.0 as usize]
    }
}
