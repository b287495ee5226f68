//! Answers that are kept, so that a request which a bridge repeats is applied once.
//!
//! A bridge that lost its connection cannot know whether the board saw what it had sent. It sends it again
//! under the same id and lists the id in its hello; the answer then comes from here if the board had
//! applied it. Only listed ids are looked up, each once, so a client may use its ids again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::RequestId;
use tokio::sync::OnceCell;

use super::hello::Hello;
use crate::board::{Board, Secret, Time};

/// How many answers are kept for a session.
pub(super) const KEPT_ANSWERS: usize = 256;
/// How many bytes they may have in all; the newest is kept in any case.
const KEPT_BYTES: usize = 256 * 1024;
/// How long they are kept: no bridge waits longer with its repeats.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// For how many sessions answers are kept; the one that was silent longest goes first.
const KEPT_SESSIONS: usize = 1_000;

/// The line that answers a request.
pub(super) type AnswerLine = Arc<[u8]>;

/// The answers that one server keeps.
#[derive(Debug)]
pub(super) struct Answers {
    board: Board,
    sessions: Mutex<HashMap<Secret, Arc<Mutex<Kept>>>>,
}

/// What one connection may find among the answers, and where it leaves its own.
#[derive(Debug)]
pub(super) struct Repeats {
    board: Board,
    kept: Arc<Mutex<Kept>>,
    /// The ids that were announced and have not come yet.
    announced: HashSet<RequestId>,
    /// Which connection of the session it is.
    connection: u64,
}

/// The place of one answer.
#[derive(Debug)]
pub(super) struct Slot {
    kept: Arc<Mutex<Kept>>,
    answer: Arc<KeptAnswer>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Oldest first.
    answers: VecDeque<Arc<KeptAnswer>>,
    bytes: usize,
    touched: Time,
    /// How many connections the session has had.
    connections: u64,
}

#[derive(Debug)]
struct KeptAnswer {
    id: RequestId,
    since: Time,
    line: OnceCell<AnswerLine>,
}

impl Answers {
    /// Returns a memory that tells the time by the clock of `board`.
    pub(super) fn new(board: Board) -> Self {
        Self {
            board,
            sessions: Mutex::default(),
        }
    }

    /// Returns the part that belongs to the session which said `hello`; who has no secret cannot come back.
    pub(super) fn of(&self, hello: &Hello) -> Option<Repeats> {
        let kept = self.session(hello.secret.as_ref()?);
        let ids = hello.repeats.iter().cloned();
        let ids = ids.filter_map(|id| serde_json::from_value(id).ok());
        let mut session = lock(&kept);
        session.connections += 1;
        let connection = session.connections;
        drop(session);
        Some(Repeats {
            board: self.board.clone(),
            kept,
            announced: ids.take(KEPT_ANSWERS).collect(),
            connection,
        })
    }

    fn session(&self, secret: &Secret) -> Arc<Mutex<Kept>> {
        let now = self.board.clock().now();
        let mut sessions = lock(&self.sessions);
        if !sessions.contains_key(secret) {
            sessions.retain(|_, kept| now.since(lock(kept).touched) < KEPT_FOR);
            if sessions.len() >= KEPT_SESSIONS {
                let silent = sessions.iter().min_by_key(|(_, kept)| lock(kept).touched);
                if let Some(silent) = silent.map(|(secret, _)| secret.clone()) {
                    sessions.remove(&silent);
                }
            }
        }
        let kept = Arc::clone(sessions.entry(secret.clone()).or_default());
        drop(sessions);
        lock(&kept).touched = now;
        kept
    }
}

impl Repeats {
    /// Returns the place for the answer to the request `id`: that of the earlier one when it is a repeat.
    ///
    /// What an old connection still holds when its bridge is back on a new one may be served after its
    /// repeat, and then it is the repeat.
    pub(super) fn slot(&mut self, id: &RequestId) -> Slot {
        let announced = !self.announced.is_empty() && self.announced.remove(id);
        let mut session = lock(&self.kept);
        let repeated = announced || session.connections > self.connection;
        let answer = session.slot(id, repeated, self.board.clock().now());
        drop(session);
        Slot {
            kept: Arc::clone(&self.kept),
            answer,
        }
    }
}

impl Slot {
    /// Returns the answer that is here, waits for it while it is being made, or makes it.
    ///
    /// When who makes it is dropped before the end, the next in line makes it.
    pub(super) async fn once(self, make: impl Future<Output = AnswerLine>) -> AnswerLine {
        let make = async {
            let line = make.await;
            lock(&self.kept).weigh(&self.answer, line.len());
            line
        };
        Arc::clone(self.answer.line.get_or_init(|| make).await)
    }
}

impl Kept {
    fn slot(&mut self, id: &RequestId, repeated: bool, now: Time) -> Arc<KeptAnswer> {
        self.touched = now;
        // The newest first: what an id that is used again stood for before can no longer be asked for.
        if repeated && let Some(known) = self.answers.iter().rev().find(|known| known.id == *id) {
            return Arc::clone(known);
        }
        let answer = Arc::new(KeptAnswer {
            id: id.clone(),
            since: now,
            line: OnceCell::new(),
        });
        self.answers.push_back(Arc::clone(&answer));
        self.forget(now);
        answer
    }

    fn weigh(&mut self, answer: &Arc<KeptAnswer>, bytes: usize) {
        if self.answers.iter().rev().any(|kept| Arc::ptr_eq(kept, answer)) {
            self.bytes += bytes;
        }
    }

