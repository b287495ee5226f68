//! The model: one list that is searched from the front, and the rules written out one by one.

use super::program::{NAMESPACES, SESSIONS, VALUES};

/// The limits of the model's board, small enough to be met.
pub(super) const MAX_KEYS: usize = 4;
pub(super) const MAX_BYTES: usize = 60;
pub(super) const MAX_LOCKS: usize = 2;

/// What is done to a board, with every number said.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Wait(u64),
    Restart(u64),
    Sweep(usize),
    Expire {
        namespace: usize,
        key: &'static str,
        rev: u64,
    },
    Set {
        session: usize,
        namespace: usize,
        op: Op,
    },
    Delete {
        session: usize,
        namespace: usize,
        key: &'static str,
    },
    Update {
        session: usize,
        namespace: usize,
        ops: Vec<Op>,
        fence: Option<u64>,
    },
}

/// One key of a batch.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) key: &'static str,
    pub(super) to: Made,
    pub(super) if_rev: Option<u64>,
    pub(super) if_value: Option<&'static str>,
}

/// What a batch makes of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    Same,
    Value(&'static str, u64),
    Gone,
}

/// What a deed is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
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

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) namespace: usize,
    pub(super) key: &'static str,
    pub(super) value: &'static str,
    pub(super) rev: u64,
    pub(super) created: u64,
    pub(super) deadline: u64,
    pub(super) by: &'static str,
    pub(super) lease: Option<Held>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) fence: u64,
    pub(super) name: &'static str,
    pub(super) session: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub(super) namespace: usize,
    pub(super) rev: u64,
    pub(super) key: &'static str,
    pub(super) kind: &'static str,
    pub(super) by: &'static str,
    pub(super) value: Option<&'static str>,
}

/// The dumbest board there is. Entries that ran out stay until something meets, needs or sweeps them.
#[derive(Default)]
pub(super) struct Naive {
    pub(super) now: u64,
    pub(super) rev: u64,
    pub(super) stored: Vec<Stored>,
    /// Everything that happened since the last restart.
    pub(super) log: Vec<Happened>,
}

impl Naive {
    pub(super) fn take(&mut self, deed: &Deed) -> Said {
        match deed {
            Deed::Wait(nanos) => {
                self.now += nanos;
                Said::Nothing
            }
            Deed::Restart(start) => {
                self.rev = *start;
                self.stored.clear();
                self.log.clear();
                Said::Nothing
            }
            Deed::Sweep(limit) => {
                let mut swept = 0;
                while swept < *limit
                    && let Some((namespace, key)) = self.first_overdue(0..NAMESPACES)
                {
                    self.meet(namespace, key);
                    swept += 1;
                }
                Said::Swept(swept)
            }
            Deed::Expire { namespace, key, rev } => {
                self.meet(*namespace, key);
                match self.at(*namespace, key).map(|one| one.rev) {
                    Some(current) if current == *rev => {
                        self.rev += 1;
                        self.end(*namespace, key, "expire", "human");
                        Said::Nothing
                    }
                    current => Said::Changed(current.unwrap_or(0)),
                }
            }
            Deed::Set {
                session,
                namespace,
                op,
            } => self.batch(*session, *namespace, std::slice::from_ref(op)),
            Deed::Delete {
                session,
                namespace,
                key,
            } => {
                let existed = self.meet(*namespace, key);
                let op = Op {
                    key,
                    to: Made::Gone,
                    if_rev: None,
                    if_value: None,
                };
                match self.batch(*session, *namespace, &[op]) {
                    Said::Rev(_) => Said::Existed(existed),
                    refused => refused,
                }
            }
            Deed::Update {
                session,
                namespace,
                ops,
                fence,
            } => {
                if (1..ops.len()).any(|at| ops[..at].iter().any(|op| op.key == ops[at].key)) {
                    return Said::Twice;
                }
                match fence {
                    Some(fence) if !self.holds(*session, *namespace, *fence) => Said::Lost,
                    _ => self.batch(*session, *namespace, ops),
                }
            }
        }
    }

    fn holds(&self, session: usize, namespace: usize, fence: u64) -> bool {
        self.stored.iter().any(|one| {
            one.namespace == namespace
                && self.now < one.deadline
                && one
                    .lease
                    .is_some_and(|lease| lease.fence == fence && lease.session == session)
        })
    }

    fn batch(&mut self, session: usize, namespace: usize, ops: &[Op]) -> Said {
        for op in ops {
            self.meet(namespace, op.key);
        }
        for op in ops {
            let current = self.at(namespace, op.key);
            let rev = current.map_or(0, |one| one.rev);
            if op.if_rev.is_some_and(|wanted| wanted != rev)
                || op
                    .if_value
                    .is_some_and(|wanted| current.is_none_or(|one| one.value != wanted))
            {
                return Said::Conflict(op.key.to_owned(), rev);
            }
            let named = match op.to {
                Made::Same => continue,
                Made::Gone => None,
                Made::Value(value, _) => named_in(op.key, value),
            };
            let releases = match op.to {
                Made::Same => false,
                Made::Gone => op.key.starts_with("lock:"),
                Made::Value(value, _) => frees(current, op.key, value),
            };
            if let Some(lease) = current.and_then(|one| one.lease)
                && (lease.session != session || named.is_some_and(|named| named != lease.name))
                && !(releases && named.unwrap_or(SESSIONS[session]) == lease.name)
            {
                return Said::Leased(lease.name.to_owned());
            }
        }
        while let Some(which) = self.too_much(namespace, ops) {
            match self.first_overdue(namespace..namespace + 1) {
                Some((_, key)) => self.meet(namespace, key),
                None => return Said::Full(which),
            };
        }
        let changes = |op: &Op| match op.to {
            Made::Same => false,
            Made::Value(..) => true,
            Made::Gone => self.at(namespace, op.key).is_some(),
        };
        if ops.iter().any(changes) {
            self.rev += 1;
            for op in ops {
                self.write(session, namespace, op);
            }
        }
        Said::Rev(self.rev)
    }

