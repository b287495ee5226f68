//! `listKeys`: which keys there are, page by page, with their values if wanted.

use std::sync::Arc;

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset};
use crate::board::{self, Call, Key, Revision, Time};
use crate::mcp::answer::{self, Outcome, millis};

/// How many keys a page has when the call does not say.
const DEFAULT_LIMIT: u64 = 50;
/// The most keys on a page.
const MAX_LIMIT: u64 = 500;
/// The most bytes of values on a page, unless the first alone has more.
const MAX_BYTES: usize = 256 << 10;

pub(super) static TOOL: Entry = Entry {
    name: "listKeys",
    title: "List keys",
    description: "List keys that match a pattern; * is any run of characters (lock:*, msg:*:ME:*). A cursor \
                  in the answer means there are more.",
    schema,
    family: Family::Storage,
    set: Toolset::Core,
    changes: false,
    idempotent: true,
    always_load: false,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "pattern": { "type": "string" },
            "values": { "type": "boolean", "default": false },
            "limit": { "type": "integer", "default": DEFAULT_LIMIT, "maximum": MAX_LIMIT },
            "cursor": { "type": "string" },
        },
        "required": ["pattern"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    keys: Vec<Row<'a>>,
    rev: Revision,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a Key>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    key: &'a Key,
    rev: Revision,
    expires_in_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<&'a str>,
    /// The others who share it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also_held_by: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let pattern = arguments.pattern()?;
    let values = arguments.flag("values")?;
    let limit = arguments.whole("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let after = arguments.text("cursor")?;
    arguments.end()?;

    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let page = agent.list(&pattern, after.as_deref(), limit);
    let fitting = if values {
        fitting(&page.rows)
    } else {
        page.rows.len()
    };
    let (rows, rest) = page.rows.split_at(fitting);
    let cursor = match (rest, rows) {
        ([], _) => page.cursor.as_ref(),
        (_, [.., (last, _)]) => Some(last),
        (_, []) => None,
    };
    let now = agent.board().clock().now();
    answer::success(&Answer {
        success: true,
        keys: rows.iter().map(|listed| row(listed, now, values)).collect(),
        rev: page.rev,
        cursor,
    })
}

type Listed = (Key, Arc<board::Entry>);

fn row((key, entry): &Listed, now: Time, values: bool) -> Row<'_> {
    let mut holders = entry.leases().iter().map(|lease| &*lease.owner().name);
    Row {
        key,
        rev: entry.rev,
        expires_in_ms: millis(entry.ends(now).since(now)),
        held_by: holders.next(),
        also_held_by: holders.collect(),
        value: values.then_some(&*entry.value),
    }
}

/// Returns how many rows fit on a page with their values, at least one.
fn fitting(rows: &[Listed]) -> usize {
    let mut bytes = 0;
    let fits = |(_, entry): &&Listed| {
        bytes += entry.value.len();
        bytes <= MAX_BYTES
    };
    rows.iter().take_while(fits).count().max(1).min(rows.len())
}