    /// Drops what is too old or too much, oldest first, but never the newest.
    fn forget(&mut self, now: Time) {
        while self.answers.len() > 1
            && let Some(oldest) = self.answers.front()
            && (self.bytes > KEPT_BYTES
                || self.answers.len() > KEPT_ANSWERS
                || now.since(oldest.since) >= KEPT_FOR)
        {
            let bytes = oldest.line.get().map_or(0, |line| line.len());
            self.bytes = self.bytes.saturating_sub(bytes);
            self.answers.pop_front();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use serde_json::Value;

    use super::*;
    use crate::board::{Clock, Limits, ManualClock, Revision, RevisionFile};

    #[derive(Clone, Debug, Default)]
    struct Turned(Arc<ManualClock>);

    impl Clock for Turned {
        fn now(&self) -> Time {
            self.0.now()
        }

        fn wall(&self) -> jiff::Timestamp {
            self.0.wall()
        }
    }

    fn answers() -> (Answers, Arc<ManualClock>) {
        let clock = Turned::default();
        let revisions = RevisionFile::in_memory();
        let board = Board::new(clock.clone(), Limits::default(), revisions, Revision::ZERO);
        (Answers::new(board), clock.0)
    }

    fn hello(secret: &str, repeats: &[i64]) -> Hello {
        Hello {
            secret: Some(Secret::from(secret)),
            repeats: repeats.iter().copied().map(Value::from).collect(),
            ..Hello::default()
        }
    }

    async fn once(repeats: &mut Repeats, id: i64, text: &str) -> String {
        let line = repeats
            .slot(&RequestId::Number(id))
            .once(ready(Arc::from(text.as_bytes())))
            .await;
        String::from_utf8(line.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_announced_repeat_gets_the_first_answer_once() {
        let (answers, _) = answers();
        let mut first = answers.of(&hello("s", &[])).unwrap();
        assert_eq!(once(&mut first, 1, "one").await, "one");
        let mut back = answers.of(&hello("s", &[1, 2])).unwrap();
        assert_eq!(once(&mut back, 1, "again").await, "one");
        assert_eq!(once(&mut back, 2, "two").await, "two");
        assert_eq!(once(&mut back, 1, "reused").await, "reused");
        let mut later = answers.of(&hello("s", &[1])).unwrap();
        assert_eq!(once(&mut later, 1, "again").await, "reused");
        let mut stranger = answers.of(&hello("t", &[1])).unwrap();
        assert_eq!(once(&mut stranger, 1, "own").await, "own");
        assert!(answers.of(&Hello::default()).is_none());
    }

    #[tokio::test]
    async fn what_an_old_connection_serves_after_its_repeat_is_not_done_again() {
        let (answers, _) = answers();
        let mut old = answers.of(&hello("s", &[])).unwrap();
        let mut back = answers.of(&hello("s", &[1, 2])).unwrap();
        assert_eq!(once(&mut back, 1, "repeat").await, "repeat");
        assert_eq!(once(&mut old, 1, "late").await, "repeat");
        assert_eq!(once(&mut old, 2, "late").await, "late");
        assert_eq!(once(&mut back, 2, "repeat").await, "late");
    }

    #[tokio::test]
    async fn a_repeat_waits_for_the_first_and_takes_over_when_that_is_dropped() {
        let (answers, _) = answers();
        let id = RequestId::Number(1);
        let mut first = answers.of(&hello("s", &[])).unwrap();
        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(first.slot(&id).once(async {
            let _ = wait.await;
            Arc::from(*b"first")
        }));
        let repeat = |text: &'static [u8]| {
            let slot = answers.of(&hello("s", &[1])).unwrap().slot(&id);
            tokio::spawn(slot.once(ready(Arc::from(text))))
        };
        tokio::task::yield_now().await;
        let second = repeat(b"second");
        done.send(()).unwrap();
        assert_eq!(
            (&*running.await.unwrap(), &*second.await.unwrap()),
            (&b"first"[..], &b"first"[..])
        );

        let mut next = answers.of(&hello("s", &[])).unwrap();
        let abandoned = tokio::spawn(next.slot(&id).once(std::future::pending()));
        tokio::task::yield_now().await;
        let heir = repeat(b"heir");
        abandoned.abort();
        assert_eq!(&*heir.await.unwrap(), b"heir");
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_in_number_bytes_and_time() {
        let (answers, clock) = answers();
        let mut session = answers.of(&hello("s", &[])).unwrap();
        for id in 0..1_000 {
            once(&mut session, id, "small").await;
        }
        assert_eq!(lock(&session.kept).answers.len(), KEPT_ANSWERS);
        assert_eq!(lock(&session.kept).bytes, KEPT_ANSWERS * "small".len());
        once(&mut session, 1_000, &"x".repeat(KEPT_BYTES + 1)).await;
        once(&mut session, 1_001, "small").await;
        assert_eq!(lock(&session.kept).answers.len(), 1);
        for secret in 0..KEPT_SESSIONS + 10 {
            clock.advance(Duration::from_millis(1));
            answers.of(&hello(&secret.to_string(), &[])).unwrap();
        }
        assert_eq!(lock(&answers.sessions).len(), KEPT_SESSIONS);
        clock.advance(KEPT_FOR);
        answers.of(&hello("late", &[])).unwrap();
        assert_eq!(lock(&answers.sessions).len(), 1);
    }
}
