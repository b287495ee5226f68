//! Sending a message.

use std::sync::Arc;

use super::Command;
use crate::board::entry::Hold;
use crate::board::limits::DEFAULT_TTL;
use crate::board::messages::{compose, is_name, key};
use crate::board::roster::clean;
use crate::board::space::Growth;
use crate::board::transaction::{Draft, Transaction};
use crate::board::{EventKind, Refusal, Revision, check_value};

/// What stands for everyone else.
const EVERYONE: &str = "*";

/// Puts a message into the queue of an agent, or of everyone else who is here: all of them or none. The answer is
/// its number.
///
/// An agent of that name need not be here; whoever comes under it within the hour gets the message. A queue of
/// 1,000 messages is full.
#[derive(Clone, Debug)]
pub struct Send {
    to: Arc<str>,
    body: Arc<str>,
    /// Who is here, when it is for everyone.
    everyone: Vec<Arc<str>>,
}

impl Send {
    /// Returns the command that sends `body` to the agent called `to`. Who everyone is when that is `*` must be
    /// told by [`Send::with_everyone`], since the ledger does not know it.
    pub fn new(to: &str, body: Arc<str>) -> Result<Self, Refusal> {
        let name = if to == EVERYONE {
            EVERYONE.to_owned()
        } else {
            clean(to)
        };
        if name != EVERYONE && !is_name(&name) {
            let problem = format!("{to:?} is no agent; give a name, or {EVERYONE} for everyone who is here");
            return Err(Refusal::Invalid { field: "to", problem });
        }
        Ok(Self {
            to: Arc::from(name),
            body,
            everyone: Vec::new(),
        })
    }

    /// Returns the command with the names of those who are here.
    #[must_use]
    pub fn with_everyone(mut self, names: Vec<Arc<str>>) -> Self {
        self.everyone = names;
        self
    }

    fn recipients(&self, from: &str) -> Result<Vec<Arc<str>>, Refusal> {
        if *self.to != *EVERYONE {
            return Ok(vec![Arc::clone(&self.to)]);
        }
        let others = self.everyone.iter().filter(|name| ***name != *from);
        let mut others: Vec<_> = others.cloned().collect();
        others.sort();
        others.dedup();
        if others.is_empty() {
            let what = "other agent here".to_owned();
            return Err(Refusal::NotFound { what });
        }
        Ok(others)
    }
}

impl Command for Send {
    type Answer = Revision;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Revision, Refusal> {
        let (namespace, owner) = (transaction.caller().namespace, transaction.caller().owner());
        let recipients = self.recipients(&owner.name)?;
        let value = compose(&owner.name, &self.to, &self.body);
        check_value(&value)?;
        let mut growth = Growth::default();
        for to in &recipients {
            growth.add_message(to, value.len());
        }
        transaction.check(&growth)?;
        let rev = transaction.begin();
        for to in &recipients {
            let key = key(to, rev);
            // Written by somebody who guessed at the key; it never was a message, and must not make this one older.
            transaction.end(rev, namespace, &key, EventKind::Delete, owner);
            let draft = Draft {
                value: Arc::clone(&value),
                deadline: transaction.now().after(DEFAULT_TTL),
                hold: Hold::default(),
            };
            transaction.put(rev, &key, EventKind::Set, draft);
        }
        Ok(rev)
    }
}
