//! Time that passes as fast as nobody has anything to do: tokio's, when it is paused.

use callboard::board::{Clock, Time};
use jiff::Timestamp;
use tokio::time::Instant;

/// A board's clock that follows tokio's.
#[derive(Debug)]
pub(crate) struct VirtualTime(Instant);

impl VirtualTime {
    /// Returns a clock that begins now.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for VirtualTime {
    fn now(&self) -> Time {
        Time::default().after(self.0.elapsed())
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}
