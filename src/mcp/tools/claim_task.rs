//! `claimTask`: the most important free task for one agent. That there is none is an answer, not an error.

use std::time::Duration;

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Site, Toolset, Waiting};
use crate::board::{Call, Claim, Claimed, Key, Pattern, Revision};
use crate::mcp::answer::{self, Outcome, millis};
use crate::mcp::waiting::{MAX_WAIT_MS, patiently};

pub(super) static TOOL: Entry = Entry {
    name: "claimTask",
    title: "Take a task",
    description: "Take the most important free task. It is yours until you submitTask its token or go silent; key \
                  is null when there is none.",
    schema,
    family: Family::Coordination,
    set: Toolset::Core,
    changes: true,
    idempotent: false,
    always_load: true,
    run: Run::Waiting(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "pattern": { "type": "string", "default": "task:*" },
            "ttl": { "type": "number", "description": "As in acquireLock" },
            "waitMs": { "type": "integer", "default": 0, "maximum": MAX_WAIT_MS },
        },
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    success: bool,
    key: &'a Key,
    value: &'a str,
    token: Revision,
    attempt: u8,
    expires_in_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NothingToDo {
    success: bool,
    /// Always null.
    key: Option<Key>,
    pending: usize,
    claimed: usize,
    retry_after_ms: u64,
}

fn call<'a>(agent: &'a Call<'a>, arguments: Arguments, site: Site<'a>) -> Waiting<'a> {
    Box::pin(claim(agent, arguments, site))
}

async fn claim(agent: &Call<'_>, mut arguments: Arguments, site: Site<'_>) -> Outcome {
    let pattern = arguments.optional_pattern()?;
    let pattern = pattern.unwrap_or_else(|| Pattern::prefix("task:"));
    let ttl = arguments.lease_ttl()?;
    let wait = arguments.wait()?;
    arguments.end()?;

    let claimed = agent.claim(&pattern, ttl, wait);
    let claimed = match patiently(claimed, site.request, "waiting for a task").await {
        Some(claimed) => claimed?,
        // The server stops: what can be had now is the answer.
        None => agent.claim(&pattern, ttl, Duration::ZERO).await?,
    };
    match claimed {
        Claimed::Task(claim) => answer::success(&Answer::of(&claim)),
        Claimed::Nothing(idle) => answer::success(&NothingToDo {
            success: true,
            key: None,
            pending: idle.pending,
            claimed: idle.claimed,
            retry_after_ms: millis(idle.retry_after),
        }),
    }
}

impl<'a> Answer<'a> {
    fn of(claim: &'a Claim) -> Self {
        Self {
            success: true,
            key: &claim.key,
            value: &claim.value,
            token: claim.token,
            attempt: claim.attempt,
            expires_in_ms: millis(claim.remaining),
        }
    }
}
