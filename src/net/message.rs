//! One line of JSON-RPC, read into what it asks for.
//!
//! Responsible for telling requests, cancellations and everything else apart, and for the error that a
//! line which is none of them gets. Not for what a request means: that is [`crate::mcp`].
//!
//! The envelope is read first and without copying, because rmcp's own reading tries every kind of message
//! in turn and copies the whole line to do so, which costs more than serving the usual call.

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelledNotificationParam, ClientRequest, GetExtensions as _,
    GetMeta as _, RequestId, RequestMetaObject,
};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// The methods whose parameters rmcp knows; with others it cannot tell bad ones from an unknown method.
const KNOWN_METHODS: [&str; 15] = [
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "ping",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "server/discover",
    "subscriptions/listen",
    "tools/call",
    "tools/list",
];

const NO_ID: &str = "the id must be a string or a whole number";

/// What a line asks for.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and it does not stay"
)]
pub(super) enum Incoming {
    /// To be answered under its id.
    Request(RequestId, Asked),
    /// The client no longer wants the answer to this request.
    Cancel(RequestId),
    /// Other notifications, and answers to questions that were never asked.
    Nothing,
}

/// A request and the metadata that came with it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: ClientRequest,
    pub(super) meta: RequestMetaObject,
}

/// A line that cannot be served.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Under which id to say so, when that much could be read.
    pub(super) id: Option<RequestId>,
    /// Boxed, since lines that can be served are the rule.
    pub(super) error: Box<ErrorData>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    jsonrpc: Cow<'a, str>,
    #[serde(default)]
    id: Id,
    /// Empty when absent: in an option it could not be borrowed.
    #[serde(borrow, default)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Default)]
enum Id {
    /// A notification has none.
    #[default]
    Absent,
    /// This is no id, but the message is no notification either.
    Null,
    Given(RequestId),
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Option::deserialize(deserializer) {
            Ok(Some(id)) => Ok(Self::Given(id)),
            Ok(None) => Ok(Self::Null),
            Err(_) => Err(D::Error::custom(NO_ID)),
        }
    }
}

/// Of a message that is otherwise wrong.
#[derive(Deserialize)]
struct OnlyId {
    id: RequestId,
}

/// Reads one line, without its newline.
pub(super) fn read(line: &[u8]) -> Result<Incoming, Unreadable> {
    let envelope: Envelope<'_> = serde_json::from_slice(line).map_err(|error| refuse(line, &error))?;
    let method = envelope.method;
    if method.is_empty() {
        return match envelope.id {
            Id::Absent => Err(invalid(None, "the message has neither a method nor an id")),
            Id::Null | Id::Given(_) => Ok(Incoming::Nothing),
        };
    }
    let id = match envelope.id {
        Id::Absent => return Ok(notification(&method, envelope.params)),
        Id::Null => return Err(invalid(None, NO_ID)),
        Id::Given(id) => id,
    };
    if envelope.jsonrpc != "2.0" {
        return Err(invalid(Some(id), "\"jsonrpc\" must be \"2.0\""));
    }
    match request(&method, envelope.params, line) {
        Ok(asked) => Ok(Incoming::Request(id, asked)),
        Err(error) => Err(Unreadable {
            id: Some(id),
            error: Box::new(error),
        }),
    }
}

/// Returns the answer to a line that is longer than `limit` bytes.
pub(super) fn too_long(limit: usize) -> Unreadable {
    invalid(
        None,
        format!("the line is longer than {limit} bytes; it was skipped"),
    )
}

fn notification(method: &str, params: Option<&RawValue>) -> Incoming {
    if method != "notifications/cancelled" {
        return Incoming::Nothing;
    }
    params
        .and_then(|params| serde_json::from_str::<CancelledNotificationParam>(params.get()).ok())
        .and_then(|params| params.request_id)
        .map_or(Incoming::Nothing, Incoming::Cancel)
}

fn request(method: &str, params: Option<&RawValue>, line: &[u8]) -> Result<Asked, ErrorData> {
    let bad_params =
        |problem: String| ErrorData::invalid_params(format!("params of {method}: {problem}"), None);
    if method == "tools/call" {
        let params = params.map_or("{}", RawValue::get);
        let mut params: CallToolRequestParams =
            serde_json::from_str(params).map_err(|error| bad_params(error.to_string()))?;
        let meta = params.meta.take().unwrap_or_default();
        let request = CallToolRequest::new(params).into();
        return Ok(Asked { request, meta });
    }
    let unread = || bad_params("they do not fit the method".to_owned());
    let mut request: ClientRequest = serde_json::from_slice(line).map_err(|_| unread())?;
    if matches!(request, ClientRequest::CustomRequest(_)) && KNOWN_METHODS.contains(&method) {
        return Err(unread());
    }
    let meta = std::mem::take(request.get_meta_mut());
    request.extensions_mut().remove::<RequestMetaObject>();
    Ok(Asked { request, meta })
}

