//! Writing one key.

use std::sync::Arc;
use std::time::Duration;

use super::Command;
use crate::board::ledger::Transaction;
use crate::board::locks::{LockWrite, may_write};
use crate::board::space::Growth;
use crate::board::{Entry, EventKind, Key, Lease, Refusal, Revision, check_value};

/// Writes `value` under `key` for `ttl`. The last write wins, except over a live lease of somebody else.
#[derive(Clone, Debug)]
pub struct Set {
    pub(super) key: Key,
    value: Arc<str>,
    ttl: Duration,
    lock: Option<LockWrite>,
}

impl Set {
    /// Returns the command, or refuses a value that is too long. `ttl` has been checked.
    pub fn new(key: Key, value: Arc<str>, ttl: Duration) -> Result<Self, Refusal> {
        check_value(&value)?;
        let lock = LockWrite::read(&key, &value);
        Ok(Self {
            key,
            value,
            ttl,
            lock,
        })
    }

    fn releases(&self) -> bool {
        matches!(self.lock, Some(LockWrite::Release { .. }))
    }

    /// Refuses the write over somebody else's lease, and adds to `growth` what it would add.
    pub(super) fn admit(
        &self,
        transaction: &Transaction<'_>,
        current: Option<&Entry>,
        growth: &mut Growth,
    ) -> Result<(), Refusal> {
        let lease = current.and_then(|entry| entry.lease.as_deref());
        if let (Some(entry), Some(lease)) = (current, lease)
            && !may_write(lease, transaction.caller(), self.lock.as_ref())
        {
            return Err(leased(&self.key, entry, lease, transaction));
        }
        let frees = self.releases() && lease.is_some();
        growth.add(&self.key, current, (!frees).then_some(self.value.len()));
        Ok(())
    }

    /// Writes in the batch `rev` what was admitted.
    pub(super) fn commit(self, transaction: &mut Transaction<'_>, rev: Revision, current: Option<&Entry>) {
        let held = current.and_then(|entry| entry.lease.clone());
        let (now, caller) = (transaction.now(), transaction.caller().clone());
        if self.releases() && held.is_some() {
            transaction.end(rev, caller.namespace, &self.key, EventKind::Delete, &caller.owner);
            return;
        }
        let lease = match &self.lock {
            Some(LockWrite::Release { .. }) | None => held,
            Some(hold) => held.or_else(|| {
                Some(Box::new(Lease {
                    fence: rev,
                    owner: hold.owner(&caller),
                    granted: now,
                }))
            }),
        };
        transaction.put(rev, &self.key, self.value, now.after(self.ttl), lease);
    }
}

/// Returns the refusal of a write to what somebody else holds.
pub(super) fn leased(key: &Key, entry: &Entry, lease: &Lease, transaction: &Transaction<'_>) -> Refusal {
    Refusal::Leased {
        key: key.clone(),
        holder: Arc::clone(&lease.owner),
        remaining: entry.deadline.since(transaction.now()),
    }
}

impl Command for Set {
    type Answer = Revision;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Revision, Refusal> {
        let current = transaction.live(&self.key);
        let mut growth = Growth::default();
        self.admit(transaction, current.as_deref(), &mut growth)?;
        transaction.check(growth)?;
        let rev = transaction.begin();
        self.commit(transaction, rev, current.as_deref());
        Ok(rev)
    }
}
