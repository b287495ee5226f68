//! Requests of agents that were applied, and their answers, so that a request which is repeated is applied once.
//!
//! A bridge that lost its connection cannot know whether the board saw what it had sent. It sends it again
//! under the same id and lists the id in its hello; the answer then comes from here if the board had
//! applied it. Only listed ids are looked up, each once, so a client may use its ids again.
//!
//! A [`Mark`] is set while the board is held for the command itself, so an image of the board has either both
//! the mark and what the request did, or neither.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::{Board, Fingerprint, Revision, Secret, Time};

/// How many answers are kept for a session.
pub const KEPT_ANSWERS: usize = 256;
/// How many bytes they may have in all; the newest is kept in any case.
const KEPT_BYTES: usize = 256 * 1024;
/// How long they are kept: no bridge waits longer with its repeats.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// For how many sessions answers are kept; the one that was silent longest goes first.
const KEPT_SESSIONS: usize = 1_000;
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

#[derive(Debug, Default)]
struct Kept {
    /// Oldest first.
    marks: VecDeque<Arc<Mark>>,
    bytes: usize,
    touched: Time,
    /// How many connections the session has had.
    connections: u64,
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

    /// Tells whether the request was applied. Who has the mark and no answer must not apply it again.
    pub fn is_applied(&self) -> bool {
        self.applied.load(Ordering::SeqCst) != NOT_YET
    }

