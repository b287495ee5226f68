//! `sendMessage`: a few words to one agent, or to all.

use std::sync::Arc;

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset};
use crate::board::{Call, Revision, check_value};
use crate::mcp::answer::{self, Outcome};

pub(super) static TOOL: Entry = Entry {
    name: "sendMessage",
    title: "Send a message",
    description: "Send to an agent by name, or * for all others.",
    schema,
    family: Family::Coordination,
    set: Toolset::All,
    changes: true,
    idempotent: false,
    always_load: false,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "to": { "type": "string" },
            "body": { "type": "string" },
        },
        "required": ["to", "body"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    id: Revision,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let to = arguments.text("to")?;
    let to = to.ok_or_else(|| arguments.invalid("to", "give the name of an agent, or * for all others"))?;
    let body = arguments.text("body")?;
    let body = body.ok_or_else(|| arguments.invalid("body", "say something"))?;
    check_value(&body).map_err(|refusal| arguments.invalid("body", refusal.to_string()))?;
    arguments.end()?;
    let id = agent.send(&to, Arc::from(body))?;
    answer::success(&Answer { success: true, id })
}
