//! The little that the bridge reads of a message: whether it asks, tells or answers, and under which id.
//!
//! Parameters and results are passed over without being built, so a long value costs one scan.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;
use serde_json::value::RawValue;

/// A request's id as JSON text, written in the one way in which two equal ids are equal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(Box<str>);

/// One line of JSON-RPC.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Request {
        id: Id,
        method: Cow<'a, str>,
    },
    Notification {
        method: Cow<'a, str>,
    },
    /// An answer; one without an id is to a line whose id could not be read.
    Response {
        id: Option<Id>,
        failed: bool,
    },
}

/// Why a line is no message.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Under which id to say so, when that much could be read.
    pub(super) id: Option<Id>,
    pub(super) code: i32,
    pub(super) problem: String,
}

/// JSON-RPC's code for a line that is not JSON.
const PARSE_ERROR: i32 = -32700;
/// JSON-RPC's code for JSON that is no message.
pub(super) const INVALID_REQUEST: i32 = -32600;

#[derive(Deserialize)]
struct Envelope<'a> {
    jsonrpc: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<Text<'a>>,
    error: Option<IgnoredAny>,
}

/// Text that is borrowed unless it was escaped.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Id {
    /// Reads an id from its JSON text; only strings and whole numbers are ids.
    pub(super) fn read(json: &str) -> Option<Self> {
        if json.starts_with('"') {
            if !json.contains('\\') {
                return Some(Self(json.into()));
            }
            let text: String = serde_json::from_str(json).ok()?;
            return Some(Self::of_text(&text));
        }
        let digits = json.strip_prefix('-').unwrap_or(json);
        let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        whole.then(|| Self(json.into()))
    }

    /// Returns the id that is the string `text`.
    pub(super) fn of_text(text: &str) -> Self {
        Self(serde_json::Value::from(text).to_string().into())
    }

    /// Returns its JSON text.
    pub(super) fn as_json(&self) -> &str {
        &self.0
    }

    /// Returns it as a JSON value.
    pub(super) fn to_value(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::from_str(&self.0)
    }
}

impl<'a> Message<'a> {
    /// Reads one line.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Unreadable> {
        // Nobody further on could read other encodings, and some would not say so.
        let line = std::str::from_utf8(line).map_err(|error| Unreadable {
            id: None,
            code: PARSE_ERROR,
            problem: format!("the line is not UTF-8: {error}"),
        })?;
        let envelope: Envelope<'_> = serde_json::from_str(line).map_err(|error| refuse(line, &error))?;
        let id = match envelope.id.map(RawValue::get) {
            None => None,
            Some(json) => Some(
                Id::read(json).ok_or_else(|| invalid(None, "the id must be a string or a whole number"))?,
            ),
        };
        let Some(Text(method)) = envelope.method else {
            let failed = envelope.error.is_some();
            return Ok(Self::Response { id, failed });
        };
        match id {
            None => Ok(Self::Notification { method }),
            Some(id) if envelope.jsonrpc.is_some_and(|Text(version)| version == "2.0") => {
                Ok(Self::Request { id, method })
            }
            id => Err(invalid(id, "\"jsonrpc\" must be \"2.0\"")),
        }
    }
}

/// Says why a line is no message, under its id where one can be found.
fn refuse(line: &str, error: &serde_json::Error) -> Unreadable {
    #[derive(Deserialize)]
    struct OnlyId<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
    }
    if error.classify() != Category::Data {
        return Unreadable {
            id: None,
            code: PARSE_ERROR,
            problem: format!("the line is not JSON: {error}"),
        };
    }
    if line.trim_start().starts_with('[') {
        return invalid(None, "batches are not served; send one message on each line");
    }
    let found = serde_json::from_str::<OnlyId<'_>>(line).ok();
    let id = found.and_then(|found| Id::read(found.id.get()));
    invalid(id, format!("the message is not JSON-RPC: {error}"))
}

fn invalid(id: Option<Id>, problem: impl Into<String>) -> Unreadable {
    Unreadable {
        id,
        code: INVALID_REQUEST,
        problem: problem.into(),
    }
}

/// Returns the id of the request that a `notifications/cancelled` is about.
pub(super) fn cancelled(line: &[u8]) -> Option<Id> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "requestId")]
        request: &'a RawValue,
    }
    let params: Params<'_> = params(line)?;
    Id::read(params.request.get())
}

/// Returns the resource that a `resources/subscribe` or `resources/unsubscribe` names.
pub(super) fn uri(line: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Params {
        uri: String,
    }
    params::<Params>(line).map(|params| params.uri)
}