    /// Notes that the request was applied, while the board, now at `rev`, is still held for it.
    pub(crate) fn note(&self, rev: Revision) {
        self.applied.store(rev.0, Ordering::SeqCst);
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
        let mut sessions = lock(&self.sessions);
        if !sessions.contains_key(&secret) {
            sessions.retain(|_, kept| now.since(lock(kept).touched) < KEPT_FOR);
            if sessions.len() >= KEPT_SESSIONS {
                let silent = sessions.iter().min_by_key(|(_, kept)| lock(kept).touched);
                if let Some(silent) = silent.map(|(secret, _)| *secret) {
                    sessions.remove(&silent);
                }
            }
        }
        let kept = Arc::clone(sessions.entry(secret).or_default());
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
        let bytes = answer.as_ref().map_or(0, |line| line.len());
        let kept = self.session(secret, now);
        let mut session = lock(&kept);
        let answer = OnceCell::new_with(answer);
        session
            .marks
            .push_back(Mark::new(id, since, Revision::ZERO.0, answer));
        session.bytes += bytes;
        session.forget(now);
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

impl Kept {
    fn slot(&mut self, id: CallId, repeated: bool, now: Time) -> Arc<Mark> {
        self.touched = now;
        // The newest first: what an id that is used again stood for before can no longer be asked for.
        if repeated && let Some(known) = self.marks.iter().rev().find(|known| known.id == id) {
            return Arc::clone(known);
        }
        let mark = Mark::new(id, now, NOT_YET, OnceCell::new());
        self.marks.push_back(Arc::clone(&mark));
        self.forget(now);
        mark
    }

    fn weigh(&mut self, mark: &Arc<Mark>, bytes: usize) {
        if self.marks.iter().rev().any(|kept| Arc::ptr_eq(kept, mark)) {
            self.bytes += bytes;
        }
    }

    /// Drops what is too old or too much, oldest first, but never the newest.
    fn forget(&mut self, now: Time) {
        // Who is about to answer a call holds its mark: it may still be applied, and then its repeat must find
        // it. A call that was given up is held by nobody, and so there is no end of such marks to fear.
        let is_over = |mark: &Arc<Mark>| mark.answer.get().is_some() || Arc::strong_count(mark) == 1;
        while let Some(at) = self.marks.iter().rev().skip(1).rev().position(is_over)
            && (self.bytes > KEPT_BYTES
                || self.marks.len() > KEPT_ANSWERS
                || now.since(self.marks[at].since) >= KEPT_FOR)
            && let Some(oldest) = self.marks.remove(at)
        {
            let bytes = oldest.answer.get().map_or(0, |line| line.len());
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::board::{Limits, ManualClock, RevisionFile};

    fn board() -> (Board, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let revisions = RevisionFile::in_memory();
        let board = Board::new(Arc::clone(&clock), Limits::default(), revisions, Revision::ZERO);
        (board, clock)
    }

    fn connect(board: &Board, secret: &str, repeats: &[i64]) -> Repeats {
        board.repeats(
            &Secret::from(secret),
            repeats.iter().map(|id| (CallId::Number(*id), Duration::ZERO)),
        )
    }

    async fn once(repeats: &mut Repeats, id: i64, text: &str) -> String {
        let line = repeats
            .slot(CallId::Number(id))
            .once(ready(Arc::from(text.as_bytes())))
            .await;
        String::from_utf8(line.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_announced_repeat_gets_the_first_answer_once() {
        let (board, _) = board();
        let mut first = connect(&board, "s", &[]);
        assert_eq!(once(&mut first, 1, "one").await, "one");
        let mut back = connect(&board, "s", &[1, 2]);
        assert_eq!(once(&mut back, 1, "again").await, "one");
        assert_eq!(once(&mut back, 2, "two").await, "two");
        assert_eq!(once(&mut back, 1, "reused").await, "reused");
        let mut later = connect(&board, "s", &[1]);
        assert_eq!(once(&mut later, 1, "again").await, "reused");
        let mut stranger = connect(&board, "t", &[1]);
        assert_eq!(once(&mut stranger, 1, "own").await, "own");
    }

    #[tokio::test]
    async fn what_an_old_connection_serves_after_its_repeat_is_not_done_again() {
        let (board, _) = board();
        let mut old = connect(&board, "s", &[]);
        let mut back = connect(&board, "s", &[1, 2]);
        assert_eq!(once(&mut back, 1, "repeat").await, "repeat");
        assert_eq!(once(&mut old, 1, "late").await, "repeat");
        assert_eq!(once(&mut old, 2, "late").await, "late");
        assert_eq!(once(&mut back, 2, "repeat").await, "late");
    }

    #[tokio::test]
    async fn a_repeat_waits_for_the_first_and_takes_over_when_that_is_dropped() {
        let (board, _) = board();
        let id = || CallId::Number(1);
        let mut first = connect(&board, "s", &[]);
        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(first.slot(id()).once(async {
            let _ = wait.await;
            Arc::from(*b"first")
        }));
        let repeat = |text: &'static [u8]| {
            let slot = connect(&board, "s", &[1]).slot(id());
            tokio::spawn(slot.once(ready(Arc::from(text))))
        };
        tokio::task::yield_now().await;
        let second = repeat(b"second");
        done.send(()).unwrap();
        assert_eq!(
            (&*running.await.unwrap(), &*second.await.unwrap()),
            (&b"first"[..], &b"first"[..])
        );

        let mut next = connect(&board, "s", &[]);
        let abandoned = tokio::spawn(next.slot(id()).once(std::future::pending()));
        tokio::task::yield_now().await;
        let heir = repeat(b"heir");
        abandoned.abort();
        assert_eq!(&*heir.await.unwrap(), b"heir");
    }

    #[tokio::test]
    async fn a_call_under_way_is_remembered_however_many_come_after_it_and_one_given_up_is_not() {
        let (board, _) = board();
        let mut session = connect(&board, "s", &[]);
        let under_way = session.slot(CallId::Number(0));
        drop(session.slot(CallId::Number(1)));
        for id in 2..1_000 {
            once(&mut session, id, "small").await;
        }
        let line: AnswerLine = Arc::from(*b"claimed");
        assert_eq!(under_way.once(ready(line)).await, Arc::from(*b"claimed"));
        let mut back = connect(&board, "s", &[0, 1]);
        assert_eq!(once(&mut back, 0, "claimed again").await, "claimed");
        assert_eq!(once(&mut back, 1, "done at last").await, "done at last");
        for id in 0..1_000 {
            drop(back.slot(CallId::Number(id)));
        }
        assert!(lock(&back.kept).marks.len() <= KEPT_ANSWERS + 1);
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_in_number_bytes_and_time() {
        let (board, clock) = board();
        let mut session = connect(&board, "s", &[]);
        for id in 0..1_000 {
            once(&mut session, id, "small").await;
        }
        assert_eq!(lock(&session.kept).marks.len(), KEPT_ANSWERS);
        assert_eq!(lock(&session.kept).bytes, KEPT_ANSWERS * "small".len());
        once(&mut session, 1_000, &"x".repeat(KEPT_BYTES + 1)).await;
        once(&mut session, 1_001, "small").await;
        assert_eq!(lock(&session.kept).marks.len(), 1);
        for secret in 0..KEPT_SESSIONS + 10 {
            clock.advance(Duration::from_millis(1));
            connect(&board, &secret.to_string(), &[]);
        }
        assert_eq!(lock(&board.answers().sessions).len(), KEPT_SESSIONS);
        clock.advance(KEPT_FOR);
        connect(&board, "late", &[]);
        assert_eq!(lock(&board.answers().sessions).len(), 1);
    }
}
