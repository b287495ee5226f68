//! What is tested against the model: the ledger alone, and the board around it.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Action, Board, Caller, Clock, Command, Condition, Delete, Entry, Event, Expire, Key, Kind, KindStats,
    Ledger, Limits, ManualClock, Namespace, NamespaceId, Op, Owner, Pattern, Refusal, Revision, RevisionFile,
    SessionId, Set, Sweep, Time, Update,
};

use super::naive::{Happened, Held, MAX_BYTES, MAX_KEYS, MAX_LOCKS, Said, restarted};
use super::program::{Act, Bet, KEYS, NAMESPACES, SESSIONS, Step, To, VALUES, Write};

const LIMITS: Limits = Limits {
    keys: MAX_KEYS,
    bytes: MAX_BYTES,
    locks: MAX_LOCKS,
};
/// More than any program changes in one step.
const ENOUGH: usize = 1_000;

/// A board that takes steps and lets itself be looked at.
pub(crate) trait Subject {
    fn take(&mut self, step: &Step) -> Said;
    fn rev(&self) -> u64;
    fn get(&self, namespace: usize, key: &str) -> Option<Held>;
    fn list(&self, namespace: usize) -> Vec<String>;
    fn tally(&self, namespace: usize) -> (usize, usize, usize);
    fn news(&mut self, namespace: usize) -> Vec<Happened>;
}

/// The pure ledger with a clock that is only a number.
pub(crate) struct LedgerSubject {
    ledger: Ledger,
    now: Time,
    namespaces: Vec<NamespaceId>,
    cursors: Vec<Revision>,
}

impl LedgerSubject {
    pub(crate) fn new() -> Self {
        Self::after(Revision::ZERO, Time::default())
    }

    fn after(start: Revision, now: Time) -> Self {
        let mut ledger = Ledger::new(start, LIMITS);
        let namespaces = names().map(|name| ledger.open(&name).unwrap()).collect();
        Self {
            ledger,
            now,
            namespaces,
            cursors: vec![start; NAMESPACES],
        }
    }

    fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        self.ledger.apply(self.now, caller, command).0
    }
}

impl Subject for LedgerSubject {
    fn take(&mut self, step: &Step) -> Said {
        match step {
            Step::Wait { millis } => {
                self.now = self.now.after(Duration::from_millis(*millis));
                Said::Nothing
            }
            Step::Restart => {
                *self = Self::after(Revision(restarted(self.rev())), self.now);
                Said::Nothing
            }
            Step::Sweep { limit } => {
                let caller = caller(self.namespaces[0], Owner::human());
                self.apply(&caller, Sweep { limit: *limit })
                    .map_or_else(said, |swept| Said::Swept(swept.expired))
            }
            Step::Expire {
                namespace,
                key,
                stale,
            } => {
                let namespace = self.namespaces[*namespace];
                let shown = self
                    .any_entry(namespace, KEYS[*key])
                    .map_or(0, |entry| entry.rev.0);
                let command = expire(*key, shown, *stale);
                self.apply(&caller(namespace, Owner::human()), command)
                    .map_or_else(said, |_| Said::Nothing)
            }
            Step::Act {
                session,
                namespace,
                act,
            } => {
                let namespace = self.namespaces[*namespace];
                let caller = caller(namespace, owner(*session));
                let entries = KEYS.map(|key| self.any_entry(namespace, key));
                match act {
                    Act::Set { key, value, seconds } => self
                        .apply(&caller, set(*key, *value, *seconds))
                        .map_or_else(said, |rev| Said::Rev(rev.0)),
                    Act::Delete { key } => self.apply(&caller, delete(*key)).map_or_else(said, Said::Existed),
                    Act::Update { ops, fence } => match update(ops, *fence, &entries) {
                        Ok(update) => self
                            .apply(&caller, update)
                            .map_or_else(said, |rev| Said::Rev(rev.0)),
                        Err(refusal) => said(refusal),
                    },
                }
            }
        }
    }

    fn rev(&self) -> u64 {
        self.ledger.rev().0
    }

    fn get(&self, namespace: usize, key: &str) -> Option<Held> {
        self.ledger
            .get(self.now, self.namespaces[namespace], key)
            .map(|entry| held(&entry))
    }

