//! The four protocols in which clients ask a model: what is read of a request, and how an answer is streamed.

use serde_json::{Value, json};

use super::{Step, Turn};

/// A protocol.
#[derive(Clone, Copy)]
pub(super) enum Dialect {
    /// `POST /v1/messages`: Claude Code.
    Messages,
    /// `POST /v1/responses`: Codex.
    Responses,
    /// `POST …:streamGenerateContent?alt=sse`: Gemini CLI.
    Contents,
    /// `POST /v1/chat/completions`: opencode.
    Completions,
}

impl Dialect {
    /// Returns the protocol that is spoken at `path`.
    pub(super) fn at(path: &str) -> Option<Self> {
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        match path {
            "/v1/messages" => Some(Self::Messages),
            "/v1/responses" => Some(Self::Responses),
            "/v1/chat/completions" => Some(Self::Completions),
            path if path.ends_with(":streamGenerateContent") => Some(Self::Contents),
            _ => None,
        }
    }

    /// Returns the conversation so far.
    pub(super) fn turns(self, body: &Value) -> Vec<Turn> {
        let (all, role) = match self {
            Self::Messages | Self::Completions => (&body["messages"], "role"),
            Self::Contents => (&body["contents"], "role"),
            Self::Responses => (&body["input"], "type"),
        };
        let mut turns = Vec::new();
        for item in all.as_array().into_iter().flatten() {
            let is_ours = match (self, item[role].as_str().unwrap_or_default()) {
                (Self::Contents, role) => role == "model",
                (Self::Messages | Self::Completions, role) => role == "assistant",
                (Self::Responses, "message") => item["role"] == "assistant",
                (Self::Responses, kind) => kind.ends_with("_call") || kind == "reasoning",
            };
            if is_ours {
                // What was said at one turn may come back in several pieces.
                if !matches!(turns.last(), Some(Turn::Ours)) {
                    turns.push(Turn::Ours);
                }
            } else {
                turns.push(Turn::Theirs(texts(item)));
            }
        }
        turns
    }

    /// Returns the stream of events that says `step`; `id` tells it from all others.
    pub(super) fn events(self, id: &str, step: &Step) -> String {
        let calls: Vec<Call<'_>> = step
            .calls
            .iter()
            .enumerate()
            .map(|(at, (tool, input))| Call {
                id: format!("toolu_{id}_{at}"),
                tool,
                input,
            })
            .collect();
        match self {
            Self::Messages => messages(id, step.text, &calls),
            Self::Responses => responses(id, step.text, &calls),
            Self::Contents => contents(step.text, &calls),
            Self::Completions => completions(id, step.text, &calls),
        }
    }
}

/// Tells whether an agent asks. Clients also ask for titles and summaries, and offer no tools then.
pub(super) fn is_at_work(body: &Value) -> bool {
    body["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

/// The use of a tool.
struct Call<'a> {
    id: String,
    tool: &'a str,
    input: &'a Value,
}

/// Returns all that is to be read in `item`, however deep it lies.
fn texts(item: &Value) -> String {
    match item {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(texts).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields.values().map(texts).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn named(events: &[Value]) -> String {
    stream(events, |event| {
        format!("event: {}\n", event["type"].as_str().unwrap_or_default())
    })
}

fn unnamed(events: &[Value]) -> String {
    stream(events, |_| String::new())
}

fn stream(events: &[Value], name: impl Fn(&Value) -> String) -> String {
    let event = |event: &Value| format!("{}data: {event}\n\n", name(event));
    events.iter().map(event).collect::<Vec<_>>().concat()
}

fn messages(id: &str, text: &str, calls: &[Call<'_>]) -> String {
    let usage = json!({ "input_tokens": 1, "output_tokens": 1 });
    let message = json!({
        "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": "scripted", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let mut events = vec![json!({ "type": "message_start", "message": message })];
    let mut block = |start: Value, delta: Value| {
        let index = (events.len() - 1) / 3;
        events.push(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        events.push(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        events.push(json!({ "type": "content_block_stop", "index": index }));
    };
    if !text.is_empty() {
        block(
            json!({ "type": "text", "text": "" }),
            json!({ "type": "text_delta", "text": text }),
        );
    }
    for Call { id, tool, input } in calls {
        block(
            json!({ "type": "tool_use", "id": id, "name": tool, "input": {} }),
            json!({ "type": "input_json_delta", "partial_json": input.to_string() }),
        );
    }
    let reason = if calls.is_empty() { "end_turn" } else { "tool_use" };
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    events.push(json!({ "type": "message_delta", "delta": delta, "usage": usage }));
    events.push(json!({ "type": "message_stop" }));
    named(&events)
}

/// A tool called `apply_patch` takes its input as it is; one of a group, such as an MCP server, is named `group/tool`.
fn responses(id: &str, text: &str, calls: &[Call<'_>]) -> String {
    let response = json!({ "id": format!("resp_{id}") });
    let mut events = vec![json!({ "type": "response.created", "response": response })];
    let mut done = |item: Value| events.push(json!({ "type": "response.output_item.done", "item": item }));
    if !text.is_empty() {
        let content = json!([{ "type": "output_text", "text": text }]);
        done(
            json!({ "type": "message", "role": "assistant", "id": format!("msg_{id}"), "content": content }),
        );
    }
    for Call { id, tool, input } in calls {
        done(match (input, tool.split_once('/')) {
            (Value::String(input), _) => {
                json!({ "type": "custom_tool_call", "call_id": id, "name": tool, "input": input })
            }
            (input, Some((group, tool))) => json!({
                "type": "function_call", "call_id": id, "namespace": group, "name": tool,
                "arguments": input.to_string(),
            }),
            (input, None) => {
                json!({ "type": "function_call", "call_id": id, "name": tool, "arguments": input.to_string() })
            }
        });
    }
    let usage = json!({
        "input_tokens": 1, "input_tokens_details": null, "output_tokens": 1, "output_tokens_details": null,
        "total_tokens": 2,
    });
    let response = json!({ "id": format!("resp_{id}"), "usage": usage });
    events.push(json!({ "type": "response.completed", "response": response }));
    named(&events)
}

fn contents(text: &str, calls: &[Call<'_>]) -> String {
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(json!({ "text": text }));
    }
    let calls = calls.iter();
    parts.extend(calls.map(|call| json!({ "functionCall": { "name": call.tool, "args": call.input } })));
    let candidate =
        json!({ "content": { "role": "model", "parts": parts }, "finishReason": "STOP", "index": 0 });
    let usage = json!({ "promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2 });
    unnamed(&[json!({ "candidates": [candidate], "usageMetadata": usage })])
}

fn completions(id: &str, text: &str, calls: &[Call<'_>]) -> String {
    let chunk = |delta: Value, reason: Option<&str>| {
        json!({
            "id": format!("chat_{id}"), "object": "chat.completion.chunk", "created": 1, "model": "scripted",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
        })
    };
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(at, Call { id, tool, input })| {
            let function = json!({ "name": tool, "arguments": input.to_string() });
            json!({ "index": at, "id": id, "type": "function", "function": function })
        })
        .collect();
    let reason = if calls.is_empty() { "stop" } else { "tool_calls" };
    let mut delta = json!({ "role": "assistant", "content": text });
    if !calls.is_empty() {
        delta["tool_calls"] = calls.into();
    }
    unnamed(&[chunk(delta, None), chunk(json!({}), Some(reason))]) + "data: [DONE]\n\n"
}
