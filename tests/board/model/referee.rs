//! The referee: runs a program on a heart and on the model, and looks at both after each step.

use callboard::board::{Compacted, Entry, Event, Key, Kind, Pattern, Revision};
use proptest::prelude::*;

use super::hearts::{Heart, take};
use super::naive::{Deed, Happened, Made, Naive, Op, Stored};
use super::program::{Bet, Fence, KEYS, NAMESPACES, PATTERNS, Step, To, VALUES, Who, Write};

/// More events than any step makes.
const ENOUGH: usize = 1_000;

pub(super) struct Referee<H> {
    heart: H,
    model: Naive,
    keys: [Key; KEYS.len()],
    patterns: [Pattern; PATTERNS.len()],
    /// The cursor of each watcher.
    cursors: [[u64; PATTERNS.len()]; NAMESPACES],
    /// A copy of the store made of nothing but events, and how many were read for it.
    replica: Vec<(usize, &'static str, &'static str)>,
    read: usize,
    follower: u64,
}

impl<H: Heart> Referee<H> {
    pub(super) fn of(heart: H) -> Self {
        Self {
            heart,
            model: Naive::default(),
            keys: KEYS.map(|key| Key::parse(key).unwrap()),
            patterns: PATTERNS.map(|pattern| Pattern::parse(pattern).unwrap()),
            cursors: Default::default(),
            replica: Vec::new(),
            read: 0,
            follower: 0,
        }
    }

