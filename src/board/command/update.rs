//! Several writes at once, with conditions: all or none.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Command, Delete, Set};
use crate::board::ledger::{MAX_ENDED, MAX_NAMESPACES};
use crate::board::queue::MAX_WAITERS;
use crate::board::revisions::MARGIN;
use crate::board::space::Growth;
use crate::board::transaction::{MAX_LOOKED, Transaction};
use crate::board::{Entry, Key, Owner, Refusal, Revision, Target};

/// The most keys in a batch; etcd's default is 128.
const MAX_OPS: usize = 512;
/// It may end what it names, what is held under its fence, what has run out and what is over before its own
/// revision, and serve all who wait, in every namespace.
const _: () = {
    let waiters = MAX_NAMESPACES * MAX_WAITERS;
    assert!(((2 * MAX_OPS + MAX_ENDED + MAX_LOOKED + waiters) as u64) < MARGIN);
};

/// A batch of writes that all carry one revision, or none happens.
#[derive(Clone, Debug)]
pub struct Update {
    ops: Vec<Op>,
    if_fence: Option<Revision>,
}

/// One key of a batch.
#[derive(Clone, Debug)]
pub struct Op {
    /// What is to happen, and to which key.
    pub action: Action,
    /// What must hold before any of it happens.
    pub condition: Condition,
}

/// What is to happen to a key.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing: only the condition counts.
    Check(Key),
    /// A value is written.
    Set(Set),
    /// The key is removed.
    Delete(Delete),
}

/// What must hold for a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The key's revision, zero when it must not exist.
    pub if_rev: Option<Revision>,
    /// The key's value.
    pub if_value: Option<Arc<str>>,
}

impl Condition {
    fn holds(&self, current: Option<&Entry>) -> bool {
        let rev = current.map_or(Revision::ZERO, |entry| entry.rev);
        let value = current.map(|entry| &entry.value);
        self.if_rev.is_none_or(|wanted| wanted == rev)
            && self.if_value.as_ref().is_none_or(|wanted| value == Some(wanted))
    }
}

impl Op {
    fn key(&self) -> &Key {
        match &self.action {
            Action::Check(key) => key,
            Action::Set(set) => &set.key,
            Action::Delete(delete) => &delete.key,
        }
    }
}

impl Update {
    /// Returns the batch; refuses an empty one, more than 512 keys, and the same key twice, which etcd
    /// refuses too. With `if_fence` the caller must hold a lease that was granted under that fence.
    pub fn new(ops: Vec<Op>, if_fence: Option<Revision>) -> Result<Self, Refusal> {
        let invalid = |problem| {
            Err(Refusal::Invalid {
                field: "ops",
                problem,
            })
        };
        if ops.is_empty() || ops.len() > MAX_OPS {
            return invalid(format!("give 1 to {MAX_OPS} operations"));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = ops.iter().map(Op::key).find(|key| !seen.insert(*key)) {
            return invalid(format!("{twice} occurs twice; a batch changes a key once"));
        }
        Ok(Self { ops, if_fence })
    }

    /// Refuses a batch that would lock for one agent what it locks for another.
    fn check_locks(&self, transaction: &Transaction<'_>) -> Result<(), Refusal> {
        let sets = self.ops.iter().filter_map(|op| match &op.action {
            Action::Set(set) => set.locks(transaction.caller()),
            Action::Check(_) | Action::Delete(_) => None,
        });
        let locks: Vec<_> = sets.collect();
        for (at, (target, owner)) in locks.iter().enumerate() {
            let rival = |(other, who): &&(Target, Arc<Owner>)| who != owner && other.overlaps(target);
            if let Some((other, who)) = locks[..at].iter().find(rival) {
                let problem = format!(
                    "{} for {who} and {} for {owner} exclude each other",
                    other.text(),
                    target.text()
                );
                return Err(Refusal::Invalid {
                    field: "ops",
                    problem,
                });
            }
        }
        Ok(())
    }
}

impl Command for Update {
    type Answer = Revision;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Revision, Refusal> {
        if let Some(fence) = self.if_fence {
            check_fence(transaction, fence)?;
        }
        for op in &self.ops {
            transaction.live(op.key());
        }
        let stored = |op: &Op| transaction.space().get(op.key().as_str()).cloned();
        let current: Vec<_> = self.ops.iter().map(stored).collect();
        let mut growth = Growth::default();
        for (op, current) in self.ops.iter().zip(&current) {
            let current = current.as_deref();
            if !op.condition.holds(current) {
                return Err(Refusal::Conflict {
                    key: op.key().clone(),
                    rev: current.map_or(Revision::ZERO, |entry| entry.rev),
                    value: current.map(|entry| Arc::clone(&entry.value)),
                });
            }
            match &op.action {
                Action::Check(_) => {}
                Action::Set(set) => set.admit(transaction, current, &mut growth)?,
                Action::Delete(delete) => delete.admit(transaction, current, &mut growth)?,
            }
        }
        self.check_locks(transaction)?;
        transaction.check(&growth)?;
        let changes = |(op, current): (&Op, &Option<Arc<Entry>>)| match op.action {
            Action::Check(_) => false,
            Action::Set(_) => true,
            Action::Delete(_) => current.is_some(),
        };
        if !self.ops.iter().zip(&current).any(changes) {
            return Ok(transaction.rev());
        }
        let rev = transaction.begin();
        for (op, current) in self.ops.into_iter().zip(current) {
            match op.action {
                Action::Check(_) => {}
                Action::Set(set) => set.commit(transaction, rev, current.as_deref()),
                Action::Delete(delete) => delete.commit(transaction, rev),
            }
        }
        Ok(rev)
    }
}

fn check_fence(transaction: &Transaction<'_>, fence: Revision) -> Result<(), Refusal> {
    let session = transaction.caller().owner().session;
    let own = |key: &Key| {
        let entry = transaction.space().get(key.as_str())?;
        let mut leases = entry.leases().iter().filter(|_| entry.is_live(transaction.now()));
        leases.find(|lease| lease.fence == fence && lease.owner().session == session)?;
        Some(())
    };
    if transaction.space().fenced(fence).find_map(own).is_some() {
        Ok(())
    } else {
        Err(transaction.lost(fence))
    }
}
