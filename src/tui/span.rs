//! Durations as people read them, and when what they read changes next.
//!
//! The dashboard sleeps until a text on the screen would change, so each text comes with that moment.

use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u64 = 3_600;

/// Returns what remains: `4:32` under an hour, `2h05m` above. It shows `0:00` only at the very end.
pub(super) fn left(remaining: Duration) -> String {
    let seconds = whole_seconds_up(remaining);
    if seconds < HOUR {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}h{:02}m", seconds / HOUR, seconds % HOUR / 60)
    }
}

/// Returns how long it takes until [`left`] reads differently, `None` when it never will.
pub(super) fn left_changes_in(remaining: Duration) -> Option<Duration> {
    let seconds = whole_seconds_up(remaining);
    let next = match seconds {
        0 => return None,
        seconds if seconds < HOUR => seconds - 1,
        seconds => seconds - seconds % 60 - 1,
    };
    Some(remaining.saturating_sub(Duration::from_secs(next)))
}

/// Returns how long ago something was, coarsely, so that an idle board need not be drawn every second:
/// `now`, `20s`, `7m`, `3h12m`.
pub(super) fn ago(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..10 => "now".to_owned(),
        10..60 => format!("{}s", seconds / 10 * 10),
        60..HOUR => format!("{}m", seconds / 60),
        _ => format!("{}h{:02}m", seconds / HOUR, seconds % HOUR / 60),
    }
}

/// Returns how long it takes until [`ago`] reads differently.
pub(super) fn ago_changes_in(age: Duration) -> Duration {
    let step = if age.as_secs() < 60 { 10 } else { 60 };
    let next = Duration::from_secs((age.as_secs() / step + 1) * step);
    next.saturating_sub(age)
}

/// Returns how long something took: `0.4s`, `12s`, `3m20s`, `2h05m`.
pub(super) fn took(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1}s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds}s"),
        seconds @ 60..HOUR => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds => format!("{}h{:02}m", seconds / HOUR, seconds % HOUR / 60),
    }
}

/// Returns how long the board has run, in minutes: `<1m`, `7m`, `3h12m`.
pub(super) fn minutes(uptime: Duration) -> String {
    match uptime.as_secs() {
        0..60 => "<1m".to_owned(),
        _ => ago(uptime),
    }
}

/// Returns how long it takes until [`minutes`] reads differently.
pub(super) fn minutes_change_in(uptime: Duration) -> Duration {
    Duration::from_secs((uptime.as_secs() / 60 + 1) * 60).saturating_sub(uptime)
}

/// Returns how long until the next whole second after `age`.
pub(super) fn next_second(age: Duration) -> Duration {
    SECOND.saturating_sub(Duration::from_nanos(u64::from(age.subsec_nanos())))
}

fn whole_seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_lease_reads_its_whole_time_at_first_and_zero_only_at_its_end() {
        assert_eq!(left(millis(300_000)), "5:00");
        assert_eq!(left(millis(299_999)), "5:00");
        assert_eq!(left(millis(9_000)), "0:09");
        assert_eq!(left(millis(1)), "0:01");
        assert_eq!(left(millis(0)), "0:00");
        assert_eq!(left(millis(86_400_000)), "24h00m");
        assert_eq!(left(millis(3_599_999)), "1h00m");
    }

    #[test]
    fn what_took_long_reads_coarsely() {
        let read: Vec<_> = [0, 440, 9_999, 12_300, 200_000, 7_500_000]
            .map(|time| took(millis(time)))
            .into();
        assert_eq!(read, ["0.0s", "0.4s", "10.0s", "12s", "3m20s", "2h05m"]);
    }

    #[test]
    fn what_remains_reads_differently_exactly_when_it_says_so() {
        for start in [
            1, 999, 1_000, 1_001, 59_500, 3_599_000, 3_600_000, 3_661_250, 86_400_000,
        ] {
            let remaining = millis(start);
            let step = left_changes_in(remaining).unwrap();
            assert_ne!(left(remaining.saturating_sub(step)), left(remaining), "{start}");
            let before = step.saturating_sub(Duration::from_nanos(1));
            assert_eq!(left(remaining.saturating_sub(before)), left(remaining), "{start}");
        }
        assert_eq!(left_changes_in(millis(0)), None);
    }

    #[test]
    fn ages_are_coarse_and_say_when_they_change() {
        let read: Vec<_> = [0, 9_999, 10_000, 59_000, 60_000, 3_599_000, 3_600_000, 7_320_000]
            .map(|age| ago(millis(age)))
            .into();
        assert_eq!(read, ["now", "now", "10s", "50s", "1m", "59m", "1h00m", "2h02m"]);
        for start in [0, 9_999, 10_000, 59_999, 60_000, 3_600_001] {
            let age = millis(start);
            let step = ago_changes_in(age);
            assert_ne!(ago(age + step), ago(age), "{start}");
            let before = step.saturating_sub(Duration::from_nanos(1));
            assert_eq!(ago(age + before), ago(age), "{start}");
        }
    }
}
