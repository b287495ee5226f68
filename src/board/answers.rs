//! Requests of agents that were applied, and their answers, so that a request which is repeated is applied once.
//!
//! A bridge that lost its connection cannot know whether the board saw what it had sent. It sends it again
//! under the same id and lists the id in its hello; the answer then comes from here if the board had
//! applied it. Only listed ids are looked up, each once, so a client may use its ids again.
//!
//! A [`Mark`] is set while the board is held for the command itself, so an image of the board has either both
//! the mark and what the request did, or neither.

mod kept;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

pub use kept::KEPT_ANSWERS;
use kept::{KEPT_FOR, Kept};

use super::{Board, Fingerprint, Revision, Secret, Time};

/// For how many sessions answers are kept: twice as many as are served at a time, so that all of those can come back
/// together. Of those that nobody speaks for, the one that was silent longest goes first.
const KEPT_SESSIONS: usize = 2_048;
/// What stands for the revision of a request that was not applied.
const NOT_YET: u64 = u64::MAX;

/// The line that answers a request.
pub type AnswerLine = Arc<[u8]>;

/// The id of a request, as its sender chose it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CallId {
    /// A number.
    Number(i64),
    /// A text.
    Text(Arc<str>),
}

/// One request: whether it was applied, and what was answered.
#[derive(Debug)]
pub struct Mark {
    id: CallId,
    since: Time,
    /// The board's revision when it was applied.
    applied: AtomicU64,
    answer: OnceCell<AnswerLine>,
}

/// The answers that a board keeps.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    sessions: Mutex<HashMap<Fingerprint, Arc<Mutex<Kept>>>>,
    /// How many bytes the lines of all sessions have.
    bytes: Arc<AtomicUsize>,
}

/// What one connection may find among the answers, and where it leaves its own.
#[derive(Debug)]
pub struct Repeats {
    board: Board,
    kept: Arc<Mutex<Kept>>,
    /// The ids that were announced and have not come yet, each with how long ago its request came first.
    announced: HashMap<CallId, Duration>,
    /// Which connection of the session it is.
    connection: u64,
}

/// How long ago a request came first that is asked again: a client gives it up as long after that as any other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waited(pub Duration);

/// The place of one answer.
#[derive(Debug)]
pub struct Slot {
    kept: Arc<Mutex<Kept>>,
    mark: Arc<Mark>,
}

impl Mark {
    fn new(id: CallId, since: Time, applied: u64, answer: OnceCell<AnswerLine>) -> Arc<Self> {
        Arc::new(Self {
            id,
            since,
            applied: AtomicU64::new(applied),
            answer,
        })
    }

    /// Returns the same for one whose answer is kept no longer.
    fn without_line(&self) -> Arc<Self> {
        let applied = self.applied.load(Ordering::SeqCst);
        Self::new(self.id.clone(), self.since, applied, OnceCell::new())
    }

    /// Tells whether the request was applied. Who has the mark and no answer must not apply it again.
    pub fn is_applied(&self) -> bool {
        self.applied.load(Ordering::SeqCst) != NOT_YET
    }

    /// Notes that the request was applied, while the board, now at `rev`, is still held for it. The first time counts.
    pub(crate) fn note(&self, rev: Revision) {
        self.applied.fetch_min(rev.0, Ordering::SeqCst);
    }

    /// Tells whether an image of the board at `rev` shows what the request did.
    fn is_in(&self, rev: Revision) -> bool {
        self.applied.load(Ordering::SeqCst) <= rev.0
    }

    /// Returns the request's id.
    pub(crate) fn id(&self) -> &CallId {
        &self.id
    }

    /// Returns when the request came.
    pub(crate) fn since(&self) -> Time {
        self.since
    }

    /// Returns what was answered, if that is known by now.
    pub(crate) fn answer(&self) -> Option<&AnswerLine> {
        self.answer.get()
    }
}

impl Board {
    /// Returns what the session of `secret` may find, whose new connection lists `announced` as repeats, each with
    /// how long ago the request came first.
    pub fn repeats(
        &self,
        secret: &Secret,
        announced: impl IntoIterator<Item = (CallId, Duration)>,
    ) -> Repeats {
        let kept = self.answers().session(secret.fingerprint(), self.clock().now());
        let mut session = lock(&kept);
        session.connections += 1;
        let connection = session.connections;
        drop(session);
        Repeats {
            board: self.clone(),
            kept,
            announced: announced.into_iter().take(KEPT_ANSWERS).collect(),
            connection,
        }
    }
}