/// Says why a line is no message, under its id where one can be found.
fn refuse(line: &[u8], error: &serde_json::Error) -> Unreadable {
    if line.trim_ascii_start().starts_with(b"[") {
        return invalid(None, "batches are not served; send one message on each line");
    }
    if error.classify() != Category::Data {
        return Unreadable {
            id: None,
            error: Box::new(ErrorData::parse_error(
                format!("the line is not JSON: {error}"),
                None,
            )),
        };
    }
    let id = serde_json::from_slice::<OnlyId>(line).ok().map(|found| found.id);
    invalid(id, format!("the message is not JSON-RPC: {error}"))
}

fn invalid(id: Option<RequestId>, problem: impl Into<Cow<'static, str>>) -> Unreadable {
    Unreadable {
        id,
        error: Box::new(ErrorData::invalid_request(problem, None)),
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::ErrorCode;

    use super::*;

    fn error(line: &str) -> (Option<RequestId>, ErrorCode) {
        let unreadable = read(line.as_bytes()).unwrap_err();
        (unreadable.id, unreadable.error.code)
    }

    #[test]
    fn a_tool_call_keeps_its_metadata_and_arguments() {
        let line = br#"{"method":"tools/call","params":{"name":"getStorage","arguments":{"key":"a"},"_meta":{"claudecode/toolUseId":"t1"}},"jsonrpc":"2.0","id":4}"#;
        let Ok(Incoming::Request(RequestId::Number(4), asked)) = read(line) else {
            panic!()
        };
        assert_eq!(asked.meta.get("claudecode/toolUseId").unwrap(), "t1");
        let ClientRequest::CallToolRequest(call) = asked.request else {
            panic!()
        };
        assert_eq!(call.params.name, "getStorage");
        assert_eq!(call.params.arguments.unwrap().get("key").unwrap(), "a");
    }

    #[test]
    fn other_requests_are_read_by_kind_and_unknown_ones_kept() {
        let Ok(Incoming::Request(RequestId::String(id), asked)) =
            read(br#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#)
        else {
            panic!()
        };
        assert_eq!((&*id, asked.request.method()), ("p", "ping"));
        let Ok(Incoming::Request(_, asked)) =
            read(br#"{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"_meta":{"a":1}}}"#)
        else {
            panic!()
        };
        assert_eq!(asked.request.method(), "x/y");
    }

    #[test]
    fn what_is_no_message_is_refused_under_its_id_where_it_has_one() {
        let seven = Some(RequestId::Number(7));
        for (line, id, code) in [
            ("nonsense", None, ErrorCode::PARSE_ERROR),
            (r#"{"jsonrpc":"2.0","id":7,"#, None, ErrorCode::PARSE_ERROR),
            ("[]", None, ErrorCode::INVALID_REQUEST),
            (
                r#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#,
                None,
                ErrorCode::INVALID_REQUEST,
            ),
            ("7", None, ErrorCode::INVALID_REQUEST),
            ("{}", None, ErrorCode::INVALID_REQUEST),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":7}"#,
                seven.clone(),
                ErrorCode::INVALID_REQUEST,
            ),
            (
                r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
                seven.clone(),
                ErrorCode::INVALID_REQUEST,
            ),
            (
                r#"{"id":7,"method":"ping"}"#,
                seven.clone(),
                ErrorCode::INVALID_REQUEST,
            ),
            (
                r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
                None,
                ErrorCode::INVALID_REQUEST,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
                None,
                ErrorCode::INVALID_REQUEST,
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#,
                seven.clone(),
                ErrorCode::INVALID_PARAMS,
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[]}"#,
                seven.clone(),
                ErrorCode::INVALID_PARAMS,
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}"#,
                seven,
                ErrorCode::INVALID_PARAMS,
            ),
        ] {
            assert_eq!(error(line), (id, code), "{line}");
        }
        assert_eq!(
            read(b"\xff\xfe\x00").unwrap_err().error.code,
            ErrorCode::PARSE_ERROR
        );
    }

    #[test]
    fn only_cancellations_matter_among_notifications() {
        let cancel = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#;
        assert!(matches!(read(cancel), Ok(Incoming::Cancel(RequestId::String(_)))));
        for line in [
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#,
            r#"{"jsonrpc":"2.0","method":"made/up","params":{"x":[1]}}"#,
            r#"{"jsonrpc":"2.0","id":9,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
        ] {
            assert!(matches!(read(line.as_bytes()), Ok(Incoming::Nothing)), "{line}");
        }
    }
}
