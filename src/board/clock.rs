//! The one place where time comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Time;

/// A source of time: monotonic for deadlines, wall clock only for people.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current moment; it never goes back.
    fn now(&self) -> Time;

    /// Returns the wall clock's reading, which may jump.
    fn wall(&self) -> Timestamp;

    /// Returns the wall time at which `moment` was or will be, by today's reading of both clocks.
    fn wall_at(&self, moment: Time) -> Timestamp {
        let now = self.now();
        let (wall, ahead) = (self.wall(), moment.since(now));
        let shifted = if ahead.is_zero() {
            wall.checked_sub(now.since(moment))
        } else {
            wall.checked_add(ahead)
        };
        shifted.unwrap_or(wall)
    }
}

/// A shared clock is a clock, so that whoever turns it can keep it.
impl<C: Clock> Clock for Arc<C> {
    fn now(&self) -> Time {
        (**self).now()
    }

    fn wall(&self) -> Timestamp {
        (**self).wall()
    }
}

/// Where the system's clock begins. What happened to a restored board before its process began has moments too.
const BEGINNING: Duration = Duration::from_secs(365 * 86_400);

/// The operating system's clocks.
///
/// `Instant` stands still while the machine sleeps, on Linux and macOS alike, and so do the agents.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Returns a clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the board's clock")]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the board's clock")]
    fn now(&self) -> Time {
        Time::default()
            .after(BEGINNING)
            .after(Instant::now().duration_since(self.origin))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that moves only when it is told to, for tests and pictures.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.nanos
            .fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time::from_nanos(self.nanos.load(Ordering::SeqCst))
    }

    /// Returns a wall time that began at noon on 15 October 2025, the day of the original design.
    fn wall(&self) -> Timestamp {
        const NOON: i64 = 1_760_529_600;
        let nanos = i128::from(NOON) * 1_000_000_000 + i128::from(self.now().as_nanos());
        Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_of_a_moment_follows_the_distance_from_now() {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(10));
        assert_eq!(
            clock.wall_at(Time::from_nanos(0)).to_string(),
            "2025-10-15T12:00:00Z"
        );
        assert_eq!(
            clock.wall_at(Time::from_nanos(70_000_000_000)).to_string(),
            "2025-10-15T12:01:10Z"
        );
    }
}