    /// Returns what there would be more of after `ops` than there is, and than there may be.
    fn too_much(&self, namespace: usize, ops: &[Op]) -> Option<&'static str> {
        let before = self.tally(namespace);
        let (mut keys, mut bytes, mut locks) = before;
        for op in ops {
            let old = self.at(namespace, op.key);
            let new = match op.to {
                Made::Same => continue,
                Made::Value(value, _) if !frees(old, op.key, value) => Some(value.len()),
                Made::Value(..) | Made::Gone => None,
            };
            let lock = op.key.starts_with("lock:");
            keys = keys + usize::from(new.is_some()) - usize::from(old.is_some());
            bytes = bytes + new.unwrap_or(0) - old.map_or(0, |one| one.value.len());
            locks = locks + usize::from(lock && new.is_some()) - usize::from(lock && old.is_some());
        }
        if keys > before.0 && keys > MAX_KEYS {
            return Some("keys");
        }
        if bytes > before.1 && bytes > MAX_BYTES {
            return Some("bytes");
        }
        (locks > before.2 && locks > MAX_LOCKS).then_some("locks")
    }

    fn write(&mut self, session: usize, namespace: usize, op: &Op) {
        let (key, me) = (op.key, SESSIONS[session]);
        let old = self.at(namespace, key).cloned();
        let (value, seconds) = match op.to {
            Made::Same => return,
            Made::Gone => return self.end(namespace, key, "delete", me),
            Made::Value(value, seconds) => (value, seconds),
        };
        if frees(old.as_ref(), key, value) {
            return self.end(namespace, key, "delete", me);
        }
        let grants = key.starts_with("lock:") && !value.contains("released");
        let lease = old.as_ref().and_then(|one| one.lease).or(grants.then_some(Held {
            fence: self.rev,
            name: named_in(key, value).unwrap_or(me),
            session,
        }));
        self.forget(namespace, key);
        self.stored.push(Stored {
            namespace,
            key,
            value,
            rev: self.rev,
            created: old.map_or(self.rev, |one| one.created),
            deadline: self.now + seconds * 1_000_000_000,
            by: me,
            lease,
        });
        self.tell(namespace, key, "set", me, Some(value));
    }

    /// Ends an entry that ran out; tells whether a live one is there.
    fn meet(&mut self, namespace: usize, key: &'static str) -> bool {
        match self.at(namespace, key) {
            Some(one) if one.deadline <= self.now => {
                let by = one.by;
                self.rev += 1;
                self.end(namespace, key, "expire", by);
                false
            }
            found => found.is_some(),
        }
    }

    fn end(&mut self, namespace: usize, key: &'static str, kind: &'static str, by: &'static str) {
        if self.forget(namespace, key) {
            self.tell(namespace, key, kind, by, None);
        }
    }

    fn forget(&mut self, namespace: usize, key: &str) -> bool {
        let before = self.stored.len();
        self.stored
            .retain(|one| !(one.namespace == namespace && one.key == key));
        self.stored.len() < before
    }

    fn tell(
        &mut self,
        namespace: usize,
        key: &'static str,
        kind: &'static str,
        by: &'static str,
        value: Option<&'static str>,
    ) {
        self.log.push(Happened {
            namespace,
            rev: self.rev,
            key,
            kind,
            by,
            value,
        });
    }

    /// Returns what ran out first among `namespaces`.
    fn first_overdue(&self, namespaces: std::ops::Range<usize>) -> Option<(usize, &'static str)> {
        let mine = self
            .stored
            .iter()
            .filter(|one| namespaces.contains(&one.namespace));
        let overdue = mine.filter(|one| one.deadline <= self.now);
        let first = overdue.min_by_key(|one| (one.deadline, one.namespace, one.key))?;
        Some((first.namespace, first.key))
    }

    /// Returns what is stored, also when it has run out.
    pub(super) fn at(&self, namespace: usize, key: &str) -> Option<&Stored> {
        self.stored
            .iter()
            .find(|one| one.namespace == namespace && one.key == key)
    }

    /// Returns what a reader sees.
    pub(super) fn get(&self, namespace: usize, key: &str) -> Option<&Stored> {
        self.at(namespace, key).filter(|one| self.now < one.deadline)
    }

    /// Returns how many keys, bytes and locks a namespace holds, with what ran out and was not swept.
    pub(super) fn tally(&self, namespace: usize) -> (usize, usize, usize) {
        let mine = || self.stored.iter().filter(move |one| one.namespace == namespace);
        let locks = mine().filter(|one| one.key.starts_with("lock:"));
        (
            mine().count(),
            mine().map(|one| one.value.len()).sum(),
            locks.count(),
        )
    }
}

/// Tells whether the value gives back the lock that is held.
fn frees(old: Option<&Stored>, key: &str, value: &str) -> bool {
    key.starts_with("lock:") && value.contains("released") && old.is_some_and(|one| one.lease.is_some())
}

fn named_in(key: &str, value: &'static str) -> Option<&'static str> {
    debug_assert!(
        VALUES.contains(&value),
        "the model reads only the JSON that it knows"
    );
    let name = value.split_once(r#""lockedBy":""#)?.1.split('"').next()?;
    key.starts_with("lock:").then_some(name)
}
