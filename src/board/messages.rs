//! Messages: a queue for each agent, in the order in which they were sent.
//!
//! Responsible for which keys are messages and to whom, and for the order in which they are delivered. The
//! commands that send and receive are in [`super::command`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::roster::clean;
use super::{Entry, Key, Owner, Revision};

/// The most messages in the queue of one agent.
pub(crate) const MAX_MESSAGES: usize = 1_000;
/// How long a delivery waits to be confirmed by an agent that shows no sign of life.
pub(crate) const DELIVERY: Duration = Duration::from_secs(60);
/// How often a message is delivered before it is given up.
pub(crate) const MAX_DELIVERIES: u8 = 5;
/// What the queue is called to which those go that were given up, and no agent.
const DEAD: &str = "dead";
/// What every key of a message begins with.
const PREFIX: &str = "msg:";

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

/// What stands under the key of a message that was sent by command.
#[derive(Deserialize, Serialize)]
struct Letter<'a> {
    from: &'a str,
    to: &'a str,
    body: std::borrow::Cow<'a, str>,
}

/// Returns the value of a message.
pub(crate) fn compose(from: &str, to: &str, body: &str) -> Arc<str> {
    let body = body.into();
    let letter = serde_json::to_string(&Letter { from, to, body });
    // Texts always are JSON; there is nothing that could fail.
    Arc::from(letter.unwrap_or_default())
}

/// Returns the key of the message that is sent to `to` in the revision `rev`.
pub(crate) fn key(to: &str, rev: Revision) -> Key {
    Key::vouched(&format!("{PREFIX}{to}:{rev}"))
}

/// Returns the key under which a message to `to` is kept that was sent in `rev` and never confirmed.
pub(crate) fn dead_key(to: &str, rev: Revision) -> Key {
    Key::vouched(&format!("{PREFIX}{DEAD}:{to}:{rev}"))
}

/// Tells whether an agent may be called so, which has a queue then.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name != DEAD && clean(name) == name
}

/// Whom the key of a message names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address<'a> {
    /// `msg:<to>:<rev>`, sent by command.
    Sent { to: &'a str, rev: &'a str },
    /// `msg:<from>:<to>:<time>`, the original way.
    Raw { from: &'a str, to: &'a str },
}

impl<'a> Address<'a> {
    /// Returns whom `key` names, `None` when nobody can be called so. A time may hold colons, a name may not.
    fn read(key: &'a Key) -> Option<Self> {
        let mut parts = key.as_str().strip_prefix(PREFIX)?.splitn(3, ':');
        let (first, second) = (parts.next()?, parts.next()?);
        let address = match parts.next() {
            None => Self::Sent {
                to: first,
                rev: second,
            },
            Some(_) => Self::Raw {
                from: first,
                to: second,
            },
        };
        (first != DEAD && is_name(address.to())).then_some(address)
    }

    fn to(self) -> &'a str {
        match self {
            Self::Sent { to, .. } | Self::Raw { to, .. } => to,
        }
    }
}

/// Returns into whose queue a new value under `key` goes that is written by hand.
pub(crate) fn recipient_of_raw(key: &Key) -> Option<&str> {
    match Address::read(key)? {
        Address::Raw { to, .. } => Some(to),
        Address::Sent { .. } => None,
    }
}

/// Returns in whose queue `entry` under `key` is, `None` when it is no message.
///
/// The number in a key that was made for a message is its revision; nobody else can know it before.
pub(crate) fn recipient<'a>(key: &'a Key, entry: &Entry) -> Option<&'a str> {
    match Address::read(key)? {
        Address::Sent { to, rev } => (rev == entry.created_rev.to_string()).then_some(to),
        Address::Raw { to, .. } => Some(to),
    }
}

/// Returns who sent the message that `entry` under `key` is, and what it says.
///
/// Nobody but the person at the board is told to be the person.
pub(crate) fn read(key: &Key, entry: &Entry) -> (Arc<str>, Arc<str>) {
    let writer = || Arc::clone(&entry.by.name);
    match Address::read(key) {
        Some(Address::Raw { from, .. }) if from != Owner::HUMAN => {
            (Arc::from(from), Arc::clone(&entry.value))
        }
        Some(Address::Sent { .. }) => {
            let letter: Result<Letter<'_>, _> = serde_json::from_str(&entry.value);
            let body = letter.map_or_else(|_| Arc::clone(&entry.value), |letter| Arc::from(letter.body));
            (writer(), body)
        }
        _ => (writer(), Arc::clone(&entry.value)),
    }
}

/// The queues of a namespace.
#[derive(Debug, Default)]
pub(crate) struct Inboxes(BTreeMap<Arc<str>, Inbox>);

/// The messages to one name.
#[derive(Debug, Default)]
struct Inbox {
    /// Those that are with nobody, in the order in which they were sent.
    pending: BTreeSet<(Revision, Key)>,
    /// How many were delivered and are not confirmed.
    delivered: usize,
}

impl Inboxes {
    /// Notes the message that stands under `key` now, in the queue of `to`; tells whether it waits there.
    pub(crate) fn add(&mut self, to: &str, key: &Key, entry: &Entry) -> bool {
        if !self.0.contains_key(to) {
            self.0.insert(Arc::from(to), Inbox::default());
        }
        let waits = entry.leases().is_empty();
        if let Some(inbox) = self.0.get_mut(to) {
            if waits {
                inbox.pending.insert((entry.created_rev, key.clone()));
            } else {
                inbox.delivered += 1;
            }
        }
        waits
    }

    /// Notes that the message does not stand there any more.
    pub(crate) fn remove(&mut self, to: &str, key: &Key, entry: &Entry) {
        let Some(inbox) = self.0.get_mut(to) else { return };
        if entry.leases().is_empty() {
            inbox.pending.remove(&(entry.created_rev, key.clone()));
        } else {
            inbox.delivered -= 1;
        }
        if inbox.len() == 0 {
            self.0.remove(to);
        }
    }

    /// Returns those that wait for `name`, the oldest first.
    pub(crate) fn pending(&self, name: &str) -> impl ExactSizeIterator<Item = &Key> {
        static NONE: BTreeSet<(Revision, Key)> = BTreeSet::new();
        let pending = self.0.get(name).map_or(&NONE, |inbox| &inbox.pending);
        pending.iter().map(|(_, key)| key)
    }

    /// Returns when the last of those that wait for `name` was sent.
    pub(crate) fn newest(&self, name: &str) -> Option<Revision> {
        let (rev, _) = self.0.get(name)?.pending.last()?;
        Some(*rev)
    }

    /// Returns how many there are for `name`, delivered ones too.
    pub(crate) fn len(&self, name: &str) -> usize {
        self.0.get(name).map_or(0, Inbox::len)
    }
}

impl Inbox {
    fn len(&self) -> usize {
        self.pending.len() + self.delivered
    }
}

#[cfg(test)]
mod tests;
