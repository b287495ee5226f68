//! The state machine that decides. Time and caller come in; an answer and the changes come out.

use std::sync::Arc;

use super::command::Command;
use super::space::{Growth, Space};
use super::{
    Compacted, Entry, Event, EventKind, Key, Kind, KindStats, Lease, Limits, Namespace, NamespaceId, Owner,
    Pattern, Refusal, Revision, Time,
};

/// The most namespaces that a board opens.
const MAX_NAMESPACES: usize = 64;
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
    rev: Revision,
    limits: Limits,
    spaces: Vec<Space>,
}

/// On whose behalf a command is applied.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The namespace it works in.
    pub namespace: NamespaceId,
    /// Who it is.
    pub owner: Arc<Owner>,
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

    /// Applies `command` for `caller` at `now`, which never goes back, and returns its answer and what
    /// changed. A refused command changes nothing, but expiries that it met are committed all the same.
    pub fn apply<C: Command>(
        &mut self,
        now: Time,
        caller: &Caller,
        command: C,
    ) -> (Result<C::Answer, Refusal>, Vec<Change>) {
        let mut transaction = Transaction {
            ledger: self,
            now,
            caller,
            changes: Vec::new(),
        };
        let answer = command.apply(&mut transaction);
        (answer, transaction.changes)
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

    /// Returns the next moment at which something ends.
    pub fn next_deadline(&self) -> Option<Time> {
        self.spaces
            .iter()
            .filter_map(|space| space.next_deadline().map(|(time, _)| *time))
            .min()
    }

    fn space(&self, namespace: NamespaceId) -> &Space {
        &self.spaces[namespace.0 as usize]
    }
}

/// A command at work: what it reads is what it will change.
#[derive(Debug)]
pub struct Transaction<'a> {
    ledger: &'a mut Ledger,
    now: Time,
    caller: &'a Caller,
    changes: Vec<Change>,
}

impl Transaction<'_> {
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn caller(&self) -> &Caller {
        self.caller
    }

    /// Returns the revision of the last commit.
    pub(crate) fn rev(&self) -> Revision {
        self.ledger.rev
    }

    /// Begins a batch and returns its revision.
    pub(crate) fn begin(&mut self) -> Revision {
        self.ledger.rev = self.ledger.rev.next();
        self.ledger.rev
    }

    /// Returns the live entry under `key`. One that has run out but was not swept yet ends here, with a
    /// revision and an event of its own; a write over it would otherwise swallow its expiry.
    pub(crate) fn live(&mut self, key: &Key) -> Option<Arc<Entry>> {
        let entry = Arc::clone(self.space().get(key.as_str())?);
        if entry.is_live(self.now) {
            return Some(entry);
        }
        self.run_out(self.caller.namespace, key);
        None
    }

    /// Returns the keys that are held under `fence`.
    pub(crate) fn fenced(&mut self, fence: Revision) -> Vec<Key> {
        self.space().fenced(fence).cloned().collect()
    }

    /// Refuses what would pass the limits of the caller's namespace.
    ///
    /// What has run out takes no room: when there is not enough, it ends here, as if it had been met.
    pub(crate) fn check(&mut self, growth: Growth) -> Result<(), Refusal> {
        let namespace = self.caller.namespace;
        for _ in 0..MAX_ENDED {
            if self.fits(growth).is_ok() {
                break;
            }
            let Some((_, key)) = self.ledger.space(namespace).overdue(self.now).cloned() else {
                break;
            };
            self.run_out(namespace, &key);
        }
        self.fits(growth)
    }

    fn fits(&self, growth: Growth) -> Result<(), Refusal> {
        let space = self.ledger.space(self.caller.namespace);
        space.check(growth, &self.ledger.limits)
    }

    /// Writes a value in the batch `rev`; the caller has made every check.
    pub(crate) fn put(
        &mut self,
        rev: Revision,
        key: &Key,
        value: Arc<str>,
        deadline: Time,
        lease: Option<Box<Lease>>,
    ) {
        let (namespace, by, at) = (self.caller.namespace, Arc::clone(&self.caller.owner), self.now);
        let space = self.space();
        let key = space.shared(key);
        let created_rev = space.get(key.as_str()).map_or(rev, |entry| entry.created_rev);
        let event = Event {
            rev,
            key: key.clone(),
            kind: EventKind::Set,
            by: Arc::clone(&by),
            value: Some(Arc::clone(&value)),
            at,
        };
        let entry = Arc::new(Entry {
            value,
            rev,
            created_rev,
            written: at,
            deadline,
            by,
            lease,
        });
        space.put(&key, &entry);
        space.history.push(event);
        self.changes.push(Change {
            rev,
            namespace,
            key,
            kind: EventKind::Set,
            entry: Some(entry),
        });
    }

    /// Ends the entry under `key` in the batch `rev`: exactly one event.
    pub(crate) fn end(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        kind: EventKind,
        by: &Arc<Owner>,
    ) {
        let at = self.now;
        let space = &mut self.ledger.spaces[namespace.0 as usize];
        let Some(key) = space.take(key) else { return };
        space.history.push(Event {
            rev,
            key: key.clone(),
            kind,
            by: Arc::clone(by),
            value: None,
            at,
        });
        self.changes.push(Change {
            rev,
            namespace,
            key,
            kind,
            entry: None,
        });
    }

    /// Ends the entry of any namespace that ran out first; tells whether there was one.
    pub(crate) fn end_first_overdue(&mut self) -> bool {
        let overdue = (0..).map(NamespaceId).zip(&self.ledger.spaces);
        let first = overdue
            .filter_map(|(namespace, space)| Some((space.overdue(self.now)?, namespace)))
            .min_by_key(|((deadline, _), _)| *deadline)
            .map(|((_, key), namespace)| (namespace, key.clone()));
        if let Some((namespace, key)) = &first {
            self.run_out(*namespace, key);
        }
        first.is_some()
    }

    /// Ends an entry whose time has run out, in a batch of its own, in the name of who wrote it last.
    fn run_out(&mut self, namespace: NamespaceId, key: &Key) {
        if let Some(entry) = self.ledger.space(namespace).get(key.as_str()) {
            let by = Arc::clone(&entry.by);
            let rev = self.begin();
            self.end(rev, namespace, key, EventKind::Expire, &by);
        }
    }

    /// Returns the next moment at which something ends.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.ledger.next_deadline()
    }

    fn space(&mut self) -> &mut Space {
        &mut self.ledger.spaces[self.caller.namespace.0 as usize]
    }
}
