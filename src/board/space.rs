//! One namespace: its entries in key order, their deadlines, what it holds, what happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::backlog::Backlog;
use super::holdings::Holdings;
use super::intrusions::Intrusions;
use super::messages::{self, Inboxes, MAX_MESSAGES};
use super::queue::Queue;
use super::scores::{Scores, Tally};
use super::settled::{Settled, Settlement};
use super::wait_for::Rival;
use super::{
    Entry, History, Key, Kind, KindStats, Limits, Loss, Namespace, Owner, Pattern, Refusal, Revision, Target,
    Time,
};

/// The state of one namespace. Every index is kept by [`Space::put`] and [`Space::take`] alone.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) name: Namespace,
    entries: BTreeMap<Key, Arc<Entry>>,
    deadlines: BTreeSet<(Time, Key)>,
    /// The keys that are held under each fence: those of one batch share it.
    fences: BTreeMap<Revision, BTreeSet<Key>>,
    tally: [KindStats; Kind::ALL.len()],
    /// How many holds on locks there are, and locks that nobody holds.
    locks: usize,
    /// The locks that are held, by what they are on.
    held: BTreeMap<Target, BTreeMap<Key, Arc<Entry>>>,
    pub(crate) holdings: Holdings,
    pub(crate) intrusions: Intrusions,
    pub(crate) queue: Queue,
    pub(crate) history: History,
    pub(crate) scores: Scores,
    pub(crate) backlog: Backlog,
    pub(crate) settled: Settled,
    pub(crate) inboxes: Inboxes,
}

/// What an image shows of a namespace.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) name: Namespace,
    /// In key order.
    pub(crate) entries: Vec<(Key, Arc<Entry>)>,
    pub(crate) losses: Vec<(Arc<Owner>, Loss)>,
    pub(crate) scores: Vec<(Arc<str>, Tally)>,
    pub(crate) settled: Vec<(Revision, Settlement)>,
}

/// How much a write adds, for the check against the limits before it is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Growth {
    keys: isize,
    bytes: isize,
    locks: isize,
    messages: BTreeMap<Arc<str>, isize>,
}

impl Growth {
    /// Adds what replacing `old` under `key` by a value of `new` bytes changes; `None` removes it.
    pub(crate) fn add(&mut self, key: &Key, old: Option<&Entry>, new: Option<usize>) {
        let keys = isize::from(new.is_some()) - isize::from(old.is_some());
        self.keys += keys;
        self.bytes += new.unwrap_or(0).cast_signed() - old.map_or(0, |entry| entry.value.len()).cast_signed();
        if key.kind() == Kind::Lock {
            self.locks += match old {
                Some(old) if new.is_none() => -locks(key, old).cast_signed(),
                Some(_) => 0,
                None => keys,
            };
        }
        if keys != 0
            && key.kind() == Kind::Msg
            && let Some(to) = match old {
                Some(old) => messages::recipient(key, old),
                None => messages::recipient_of_raw(key),
            }
        {
            *self.messages.entry(Arc::from(to)).or_default() += keys;
        }
    }

    /// Adds what another write adds.
    pub(crate) fn join(&mut self, other: Self) {
        self.keys += other.keys;
        self.bytes += other.bytes;
        self.locks += other.locks;
        for (to, more) in other.messages {
            *self.messages.entry(to).or_default() += more;
        }
    }

    /// Adds a message that is sent to `to`, with the bytes of its value.
    pub(crate) fn add_message(&mut self, to: &Arc<str>, bytes: usize) {
        self.keys += 1;
        self.bytes += bytes.cast_signed();
        *self.messages.entry(Arc::clone(to)).or_default() += 1;
    }

    /// Adds one more hold on a lock that is there already.
    pub(crate) fn add_hold(&mut self) {
        self.locks += 1;
    }
}

impl Space {
    pub(crate) fn new(name: Namespace, start: Revision) -> Self {
        Self {
            name,
            entries: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            fences: BTreeMap::new(),
            tally: [KindStats::default(); Kind::ALL.len()],
            locks: 0,
            held: BTreeMap::new(),
            holdings: Holdings::default(),
            intrusions: Intrusions::default(),
            queue: Queue::default(),
            history: History::new(start),
            scores: Scores::default(),
            backlog: Backlog::default(),
            settled: Settled::default(),
            inboxes: Inboxes::default(),
        }
    }