impl Answers {
    fn session(&self, secret: Fingerprint, now: Time) -> Arc<Mutex<Kept>> {
        // A connection, or a call of one, goes on with what it has. Were that not here any more, nobody would find it.
        let is_in_use = |kept: &Arc<Mutex<Kept>>| Arc::strong_count(kept) > 1;
        let mut sessions = lock(&self.sessions);
        if !sessions.contains_key(&secret) {
            sessions.retain(|_, kept| is_in_use(kept) || now.since(lock(kept).touched) < KEPT_FOR);
            if sessions.len() >= KEPT_SESSIONS {
                let unused = sessions.iter().filter(|(_, kept)| !is_in_use(kept));
                let silent = unused.min_by_key(|(_, kept)| lock(kept).touched);
                if let Some(silent) = silent.map(|(secret, _)| *secret) {
                    sessions.remove(&silent);
                }
            }
        }
        let fresh = || Arc::new(Mutex::new(Kept::new(Arc::clone(&self.bytes))));
        let kept = Arc::clone(sessions.entry(secret).or_insert_with(fresh));
        drop(sessions);
        lock(&kept).touched = now;
        kept
    }

    /// Returns the marks of the requests whose effects are in an image of the board at `rev`.
    pub(crate) fn in_image(&self, rev: Revision, now: Time) -> Vec<(Fingerprint, Arc<Mark>)> {
        let known = lock(&self.sessions);
        let sessions: Vec<_> = known
            .iter()
            .map(|(secret, kept)| (*secret, Arc::clone(kept)))
            .collect();
        drop(known);
        let asked_for = |mark: &&Arc<Mark>| mark.is_in(rev) && now.since(mark.since) < KEPT_FOR;
        let mut found = Vec::new();
        for (secret, kept) in sessions {
            found.extend(
                lock(&kept)
                    .marks
                    .iter()
                    .filter(asked_for)
                    .map(|mark| (secret, Arc::clone(mark))),
            );
        }
        // By session only: those of one stay in the order in which they came.
        found.sort_by_key(|(secret, _)| *secret);
        found
    }

    /// Takes over from an image that the session of `secret` had its request `id` applied.
    pub(crate) fn restore(
        &self,
        secret: Fingerprint,
        id: CallId,
        since: Time,
        answer: Option<AnswerLine>,
        now: Time,
    ) {
        let answer = OnceCell::new_with(answer);
        let mark = Mark::new(id, since, Revision::ZERO.0, answer);
        lock(&self.session(secret, now)).add(mark, now);
    }
}

impl Repeats {
    /// Returns since when the client waits for the answer to the request `id`, if that is announced to come again.
    pub fn waited(&self, id: &CallId) -> Option<Waited> {
        if self.announced.is_empty() {
            return None;
        }
        self.announced.get(id).copied().map(Waited)
    }

    /// Returns the place for the answer to the request `id`: that of the earlier one when it is a repeat.
    ///
    /// What an old connection still holds when its bridge is back on a new one may be served after its
    /// repeat, and then it is the repeat.
    pub fn slot(&mut self, id: CallId) -> Slot {
        let announced = !self.announced.is_empty() && self.announced.remove(&id).is_some();
        let mut session = lock(&self.kept);
        let repeated = announced || session.connections > self.connection;
        let mark = session.slot(id, repeated, self.board.clock().now());
        drop(session);
        Slot {
            kept: Arc::clone(&self.kept),
            mark,
        }
    }
}

impl Slot {
    /// Returns the mark of the request, for whoever applies it.
    pub fn mark(&self) -> Arc<Mark> {
        Arc::clone(&self.mark)
    }

    /// Returns the answer that is here, waits for it while it is being made, or makes it.
    ///
    /// When who makes it is dropped before the end, the next in line makes it.
    pub async fn once(self, make: impl Future<Output = AnswerLine>) -> AnswerLine {
        let make = async {
            let line = make.await;
            lock(&self.kept).weigh(&self.mark, line.len());
            line
        };
        Arc::clone(self.mark.answer.get_or_init(|| make).await)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
