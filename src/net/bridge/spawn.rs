//! Whether a board is to be started when there is none.
//!
//! A board that is not there yet, or that has died, is missed, and one is started. A board that ended in good
//! order was ended by somebody, whose wish is respected by all who were attached to it.
//!
//! Not for how it is started: that is [`crate::net::launch`].

use std::io::ErrorKind;
use std::time::Duration;

use crate::board::Time;
use crate::net::launch::{Launch, Launched, Miscarried};

/// How long a board may take from its start until it serves: less than a client that has ended its input gives.
const START: Duration = Duration::from_secs(4);
/// How long after a start the socket is looked at often: mostly a board serves much sooner.
const SOON: Duration = Duration::from_millis(200);
/// The first and the longest pause from one start to the next when the board does not last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));
/// A board that lasted as long is no reason for a pause.
const STEADY: Duration = Duration::from_secs(10);

/// What comes of a missing board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    /// Nothing that is not known already.
    Unchanged,
    /// One was just started and has until then.
    Until(Time),
    /// None came, and this is why.
    Failed(String),
}

/// Starts boards, each at its time.
#[derive(Debug)]
pub(super) struct Starter {
    /// How; absent when no board is to be started at all.
    launch: Option<Launch>,
    started: Option<Launched>,
    /// Whether somebody else was seen to be starting one.
    awaited: bool,
    hurry: Time,
    course: Course,
}

/// Pure: when a board may be started.
#[derive(Debug)]
struct Course {
    /// Whether a board has gone and it is not known yet how.
    lost: bool,
    /// Whether the last board was ended on purpose.
    ended: bool,
    next: Time,
    pause: Duration,
}

impl Starter {
    /// Returns one that starts boards by `launch` from `now` on.
    pub(super) fn new(launch: Option<Launch>, now: Time) -> Self {
        Self {
            launch,
            started: None,
            awaited: false,
            hurry: now,
            course: Course::new(now),
        }
    }

    /// Learns that there is somebody to connect to.
    pub(super) fn found(&mut self) {
        self.started = None;
        self.awaited = false;
    }

    /// Learns that the connection to a board has ended that served for `lasted`.
    pub(super) fn lost(&mut self, lasted: Duration, now: Time) {
        self.course.lost(lasted, now);
    }

    /// Learns at `now` that connecting failed with `error`, and perhaps starts a board. `wanted` tells whether
    /// somebody waits for one.
    pub(super) fn missed(&mut self, error: ErrorKind, wanted: bool, now: Time) -> Prospect {
        let Some(launch) = &self.launch else {
            return Prospect::Unchanged;
        };
        if let Some(started) = &self.started {
            match started.ended() {
                None => return Prospect::Unchanged,
                Some(Miscarried::Gave) => self.started = None,
                Some(Miscarried::Failed(reason)) => {
                    self.started = None;
                    return Prospect::Failed(reason);
                }
            }
        }
        if !self.course.may_start(error, wanted, now) {
            return Prospect::Unchanged;
        }
        match launch.start() {
            Ok(Some(started)) => {
                self.started = Some(started);
                self.course.starts(now);
            }
            // Its end would be seen by the next look, which costs little.
            Ok(None) if self.awaited => return Prospect::Unchanged,
            Ok(None) => self.awaited = true,
            Err(error) => {
                self.course.starts(now);
                return Prospect::Failed(error.to_string());
            }
        }
        self.hurry = now.after(SOON);
        Prospect::Until(now.after(START))
    }

    /// Returns whether a board may serve at any moment.
    pub(super) fn is_hurried(&self, now: Time) -> bool {
        now < self.hurry
    }
}

impl Course {
    fn new(now: Time) -> Self {
        Self {
            lost: false,
            ended: false,
            next: now,
            pause: PAUSES.0,
        }
    }

    fn lost(&mut self, lasted: Duration, now: Time) {
        (self.lost, self.ended) = (true, false);
        if lasted >= STEADY {
            (self.next, self.pause) = (now, PAUSES.0);
        }
    }

    fn may_start(&mut self, error: ErrorKind, wanted: bool, now: Time) -> bool {
        match error {
            // A board takes its socket away with it; one that dies cannot.
            ErrorKind::NotFound => self.ended |= std::mem::take(&mut self.lost),
            ErrorKind::ConnectionRefused => self.lost = false,
            // Whatever stands in the way of its directory, the attempt tells it.
            ErrorKind::NotADirectory => {}
            _ => return false,
        }
        // After one that did not last, a board is started for somebody only.
        !self.ended && self.next <= now && (wanted || self.pause == PAUSES.0)
    }

    fn starts(&mut self, now: Time) {
        self.next = now.after(self.pause);
        self.pause = PAUSES.1.min(self.pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENT: ErrorKind = ErrorKind::NotFound;
    const DEAD: ErrorKind = ErrorKind::ConnectionRefused;

    fn at(millis: u64) -> Time {
        Time::default().after(Duration::from_millis(millis))
    }

    fn course() -> Course {
        Course::new(at(0))
    }

    #[test]
    fn a_board_is_started_when_there_is_none_or_a_dead_one() {
        assert!(course().may_start(ABSENT, false, at(0)));
        assert!(course().may_start(DEAD, false, at(0)));
        assert!(!course().may_start(ErrorKind::PermissionDenied, true, at(0)));
    }

    #[test]
    fn one_that_died_is_replaced_and_one_that_was_ended_is_not() {
        let mut course = course();
        course.lost(STEADY, at(20_000));
        assert!(course.may_start(DEAD, false, at(20_000)));
        course.lost(STEADY, at(40_000));
        assert!(!course.may_start(ABSENT, true, at(40_000)));
        // What is left of others in the place changes nothing.
        assert!(!course.may_start(DEAD, true, at(90_000)));
        // Somebody has started another, and that one dies.
        course.lost(STEADY, at(100_000));
        assert!(course.may_start(DEAD, false, at(100_000)));
    }

    #[test]
    fn boards_that_do_not_last_are_started_ever_more_seldom_and_only_when_wanted() {
        let mut course = course();
        let mut starts = Vec::new();
        for millis in 0..600_000 {
            let now = at(millis);
            if course.may_start(DEAD, true, now) {
                course.starts(now);
                course.lost(Duration::ZERO, now);
                starts.push(millis);
            }
            assert!(
                starts.is_empty() || !course.may_start(DEAD, false, now),
                "nobody asked"
            );
        }
        let first = [0, 250, 750, 1_750, 3_750, 7_750, 15_750, 31_750, 63_750];
        assert_eq!(starts[..first.len()], first);
        assert_eq!(starts.len(), 17, "then once a minute");
        course.lost(STEADY, at(600_000));
        assert!(course.may_start(DEAD, false, at(600_000)));
    }
}
