//! `setStorage`: the original write. Its answers and errors are those of the original design, to the byte.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset, key_schema};
use crate::board::{Call, Key, Refusal, Revision};
use crate::mcp::answer::{self, Failure, Outcome, Timestamp};

pub(super) static TOOL: Entry = Entry {
    name: "setStorage",
    title: "Store a value",
    description: "Store a value. Overwrites, except a key that another agent holds. Keys: task:ID \
                  status:AGENT:TASK lock:PATH msg:FROM:TO:TIME progress:PHASE agent:NAME:state",
    schema,
    family: Family::Original,
    set: Toolset::Core,
    changes: true,
    idempotent: true,
    always_load: true,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "key": key_schema(),
            "value": { "type": "string", "description": "Text, usually JSON", "maxLength": 10_485_760 },
            "ttl": { "type": "number", "description": "Seconds, default 3600", "minimum": 1, "maximum": 86_400 },
        },
        "required": ["key", "value"],
    })
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    key: Key,
    timestamp: Timestamp,
}

fn call(agent: &Call<'_>, arguments: Arguments) -> Outcome {
    let (key, rev) = store(agent, arguments).map_err(Failure::Original)?;
    let body = Answer {
        success: true,
        key,
        timestamp: Timestamp::now(agent.board().clock()),
    };
    Ok(answer::with_rev(answer::success(&body)?, rev))
}

/// The order in which the arguments are judged is part of the contract. Unknown ones are ignored, as the
/// original schema allows them.
fn store(agent: &Call<'_>, mut arguments: Arguments) -> Result<(Key, Revision), Refusal> {
    let key = arguments.key()?;
    let value = arguments.value()?;
    let ttl = arguments.ttl()?;
    let rev = agent.set(key.clone(), value, ttl)?;
    Ok((key, rev))
}
