//! One end that serves: what is on its way to it, and what this connection must remember.

use super::message::Id;
use super::outbox::Outbox;
use super::relay::ARRIVAL;
use crate::board::Time;

/// How much may wait for a server before the client is not read from.
const MAX_WAITING: usize = 64 * 1024;

/// A connection to a server, or the place for one. What is pushed while it is down is dropped.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) outbox: Outbox,
    /// Since when it is up.
    up: Option<Time>,
    /// Whether the server has said anything.
    spoken: bool,
    /// The ids of what the bridge sent by itself; their answers are not the client's.
    replays: Vec<Id>,
    /// The ids of what the server asks the client.
    questions: Vec<Id>,
}

impl Link {
    /// Begins anew at `now`.
    pub(super) fn open(&mut self, now: Time) {
        self.close();
        self.up = Some(now);
    }

    /// Ends, and forgets what was only about this connection.
    pub(super) fn close(&mut self) {
        self.outbox.clear();
        self.up = None;
        self.spoken = false;
        self.replays.clear();
        self.questions.clear();
    }

    /// Returns whether there is a connection.
    pub(super) fn is_up(&self) -> bool {
        self.up.is_some()
    }

    /// Sends a line.
    pub(super) fn push(&mut self, line: &[u8]) {
        if self.is_up() {
            self.outbox.push(line);
        }
    }

    /// Sends what was said on an earlier connection.
    pub(super) fn replay(&mut self, lines: &[u8], ids: Vec<Id>) {
        self.push(lines);
        self.replays = ids;
    }

    /// Returns whether another line may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.outbox.waiting().len() < MAX_WAITING
    }

    /// Notes that the server spoke, and returns whether it is the first time.
    pub(super) fn heard(&mut self) -> bool {
        !std::mem::replace(&mut self.spoken, true)
    }

    /// Returns whether this was a server that serves, not one that closes what it accepts.
    pub(super) fn proved(&self, now: Time) -> bool {
        self.spoken || self.up.is_some_and(|since| now.since(since) >= ARRIVAL)
    }

    /// Returns whether an answer is to something that the bridge sent by itself, and forgets it.
    pub(super) fn replayed(&mut self, id: &Id) -> bool {
        remove(&mut self.replays, id)
    }

    /// Notes a question to the client.
    pub(super) fn asks(&mut self, id: Id) {
        self.questions.push(id);
    }

    /// Returns whether the server waits for this answer of the client's, and forgets the question.
    pub(super) fn answered(&mut self, id: &Id) -> bool {
        remove(&mut self.questions, id)
    }
}

fn remove(ids: &mut Vec<Id>, id: &Id) -> bool {
    let found = ids.iter().position(|other| other == id);
    found.map(|at| ids.swap_remove(at)).is_some()
}
