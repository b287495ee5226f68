//! What is kept of the requests of one session, and for how long.
//!
//! A mark is small and says that its request is not to be applied again, so it is kept by number and time alone. The
//! line of an answer may be megabytes long; where there is no room for it, it goes and the mark stays, as it does for
//! a request whose answer nobody ever knew.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::{CallId, Mark, NOT_YET};
use crate::board::Time;

/// How many answers are kept for a session.
pub const KEPT_ANSWERS: usize = 256;
/// How long they are kept: no bridge waits longer with its repeats.
pub(super) const KEPT_FOR: Duration = Duration::from_secs(600);
/// How many bytes the lines of a session may have at any time, but for the newest.
pub(super) const KEPT_BYTES: usize = 256 * 1024;
/// The longest line that stays with its mark, since as many as there are marks have room.
const SHORT: usize = KEPT_BYTES / KEPT_ANSWERS;
/// How long the longer ones are kept too: a call may wait for most of a minute, and then its bridge may be away for
/// as long.
pub(super) const FRESH: Duration = Duration::from_secs(120);
/// How many bytes the lines of all sessions may have for that.
pub(super) const ALL_BYTES: usize = 64 * 1024 * 1024;

/// The requests of a session.
#[derive(Debug)]
pub(super) struct Kept {
    /// Oldest first.
    pub(super) marks: VecDeque<Arc<Mark>>,
    /// How many bytes their lines have.
    pub(super) bytes: usize,
    /// How many those of all sessions have.
    all: Arc<AtomicUsize>,
    pub(super) touched: Time,
    /// How many connections the session has had.
    pub(super) connections: u64,
}

impl Kept {
    /// Returns nothing kept yet, of a board whose lines have `all` bytes.
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        Self {
            marks: VecDeque::new(),
            bytes: 0,
            all,
            touched: Time::default(),
            connections: 0,
        }
    }

    /// Returns the mark of the request `id`: that of the earlier one if it is `repeated`.
    pub(super) fn slot(&mut self, id: CallId, repeated: bool, now: Time) -> Arc<Mark> {
        self.touched = now;
        // The newest first: what an id that is used again stood for before can no longer be asked for.
        if repeated && let Some(known) = self.marks.iter().rev().find(|known| known.id == id) {
            return Arc::clone(known);
        }
        let mark = Mark::new(id, now, NOT_YET, OnceCell::new());
        self.add(Arc::clone(&mark), now);
        mark
    }

    /// Adds the newest mark.
    pub(super) fn add(&mut self, mark: Arc<Mark>, now: Time) {
        self.count(mark.answer().map_or(0, |line| line.len()));
        self.marks.push_back(mark);
        self.forget_lines(now);
        self.forget_marks(now);
    }

    /// Notes that the answer to the request of `mark` has `bytes`.
    pub(super) fn weigh(&mut self, mark: &Arc<Mark>, bytes: usize) {
        if self.marks.iter().rev().any(|kept| Arc::ptr_eq(kept, mark)) {
            self.count(bytes);
        }
    }

    /// Drops long lines, oldest first: those that are not fresh any more, and when all sessions together have too much,
    /// those that are. Never that of the newest.
    fn forget_lines(&mut self, now: Time) {
        let older = self.marks.len().saturating_sub(1);
        for at in 0..older {
            if self.bytes <= KEPT_BYTES {
                return;
            }
            let mark = &self.marks[at];
            let Some(bytes) = mark
                .answer()
                .map(|line| line.len())
                .filter(|bytes| *bytes > SHORT)
            else {
                continue;
            };
            if now.since(mark.since) < FRESH && self.all.load(Ordering::Relaxed) <= ALL_BYTES {
                return;
            }
            self.marks[at] = mark.without_line();
            self.discount(bytes);
        }
    }

    /// Drops the marks that are too old or too many, oldest first, but never the newest.
    fn forget_marks(&mut self, now: Time) {
        // Who is about to answer a call holds its mark: it may still be applied, and then its repeat must find
        // it. A call that was given up is held by nobody, and so there is no end of such marks to fear.
        let is_over = |mark: &Arc<Mark>| mark.answer().is_some() || Arc::strong_count(mark) == 1;
        while let Some(at) = self.marks.iter().rev().skip(1).rev().position(is_over)
            && (self.marks.len() > KEPT_ANSWERS || now.since(self.marks[at].since) >= KEPT_FOR)
            && let Some(oldest) = self.marks.remove(at)
        {
            self.discount(oldest.answer().map_or(0, |line| line.len()));
        }
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }

    fn discount(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.discount(self.bytes);
    }
}