    fn list(&self, namespace: usize) -> Vec<String> {
        // Page by page, so that cursors are part of every comparison.
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().map(String::as_str);
            let page = self
                .ledger
                .list(self.now, self.namespaces[namespace], &Pattern::all(), after, 2);
            keys.extend(page.rows.iter().map(|(key, _)| key.to_string()));
            if page.cursor.is_none() {
                return keys;
            }
        }
    }

    fn tally(&self, namespace: usize) -> (usize, usize, usize) {
        tally(self.ledger.tally(self.namespaces[namespace]))
    }

    fn news(&mut self, namespace: usize) -> Vec<Happened> {
        let id = self.namespaces[namespace];
        let (events, cursor) = self
            .ledger
            .events_after(id, self.cursors[namespace], &Pattern::all(), ENOUGH)
            .unwrap();
        self.cursors[namespace] = cursor;
        events.into_iter().map(happened).collect()
    }
}

impl LedgerSubject {
    /// Returns what is stored, also when it has run out: what a screen may still show.
    fn any_entry(&self, namespace: NamespaceId, key: &str) -> Option<Arc<Entry>> {
        self.ledger.get(Time::default(), namespace, key)
    }
}

/// The board with its cache, its clock turned by hand.
pub(crate) struct BoardSubject {
    shadow: LedgerSubject,
    board: Board,
    clock: Arc<ManualClock>,
    cursors: Vec<Revision>,
}

#[derive(Debug)]
struct Turned(Arc<ManualClock>);

impl Clock for Turned {
    fn now(&self) -> Time {
        self.0.now()
    }

    fn wall(&self) -> jiff::Timestamp {
        self.0.wall()
    }
}

impl BoardSubject {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let (board, start) = (board(&clock, Revision::ZERO), Revision::ZERO);
        Self {
            shadow: LedgerSubject::new(),
            board,
            clock,
            cursors: vec![start; NAMESPACES],
        }
    }

    fn apply<C: Command>(&self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        self.board.apply(caller, command)
    }
}

fn board(clock: &Arc<ManualClock>, start: Revision) -> Board {
    let board = Board::new(
        Turned(Arc::clone(clock)),
        LIMITS,
        RevisionFile::in_memory(),
        start,
    );
    for name in names() {
        board.open(&name).unwrap();
    }
    board
}

impl Subject for BoardSubject {
    fn take(&mut self, step: &Step) -> Said {
        // The shadow knows what is stored although it has run out, which a board does not show.
        let namespaces = self.shadow.namespaces.clone();
        let entries = namespaces
            .iter()
            .map(|id| KEYS.map(|key| self.shadow.any_entry(*id, key)));
        let entries: Vec<_> = entries.collect();
        self.shadow.take(step);
        match step {
            Step::Wait { millis } => {
                self.clock.advance(Duration::from_millis(*millis));
                Said::Nothing
            }
            Step::Restart => {
                let start = Revision(self.shadow.rev());
                self.board = board(&self.clock, start);
                self.cursors = vec![start; NAMESPACES];
                Said::Nothing
            }
            Step::Sweep { limit } => {
                let caller = caller(namespaces[0], Owner::human());
                self.apply(&caller, Sweep { limit: *limit })
                    .map_or_else(said, |swept| Said::Swept(swept.expired))
            }
            Step::Expire {
                namespace,
                key,
                stale,
            } => {
                let shown = entries[*namespace][*key].as_ref().map_or(0, |entry| entry.rev.0);
                let Expire { key, rev } = expire(*key, shown, *stale);
                self.board
                    .expire(namespaces[*namespace], key, rev)
                    .map_or_else(said, |_| Said::Nothing)
            }
            Step::Act {
                session,
                namespace,
                act,
            } => {
                let caller = caller(namespaces[*namespace], owner(*session));
                match act {
                    Act::Set { key, value, seconds } => self
                        .apply(&caller, set(*key, *value, *seconds))
                        .map_or_else(said, |rev| Said::Rev(rev.0)),
                    Act::Delete { key } => self.apply(&caller, delete(*key)).map_or_else(said, Said::Existed),
                    Act::Update { ops, fence } => match update(ops, *fence, &entries[*namespace]) {
                        Ok(update) => self
                            .apply(&caller, update)
                            .map_or_else(said, |rev| Said::Rev(rev.0)),
                        Err(refusal) => said(refusal),
                    },
                }
            }
        }
    }

    fn rev(&self) -> u64 {
        self.board.rev().0
    }

    fn get(&self, namespace: usize, key: &str) -> Option<Held> {
        let key = Key::parse(key).unwrap();
        self.board
            .get(self.shadow.namespaces[namespace], &key)
            .map(|entry| held(&entry))
    }

    fn list(&self, namespace: usize) -> Vec<String> {
        let page = self
            .board
            .list(self.shadow.namespaces[namespace], &Pattern::all(), None, ENOUGH);
        page.rows.iter().map(|(key, _)| key.to_string()).collect()
    }