    /// Returns the entry under `key`, also one that has run out and was not swept yet.
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.entries.get(key)
    }

    /// Shows every entry to `see`, in key order.
    pub(crate) fn each(&self, mut see: impl FnMut(&Key, &Arc<Entry>)) {
        self.entries.iter().for_each(|(key, entry)| see(key, entry));
    }

    /// Returns a handle to everything that an image shows.
    pub(crate) fn copy(&self) -> Copied {
        let entries = self.entries.iter();
        Copied {
            name: self.name.clone(),
            entries: entries
                .map(|(key, entry)| (key.clone(), Arc::clone(entry)))
                .collect(),
            losses: self.holdings.all_losses(),
            scores: self.scores.to_save(),
            settled: self.settled.to_save(),
        }
    }

    /// Returns the keys that are held under `fence`.
    pub(crate) fn fenced(&self, fence: Revision) -> impl Iterator<Item = &Key> {
        self.fences.get(&fence).into_iter().flatten()
    }

    /// Returns `key` as it is stored, so that all who keep it share one text.
    pub(crate) fn shared(&self, key: &Key) -> Key {
        let stored = self.entries.get_key_value(key.as_str());
        stored.map_or(key, |(stored, _)| stored).clone()
    }

    /// Puts `entry` under `key`, in place of what stands there.
    pub(crate) fn put(&mut self, key: &Key, entry: &Arc<Entry>) {
        let old = self.entries.insert(key.clone(), Arc::clone(entry));
        if key.kind() == Kind::Task {
            self.backlog.put(key, old.as_deref(), entry);
        }
        if let Some(old) = old {
            self.unlist(key, &old);
        }
        if let Some(to) = message_to(key, entry)
            && self.inboxes.add(to, key, entry)
        {
            self.holdings.called(to).for_each(|one| one.tell(true));
        }
        let is_wanted = self.queue.open().next().is_some();
        for lease in entry.leases() {
            if is_wanted {
                lease.holder.tell(true);
            }
            self.fences.entry(lease.fence).or_default().insert(key.clone());
            self.holdings.add(key, lease, entry.looked_at(lease));
        }
        if let Some(target) = held_target(key, entry) {
            let held = self.held.entry(target).or_default();
            held.insert(key.clone(), Arc::clone(entry));
        }
        if let Some(end) = entry.own_end() {
            self.deadlines.insert((end, key.clone()));
        }
        self.locks += locks(key, entry);
        let tally = &mut self.tally[key.kind() as usize];
        tally.keys += 1;
        tally.bytes += entry.value.len();
        tally.key_bytes += key.as_str().len();
    }

    /// Takes the entry under `key` away; returns the key as it was stored.
    pub(crate) fn take(&mut self, key: &Key) -> Option<(Key, Arc<Entry>)> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.unlist(&key, &entry);
        if key.kind() == Kind::Task {
            self.backlog.remove(&key);
        }
        Some((key, entry))
    }

    /// Removes from every index but the first what stood under `key`.
    fn unlist(&mut self, key: &Key, entry: &Entry) {
        if let Some(to) = message_to(key, entry) {
            self.inboxes.remove(to, key, entry);
        }
        for lease in entry.leases() {
            remove(&mut self.fences, &lease.fence, key);
            self.holdings.remove(key, lease);
        }
        if let Some(target) = held_target(key, entry)
            && let Some(held) = self.held.get_mut(&target)
        {
            held.remove(key);
            if held.is_empty() {
                self.held.remove(&target);
            }
        }
        if let Some(end) = entry.own_end() {
            self.deadlines.remove(&(end, key.clone()));
        }
        self.locks -= locks(key, entry);
        let tally = &mut self.tally[key.kind() as usize];
        tally.keys -= 1;
        tally.bytes -= entry.value.len();
        tally.key_bytes -= key.as_str().len();
    }

    /// Returns what ran out first, if something has.
    pub(crate) fn overdue(&self, now: Time) -> Option<&(Time, Key)> {
        self.next_deadline().filter(|(deadline, _)| *deadline <= now)
    }

    /// Returns the next deadline and its key.
    pub(crate) fn next_deadline(&self) -> Option<&(Time, Key)> {
        self.deadlines.first()
    }

    /// Returns the next moment at which a lease may be over, or a place in the queue.
    pub(crate) fn next_look(&self) -> Option<Time> {
        self.holdings
            .next_due()
            .into_iter()
            .chain(self.queue.next_end())
            .min()
    }

    /// Refuses a growth that `limits` do not allow. What shrinks always fits.
    pub(crate) fn check(&self, growth: &Growth, limits: &Limits) -> Result<(), Refusal> {
        let bytes = self.tally.iter().map(|tally| tally.bytes).sum();
        let locks = self.locks;
        for (which, held, more, limit) in [
            ("keys", self.entries.len(), growth.keys, limits.keys),
            ("bytes", bytes, growth.bytes, limits.bytes),
            ("locks", locks, growth.locks, limits.locks),
        ] {
            if more > 0 && held.saturating_add_signed(more) > limit {
                return Err(Refusal::Full { which, limit });
            }
        }
        let queues = growth.messages.iter();
        let mut queues =
            queues.filter(|(to, more)| **more > 0 && self.queue_after(to, **more) > MAX_MESSAGES);
        match queues.next() {
            Some(_) => Err(Refusal::Full {
                which: "messages",
                limit: MAX_MESSAGES,
            }),
            None => Ok(()),
        }
    }

    fn queue_after(&self, to: &str, more: isize) -> usize {
        self.inboxes.len(to).saturating_add_signed(more)
    }

    /// Returns the leases at `now` on what covers `target`, itself included: one look for each directory above.
    pub(crate) fn above<'a>(
        &'a self,
        now: Time,
        target: &Target,
    ) -> impl Iterator<Item = Rival<'a>> + use<'a> {
        let above = target.and_above();
        let above = above.filter_map(|above| self.held.get_key_value(&above));
        above.flat_map(move |(on, held)| leases_on(now, on, held))
    }

    /// Returns the leases at `now` on what lies below `target`: one range.
    pub(crate) fn below<'a>(&'a self, now: Time, target: &'a Target) -> impl Iterator<Item = Rival<'a>> {
        let from = (Bound::Excluded(target), Bound::Unbounded);
        let below = self.held.range(from);
        let below = below.take_while(|(other, _)| target.covers(other));
        below.flat_map(move |(on, held)| leases_on(now, on, held))
    }

    /// Returns when each lease of `owner` must be looked at, and under which key and fence it is.
    pub(crate) fn looks(&self, owner: &Owner) -> impl Iterator<Item = (Time, Revision, &Key)> {
        self.holdings.of(owner).filter_map(|(fence, key)| {
            let entry = self.entries.get(key)?;
            let lease = entry.leases().iter().find(|lease| lease.fence == *fence)?;
            Some((entry.looked_at(lease)?, *fence, key))
        })
    }

    /// Returns how many messages wait for the agent called `name`.
    pub(crate) fn inbox(&self, name: &str) -> usize {
        self.inboxes.pending(name).len()
    }

    /// Returns what the namespace holds, by kind.
    pub(crate) fn tally(&self) -> [(Kind, KindStats); Kind::ALL.len()] {
        Kind::ALL.map(|kind| (kind, self.tally[kind as usize]))
    }

    /// Returns live matching entries in key order, and the key to go on after if there may be more.
    ///
    /// Reads only the range of the pattern's literal head; stops after `limit` rows or `look_at` keys, so
    /// that no pattern holds the board up.
    pub(crate) fn list(
        &self,
        now: Time,
        pattern: &Pattern,
        after: Option<&str>,
        limit: usize,
        look_at: usize,
    ) -> (Vec<(Key, Arc<Entry>)>, Option<Key>) {
        let head = pattern.head();
        let from = match after {
            Some(after) if after >= head => Bound::Excluded(after),
            _ => Bound::Included(head),
        };
        let mut rows = Vec::new();
        let mut last: Option<&Key> = None;
        for (looked, (key, entry)) in self.entries.range::<str, _>((from, Bound::Unbounded)).enumerate() {
            if !key.as_str().starts_with(head) {
                return (rows, None);
            }
            if looked == look_at || rows.len() == limit {
                return (rows, last.cloned());
            }
            if entry.is_live(now) && pattern.matches(key.as_str()) {
                rows.push((key.clone(), Arc::clone(entry)));
            }
            last = Some(key);
        }
        (rows, None)
    }
}

