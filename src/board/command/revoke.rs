//! A person ends leases.

use std::sync::Arc;

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{EventKind, Key, Kind, Reason, Refusal, Revision, Term};

/// Ends the leases that the person saw: one, all of an agent, or all whose holder is gone. What changed
/// meanwhile is not touched. The answer tells how many ended.
#[derive(Clone, Debug)]
pub struct Revoke {
    /// The leases on the screen when the person decided: the key and the fence of each.
    pub leases: Vec<(Key, Revision)>,
}

impl Command for Revoke {
    type Answer = usize;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<usize, Refusal> {
        let namespace = transaction.caller().namespace;
        let person = Arc::clone(transaction.caller().owner());
        let still = |(key, fence): &(Key, Revision)| {
            let entry = transaction.space().get(key.as_str())?;
            let lease = entry.leases().iter().find(|lease| lease.fence == *fence)?;
            Some((key.clone(), *fence, lease.term))
        };
        let current: Vec<_> = self.leases.iter().filter_map(still).collect();
        if current.is_empty() {
            return Ok(0);
        }
        let rev = transaction.begin();
        for (key, fence, term) in &current {
            if *term == Term::Entry && key.kind() == Kind::Lock {
                transaction.end(rev, namespace, key, EventKind::Expire, &person);
            } else {
                transaction.let_go(rev, namespace, key, *fence, Reason::Person, &person);
            }
        }
        Ok(current.len())
    }
}
