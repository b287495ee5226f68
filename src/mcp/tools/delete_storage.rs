//! `deleteStorage`: removes one key, in the style of the original pair.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset, key_schema};
use crate::board::{Call, Key, Refusal};
use crate::mcp::answer::{self, Failure, Outcome, Timestamp};

pub(super) static TOOL: Entry = Entry {
    name: "deleteStorage",
    title: "Delete a value",
    description: "Delete one key; frees a lock: key that you hold.",
    schema,
    family: Family::Original,
    set: Toolset::All,
    changes: true,
    idempotent: true,
    always_load: false,
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
struct Answer {
    success: bool,
    key: Key,
    /// Whether there was something to delete.
    deleted: bool,
    timestamp: Timestamp,
}

fn call(agent: &Call<'_>, arguments: Arguments) -> Outcome {
    let (key, deleted) = delete(agent, arguments).map_err(Failure::Original)?;
    answer::success(&Answer {
        success: true,
        key,
        deleted,
        timestamp: Timestamp::now(agent.board().clock()),
    })
}

fn delete(agent: &Call<'_>, mut arguments: Arguments) -> Result<(Key, bool), Refusal> {
    let key = arguments.key()?;
    let deleted = agent.delete(key.clone())?;
    Ok((key, deleted))
}
