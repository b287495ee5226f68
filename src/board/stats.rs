//! Counts that people and agents ask for. They never influence a decision.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::{Kind, Revision, Time};

/// What a namespace holds of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindStats {
    /// How many keys.
    pub keys: usize,
    /// How many bytes of values.
    pub bytes: usize,
    /// How many bytes of keys.
    pub key_bytes: usize,
}

/// The board in numbers. Keys and bytes are those of one namespace, the rest is of the whole board.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// The revision of the last commit.
    pub rev: Revision,
    /// How long the board has run.
    pub uptime: Duration,
    /// How many agents are attached.
    pub agents: usize,
    /// Calls a second over the last three whole seconds.
    pub ops_per_second: f64,
    /// Reads that found a value.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Values written.
    pub sets: u64,
    /// Values removed by their owners.
    pub deletes: u64,
    /// Values that ran out or were ended by a person.
    pub expirations: u64,
    /// Keys and bytes by kind.
    pub kinds: [(Kind, KindStats); Kind::ALL.len()],
}

impl Stats {
    /// Returns the share of reads that found a value, `None` before the first read.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn hit_rate(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }

    /// Returns how many keys there are.
    pub fn keys(&self) -> usize {
        self.kinds.iter().map(|(_, stats)| stats.keys).sum()
    }

    /// Returns how many bytes of values there are.
    pub fn bytes(&self) -> usize {
        self.kinds.iter().map(|(_, stats)| stats.bytes).sum()
    }

    /// Returns how many bytes of keys there are.
    pub fn key_bytes(&self) -> usize {
        self.kinds.iter().map(|(_, stats)| stats.key_bytes).sum()
    }
}

/// The running counts behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) sets: AtomicU64,
    pub(crate) deletes: AtomicU64,
    pub(crate) expirations: AtomicU64,
    pub(crate) meter: Meter,
}

/// Counts `what` up by one.
pub(crate) fn count(what: &AtomicU64) {
    what.fetch_add(1, Ordering::Relaxed);
}

/// How many whole seconds the rate looks back.
const WINDOW: u32 = 3;
const SLOTS: usize = 4;

/// A rate over the last few seconds: one slot a second, each holding its second and its count.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    slots: [AtomicU64; SLOTS],
}

impl Meter {
    /// Counts one operation at `now`.
    pub(crate) fn tick(&self, now: Time) {
        let second = second_of(now);
        let slot = &self.slots[second as usize % SLOTS];
        // The closure never returns `None`, so the update always succeeds.
        let _always_updated = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| {
            let (of, count) = unpack(packed);
            let count = if of == second { count.saturating_add(1) } else { 1 };
            Some(u64::from(second) << 32 | u64::from(count))
        });
    }

    /// Returns the operations a second over the last whole seconds before `now`.
    pub(crate) fn rate(&self, now: Time) -> f64 {
        let recent = self.slots.iter().filter_map(|slot| {
            let (second, count) = unpack(slot.load(Ordering::Relaxed));
            let age = second_of(now).checked_sub(second)?;
            (1..=WINDOW).contains(&age).then_some(count)
        });
        f64::from(recent.sum::<u32>()) / f64::from(WINDOW)
    }
}

fn second_of(now: Time) -> u32 {
    u32::try_from(now.as_nanos() / 1_000_000_000).unwrap_or(u32::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a packed pair")]
fn unpack(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_looks_at_whole_seconds_and_forgets() {
        let meter = Meter::default();
        let at = |millis: u64| Time::from_nanos(millis * 1_000_000);
        for millis in 0..3_000 {
            meter.tick(at(millis));
        }
        assert!((meter.rate(at(3_000)) - 1_000.0).abs() < f64::EPSILON);
        assert!((meter.rate(at(4_500)) - 2_000.0 / 3.0).abs() < 0.001);
        assert!(meter.rate(at(60_000)).abs() < f64::EPSILON);
    }
}
