//! The tool by which a client's hooks ask over the connection that its agents use: `hook`.
//!
//! No model is meant to see it, and clients that know the mark on it show it to none. It is there for the one client
//! whose hooks can call tools. Others are told that there is no such tool, and so are that client's models: their calls
//! carry what a hook's never do. And what a hook may say concerns the agents of its own connection alone, so even a
//! forged one does nothing that `as` would not allow.

use std::sync::LazyLock;

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject, RequestMetaObject, Tool};
use rmcp::object;

use super::super::fault::{Fault, Listener};
use super::super::identity;
use super::super::targets::Place;
use super::super::tools::Toolset;
use super::Case;
use crate::board::Session;
use crate::hook::open::{self, Told};
use crate::hook::{Enforce, Heard, Verdict};

/// What the name of the tool is.
pub(in crate::mcp) const NAME: &str = open::TOOL;

/// What the client calls itself whose hooks can call tools.
pub(in crate::mcp) const CLIENT: &str = "claude-code";

/// What a call for progress names, which no hook asks for.
const PROGRESS: &str = "progressToken";

/// Returns the tool as it is listed.
pub(in crate::mcp) fn listed() -> Tool {
    static LISTED: LazyLock<Tool> = LazyLock::new(|| {
        let for_hooks = ("ui".to_owned(), serde_json::json!({ "visibility": ["app"] }));
        Tool::new(NAME, "For hooks, not for models.", object!({ "type": "object" }))
            .with_meta(MetaObject(JsonObject::from_iter([for_hooks])))
    });
    LISTED.clone()
}

/// Tells whether a call of [`CLIENT`] with `meta` is a hook's: those of its models say which they are, or ask for
/// progress.
pub(in crate::mcp) fn is_of_hook(meta: &RequestMetaObject) -> bool {
    meta.get(PROGRESS).is_none() && !identity::names_call(meta)
}

/// Returns what follows from the call of a hook of the agents of `session`.
pub(in crate::mcp) async fn call(
    arguments: Option<JsonObject>,
    session: &Session,
    place: &Place,
    tools: Toolset,
) -> CallToolResult {
    let Told { heard, enforce } = open::read(&arguments.unwrap_or_default());
    let Heard { event, occasion } = match heard {
        Ok(heard) => heard,
        Err(problem) => return unreadable(Enforce::is_closed(enforce, true), &problem.to_string()),
    };
    let case = Case {
        occasion: &occasion,
        home: Some(session),
        sessions: std::slice::from_ref(session),
        asking: session,
        place,
        tools,
    };
    let verdict = case.judge().await.unwrap_or_else(|refusal| {
        let (_, hint) = Fault::of(refusal, &Listener::new(&session.call(), tools)).into_parts();
        Verdict::unjudged(&occasion, Enforce::is_closed(enforce, true), &hint)
    });
    told(&event, &verdict)
}

/// Returns what follows from the call of a hook when no board can judge it because of `problem`.
pub(in crate::mcp) fn away(arguments: Option<JsonObject>, board_runs: bool, problem: &str) -> CallToolResult {
    let Told { heard, enforce } = open::read(&arguments.unwrap_or_default());
    let is_closed = Enforce::is_closed(enforce, board_runs);
    match heard {
        Ok(Heard { event, occasion }) => told(&event, &Verdict::unjudged(&occasion, is_closed, problem)),
        Err(problem) => unreadable(is_closed, &problem.to_string()),
    }
}

/// What happened is not known, so it may have been an edit: an error stops one, where a failure is told to.
fn unreadable(is_closed: bool, problem: &str) -> CallToolResult {
    if is_closed {
        return CallToolResult::error(vec![ContentBlock::text(problem)]);
    }
    let warning = format!("callboard: {problem}. Locks are not looked at.");
    told("", &Verdict::Warn { warning })
}

/// An answer without content decides nothing.
fn told(event: &str, verdict: &Verdict) -> CallToolResult {
    let text = open::answer(event, verdict).map(ContentBlock::text);
    CallToolResult::success(text.into_iter().collect())
}
