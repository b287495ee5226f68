//! The tasks of a namespace in the order in which they are handed out, so that nobody searches for one.
//!
//! An index beside the entries, kept by [`super::space`] alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::space::Space;
use super::tasks::Terms;
use super::{Entry, Idle, Key, Pattern, Revision, TaskState, Time};

/// How long to wait before asking again when nothing is known to become free sooner.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// The order of the free ones: the most important first, then the oldest.
type Rank = (Reverse<i64>, Revision, Key);

/// The tasks of a namespace, so that nobody has to search for a free one.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    known: BTreeMap<Key, Known>,
    /// Those that anybody may have now, under `None`, and those that only one agent may have.
    free: BTreeMap<Option<Arc<str>>, BTreeSet<Rank>>,
    /// Those that nobody gets before a moment.
    waiting: BTreeSet<(Time, Key)>,
    pending: usize,
    claimed: usize,
}

#[derive(Debug)]
struct Known {
    terms: Terms,
    created: Revision,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Free,
    Waiting(Time),
    Claimed,
    Over,
}

impl Place {
    fn of(entry: &Entry) -> Self {
        match entry.task_state() {
            TaskState::Claimed => Self::Claimed,
            TaskState::Pending if entry.work().not_before == Time::default() => Self::Free,
            TaskState::Pending => Self::Waiting(entry.work().not_before),
            TaskState::Done | TaskState::Failed | TaskState::Dead => Self::Over,
        }
    }

    fn is_pending(self) -> bool {
        matches!(self, Self::Free | Self::Waiting(_))
    }
}

impl Known {
    fn rank(&self, key: &Key) -> Rank {
        (Reverse(self.terms.priority), self.created, key.clone())
    }

    fn is_for(&self, name: &str) -> bool {
        self.terms.only.as_deref().is_none_or(|only| only == name)
    }
}

impl Backlog {
    /// Notes that `entry` stands under `key` now, in place of `old`. Its value is read once.
    pub(crate) fn put(&mut self, key: &Key, old: Option<&Entry>, entry: &Entry) {
        let known = self.take(key);
        let same = old.is_some_and(|old| Arc::ptr_eq(&old.value, &entry.value));
        let terms = known.filter(|_| same).map(|known| known.terms);
        let known = Known {
            terms: terms.unwrap_or_else(|| Terms::read(&entry.value)),
            created: entry.created_rev,
            place: Place::of(entry),
        };
        self.pending += usize::from(known.place.is_pending());
        match known.place {
            Place::Free => self.free(key, &known),
            Place::Waiting(until) => drop(self.waiting.insert((until, key.clone()))),
            Place::Claimed => self.claimed += 1,
            Place::Over => {}
        }
        self.known.insert(key.clone(), known);
    }

    fn free(&mut self, key: &Key, known: &Known) {
        let queue = self.free.entry(known.terms.only.clone()).or_default();
        queue.insert(known.rank(key));
    }

    /// Notes that nothing stands under `key` any more.
    pub(crate) fn remove(&mut self, key: &Key) {
        self.take(key);
    }

    fn take(&mut self, key: &Key) -> Option<Known> {
        let known = self.known.remove(key)?;
        self.pending -= usize::from(known.place.is_pending());
        match known.place {
            Place::Free => {
                if let Some(queue) = self.free.get_mut(&known.terms.only) {
                    queue.remove(&known.rank(key));
                    if queue.is_empty() {
                        self.free.remove(&known.terms.only);
                    }
                }
            }
            Place::Waiting(until) => drop(self.waiting.remove(&(until, key.clone()))),
            Place::Claimed => self.claimed -= 1,
            Place::Over => {}
        }
        Some(known)
    }

    /// Makes those free that had to wait until `now`.
    pub(crate) fn ripen(&mut self, now: Time) {
        while self.waiting.first().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.waiting.pop_first()
                && let Some(mut known) = self.known.remove(&key)
            {
                known.place = Place::Free;
                self.free(&key, &known);
                self.known.insert(key, known);
            }
        }
    }

    /// Tells the agent called `name`, for whom nothing that matches `pattern` is free, how things stand.
    pub(crate) fn idle(&self, name: &str, pattern: &Pattern, now: Time) -> Idle {
        let is_for = |key: &Key| self.known.get(key).is_some_and(|known| known.is_for(name));
        let mut waiting = self.waiting.iter();
        let next = waiting.find(|(_, key)| pattern.matches(key.as_str()) && is_for(key));
        let (pending, claimed) = if pattern.is_all_under("task:") {
            (self.pending, self.claimed)
        } else {
            let from = self
                .known
                .range::<str, _>((Bound::Included(pattern.head()), Bound::Unbounded));
            let within = from.take_while(|(key, _)| key.as_str().starts_with(pattern.head()));
            let matching = within.filter(|(key, _)| pattern.matches(key.as_str()));
            matching.fold((0, 0), |(pending, claimed), (_, known)| {
                let is_claimed = known.place == Place::Claimed;
                (
                    pending + usize::from(known.place.is_pending()),
                    claimed + usize::from(is_claimed),
                )
            })
        };
        Idle {
            pending,
            claimed,
            retry_after: next.map_or(ASK_AGAIN, |(until, _)| until.since(now).min(ASK_AGAIN)),
        }
    }
}

impl Space {
    /// Returns the task that the agent called `name` is to get at `now`, if one that matches `pattern` is free.
    pub(crate) fn next_task(
        &self,
        name: &Arc<str>,
        pattern: &Pattern,
        now: Time,
    ) -> Option<(Key, Arc<Entry>)> {
        let entry = |key: &Key| self.get(key.as_str()).filter(|entry| entry.is_live(now));
        let fits = |(_, _, key): &&Rank| pattern.matches(key.as_str()) && entry(key).is_some();
        let queues = [None, Some(Arc::clone(name))];
        let queues = queues.iter().filter_map(|only| self.backlog.free.get(only));
        let (_, _, key) = queues.filter_map(|queue| queue.iter().find(fits)).min()?;
        Some((key.clone(), Arc::clone(entry(key)?)))
    }
}
