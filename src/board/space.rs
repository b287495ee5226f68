//! One namespace: its entries in key order, their deadlines, what it holds, what happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::{Entry, History, Key, Kind, KindStats, Limits, Namespace, Pattern, Refusal, Revision, Time};

/// The state of one namespace. Every index is kept by [`Space::put`] and [`Space::take`] alone.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) name: Namespace,
    entries: BTreeMap<Key, Arc<Entry>>,
    deadlines: BTreeSet<(Time, Key)>,
    /// The keys that are held under each fence: those of one batch share it.
    fences: BTreeMap<Revision, BTreeSet<Key>>,
    tally: [KindStats; Kind::ALL.len()],
    pub(crate) history: History,
}

/// How much a write adds, for the check against the limits before it is made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    keys: isize,
    bytes: isize,
    locks: isize,
}

impl Growth {
    /// Adds what replacing `old` under `key` by a value of `new` bytes changes; `None` removes it.
    pub(crate) fn add(&mut self, key: &Key, old: Option<&Entry>, new: Option<usize>) {
        let keys = isize::from(new.is_some()) - isize::from(old.is_some());
        self.keys += keys;
        self.bytes += new.unwrap_or(0).cast_signed() - old.map_or(0, |entry| entry.value.len()).cast_signed();
        if key.kind() == Kind::Lock {
            self.locks += keys;
        }
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
            history: History::new(start),
        }
    }

    /// Returns the entry under `key`, also one that has run out and was not swept yet.
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.entries.get(key)
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
        if let Some(old) = old {
            self.unlist(key, &old);
        }
        if let Some(lease) = &entry.lease {
            self.fences.entry(lease.fence).or_default().insert(key.clone());
        }
        self.deadlines.insert((entry.deadline, key.clone()));
        let tally = &mut self.tally[key.kind() as usize];
        tally.keys += 1;
        tally.bytes += entry.value.len();
        tally.key_bytes += key.as_str().len();
    }

    /// Takes the entry under `key` away; returns the key as it was stored.
    pub(crate) fn take(&mut self, key: &Key) -> Option<Key> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.unlist(&key, &entry);
        Some(key)
    }

    /// Removes from every index but the first what stood under `key`.
    fn unlist(&mut self, key: &Key, entry: &Entry) {
        if let Some(lease) = &entry.lease
            && let Some(keys) = self.fences.get_mut(&lease.fence)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.fences.remove(&lease.fence);
            }
        }
        self.deadlines.remove(&(entry.deadline, key.clone()));
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

    /// Refuses a growth that `limits` do not allow. What shrinks always fits.
    pub(crate) fn check(&self, growth: Growth, limits: &Limits) -> Result<(), Refusal> {
        let bytes = self.tally.iter().map(|tally| tally.bytes).sum();
        let locks = self.tally[Kind::Lock as usize].keys;
        for (which, held, more, limit) in [
            ("keys", self.entries.len(), growth.keys, limits.keys),
            ("bytes", bytes, growth.bytes, limits.bytes),
            ("locks", locks, growth.locks, limits.locks),
        ] {
            if more > 0 && held.saturating_add_signed(more) > limit {
                return Err(Refusal::Full { which, limit });
            }
        }
        Ok(())
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
