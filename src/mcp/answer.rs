//! The shapes of answers, and the one place where a refusal of the board becomes words for an agent.
//!
//! Not for protocol errors: what a model must read is a tool's answer, since clients show it those.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

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
    /// A refusal with a code, its details and a hint.
    #[error("{}", .0.hint)]
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

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Fault(Fault::from(refusal))
    }
}

/// Returns the answer whose text is `body`, byte for byte as it serialises.
pub(super) fn success<T: Serialize>(body: &T) -> Outcome {
    Ok(told(body, false)?)
}

/// Returns the answer that tells a failure, or the protocol error for one that cannot be told.
pub(super) fn failure(failure: Failure) -> Result<CallToolResult, ErrorData> {
    let told = match failure {
        Failure::Original(refusal) => original(&refusal),
        Failure::Fault(fault) => told(&fault, fault.is_error),
        Failure::Unwritable(error) => Err(error),
    };
    told.map_err(|error| ErrorData::internal_error(format!("cannot write the answer: {error}"), None))
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
fn original(refusal: &Refusal) -> Result<CallToolResult, serde_json::Error> {
    let body = OriginalRefusal {
        success: false,
        error: refusal.to_string(),
    };
    let mut result = told(&body, true)?;
    if let Some(fault) = advice(refusal) {
        let fields = fault.fields.iter();
        let meta = fields.map(|(name, value)| (format!("callboard/{name}"), value.clone()));
        result.meta = Some(MetaObject(meta.collect()));
        result.content.push(ContentBlock::text(fault.hint));
        result.structured_content = None;
    }
    Ok(result)
}

fn advice(refusal: &Refusal) -> Option<Fault> {
    match refusal {
        Refusal::Leased { .. } | Refusal::Full { .. } | Refusal::Revisions(_) => {
            Some(Fault::from(refusal.clone()))
        }
        _ => None,
    }
}

/// A refusal as the later tools tell it: `{"success":false,"error":CODE,…,"hint":…}`.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    code: &'static str,
    fields: Vec<(&'static str, Value)>,
    hint: String,
    /// False for what an agent must expect and handle, such as a failed condition.
    is_error: bool,
}

impl Fault {
    /// Returns the refusal of the argument `field`.
    pub(super) fn invalid(field: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code: "INVALID",
            fields: vec![("field", Value::from(field.into()))],
            hint: hint.into(),
            is_error: true,
        }
    }

    /// Returns the refusal of something that there is not; `fields` say more.
    pub(super) fn not_found(fields: Vec<(&'static str, Value)>, hint: impl Into<String>) -> Self {
        Self {
            code: "NOT_FOUND",
            fields,
            hint: hint.into(),
            is_error: true,
        }
    }

    /// Returns the refusal of everything that needs a board when there is none to ask.
    pub(super) fn unavailable(hint: impl Into<String>) -> Self {
        Self {
            code: "UNAVAILABLE",
            fields: Vec::new(),
            hint: hint.into(),
            is_error: true,
        }
    }

    /// Returns the protocol error, for requests whose results have no place for a refusal.
    pub(super) fn into_error(self) -> ErrorData {
        ErrorData::internal_error(self.hint, None)
    }

    fn expected(code: &'static str, fields: Vec<(&'static str, Value)>, hint: impl Into<String>) -> Self {
        Self {
            code,
            fields,
            hint: hint.into(),
            is_error: false,
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Key(_) => Self::invalid("key", text),
            Refusal::ValueRequired | Refusal::ValueType | Refusal::ValueTooLong => {
                Self::invalid("value", text)
            }
            Refusal::Ttl => Self::invalid("ttl", text),
            Refusal::Invalid { field, problem } => Self::invalid(field, problem),
            Refusal::Leased {
                key,
                holder,
                remaining,
            } => {
                let hint = format!(
                    "{key} is held by {holder} for another {}; do other work, or watchStorage the key until \
                     it is free",
                    spoken(remaining)
                );
                let fields = vec![
                    ("key", json!(key)),
                    ("heldBy", json!(holder.name)),
                    ("expiresInMs", millis(remaining).into()),
                ];
                Self::expected("HELD", fields, hint)
            }
            Refusal::Full { which, limit } => Self {
                code: "FULL",
                fields: vec![("which", json!(which)), ("limit", json!(limit))],
                hint: format!(
                    "the board holds its limit of {limit} {which}; delete what is no longer needed, let it \
                     expire, or tell the person at the board"
                ),
                is_error: true,
            },
            Refusal::Conflict { key, rev, value } => {
                let hint = format!("nothing was written; look at {key} again, decide again, then retry");
                let fields = vec![("key", json!(key)), ("rev", json!(rev)), ("value", json!(value))];
                Self::expected("CONFLICT", fields, hint)
            }
            Refusal::Lost { fence, .. } => Self::expected(
                "LOST",
                vec![("fence", json!(fence))],
                "you no longer hold this; stop editing, take the lock again, then read again",
            ),
            Refusal::Held(held) => Self::expected(
                "HELD",
                vec![("heldBy", json!(held.holder.name))],
                format!("{text}; do other work, or call again with waitMs"),
            ),
            Refusal::Deadlock(_) => Self::expected("DEADLOCK", Vec::new(), text),
            Refusal::NotFound { .. } => Self::not_found(Vec::new(), text),
            Refusal::Compacted(compacted) => {
                let fields = vec![("oldest", json!(compacted.oldest)), ("rev", json!(compacted.rev))];
                Self::expected("COMPACTED", fields, "listKeys, then watchStorage from its rev")
            }
            Refusal::Changed { key, rev } => {
                let hint = format!("{key} is not what you saw; look again");
                Self::expected("CONFLICT", vec![("key", json!(key)), ("rev", json!(rev))], hint)
            }
            Refusal::Revisions(_) => Self::unavailable(format!("{text}; tell the person at the board")),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 3))?;
        map.serialize_entry("success", &false)?;
        map.serialize_entry("error", self.code)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("hint", &self.hint)?;
        map.end()
    }
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

fn spoken(duration: Duration) -> String {
    format!("{} s", millis(duration).div_ceil(1_000))
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
