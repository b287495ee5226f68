//! A person gives a holder more time.

use std::time::Duration;

use super::Command;
use crate::board::transaction::{Draft, Transaction};
use crate::board::{EventKind, Key, Refusal, Revision, Term, Time};

/// Lets the lease on `key` that was granted under `fence` run for at least `by` from now, whatever becomes of
/// its holder. The answer is the moment before which it does not end.
#[derive(Clone, Debug)]
pub struct Extend {
    /// What is held.
    pub key: Key,
    /// The fence on the screen when the person decided.
    pub fence: Revision,
    /// How long it is to run at least.
    pub by: Duration,
}

impl Command for Extend {
    type Answer = Time;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Time, Refusal> {
        let current = transaction.live(&self.key);
        let changed = || Refusal::Changed {
            key: self.key.clone(),
            rev: current.as_ref().map_or(Revision::ZERO, |entry| entry.rev),
        };
        let entry = current.as_ref().ok_or_else(changed)?;
        let mut draft = Draft::of(entry);
        let lease = draft
            .hold
            .leases
            .iter_mut()
            .find(|lease| lease.fence == self.fence);
        let lease = lease.ok_or_else(changed)?;
        let until = transaction.now().after(self.by);
        lease.at_least = lease.at_least.max(until);
        if lease.term == Term::Entry {
            draft.deadline = draft.deadline.max(until);
        }
        let rev = transaction.begin();
        transaction.put(rev, &self.key, EventKind::Lease, draft);
        Ok(until)
    }
}
