//! Messages: a queue for each agent, in the order in which they were sent.
//!
//! Responsible for which keys are messages and to whom, and for the order in which they are delivered. The
//! commands that send and receive are in [`super::command`].

use std::sync::Arc;
use std::time::Duration;

use super::Revision;

/// What a call for messages brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The messages, the oldest first. The caller's next call for messages confirms them.
    pub messages: Vec<Message>,
    /// How many more wait.
    pub more: usize,
}

/// A message that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The revision in which it was sent.
    pub id: Revision,
    /// Who sent it. In a raw write that is what the key says.
    pub from: Arc<str>,
    /// What it says.
    pub body: Arc<str>,
    /// How often it was delivered, this time included; more than once only after a delivery that was never
    /// confirmed.
    pub deliveries: u8,
    /// How long ago it was sent.
    pub age: Duration,
}