    fn tally(&self, namespace: usize) -> (usize, usize, usize) {
        tally(self.board.stats(self.shadow.namespaces[namespace]).kinds)
    }

    fn news(&mut self, namespace: usize) -> Vec<Happened> {
        let id = self.shadow.namespaces[namespace];
        let (events, cursor) = self
            .board
            .events_after(id, self.cursors[namespace], &Pattern::all(), ENOUGH)
            .unwrap();
        self.cursors[namespace] = cursor;
        events.into_iter().map(happened).collect()
    }
}

fn names() -> impl Iterator<Item = Namespace> {
    (0..NAMESPACES).map(|number| Namespace::parse(&format!("n{number}")).unwrap())
}

fn owner(session: usize) -> Arc<Owner> {
    Owner::new(SESSIONS[session], SessionId(session as u64 + 1))
}

fn caller(namespace: NamespaceId, owner: Arc<Owner>) -> Caller {
    Caller { namespace, owner }
}

fn key(at: usize) -> Key {
    Key::parse(KEYS[at]).unwrap()
}

fn set(at: usize, value: usize, seconds: u64) -> Set {
    Set::new(key(at), Arc::from(VALUES[value]), Duration::from_secs(seconds)).unwrap()
}

fn delete(at: usize) -> Delete {
    Delete { key: key(at) }
}

fn expire(at: usize, shown: u64, stale: bool) -> Expire {
    let rev = if stale { shown + 1_000_000 } else { shown };
    Expire {
        key: key(at),
        rev: Revision(rev),
    }
}

fn update(ops: &[Write], fence: Option<usize>, entries: &[Option<Arc<Entry>>]) -> Result<Update, Refusal> {
    let ops = ops.iter().map(|op| {
        let rev = entries[op.key].as_ref().map_or(Revision::ZERO, |entry| entry.rev);
        let condition = match op.condition {
            Bet::None => Condition::default(),
            Bet::Absent => Condition {
                if_rev: Some(Revision::ZERO),
                if_value: None,
            },
            Bet::Present => Condition {
                if_rev: Some(rev),
                if_value: None,
            },
            Bet::StaleRev => Condition {
                if_rev: Some(Revision(rev.0 + 1_000_000)),
                if_value: None,
            },
            Bet::Value(value) => Condition {
                if_rev: None,
                if_value: Some(Arc::from(VALUES[value])),
            },
        };
        let action = match op.to {
            To::Same => Action::Check(key(op.key)),
            To::Value(value) => Action::Set(set(op.key, value, op.seconds)),
            To::Gone => Action::Delete(delete(op.key)),
        };
        Op { action, condition }
    });
    let fence = fence.map(|at| {
        let lease = entries[at].as_ref().and_then(|entry| entry.lease.as_ref());
        lease.map_or(Revision(999_999_999), |lease| lease.fence)
    });
    Update::new(ops.collect(), fence)
}

fn said(refusal: Refusal) -> Said {
    match refusal {
        Refusal::Leased { holder, .. } => Said::Leased(holder.name.to_string()),
        Refusal::Full { which, .. } => Said::Full(which),
        Refusal::Conflict { key, rev, .. } => Said::Conflict(key.to_string(), rev.0),
        Refusal::Lost { .. } => Said::Lost,
        Refusal::Invalid { .. } => Said::Twice,
        Refusal::Changed { rev, .. } => Said::Changed(rev.0),
        other => unreachable!("no program makes the board say {other}"),
    }
}

fn held(entry: &Entry) -> Held {
    let lease = entry.lease.as_ref();
    Held {
        value: entry.value.to_string(),
        rev: entry.rev.0,
        created: entry.created_rev.0,
        lease: lease.map(|lease| (lease.fence.0, lease.owner.name.to_string(), lease.owner.session.0)),
    }
}

fn happened(event: Event) -> Happened {
    Happened {
        rev: event.rev.0,
        key: event.key.to_string(),
        kind: event.kind.name(),
        by: event.by.name.to_string(),
        value: event.value.map(|value| value.to_string()),
    }
}

fn tally(kinds: [(Kind, KindStats); Kind::ALL.len()]) -> (usize, usize, usize) {
    let keys = kinds.iter().map(|(_, stats)| stats.keys).sum();
    let bytes = kinds.iter().map(|(_, stats)| stats.bytes).sum();
    let locks = kinds
        .iter()
        .find(|(kind, _)| *kind == Kind::Lock)
        .map_or(0, |(_, stats)| stats.keys);
    (keys, bytes, locks)
}
