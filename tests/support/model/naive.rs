//! The model: lists that are searched from the front, and rules written out one by one.

use super::program::{Act, Bet, KEYS, SESSIONS, Step, To, VALUES, Write};

/// The limits of the model's board, small enough to be met.
pub(crate) const MAX_KEYS: usize = 4;
pub(crate) const MAX_BYTES: usize = 60;
pub(crate) const MAX_LOCKS: usize = 1;

/// What a step is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Rev(u64),
    Existed(bool),
    Leased(String),
    Full(&'static str),
    Conflict(String, u64),
    Lost,
    Twice,
    Changed(u64),
    Swept(usize),
}

/// What a reader sees of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) value: String,
    pub(crate) rev: u64,
    pub(crate) created: u64,
    /// Fence, name and session of the holder.
    pub(crate) lease: Option<(u64, String, u64)>,
}

/// An event as watchers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) rev: u64,
    pub(crate) key: String,
    pub(crate) kind: &'static str,
    pub(crate) by: String,
    pub(crate) value: Option<String>,
}

#[derive(Clone, Debug)]
struct Stored {
    namespace: usize,
    key: String,
    deadline: u64,
    by: String,
    held: Held,
}

/// The dumbest board there is. Entries that ran out stay until something meets or sweeps them.
pub(crate) struct Naive {
    now: u64,
    rev: u64,
    stored: Vec<Stored>,
    unread: Vec<(usize, Happened)>,
    replica: Vec<(usize, String, String)>,
}

