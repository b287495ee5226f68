//! `getStorage`: the original read. A key that is not there is an answer, not an error.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset, key_schema};
use crate::board::{Call, Key};
use crate::mcp::answer::{self, Failure, Outcome, Timestamp};

pub(super) static TOOL: Entry = Entry {
    name: "getStorage",
    title: "Read a value",
    description: "Read one key. exists is false when there is none.",
    schema,
    family: Family::Original,
    set: Toolset::Core,
    changes: false,
    idempotent: true,
    always_load: true,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": { "key": key_schema() },
        "required": ["key"],
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    key: Key,
    value: Option<&'a str>,
    exists: bool,
    timestamp: Timestamp,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let key = arguments.key().map_err(Failure::Original)?;
    let entry = agent.get(&key);
    let body = Answer {
        success: true,
        key,
        value: entry.as_ref().map(|entry| &*entry.value),
        exists: entry.is_some(),
        timestamp: Timestamp::now(agent.board().clock()),
    };
    let result = answer::success(&body)?;
    Ok(match entry {
        Some(entry) => answer::with_rev(result, entry.rev),
        None => result,
    })
}
