//! What a write may be and how much a namespace may hold, checked before anything changes.

use std::time::Duration;

use super::Refusal;

/// The most characters in a key, counted as JSON Schema counts them.
pub const MAX_KEY_CHARS: usize = 255;
/// The most characters in a value, counted as JSON Schema counts them.
pub const MAX_VALUE_CHARS: usize = 10_485_760;
/// The time to live of an entry that names none.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_secs(3_600);
const MAX_TTL_SECONDS: f64 = 86_400.0;

/// How much one namespace may hold, and how long an agent may be silent. A write over a limit is refused and
/// nothing is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most keys.
    pub keys: usize,
    /// The most bytes of values.
    pub bytes: usize,
    /// The most locks.
    pub locks: usize,
    /// How long an agent that is connected may be silent before its leases are no longer renewed.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keys: 100_000,
            bytes: 256 << 20,
            locks: 10_000,
            idle: Duration::from_secs(900),
        }
    }
}

/// Returns the time to live that `seconds` asks for, the default of one hour when absent.
///
/// Fractions are allowed, since the original schema says number; the range is 1 to 86,400 seconds.
pub fn check_ttl(seconds: Option<f64>) -> Result<Duration, Refusal> {
    match seconds {
        None => Ok(DEFAULT_TTL),
        Some(seconds) if (1.0..=MAX_TTL_SECONDS).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err(Refusal::Ttl),
    }
}

/// The time to live of a lock or a claim that names none.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(300);

/// Returns the time to live of a lease that `seconds` asks for, five minutes when absent, in the range of
/// [`check_ttl`].
pub fn check_lease_ttl(seconds: Option<f64>) -> Result<Duration, Refusal> {
    seconds.map_or(Ok(DEFAULT_LEASE), |seconds| check_ttl(Some(seconds)))
}

/// Refuses a value of more than 10,485,760 characters; an empty one is a value.
pub fn check_value(value: &str) -> Result<(), Refusal> {
    if value.len() > MAX_VALUE_CHARS && value.chars().count() > MAX_VALUE_CHARS {
        return Err(Refusal::ValueTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_takes_its_edges_and_fractions() {
        assert_eq!(check_ttl(None), Ok(Duration::from_secs(3_600)));
        assert_eq!(check_ttl(Some(1.0)), Ok(Duration::from_secs(1)));
        assert_eq!(check_ttl(Some(1.5)), Ok(Duration::from_millis(1_500)));
        assert_eq!(check_ttl(Some(86_400.0)), Ok(Duration::from_secs(86_400)));
        for seconds in [0.0, 0.999, -1.0, 86_400.001, f64::NAN, f64::INFINITY] {
            assert_eq!(check_ttl(Some(seconds)), Err(Refusal::Ttl), "{seconds}");
        }
    }

    #[test]
    fn values_are_counted_in_characters() {
        assert_eq!(check_value(""), Ok(()));
        assert_eq!(check_value(&"é".repeat(MAX_VALUE_CHARS)), Ok(()));
        assert_eq!(
            check_value(&"é".repeat(MAX_VALUE_CHARS + 1)),
            Err(Refusal::ValueTooLong)
        );
    }
}
