//! What happened: a bounded history that watchers read with a cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Compacted, Key, Owner, Pattern, Reason, Revision, Time};

const MAX_EVENTS: usize = 100_000;
const MAX_BYTES: usize = 64 << 20;
/// What an event weighs besides its texts.
const EVENT_BYTES: usize = 96;

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The revision of the batch that this change was part of.
    pub rev: Revision,
    /// The key that changed.
    pub key: Key,
    /// What happened to it.
    pub kind: EventKind,
    /// Who did it; for a time to live that ran out, who wrote the entry last; for a lease, who held it.
    pub by: Arc<Owner>,
    /// What stands there now, `None` when nothing does. Replaying it is all that a copy of the board needs.
    pub value: Option<Arc<str>>,
    /// When it happened.
    pub at: Time,
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A value was written.
    Set,
    /// Its owner removed it or gave the lock back.
    Delete,
    /// Its time ran out, or a person ended it.
    Expire,
    /// Somebody holds it from now on.
    Lease,
    /// Somebody holds it no more.
    Drop(Reason),
    /// A file that is locked by it was changed by somebody else than its holder. The key stays as it was, with
    /// the revision that it had.
    Change,
}

impl EventKind {
    /// Returns the word that tools and the dashboard use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Delete => "delete",
            Self::Expire => "expire",
            Self::Lease => "lease",
            Self::Drop(_) => "drop",
            Self::Change => "change",
        }
    }

    /// Returns why a lease ended, for an event that is the end of one.
    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Drop(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The last 100,000 events or 64 MiB of them, whole revisions only.
///
/// A watcher is a cursor into this history, so a slow one costs nothing; one that fell behind is told so.
#[derive(Clone, Debug)]
pub struct History {
    events: VecDeque<Event>,
    bytes: usize,
    /// The highest revision of which an event was dropped, or the revision at which the history began.
    compacted: Revision,
}

impl History {
    /// Returns an empty history that begins after `start`.
    pub fn new(start: Revision) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            compacted: start,
        }
    }

    /// Returns the revision of the newest event, or that at which the history began.
    pub(crate) fn rev(&self) -> Revision {
        self.events.back().map_or(self.compacted, |event| event.rev)
    }

    /// Returns about the last `limit` events, oldest first, and the revision after which all are among them.
    pub(crate) fn tail(&self, limit: usize) -> (Revision, Vec<Event>) {
        let skipped = self.events.len().saturating_sub(limit);
        let Some(last) = skipped.checked_sub(1).and_then(|at| self.events.get(at)) else {
            return (self.compacted, self.events.iter().cloned().collect());
        };
        let first = self.events.partition_point(|event| event.rev <= last.rev);
        (last.rev, self.events.range(first..).cloned().collect())
    }

    /// Adds an event; its revision is not below the last one's.
    pub(crate) fn push(&mut self, event: Event) {
        self.bytes += weight(&event);
        self.events.push_back(event);
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= weight(&oldest);
            self.compacted = oldest.rev;
        }
        // A revision is kept whole or not at all.
        while self
            .events
            .front()
            .is_some_and(|event| event.rev == self.compacted)
        {
            if let Some(torn) = self.events.pop_front() {
                self.bytes -= weight(&torn);
            }
        }
    }

    /// Returns the events after `since` that match, oldest first, until about `limit` are found.
    ///
    /// All events of a revision come together. The second value is the cursor to go on from: `rev`, the
    /// board's revision, when nothing was left behind. `since` zero means whatever is kept.
    pub fn after(
        &self,
        since: Revision,
        pattern: &Pattern,
        limit: usize,
        rev: Revision,
    ) -> Result<(Vec<Event>, Revision), Compacted> {
        if since != Revision::ZERO && since < self.compacted {
            return Err(Compacted {
                oldest: self.compacted.next(),
                rev,
            });
        }
        let first = self.events.partition_point(|event| event.rev <= since);
        let mut found: Vec<Event> = Vec::new();
        for event in self.events.range(first..) {
            if let Some(last) = found.last()
                && found.len() >= limit
                && last.rev != event.rev
            {
                let cursor = last.rev;
                return Ok((found, cursor));
            }
            if pattern.matches(event.key.as_str()) {
                found.push(event.clone());
            }
        }
        Ok((found, rev))
    }

    /// Returns the newest `limit` events that match, newest first.
    pub fn latest(&self, pattern: &Pattern, limit: usize) -> Vec<Event> {
        let matching = self
            .events
            .iter()
            .rev()
            .filter(|event| pattern.matches(event.key.as_str()));
        matching.take(limit).cloned().collect()
    }
}