    pub(super) fn run(&mut self, program: &[Step]) -> Result<(), TestCaseError> {
        for (at, step) in program.iter().enumerate() {
            self.step(step)
                .and_then(|()| self.compare())
                .map_err(|error| TestCaseError::fail(format!("step {at}, {step:?}: {error}")))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let deed = match *step {
            Step::List {
                namespace,
                pattern,
                limit,
            } => return self.list(namespace, pattern, limit),
            Step::Watch {
                namespace,
                pattern,
                limit,
            } => return self.watch(namespace, pattern, limit),
            ref step => self.resolve(step),
        };
        let before = self.model.rev;
        let (told, expected) = (take(&mut self.heart, &deed), self.model.take(&deed));
        prop_assert_eq!(told, expected, "the answer to {:?}", deed);
        prop_assert_eq!(self.heart.rev().0, self.model.rev);
        if let Deed::Restart(start) = deed {
            prop_assert!(start > before);
            self.restarted(before, start)?;
        }
        Ok(())
    }

    /// Says every number of `step` as it is at this moment.
    fn resolve(&self, step: &Step) -> Deed {
        let stored_rev = |namespace, key: usize| self.model.at(namespace, KEYS[key]).map_or(0, |one| one.rev);
        match *step {
            Step::Wait { millis } => Deed::Wait(millis * 1_000_000),
            Step::Deadline { before } => {
                let deadlines = self.model.stored.iter().map(|one| one.deadline);
                let next = deadlines.filter(|deadline| *deadline > self.model.now).min();
                let wait = next.map_or(0, |next| next - self.model.now);
                Deed::Wait(wait.saturating_sub(u64::from(before)))
            }
            Step::Set {
                who: Who { session, namespace },
                key,
                value,
                seconds,
            } => Deed::Set {
                session,
                namespace,
                op: self.op(
                    namespace,
                    Write {
                        key,
                        to: To::Value(value),
                        seconds,
                        bet: Bet::None,
                    },
                ),
            },
            Step::Delete {
                who: Who { session, namespace },
                key,
            } => Deed::Delete {
                session,
                namespace,
                key: KEYS[key],
            },
            Step::Update {
                who: Who { session, namespace },
                ops,
                count,
                fence,
            } => Deed::Update {
                session,
                namespace,
                ops: ops[..count]
                    .iter()
                    .map(|write| self.op(namespace, *write))
                    .collect(),
                fence: match fence {
                    Fence::None => None,
                    Fence::Of(key) => {
                        let lease = self.model.at(namespace, KEYS[key]).and_then(|one| one.lease);
                        Some(lease.map_or(u64::MAX, |lease| lease.fence))
                    }
                    Fence::Back(back) => Some(self.model.rev.saturating_sub(back)),
                },
            },
            Step::Expire {
                namespace,
                key,
                stale,
            } => Deed::Expire {
                namespace,
                key: KEYS[key],
                rev: stored_rev(namespace, key) + u64::from(stale),
            },
            Step::Sweep { limit } => Deed::Sweep(limit),
            // Blocks of a thousand are reserved.
            Step::Restart => Deed::Restart((self.model.rev / 1_000 + 1) * 1_000),
            Step::List { .. } | Step::Watch { .. } => unreachable!("looking is no deed"),
        }
    }

    fn op(&self, namespace: usize, write: Write) -> Op {
        let rev = self.model.at(namespace, KEYS[write.key]).map_or(0, |one| one.rev);
        Op {
            key: KEYS[write.key],
            to: match write.to {
                To::Same => Made::Same,
                To::Value(value) => Made::Value(VALUES[value], write.seconds),
                To::Gone => Made::Gone,
            },
            if_rev: match write.bet {
                Bet::None | Bet::Value(_) => None,
                Bet::Absent => Some(0),
                Bet::Present => Some(rev),
                Bet::Stale => Some(rev + 1),
            },
            if_value: match write.bet {
                Bet::Value(value) => Some(VALUES[value]),
                _ => None,
            },
        }
    }

    /// Lists page by page, so that cursors are part of the comparison.
    fn list(&self, namespace: usize, pattern: usize, limit: usize) -> Result<(), TestCaseError> {
        let expected: Vec<_> = KEYS
            .into_iter()
            .filter(|key| matches(pattern, key) && self.model.get(namespace, key).is_some())
            .collect();
        let mut keys: Vec<String> = Vec::new();
        let mut after: Option<Key> = None;
        loop {
            let page = self.heart.list(
                namespace,
                &self.patterns[pattern],
                after.as_ref().map(Key::as_str),
                limit,
            );
            prop_assert!(page.rows.len() <= limit);
            prop_assert_eq!(page.rev.0, self.model.rev);
            for (key, entry) in page.rows {
                prop_assert!(is_same(Some(&entry), self.model.get(namespace, key.as_str())));
                keys.push(key.to_string());
            }
            prop_assert!(
                page.cursor.is_none() || page.cursor > after,
                "the cursor moves on"
            );
            after = page.cursor;
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(keys, expected);
        Ok(())
    }

    /// One look of the watcher of `pattern`, which may be far behind.
    fn watch(&mut self, namespace: usize, pattern: usize, limit: usize) -> Result<(), TestCaseError> {
        let since = self.cursors[namespace][pattern];
        let read = self
            .heart
            .events_after(namespace, Revision(since), &self.patterns[pattern], limit);
        let Ok((events, Revision(cursor))) = read else {
            return Err(TestCaseError::fail("nothing was dropped"));
        };
        let missed: Vec<_> = self
            .model
            .log
            .iter()
            .filter(|one| one.namespace == namespace && one.rev > since && one.rev <= cursor)
            .filter(|one| matches(pattern, one.key))
            .collect();
        prop_assert!(
            events.len() == missed.len() && events.iter().zip(&missed).all(|(event, one)| tells(event, one)),
            "up to the cursor {} the watcher saw {:?}, and there was {:?}",
            cursor,
            events,
            missed
        );
        let whole = cursor == self.model.rev;
        prop_assert!(cursor <= self.model.rev && (whole || events.len() >= limit));
        let last = events.last().map_or(0, |event| event.rev.0);
        let before = events.iter().filter(|event| event.rev.0 < last).count();
        prop_assert!(before < limit, "no more revisions than asked for");
        self.cursors[namespace][pattern] = cursor;
        Ok(())
    }

    fn restarted(&mut self, before: u64, start: u64) -> Result<(), TestCaseError> {
        for namespace in 0..NAMESPACES {
            let read = self
                .heart
                .events_after(namespace, Revision(before.max(1)), &self.patterns[0], ENOUGH);
            let told = Compacted {
                oldest: Revision(start + 1),
                rev: Revision(start),
            };
            prop_assert_eq!(read, Err(told), "a cursor from before the restart");
        }
        self.cursors = [[start; PATTERNS.len()]; NAMESPACES];
        self.replica.clear();
        self.read = 0;
        self.follower = start;
        Ok(())
    }

    /// Compares all that can be seen.
    fn compare(&mut self) -> Result<(), TestCaseError> {
        let news = &self.model.log[self.read..];
        for namespace in 0..NAMESPACES {
            for key in &self.keys {
                let (seen, held) = (
                    self.heart.get(namespace, key),
                    self.model.get(namespace, key.as_str()),
                );
                prop_assert!(
                    is_same(seen.as_deref(), held),
                    "{} of {}: read {:?}, held {:?}",
                    key,
                    namespace,
                    seen,
                    held
                );
            }
            let kinds = self.heart.tally(namespace);
            let locks = kinds[Kind::Lock as usize].1.keys;
            let keys = kinds.iter().map(|(_, stats)| stats.keys).sum::<usize>();
            let bytes = kinds.iter().map(|(_, stats)| stats.bytes).sum::<usize>();
            prop_assert_eq!((keys, bytes, locks), self.model.tally(namespace), "the tally");

            let read = self
                .heart
                .events_after(namespace, Revision(self.follower), &self.patterns[0], ENOUGH);
            let Ok((events, cursor)) = read else {
                return Err(TestCaseError::fail("nothing was dropped"));
            };
            prop_assert_eq!(cursor.0, self.model.rev);
            let expected: Vec<_> = news.iter().filter(|one| one.namespace == namespace).collect();
            prop_assert!(
                events.len() == expected.len()
                    && events.iter().zip(&expected).all(|(event, one)| tells(event, one)),
                "happened {:?}, told {:?}",
                expected,
                events
            );
            for pair in expected.windows(2) {
                prop_assert!(
                    pair[0].rev < pair[1].rev || pair[0].rev == pair[1].rev && pair[0].key != pair[1].key
                );
            }
            for one in expected {
                self.replica
                    .retain(|(of, key, _)| (*of, *key) != (namespace, one.key));
                self.replica
                    .extend(one.value.map(|value| (namespace, one.key, value)));
            }
        }
        let stored = &self.model.stored;
        let agrees = |(namespace, key, value): &(usize, &str, &str)| {
            self.model
                .at(*namespace, key)
                .is_some_and(|one| one.value == *value)
        };
        prop_assert!(
            self.replica.len() == stored.len() && self.replica.iter().all(agrees),
            "the events make {:?}, and there is {:?}",
            self.replica,
            stored
        );
        self.read = self.model.log.len();
        self.follower = self.model.rev;
        Ok(())
    }
}

fn is_same(seen: Option<&Entry>, held: Option<&Stored>) -> bool {
    let (Some(seen), Some(held)) = (seen, held) else {
        return seen.is_none() && held.is_none();
    };
    let leases = match (seen.lease(), &held.lease) {
        (Some(seen), Some(held)) => {
            (seen.fence.0, &*seen.owner().name, seen.owner().session.0)
                == (held.fence, held.name, held.session as u64 + 1)
        }
        (seen, held) => seen.is_none() && held.is_none(),
    };
    leases
        && (&*seen.value, &*seen.by.name) == (held.value, held.by)
        && (seen.rev.0, seen.created_rev.0) == (held.rev, held.created)
        && seen.deadline.as_nanos() == held.deadline
}

fn tells(event: &Event, one: &Happened) -> bool {
    (event.rev.0, event.key.as_str(), event.kind.name()) == (one.rev, one.key, one.kind)
        && (&*event.by.name, event.value.as_deref()) == (one.by, one.value)
}

/// Matches by the numbers of [`PATTERNS`], written out.
fn matches(pattern: usize, key: &str) -> bool {
    match PATTERNS[pattern] {
        "*" => true,
        "lock:*" => key.starts_with("lock:"),
        "*:a" => key.ends_with(":a"),
        whole => key == whole,
    }
}