/// Returns the id of the `subscriptions/listen` that an acknowledgement is about.
pub(super) fn subscription(line: &[u8]) -> Option<Id> {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Meta<'a>,
    }
    #[derive(Deserialize)]
    struct Meta<'a> {
        #[serde(borrow, rename = "io.modelcontextprotocol/subscriptionId")]
        id: &'a RawValue,
    }
    let params: Params<'_> = params(line)?;
    Id::read(params.meta.id.get())
}

fn params<'a, P: Deserialize<'a>>(line: &'a [u8]) -> Option<P> {
    #[derive(Deserialize)]
    struct Line<P> {
        params: P,
    }
    serde_json::from_slice::<Line<P>>(line)
        .ok()
        .map(|line| line.params)
}

/// Returns the request in `line` as it would be under another id.
pub(super) fn with_id(line: &[u8], id: &Id) -> Option<Vec<u8>> {
    let envelope: Envelope<'_> = serde_json::from_slice(line).ok()?;
    let old = envelope.id?.get();
    let at = (old.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    let (head, tail) = (line.get(..at)?, line.get(at + old.len()..)?);
    Some([head, id.as_json().as_bytes(), tail].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(json: &str) -> Id {
        Id::read(json).unwrap()
    }

    #[test]
    fn requests_notifications_and_answers_are_told_apart() {
        let read = |line: &'static str| Message::read(line.as_bytes()).unwrap();
        let expected = Message::Request {
            id: id("4"),
            method: "tools/call".into(),
        };
        assert_eq!(
            read(r#"{"method":"tools\/call","params":{"id":9,"method":"x"},"jsonrpc":"2.0","id":4}"#),
            expected
        );
        let method = Cow::from("notifications/initialized");
        assert_eq!(
            read(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
            Message::Notification { method }
        );
        for (line, id, failed) in [
            (
                r#"{"jsonrpc":"2.0","id":"a","result":{"error":1}}"#,
                Some(id("\"a\"")),
                false,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":""}}"#,
                Some(id("1")),
                true,
            ),
            (
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":""}}"#,
                None,
                true,
            ),
        ] {
            assert_eq!(read(line), Message::Response { id, failed }, "{line}");
        }
    }

    #[test]
    fn equal_ids_are_equal_however_they_are_escaped() {
        assert_eq!(id(r#""a\u0062/""#), id(r#""ab\/""#));
        assert_eq!(id(r#""é""#), id(r#""\u00e9""#));
        assert_ne!(id("1"), id("\"1\""));
        for no_id in ["1.5", "1e3", "-", "true", "{}", "[1]"] {
            assert_eq!(Id::read(no_id), None, "{no_id}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_under_its_id_where_it_has_one() {
        for (line, id, code) in [
            (&b"nonsense"[..], None, PARSE_ERROR),
            (br#"{"id":7,"#, None, PARSE_ERROR),
            (b"{\"id\":7,\"method\":\"\xff\"}", None, PARSE_ERROR),
            (
                br#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#,
                None,
                INVALID_REQUEST,
            ),
            (
                br#"{"jsonrpc":"2.0","id":7,"method":7}"#,
                Some(id("7")),
                INVALID_REQUEST,
            ),
            (br#"{"id":7,"method":"ping"}"#, Some(id("7")), INVALID_REQUEST),
            (
                br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
                None,
                INVALID_REQUEST,
            ),
        ] {
            let refused = Message::read(line).unwrap_err();
            let what = String::from_utf8_lossy(line);
            assert_eq!(
                (refused.id, refused.code),
                (id, code),
                "{what}: {}",
                refused.problem
            );
        }
    }

    #[test]
    fn what_a_message_is_about_is_found_in_its_parameters() {
        let line = br#"{"method":"notifications/cancelled","params":{"reason":"x","requestId":"q"}}"#;
        assert_eq!(cancelled(line), Some(id("\"q\"")));
        let line = br#"{"method":"resources/subscribe","params":{"uri":"callboard:\/\/board"},"id":1}"#;
        assert_eq!(uri(line).as_deref(), Some("callboard://board"));
        let line = br#"{"method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"listen:0"}}}"#;
        assert_eq!(subscription(line), Some(id("\"listen:0\"")));
        assert_eq!(subscription(b"{}"), None);
    }

    #[test]
    fn an_id_is_replaced_in_place() {
        let line = br#"{"params":{"id":1},"id" : 1 ,"method":"initialize"}"#;
        let expected = br#"{"params":{"id":1},"id" : "r" ,"method":"initialize"}"#;
        assert_eq!(with_id(line, &id("\"r\"")).unwrap(), expected);
    }
}
