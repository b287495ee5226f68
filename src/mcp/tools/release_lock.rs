//! `releaseLock`: gives locks back. What is gone already is no error.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset};
use crate::board::Call;
use crate::mcp::answer::{self, Outcome};
use crate::mcp::targets::texts;

pub(super) static TOOL: Entry = Entry {
    name: "releaseLock",
    title: "Give locks back",
    description: "Give a lock back as soon as its files are done.",
    schema,
    family: Family::Coordination,
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
            "fence": { "type": "integer", "description": "From acquireLock; omit for all of yours" },
        },
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    /// What was given back.
    released: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let fence = arguments.revision("fence")?;
    arguments.end()?;
    let released = texts(&agent.release(fence)?);
    let hint = released.is_empty().then(|| match fence {
        Some(fence) => format!(
            "{} holds nothing under fence {fence}: it was given back, or lost, or acquired under another `as`",
            agent.owner()
        ),
        None => format!("{} holds no lock", agent.owner()),
    });
    answer::success(&Answer {
        success: true,
        released,
        hint,
    })
}