/// Returns how many of the locks that a namespace may hold stand under `key`.
fn locks(key: &Key, entry: &Entry) -> usize {
    if key.kind() == Kind::Lock {
        entry.leases().len().max(1)
    } else {
        0
    }
}

/// Returns in whose queue a message is.
fn message_to<'a>(key: &'a Key, entry: &Entry) -> Option<&'a str> {
    (key.kind() == Kind::Msg).then(|| messages::recipient(key, entry))?
}

/// Returns the leases on what is `held` at `now`. The ledger has ended those that are over, but a raw lock that
/// has run out may not have been swept yet.
fn leases_on<'a>(
    now: Time,
    on: &'a Target,
    held: &'a BTreeMap<Key, Arc<Entry>>,
) -> impl Iterator<Item = Rival<'a>> {
    held.iter().flat_map(move |(key, entry)| {
        entry.leases().iter().filter_map(move |lease| {
            let until = entry.held_until(lease, now);
            (now < until).then_some(Rival {
                on,
                key,
                lease,
                until,
            })
        })
    })
}

/// Returns what a lock that is held is on.
pub(crate) fn held_target(key: &Key, entry: &Entry) -> Option<Target> {
    if entry.leases().is_empty() {
        return None;
    }
    super::locks::target(key, &entry.value)
}

fn remove<K: Ord>(index: &mut BTreeMap<K, BTreeSet<Key>>, under: &K, key: &Key) {
    if let Some(keys) = index.get_mut(under) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(under);
        }
    }
}