impl Naive {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            rev: 0,
            stored: Vec::new(),
            unread: Vec::new(),
            replica: Vec::new(),
        }
    }

    pub(crate) fn rev(&self) -> u64 {
        self.rev
    }

    pub(crate) fn take(&mut self, step: &Step) -> Said {
        match step {
            Step::Wait { millis } => {
                self.now += millis * 1_000_000;
                Said::Nothing
            }
            Step::Act {
                session,
                namespace,
                act,
            } => match act {
                Act::Set { key, value, seconds } => {
                    let op = Write {
                        key: *key,
                        to: To::Value(*value),
                        seconds: *seconds,
                        condition: Bet::None,
                    };
                    self.batch(*session, *namespace, &[op])
                }
                Act::Delete { key } => {
                    let existed = self.meet(*namespace, KEYS[*key]);
                    let op = Write {
                        key: *key,
                        to: To::Gone,
                        seconds: 1,
                        condition: Bet::None,
                    };
                    match self.batch(*session, *namespace, &[op]) {
                        Said::Rev(_) => Said::Existed(existed),
                        refused => refused,
                    }
                }
                Act::Update { ops, fence } => self.update(*session, *namespace, ops, *fence),
            },
            Step::Sweep { limit } => {
                let mut swept = 0;
                while swept < *limit {
                    let overdue = self.stored.iter().filter(|one| one.deadline <= self.now);
                    let Some(first) =
                        overdue.min_by_key(|one| (one.deadline, one.namespace, one.key.clone()))
                    else {
                        break;
                    };
                    let (namespace, key, by) = (first.namespace, first.key.clone(), first.by.clone());
                    self.rev += 1;
                    self.end(namespace, &key, "expire", &by);
                    swept += 1;
                }
                Said::Swept(swept)
            }
            Step::Expire {
                namespace,
                key,
                stale,
            } => {
                let key = KEYS[*key];
                let shown = self.shown_rev(*namespace, key, *stale);
                self.meet(*namespace, key);
                match self.at(*namespace, key).map(|one| one.held.rev) {
                    Some(rev) if rev == shown => {
                        self.rev += 1;
                        self.end(*namespace, key, "expire", "human");
                        Said::Nothing
                    }
                    rev => Said::Changed(rev.unwrap_or(0)),
                }
            }
            Step::Restart => {
                *self = Self {
                    now: self.now,
                    rev: restarted(self.rev),
                    ..Self::new()
                };
                Said::Nothing
            }
        }
    }

    /// Returns the revision that a person sees before deciding, or one that is out of date.
    fn shown_rev(&self, namespace: usize, key: &str, stale: bool) -> u64 {
        let rev = self.at(namespace, key).map_or(0, |one| one.held.rev);
        if stale { rev + 1_000_000 } else { rev }
    }

    fn update(&mut self, session: usize, namespace: usize, ops: &[Write], fence: Option<usize>) -> Said {
        if (1..ops.len()).any(|at| ops[..at].iter().any(|op| op.key == ops[at].key)) {
            return Said::Twice;
        }
        if let Some(key) = fence {
            let held = self
                .at(namespace, KEYS[key])
                .is_some_and(|one| one.held.lease.is_some());
            if held {
                self.meet(namespace, KEYS[key]);
            }
            let lease = self
                .at(namespace, KEYS[key])
                .and_then(|one| one.held.lease.clone());
            if lease.is_none_or(|(_, _, holder)| holder != session as u64 + 1) {
                return Said::Lost;
            }
        }
        self.batch(session, namespace, ops)
    }

    fn batch(&mut self, session: usize, namespace: usize, ops: &[Write]) -> Said {
        let bets: Vec<bool> = ops.iter().map(|op| self.bet_is_stale(namespace, op)).collect();
        for op in ops {
            self.meet(namespace, KEYS[op.key]);
        }
        for (op, stale) in ops.iter().zip(bets) {
            let current = self.at(namespace, KEYS[op.key]).cloned();
            let rev = current.as_ref().map_or(0, |one| one.held.rev);
            let holds = match op.condition {
                Bet::None => true,
                Bet::Absent => current.is_none(),
                Bet::Present => !stale,
                Bet::StaleRev => false,
                Bet::Value(value) => current
                    .as_ref()
                    .is_some_and(|one| one.held.value == VALUES[value]),
            };
            if !holds {
                return Said::Conflict(KEYS[op.key].to_owned(), rev);
            }
            let lease = current.and_then(|one| one.held.lease);
            if let (Some((_, name, holder)), To::Value(_) | To::Gone) = (lease, op.to) {
                let named = match op.to {
                    To::Value(value) => named_in(KEYS[op.key], VALUES[value]),
                    To::Same | To::Gone => None,
                };
                if holder != session as u64 + 1 || named.is_some_and(|named| named != name) {
                    return Said::Leased(name);
                }
            }
        }
        let mut after = self.stored.clone();
        after.retain(|one| one.namespace == namespace);
        for op in ops {
            if matches!(op.to, To::Same) {
                continue;
            }
            let key = KEYS[op.key];
            let held = after.iter().any(|one| one.key == key && one.held.lease.is_some());
            after.retain(|one| one.key != key);
            if let To::Value(value) = op.to
                && !(held && key.starts_with("lock:") && VALUES[value].contains("released"))
            {
                after.push(Stored {
                    namespace,
                    key: key.to_owned(),
                    deadline: 0,
                    by: String::new(),
                    held: Held {
                        value: VALUES[value].to_owned(),
                        rev: 0,
                        created: 0,
                        lease: None,
                    },
                });
            }
        }
        let (keys, bytes, locks) = sizes(&after);
        let (had_keys, had_bytes, had_locks) = self.tally(namespace);
        if keys > had_keys && keys > MAX_KEYS {
            return Said::Full("keys");
        }
        if bytes > had_bytes && bytes > MAX_BYTES {
            return Said::Full("bytes");
        }
        if locks > had_locks && locks > MAX_LOCKS {
            return Said::Full("locks");
        }
        let changes = |op: &Write| match op.to {
            To::Same => false,
            To::Value(_) => true,
            To::Gone => self.at(namespace, KEYS[op.key]).is_some(),
        };
        if !ops.iter().any(changes) {
            return Said::Rev(self.rev);
        }
        self.rev += 1;
        for op in ops {
            self.write(session, namespace, op);
        }
        Said::Rev(self.rev)
    }

    fn write(&mut self, session: usize, namespace: usize, op: &Write) {
        let (key, me) = (KEYS[op.key], SESSIONS[session]);
        let old = self.at(namespace, key).cloned();
        let lease = old.as_ref().and_then(|one| one.held.lease.clone());
        let value = match op.to {
            To::Same => return,
            To::Gone => return self.end(namespace, key, "delete", me),
            To::Value(value) => VALUES[value],
        };
        let releases = key.starts_with("lock:") && value.contains("released");
        if releases && lease.is_some() {
            return self.end(namespace, key, "delete", me);
        }
        let granted = || {
            let name = named_in(key, value).unwrap_or_else(|| me.to_owned());
            (key.starts_with("lock:") && !releases).then(|| (self.rev, name, session as u64 + 1))
        };
        let lease = lease.or_else(granted);
        let created = old.map_or(self.rev, |one| one.held.created);
        self.stored
            .retain(|one| !(one.namespace == namespace && one.key == key));
        self.stored.push(Stored {
            namespace,
            key: key.to_owned(),
            deadline: self.now + op.seconds * 1_000_000_000,
            by: me.to_owned(),
            held: Held {
                value: value.to_owned(),
                rev: self.rev,
                created,
                lease,
            },
        });
        let value = Some(value.to_owned());
        let happened = Happened {
            rev: self.rev,
            key: key.to_owned(),
            kind: "set",
            by: me.to_owned(),
            value,
        };
        self.unread.push((namespace, happened));
    }

    /// Ends an entry that ran out when something meets it; tells whether a live one is there.
    fn meet(&mut self, namespace: usize, key: &str) -> bool {
        match self.at(namespace, key) {
            Some(one) if one.deadline <= self.now => {
                let by = one.by.clone();
                self.rev += 1;
                self.end(namespace, key, "expire", &by);
                false
            }
            found => found.is_some(),
        }
    }

    fn end(&mut self, namespace: usize, key: &str, kind: &'static str, by: &str) {
        let before = self.stored.len();
        self.stored
            .retain(|one| !(one.namespace == namespace && one.key == key));
        if self.stored.len() < before {
            let happened = Happened {
                rev: self.rev,
                key: key.to_owned(),
                kind,
                by: by.to_owned(),
                value: None,
            };
            self.unread.push((namespace, happened));
        }
    }

    fn bet_is_stale(&self, namespace: usize, op: &Write) -> bool {
        // A bet on the present revision was made before anything was met: it fails if that had run out.
        self.at(namespace, KEYS[op.key])
            .is_some_and(|one| one.deadline <= self.now)
    }

    fn at(&self, namespace: usize, key: &str) -> Option<&Stored> {
        self.stored
            .iter()
            .find(|one| one.namespace == namespace && one.key == key)
    }

    pub(crate) fn get(&self, namespace: usize, key: &str) -> Option<Held> {
        self.at(namespace, key)
            .filter(|one| self.now < one.deadline)
            .map(|one| one.held.clone())
    }

    pub(crate) fn list(&self, namespace: usize) -> Vec<String> {
        KEYS.iter()
            .filter(|key| self.get(namespace, key).is_some())
            .map(|key| (*key).to_owned())
            .collect()
    }

    /// Returns how many keys, bytes and locks a namespace holds, with what ran out and was not swept.
    pub(crate) fn tally(&self, namespace: usize) -> (usize, usize, usize) {
        let mine: Vec<_> = self
            .stored
            .iter()
            .filter(|one| one.namespace == namespace)
            .cloned()
            .collect();
        sizes(&mine)
    }

    /// Returns the events since this was last asked.
    pub(crate) fn news(&mut self, namespace: usize) -> Vec<Happened> {
        let news = self
            .unread
            .iter()
            .filter(|(of, _)| *of == namespace)
            .map(|(_, one)| one.clone())
            .collect();
        self.unread.retain(|(of, _)| *of != namespace);
        news
    }

    /// Applies what a watcher saw to the watcher's own copy.
    pub(crate) fn replay(&mut self, namespace: usize, news: &[Happened]) {
        for one in news {
            self.replica
                .retain(|(of, key, _)| !(*of == namespace && *key == one.key));
            if let Some(value) = &one.value {
                self.replica.push((namespace, one.key.clone(), value.clone()));
            }
        }
    }

    /// Tells whether the watcher's copy is what the namespace holds.
    pub(crate) fn replica_is_store(&self, namespace: usize) -> bool {
        let copies = self.replica.iter().filter(|(of, ..)| *of == namespace);
        copies.clone().count() == self.tally(namespace).0
            && copies.clone().all(|(_, key, value)| {
                self.at(namespace, key)
                    .is_some_and(|one| one.held.value == *value)
            })
    }
}

/// Returns where revisions go on after a restart, when blocks of a thousand are reserved.
pub(crate) fn restarted(rev: u64) -> u64 {
    (rev / 1_000 + 1) * 1_000
}

fn named_in(key: &str, value: &str) -> Option<String> {
    let name = value.split_once(r#""lockedBy":""#)?.1.split('"').next()?;
    key.starts_with("lock:").then(|| name.to_owned())
}

fn sizes(stored: &[Stored]) -> (usize, usize, usize) {
    let bytes = stored.iter().map(|one| one.held.value.len()).sum();
    let locks = stored.iter().filter(|one| one.key.starts_with("lock:")).count();
    (stored.len(), bytes, locks)
}