fn weight(event: &Event) -> usize {
    EVENT_BYTES + event.key.as_str().len() + event.value.as_ref().map_or(0, |value| value.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::SessionId;

    fn event(rev: u64, key: &str, value: Option<Arc<str>>) -> Event {
        Event {
            rev: Revision(rev),
            key: Key::parse(key).unwrap(),
            kind: EventKind::Set,
            by: Owner::new("a", SessionId(1)),
            value,
            at: Time::default(),
        }
    }

    #[test]
    fn a_cursor_sees_each_event_once_and_revisions_whole() {
        let mut history = History::new(Revision(0));
        for (rev, key) in [(1, "a"), (2, "b"), (2, "c"), (3, "d")] {
            history.push(event(rev, key, None));
        }
        let all = Pattern::all();
        let (events, cursor) = history.after(Revision(1), &all, 1, Revision(3)).unwrap();
        assert_eq!(
            events.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(),
            ["b", "c"]
        );
        assert_eq!(cursor, Revision(2));
        let (events, cursor) = history.after(cursor, &all, 1, Revision(3)).unwrap();
        assert_eq!((events.len(), cursor), (1, Revision(3)));
    }

    #[test]
    fn the_last_events_come_in_whole_revisions() {
        let mut history = History::new(Revision(7));
        assert_eq!(history.tail(2), (Revision(7), vec![]));
        for (rev, key) in [(8, "a"), (9, "b"), (9, "c"), (9, "d"), (10, "e")] {
            history.push(event(rev, key, None));
        }
        let keys = |limit| {
            let (after, events) = history.tail(limit);
            let keys: String = events.iter().map(|event| event.key.as_str()).collect();
            (after.0, keys)
        };
        assert_eq!(keys(9), (7, "abcde".to_owned()));
        assert_eq!(keys(5), (7, "abcde".to_owned()));
        assert_eq!(keys(4), (8, "bcde".to_owned()));
        assert_eq!(keys(3), (9, "e".to_owned()), "nothing is told of half a revision");
        assert_eq!(keys(0), (10, String::new()));
        assert_eq!(history.rev(), Revision(10));
    }

    #[test]
    fn the_cursor_moves_on_although_nothing_matches() {
        let mut history = History::new(Revision(0));
        history.push(event(1, "task:1", None));
        let locks = Pattern::prefix("lock:");
        assert_eq!(
            history.after(Revision(0), &locks, 10, Revision(1)),
            Ok((vec![], Revision(1)))
        );
    }

    #[test]
    fn what_was_dropped_is_told_and_a_torn_revision_goes_whole() {
        let mut history = History::new(Revision(0));
        let big: Arc<str> = Arc::from("x".repeat(MAX_BYTES / 3));
        for (rev, key) in [(1, "a"), (1, "b"), (2, "c"), (3, "d")] {
            history.push(event(rev, key, Some(Arc::clone(&big))));
        }
        let all = Pattern::all();
        let told = history.after(Revision(0).next().next(), &all, 10, Revision(3));
        assert_eq!(told.unwrap().0.len(), 1);
        let mut late = history.clone();
        late.compacted = Revision(2);
        assert_eq!(
            late.after(Revision(1), &all, 10, Revision(3)),
            Err(Compacted {
                oldest: Revision(3),
                rev: Revision(3)
            })
        );
        assert_eq!(
            history.after(Revision::ZERO, &all, 10, Revision(3)).unwrap().0[0].rev,
            Revision(2)
        );
    }

    #[test]
    fn the_count_is_bounded_and_a_revision_at_the_edge_goes_whole() {
        let mut history = History::new(Revision(0));
        let full = MAX_EVENTS as u64;
        // Three events a revision: the bound falls in the middle of one.
        for number in 0..=full {
            history.push(event(1 + number / 3, "status:a", None));
        }
        let (all, rev) = (Pattern::all(), Revision(1 + full / 3));
        assert!(
            history.after(Revision(0), &all, 1, rev).is_ok(),
            "zero asks for whatever is kept"
        );
        assert!(
            history.after(Revision(1), &all, 1, rev).is_ok(),
            "all of the second revision is kept"
        );
        assert_eq!(history.events.len() as u64, full + 1 - 3);
        assert_eq!(history.bytes, history.events.iter().map(weight).sum::<usize>());
        history.push(event(rev.0, "status:b", None));
        history.push(event(rev.0, "status:c", None));
        history.push(event(rev.0, "status:d", None));
        let told = history.after(Revision(1), &all, 1, rev);
        assert_eq!(told.unwrap_err().oldest, Revision(3));
    }

    #[test]
    fn a_batch_that_is_larger_than_the_history_is_told_as_gone() {
        let mut history = History::new(Revision(0));
        let huge: Arc<str> = Arc::from("x".repeat(MAX_BYTES));
        history.push(event(1, "a", Some(huge)));
        history.push(event(1, "b", None));
        history.push(event(2, "c", None));
        let all = Pattern::all();
        let told = history.after(Revision(1), &all, 9, Revision(2)).unwrap().0;
        assert_eq!(told.len(), 1, "of the torn revision nothing is told");
        let mut began = History::new(Revision(5));
        began.push(event(6, "a", None));
        assert!(began.after(Revision(4), &all, 9, Revision(6)).is_err());
        assert_eq!(began.after(Revision(5), &all, 9, Revision(6)).unwrap().0.len(), 1);
    }

    #[test]
    fn a_history_that_began_later_does_not_pretend_to_know_what_came_before() {
        let history = History::new(Revision(1_000_000));
        let all = Pattern::all();
        assert!(history.after(Revision(7), &all, 10, Revision(1_000_000)).is_err());
        assert!(
            history
                .after(Revision(1_000_000), &all, 10, Revision(1_000_000))
                .is_ok()
        );
    }
}
