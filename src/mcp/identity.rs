//! Who is behind a call: one connection may serve several agents.
//!
//! In this order: the name that the call gives (`as`), the agent that a hook has said makes the call, the one
//! that the client names beside the call, the session's own name. The names that clients give beside a call
//! are nobody's choice but the client's, so they hold for every tool.
//!
//! Hooks never hear of `as`. So that they know whose locks an agent has under a name that it gave itself,
//! that name is noted for the one that its hooks know it by. Clients that say nothing beside a call have
//! hooks that speak for the session's own name alone: there it is noted for that one, but only until a second
//! name is given, for then there may be several agents, and it is better that an edit is denied than that one
//! agent has the locks of another.

use rmcp::model::RequestMetaObject;

use super::reunion;
use crate::board::{Call, MAX_NAME_CHARS, Refusal, Session};

/// Where Claude Code names the call to a server and to hooks alike.
const CALL: &str = "claudecode/toolUseId";
/// Where Codex says in which of its threads a call was made. Its sub-agents are threads too.
const THREAD: &str = "threadId";
/// What the agents of a connection are called when nobody has named it.
const CODEX: &str = "codex";
/// How much of the id of a thread or a sub-agent becomes part of a name. It is the end that tells them apart: the ids of
/// threads begin with the time, and those of teammates with a name.
const SHOWN: usize = 8;

/// Returns the agent of `session` that makes the call; `named` is the name that the call gives.
pub(super) async fn agent<'a>(
    session: &'a Session,
    named: Option<&str>,
    meta: &RequestMetaObject,
) -> Result<Call<'a>, Refusal> {
    let text = |field| meta.get(field).and_then(|value| value.as_str());
    let known = match (text(CALL).and_then(|id| session.expected(id)), text(THREAD)) {
        (Some(name), _) => Some(session.call_as(&name)?),
        (None, Some(thread)) if !thread.is_empty() => Some(thread_agent(session, thread).await?),
        _ => None,
    };
    match (named, known) {
        (Some(name), Some(known)) => session.call_of(known.owner(), name),
        (Some(name), None) if names_call(meta) => session.call_as(name),
        (Some(name), None) => session.call_of_sole(name),
        (None, Some(known)) => Ok(known),
        (None, None) => Ok(session.call()),
    }
}

/// Returns the agent that works in `thread` of the client of `session`. It is one and the same in the client's hooks
/// and over each of its bridges: Codex starts one for every thread, all of them in one process.
pub(super) async fn thread_agent<'a>(session: &'a Session, thread: &str) -> Result<Call<'a>, Refusal> {
    let name = thread_name(session, thread);
    reunion::complete(session.board(), || session.awaits(&name)).await;
    session.call_in_client(&name)
}

/// Tells whether a client says of a call which of its model's it is.
pub(super) fn names_call(meta: &RequestMetaObject) -> bool {
    meta.get(CALL).is_some() || meta.get(THREAD).is_some()
}

/// Returns what the agent in `thread` is called.
fn thread_name(session: &Session, thread: &str) -> String {
    name_of(session.introduction().name.as_deref().unwrap_or(CODEX), thread)
}

/// Returns what one of those is called who are `base`: the board cuts longer names at their end.
pub(super) fn name_of(base: &str, id: &str) -> String {
    let base: String = base.chars().take(MAX_NAME_CHARS - SHOWN - 1).collect();
    format!("{base}-{}", shown(id))
}

/// Returns what tells one with this id from others.
pub(super) fn shown(id: &str) -> &str {
    let start = id.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
    &id[start..]
}
