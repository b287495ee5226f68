//! `watchStorage`: what happened after a revision, and a wait for it when nothing has.

use std::sync::Arc;

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Site, Toolset, Waiting};
use crate::board::{Call, Event, Key, Reason, Revision, Watched};
use crate::mcp::answer::{self, Outcome};
use crate::mcp::waiting::{MAX_WAIT_MS, patiently};

/// A value with more bytes is left out of its event; `getStorage` has it.
const MAX_VALUE_BYTES: usize = 16 << 10;

pub(super) static TOOL: Entry = Entry {
    name: "watchStorage",
    title: "Wait for changes",
    description: "What was set, deleted or expired after revision since (omit: from now; 0: all that is kept). \
                  Waits up to waitMs for the first. Pass the answer's rev as the next since.",
    schema,
    family: Family::Storage,
    set: Toolset::All,
    changes: false,
    idempotent: true,
    always_load: false,
    run: Run::Waiting(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "pattern": { "type": "string" },
            "since": { "type": "integer" },
            "waitMs": { "type": "integer", "default": 0, "maximum": MAX_WAIT_MS },
        },
        "required": ["pattern"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    events: Vec<Row<'a>>,
    rev: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    rev: Revision,
    key: &'a Key,
    kind: &'static str,
    /// Why a lease ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    /// How long a value is that was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

fn call<'a>(agent: &'a Call<'a>, arguments: Arguments, site: Site<'a>) -> Waiting<'a> {
    Box::pin(watch(agent, arguments, site))
}

async fn watch(agent: &Call<'_>, mut arguments: Arguments, site: Site<'_>) -> Outcome {
    let pattern = arguments.pattern()?;
    let since = arguments.revision("since")?;
    let wait = arguments.wait()?;
    arguments.end()?;

    let from = since.unwrap_or_else(|| agent.board().rev());
    let watch = agent.watch(&pattern, Some(from), wait);
    let watched = match patiently(watch, site.request, "waiting for changes").await {
        Some(watched) => watched?,
        // The server stops: what the client has not heard of it finds after the same revision.
        None => Watched {
            events: Vec::new(),
            rev: from,
        },
    };
    answer::success(&Answer {
        success: true,
        events: watched.events.iter().map(row).collect(),
        rev: watched.rev,
    })
}

fn row(event: &Event) -> Row<'_> {
    let value = event.value.as_ref();
    let (shown, left_out) = match value {
        Some(value) if value.len() > MAX_VALUE_BYTES => (None, Some(value.len())),
        _ => (value.map(Arc::as_ref), None),
    };
    Row {
        rev: event.rev,
        key: &event.key,
        kind: event.kind.name(),
        reason: event.kind.reason(),
        by: &event.by.name,
        value: shown,
        bytes: left_out,
    }
}
