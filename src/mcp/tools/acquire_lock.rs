//! `acquireLock`: files, directories or named things for one agent at a time, all of them or none.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Site, Toolset, Waiting};
use crate::board::{Call, MAX_TARGETS, Mode, Revision, Target, Wish};
use crate::mcp::answer::{self, Outcome, millis};
use crate::mcp::hooks;
use crate::mcp::targets::{Named, texts};
use crate::mcp::waiting::{MAX_WAIT_MS, patiently};

/// The most characters in the reason for a lock: everybody who meets the lock is told it.
const MAX_WHY: usize = 500;

pub(super) static TOOL: Entry = Entry {
    name: "acquireLock",
    title: "Lock files",
    description: "Lock files before you edit them, all targets or none. A directory covers what is below it; \
                  kind:name is a thing (port:3000). HELD: do other work or wait in line. Kept while you are \
                  active; releaseLock when done.",
    schema,
    family: Family::Coordination,
    set: Toolset::Core,
    changes: true,
    idempotent: true,
    always_load: true,
    run: Run::Waiting(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "targets": { "type": "array", "items": { "type": "string" }, "maxItems": MAX_TARGETS },
            "mode": { "type": "string", "enum": ["exclusive", "shared"], "default": "exclusive" },
            "why": { "type": "string", "description": "Shown to those who wait" },
            "ttl": { "type": "number", "description": "Seconds of silence until it ends, default 300" },
            "waitMs": { "type": "integer", "default": 0, "maximum": MAX_WAIT_MS },
        },
        "required": ["targets"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    success: bool,
    fence: Revision,
    targets: Vec<String>,
    expires_in_ms: u64,
    rev: Revision,
    /// What was asked for under another name than that of its target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked: Vec<Asked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct Asked<'a> {
    asked: &'a str,
    target: String,
}

fn call<'a>(agent: &'a Call<'a>, arguments: Arguments, site: Site<'a>) -> Waiting<'a> {
    Box::pin(acquire(agent, arguments, site))
}

async fn acquire(agent: &Call<'_>, mut arguments: Arguments, site: Site<'_>) -> Outcome {
    let asked = arguments.targets()?;
    let modes = [("exclusive", Mode::Exclusive), ("shared", Mode::Shared)];
    let mode = arguments.word("mode", &modes)?.unwrap_or_default();
    let why = arguments.text("why")?;
    if why.as_ref().is_some_and(|why| why.chars().count() > MAX_WHY) {
        return Err(arguments
            .invalid("why", format!("must have at most {MAX_WHY} characters"))
            .into());
    }
    let ttl = arguments.lease_ttl()?;
    let wait = arguments.wait()?;
    arguments.end()?;

    let named = site.place.name(agent, asked).await?;
    let targets: Vec<Target> = named.iter().map(|named| named.target.clone()).collect();
    let given = hooks::give_way(agent, &targets).await?;
    let wish = Wish {
        targets: Arc::from(targets),
        mode,
        why: why.map(Arc::from),
        ttl,
    };
    let acquired = agent.acquire(wish.clone(), wait);
    let grant = match patiently(acquired, site.request, "waiting for locks").await {
        Some(grant) => grant,
        // The server stops: who is in the way now is the answer.
        None => agent.acquire(wish, Duration::ZERO).await,
    };
    if grant.is_err() {
        hooks::take_back(agent, &given).await?;
    }
    let grant = grant?;
    site.place.worktrees().locked(agent, grant.fence, &named);
    let renamed = named.iter().filter(|named| named.is_other);
    answer::success(&Answer {
        success: true,
        fence: grant.fence,
        targets: texts(&grant.targets),
        expires_in_ms: millis(grant.remaining),
        rev: grant.fence,
        asked: renamed.map(Asked::of).collect(),
        hint: from_root(&named),
    })
}

impl<'a> Asked<'a> {
    fn of(named: &'a Named) -> Self {
        Self {
            asked: &named.asked,
            target: named.target.text().into_owned(),
        }
    }
}

/// Says how to write those targets that could also have been meant from the caller's directory.
fn from_root(named: &[Named]) -> Option<String> {
    let taken: Vec<&str> = named
        .iter()
        .filter(|named| named.from_root)
        .map(|named| &*named.asked)
        .collect();
    let first = taken.first()?;
    Some(format!(
        "taken from the project root: {}; write ./{first} for what is in your directory",
        taken.join(", ")
    ))
}
