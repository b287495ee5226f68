//! `heartbeat`: a sign of life with a word on the work, and in return who is here and what the caller holds.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset};
use crate::board::{Call, Holding1, Key, Present, Revision};
use crate::mcp::answer::{self, Outcome, millis};

pub(super) static TOOL: Entry = Entry {
    name: "heartbeat",
    title: "Show that you are at work",
    description: "Say how it goes; answers who is here and what you hold. Any call keeps your locks and claims.",
    schema,
    family: Family::Coordination,
    set: Toolset::All,
    changes: true,
    idempotent: true,
    always_load: false,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "progress": { "type": "string", "description": "One line" },
        },
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    success: bool,
    agents: Vec<Row<'a>>,
    holds: Vec<Held<'a>>,
    /// How long the first of them lasts if nobody renews it; null when there are none.
    expires_in_ms: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    doing: Option<&'a str>,
    idle_ms: u64,
    holds: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Held<'a> {
    /// What a lock is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// The key of anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a Key>,
    fence: Revision,
    expires_in_ms: u64,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let progress = arguments.text("progress")?;
    arguments.end()?;
    let beat = agent.heartbeat(progress.as_deref())?;
    answer::success(&Answer {
        success: true,
        agents: beat.agents.iter().map(Row::of).collect(),
        holds: beat.holds.iter().map(Held::of).collect(),
        expires_in_ms: beat.remaining.map(millis),
    })
}

impl<'a> Row<'a> {
    fn of(agent: &'a Present) -> Self {
        Self {
            name: &agent.name,
            doing: agent.doing.as_deref(),
            idle_ms: millis(agent.idle),
            holds: agent.holds,
        }
    }
}

impl<'a> Held<'a> {
    fn of(held: &'a Holding1) -> Self {
        Self {
            key: held.target.is_none().then_some(&held.key),
            target: held.target.as_ref().map(|target| target.text().into_owned()),
            fence: held.fence,
            expires_in_ms: millis(held.remaining),
        }
    }
}
