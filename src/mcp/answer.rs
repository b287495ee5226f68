//! The shapes of answers: what a tool comes to, in the places where clients look for it.
//!
//! Not for protocol errors: what a model must read is a tool's answer, since clients show it those. Not for
//! the words of refusals either: those are in [`super::fault`].

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::fault::{Fault, Listener};
use crate::board::{Clock, Refusal, Revision};

/// The most bytes of JSON that an answer carries twice, as text and structured.
///
/// Escaped as a text they at most double, so both fit into a line of 64 MiB, which is what clients and
/// bridges must take. More, such as the longest value of four-byte characters, is in the text alone, which
/// every client shows when nothing is structured.
const MAX_TWICE: usize = 21 << 20;

/// What a tool comes to.
pub(super) type Outcome = Result<CallToolResult, Failure>;

/// Why a tool has no answer to give.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// A refusal in the words of the original design, whose body has exactly two fields.
    #[error(transparent)]
    Original(Refusal),
    /// A refusal of the board, to be told with a code, its details and a hint.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What was found wrong before the board was asked.
    #[error("the call itself is wrong")]
    Fault(Fault),
    /// The answer could not be written as JSON.
    #[error("cannot write the answer: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Failure {
    /// Returns what `listener` is told, for answers that are no tool's.
    pub(super) fn into_fault(self, listener: &Listener<'_>) -> Fault {
        match self {
            Self::Original(refusal) | Self::Refused(refusal) => Fault::of(refusal, listener),
            Self::Fault(fault) => fault,
            Self::Unwritable(error) => Fault::unavailable(format!("cannot write the answer: {error}")),
        }
    }
}

/// Returns the answer whose text is `body`, byte for byte as it serialises.
pub(super) fn success<T: Serialize>(body: &T) -> Outcome {
    Ok(told(body, false)?)
}

/// Returns the answer that tells `listener` a failure, or the protocol error for one that cannot be told.
pub(super) fn failure(failure: Failure, listener: &Listener<'_>) -> Result<CallToolResult, ErrorData> {
    match failure {
        Failure::Original(refusal) => original(refusal, listener).map_err(|error| unwritable(&error)),
        other => fault(&other.into_fault(listener)),
    }
}

/// Returns the answer that tells `fault`.
pub(super) fn fault(fault: &Fault) -> Result<CallToolResult, ErrorData> {
    told(fault, fault.is_error()).map_err(|error| unwritable(&error))
}

fn unwritable(error: &serde_json::Error) -> ErrorData {
    ErrorData::internal_error(format!("cannot write the answer: {error}"), None)
}

/// Adds the revision that an answer is about.
pub(super) fn with_rev(mut result: CallToolResult, rev: Revision) -> CallToolResult {
    result
        .meta
        .get_or_insert_default()
        .insert("callboard/rev".to_owned(), Value::from(rev.0));
    result
}

fn told<T: Serialize>(body: &T, is_error: bool) -> Result<CallToolResult, serde_json::Error> {
    let text = serde_json::to_string(body)?;
    let mut result = CallToolResult::default();
    if text.len() <= MAX_TWICE {
        result.structured_content = Some(serde_json::to_value(body)?);
    }
    result.content.push(ContentBlock::text(text));
    result.is_error = Some(is_error);
    Ok(result)
}

#[derive(Serialize)]
struct OriginalRefusal {
    success: bool,
    error: String,
}

/// Returns a refusal as the original design words it. What else is to say goes beside the body: then
/// nothing is structured, because a client that shows the structured part would hide the advice.
fn original(refusal: Refusal, listener: &Listener<'_>) -> Result<CallToolResult, serde_json::Error> {
    let body = OriginalRefusal {
        success: false,
        error: refusal.to_string(),
    };
    let mut result = told(&body, true)?;
    if matches!(
        refusal,
        Refusal::Leased { .. } | Refusal::Full { .. } | Refusal::Revisions(_)
    ) {
        let (fields, hint) = Fault::of(refusal, listener).into_parts();
        let meta = fields
            .into_iter()
            .map(|(name, value)| (format!("callboard/{name}"), value));
        result.meta = Some(MetaObject(meta.collect()));
        result.content.push(ContentBlock::text(hint));
        result.structured_content = None;
    }
    Ok(result)
}

/// The wall clock's reading as the original design writes it: `2025-10-15T14:30:00.123Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Returns what `clock` reads now.
    pub(super) fn now(clock: &dyn Clock) -> Self {
        Self(clock.wall())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// Returns whole milliseconds, rounded up so that what still runs never reads zero.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{ManualClock, Time};

    #[test]
    fn time_stamps_have_milliseconds_and_a_z() {
        let clock = ManualClock::default();
        let read = |clock: &ManualClock| serde_json::to_string(&Timestamp::now(clock)).unwrap();
        assert_eq!(read(&clock), r#""2025-10-15T12:00:00.000Z""#);
        clock.advance(Duration::from_micros(123_999));
        assert_eq!(read(&clock), r#""2025-10-15T12:00:00.123Z""#);
    }

    #[test]
    fn what_still_runs_never_reads_zero() {
        assert_eq!(millis(Time::from_nanos(1).since(Time::default())), 1);
        assert_eq!(millis(Duration::from_millis(5)), 5);
        assert_eq!(millis(Duration::ZERO), 0);
    }
}
