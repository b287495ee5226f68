//! A person ends an entry.

use std::sync::Arc;

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{Entry, EventKind, Key, Refusal, Revision};

/// Ends the entry under `key` at once, whoever holds it, provided that it still has the revision `rev`
/// which the person saw: what changed meanwhile is not touched.
#[derive(Clone, Debug)]
pub struct Expire {
    /// The key to end.
    pub key: Key,
    /// The revision on the screen when the person decided.
    pub rev: Revision,
}

impl Command for Expire {
    type Answer = Arc<Entry>;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Arc<Entry>, Refusal> {
        let current = transaction.live(&self.key);
        let Some(entry) = current.as_ref().filter(|entry| entry.rev == self.rev) else {
            let rev = current.map_or(Revision::ZERO, |entry| entry.rev);
            return Err(Refusal::Changed { key: self.key, rev });
        };
        let (namespace, person) = (
            transaction.caller().namespace,
            Arc::clone(transaction.caller().owner()),
        );
        let rev = transaction.begin();
        transaction.end(rev, namespace, &self.key, EventKind::Expire, &person);
        Ok(Arc::clone(entry))
    }
}
