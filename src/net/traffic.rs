//! What a server counts of its connections, for people.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The connections of one server in numbers.
#[derive(Debug, Default)]
pub struct Traffic {
    open: AtomicUsize,
    refused: AtomicU64,
    panics: AtomicU64,
}

impl Traffic {
    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Returns how many connections were turned away: too many at a time, or of another user.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns how many requests made their handler panic.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Counts a connection in, unless `limit` are open.
    pub(super) fn enter(&self, limit: usize) -> bool {
        let enter = |open| (open < limit).then_some(open + 1);
        self.open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter)
            .is_ok()
    }

    pub(super) fn left(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}
