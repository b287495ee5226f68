//! Boards on a turned clock, written down and read again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Board, Clock, Grant, Image, Introduction, Limits, ManualClock, Mode, Moment, Namespace, Record, Refusal,
    Revision, RevisionFile, Secret, Session, Target, Time, Wish,
};
use callboard::snapshot::{self, Problem};
use jiff::Timestamp;

/// A clock whose wall time is set apart from its count, as it is in a new process.
#[derive(Clone)]
pub(crate) struct Clocks {
    pub(crate) count: Arc<ManualClock>,
    /// Seconds by which the wall clock is ahead.
    pub(crate) wall_ahead: i64,
}

impl Clocks {
    /// Returns a clock at `seconds` since its beginning, in which moments before now have a place.
    pub(crate) fn at(seconds: u64) -> Self {
        let count = Arc::new(ManualClock::default());
        count.advance(Duration::from_secs(seconds));
        Self { count, wall_ahead: 0 }
    }

    /// Returns the clock of a process that starts later: it counts anew, and by the wall `seconds` have passed.
    pub(crate) fn later(&self, seconds: i64) -> Self {
        let counted = self.count.now().since(Time::default()).as_secs().cast_signed();
        Self {
            wall_ahead: self.wall_ahead + counted - 500_000 + seconds,
            ..Self::at(500_000)
        }
    }
}

impl fmt::Debug for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.count.now())
    }
}

impl Clock for Clocks {
    fn now(&self) -> Time {
        self.count.now()
    }

    fn wall(&self) -> Timestamp {
        self.count.wall() + jiff::SignedDuration::from_secs(self.wall_ahead)
    }
}

/// Returns an empty board.
pub(crate) fn board(clock: &Clocks) -> Board {
    let revisions = RevisionFile::in_memory();
    Board::new(clock.clone(), Limits::default(), revisions, Revision::ZERO)
}

/// Attaches the agent `name`, whose secret is its name.
pub(crate) fn attach(board: &Board, name: &str) -> Session {
    let namespace = board.open(&Namespace::default()).unwrap();
    let introduction = Introduction {
        name: Some(name.to_owned()),
        ..Introduction::default()
    };
    board.resume(namespace, introduction, Some(Secret::from(name)))
}

/// Locks `target` for five minutes, without waiting.
pub(crate) fn lock(session: &Session, target: &str, mode: Mode) -> Result<Grant, Refusal> {
    let wish = Wish {
        targets: Arc::from([Target::of_text(target)]),
        mode,
        why: Some(Arc::from("a test")),
        ttl: Duration::from_secs(300),
    };
    now(session.call().acquire(wish, Duration::ZERO))
}

/// Returns what `future` comes to, which needs no clock but the board's.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(future)
}

/// Returns the snapshot of `board` as text.
pub(crate) fn text(board: &Board) -> String {
    text_of(&board.image())
}

pub(crate) fn text_of(image: &Image) -> String {
    let mut bytes = Vec::new();
    snapshot::write(image, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Returns what an image of `board` shows now.
pub(crate) fn records(board: &Board) -> Vec<Record> {
    board.image().records().collect()
}

/// Returns the board that `text` makes, whose revisions were set aside up to `start`.
pub(crate) fn try_restore(text: &[u8], clock: &Clocks, start: u64) -> Result<(Moment, Board), Problem> {
    let (moment, restoring) = snapshot::read(text, clock.clone(), Limits::default(), Revision(start))?;
    Ok((moment, restoring.finish(RevisionFile::in_memory())?))
}

/// Returns the board that `text` makes.
pub(crate) fn restore(text: &str, clock: &Clocks) -> Board {
    try_restore(text.as_bytes(), clock, 0).unwrap().1
}
