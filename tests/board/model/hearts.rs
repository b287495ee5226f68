//! What is tested against the model: the ledger alone, and the board around it.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Action, Board, Caller, Command, Compacted, Condition, Delete, Entry, Event, Expire, Key, Kind, KindStats,
    Ledger, Limits, ManualClock, Namespace, NamespaceId, Op, Owner, Page, Pattern, Presence, Refusal,
    Revision, RevisionFile, SessionId, Set, Sweep, Time, Update,
};

use super::naive::{self, Deed, MAX_BYTES, MAX_KEYS, MAX_LOCKS, Made, Said};
use super::program::{NAMESPACES, SESSIONS};

const LIMITS: Limits = Limits {
    keys: MAX_KEYS,
    bytes: MAX_BYTES,
    locks: MAX_LOCKS,
    idle: Duration::from_secs(900),
};

/// Events, and the cursor to go on from.
pub(super) type Read = Result<(Vec<Event>, Revision), Compacted>;

/// What holds entries and lets itself be looked at.
pub(super) trait Heart {
    fn wait(&mut self, time: Duration);
    fn restart(&mut self, start: Revision);
    fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> Result<C::Answer, Refusal>;
    fn space(&self, namespace: usize) -> NamespaceId;
    fn rev(&self) -> Revision;
    fn get(&self, namespace: usize, key: &Key) -> Option<Arc<Entry>>;
    fn list(&self, namespace: usize, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page;
    fn events_after(&self, namespace: usize, since: Revision, pattern: &Pattern, limit: usize) -> Read;
    fn tally(&self, namespace: usize) -> [(Kind, KindStats); Kind::ALL.len()];
}

/// Does `deed` and returns the answer in the model's words.
pub(super) fn take(heart: &mut impl Heart, deed: &Deed) -> Said {
    match deed {
        Deed::Wait(nanos) => {
            heart.wait(Duration::from_nanos(*nanos));
            Said::Nothing
        }
        Deed::Restart(start) => {
            heart.restart(Revision(*start));
            Said::Nothing
        }
        Deed::Sweep(limit) => {
            let caller = person(heart.space(0));
            let swept = heart.apply(&caller, Sweep { limit: *limit });
            swept.map_or_else(said, |swept| Said::Swept(swept.expired))
        }
        Deed::Expire { namespace, key, rev } => {
            let caller = person(heart.space(*namespace));
            let (key, rev) = (name(key), Revision(*rev));
            let ended = heart.apply(&caller, Expire { key, rev });
            ended.map_or_else(said, |_| Said::Nothing)
        }
        Deed::Set {
            session,
            namespace,
            op,
        } => {
            let caller = agent(heart.space(*namespace), *session);
            let Made::Value(value, seconds) = op.to else {
                unreachable!("a set sets")
            };
            let written = heart.apply(&caller, set(op.key, value, seconds));
            written.map_or_else(said, |rev| Said::Rev(rev.0))
        }
        Deed::Delete {
            session,
            namespace,
            key,
        } => {
            let caller = agent(heart.space(*namespace), *session);
            let removed = heart.apply(&caller, Delete { key: name(key) });
            removed.map_or_else(said, Said::Existed)
        }
        Deed::Update {
            session,
            namespace,
            ops,
            fence,
        } => {
            let caller = agent(heart.space(*namespace), *session);
            let written = Update::new(ops.iter().map(op).collect(), fence.map(Revision))
                .and_then(|update| heart.apply(&caller, update));
            written.map_or_else(said, |rev| Said::Rev(rev.0))
        }
    }
}

/// The pure ledger with a clock that is only a number.
pub(super) struct Alone {
    ledger: Ledger,
    now: Time,
}

impl Alone {
    pub(super) fn new() -> Self {
        Self::after(Revision::ZERO, Time::default())
    }

    fn after(start: Revision, now: Time) -> Self {
        let mut ledger = Ledger::new(start, LIMITS);
        for name in names() {
            ledger.open(&name).unwrap();
        }
        Self { ledger, now }
    }
}

impl Heart for Alone {
    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn restart(&mut self, start: Revision) {
        *self = Self::after(start, self.now);
    }

    fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        self.ledger.apply(self.now, caller, command).0
    }

    fn space(&self, namespace: usize) -> NamespaceId {
        self.ledger.namespaces()[namespace].0
    }

    fn rev(&self) -> Revision {
        self.ledger.rev()
    }

    fn get(&self, namespace: usize, key: &Key) -> Option<Arc<Entry>> {
        self.ledger.get(self.now, self.space(namespace), key.as_str())
    }

    fn list(&self, namespace: usize, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page {
        self.ledger
            .list(self.now, self.space(namespace), pattern, after, limit)
    }

    fn events_after(&self, namespace: usize, since: Revision, pattern: &Pattern, limit: usize) -> Read {
        self.ledger
            .events_after(self.space(namespace), since, pattern, limit)
    }

    fn tally(&self, namespace: usize) -> [(Kind, KindStats); Kind::ALL.len()] {
        self.ledger.tally(self.space(namespace))
    }
}

/// The board, whose reads of one key come from the cache; its clock is turned by hand.
pub(super) struct Whole {
    board: Board,
    clock: Arc<ManualClock>,
}

impl Whole {
    pub(super) fn new() -> Self {
        Self::after(Revision::ZERO, Arc::default())
    }

    fn after(start: Revision, clock: Arc<ManualClock>) -> Self {
        let board = Board::new(Arc::clone(&clock), LIMITS, RevisionFile::in_memory(), start);
        for name in names() {
            board.open(&name).unwrap();
        }
        Self { board, clock }
    }
}

impl Heart for Whole {
    fn wait(&mut self, time: Duration) {
        self.clock.advance(time);
    }

    fn restart(&mut self, start: Revision) {
        *self = Self::after(start, Arc::clone(&self.clock));
    }

    fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        self.board.apply(caller, command)
    }

    fn space(&self, namespace: usize) -> NamespaceId {
        self.board.namespaces()[namespace].0
    }

    fn rev(&self) -> Revision {
        self.board.rev()
    }

    fn get(&self, namespace: usize, key: &Key) -> Option<Arc<Entry>> {
        self.board.get(self.space(namespace), key)
    }

    fn list(&self, namespace: usize, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page {
        self.board.list(self.space(namespace), pattern, after, limit)
    }

    fn events_after(&self, namespace: usize, since: Revision, pattern: &Pattern, limit: usize) -> Read {
        self.board
            .events_after(self.space(namespace), since, pattern, limit)
    }

    fn tally(&self, namespace: usize) -> [(Kind, KindStats); Kind::ALL.len()] {
        self.board.stats(self.space(namespace)).kinds
    }
}

fn names() -> impl Iterator<Item = Namespace> {
    (0..NAMESPACES).map(|number| Namespace::parse(&format!("n{number}")).unwrap())
}

fn agent(namespace: NamespaceId, session: usize) -> Caller {
    caller(
        namespace,
        Owner::new(SESSIONS[session], SessionId(session as u64 + 1)),
    )
}

fn person(namespace: NamespaceId) -> Caller {
    caller(namespace, Owner::human())
}

fn caller(namespace: NamespaceId, owner: Arc<Owner>) -> Caller {
    Caller {
        namespace,
        presence: Presence::new(owner, LIMITS.idle, Time::default()),
    }
}

fn name(key: &str) -> Key {
    Key::parse(key).unwrap()
}

fn set(key: &str, value: &str, seconds: u64) -> Set {
    Set::new(name(key), Arc::from(value), Duration::from_secs(seconds)).unwrap()
}

fn op(op: &naive::Op) -> Op {
    Op {
        action: match op.to {
            Made::Same => Action::Check(name(op.key)),
            Made::Value(value, seconds) => Action::Set(set(op.key, value, seconds)),
            Made::Gone => Action::Delete(Delete { key: name(op.key) }),
        },
        condition: Condition {
            if_rev: op.if_rev.map(Revision),
            if_value: op.if_value.map(Arc::from),
        },
    }
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
