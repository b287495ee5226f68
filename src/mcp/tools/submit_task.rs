//! `submitTask`: what came of a task. The same token again answers what was recorded.

use std::sync::Arc;

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset};
use crate::board::{self, Call, Key, check_value};
use crate::mcp::answer::{self, Outcome};
use crate::mcp::hooks;

pub(super) static TOOL: Entry = Entry {
    name: "submitTask",
    title: "Finish a task",
    description: "End a claimed task: done, failed, or retry to give it back to others.",
    schema,
    family: Family::Coordination,
    set: Toolset::Core,
    changes: true,
    idempotent: true,
    always_load: false,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "token": { "type": "integer" },
            "outcome": { "type": "string", "enum": ["done", "failed", "retry"] },
            "result": { "type": "string" },
        },
        "required": ["token", "outcome"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    key: Key,
    state: &'static str,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let outcomes = [
        ("done", board::Outcome::Done),
        ("failed", board::Outcome::Failed),
        ("retry", board::Outcome::Retry),
    ];
    let token = arguments.revision("token")?;
    let token = token.ok_or_else(|| arguments.invalid("token", "give the token that claimTask answered"))?;
    let outcome = arguments.word("outcome", &outcomes)?;
    let outcome =
        outcome.ok_or_else(|| arguments.invalid("outcome", "must be one of done, failed, retry"))?;
    let result = arguments.text("result")?;
    if let Some(result) = &result {
        check_value(result).map_err(|refusal| arguments.invalid("result", refusal.to_string()))?;
    }
    arguments.end()?;
    let submitted = agent.submit(token, outcome, result.map(Arc::from))?;
    hooks::give_back_all_automatic(agent)?;
    answer::success(&Answer {
        success: true,
        key: submitted.key,
        state: submitted.state.name(),
    })
}
