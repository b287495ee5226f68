//! `watchStorage`: what happened after a revision, and a wait for it when nothing has.

use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{JsonObject, ProgressNotificationParam, ProgressToken};
use rmcp::object;
use rmcp::service::{Peer, RequestContext};
use serde::Serialize;

use super::{Arguments, Entry, Run, Waiting};
use crate::board::{Call, Event, Key, Reason, Revision, Watched};
use crate::mcp::answer::{self, Outcome};

/// The longest wait: clients give a call up after a minute.
const MAX_WAIT_MS: u64 = 50_000;
/// How often a waiting call says that it still waits.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// A value with more bytes is left out of its event; `getStorage` has it.
const MAX_VALUE_BYTES: usize = 16 << 10;

pub(super) static TOOL: Entry = Entry {
    name: "watchStorage",
    title: "Wait for changes",
    description: "What was set, deleted or expired after revision since (omit: from now; 0: all that is kept). \
                  Waits up to waitMs for the first. Pass the answer's rev as the next since.",
    schema,
    changes: false,
    idempotent: true,
    always_load: false,
    run: Run::Waiting(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "pattern": { "type": "string" },
            "since": { "type": "integer" },
            "waitMs": { "type": "integer", "default": 0, "maximum": MAX_WAIT_MS },
        },
        "required": ["pattern"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    events: Vec<Row<'a>>,
    rev: Revision,
}

#[derive(Serialize)]
struct Row<'a> {
    rev: Revision,
    key: &'a Key,
    kind: &'static str,
    /// Why a lease ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    /// How long a value is that was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

fn call<'a>(
    agent: &'a Call<'a>,
    arguments: Arguments,
    context: &'a RequestContext<RoleServer>,
) -> Waiting<'a> {
    Box::pin(watch(agent, arguments, context))
}

async fn watch(agent: &Call<'_>, mut arguments: Arguments, context: &RequestContext<RoleServer>) -> Outcome {
    let pattern = arguments.pattern()?;
    let since = arguments.revision("since")?;
    let wait = arguments.whole("waitMs", 0..=MAX_WAIT_MS)?.unwrap_or(0);
    arguments.end()?;

    let from = since.unwrap_or_else(|| agent.board().rev());
    let watched = tokio::select! {
        biased;
        watched = agent.watch(&pattern, Some(from), Duration::from_millis(wait)) => watched?,
        // The server stops: what the client has not heard of it finds after the same revision.
        () = context.ct.cancelled() => Watched { events: Vec::new(), rev: from },
        never = say_that_it_waits(context.meta.get_progress_token(), &context.peer) => match never {},
    };
    answer::success(&Answer {
        success: true,
        events: watched.events.iter().map(row).collect(),
        rev: watched.rev,
    })
}

fn row(event: &Event) -> Row<'_> {
    let value = event.value.as_ref();
    let (shown, left_out) = match value {
        Some(value) if value.len() > MAX_VALUE_BYTES => (None, Some(value.len())),
        _ => (value.map(Arc::as_ref), None),
    };
    Row {
        rev: event.rev,
        key: &event.key,
        kind: event.kind.name(),
        reason: event.kind.reason(),
        by: &event.by.name,
        value: shown,
        bytes: left_out,
    }
}

/// Sends progress for as long as it is let, so that no client takes the wait for a hang.
async fn say_that_it_waits(
    token: Option<ProgressToken>,
    peer: &Peer<RoleServer>,
) -> std::convert::Infallible {
    let Some(token) = token else {
        return std::future::pending().await;
    };
    let mut waited = Duration::ZERO;
    loop {
        tokio::time::sleep(PROGRESS_EVERY).await;
        waited += PROGRESS_EVERY;
        let progress = ProgressNotificationParam::new(token.clone(), waited.as_secs_f64())
            .with_message("waiting for changes");
        if let Err(error) = peer.notify_progress(progress).await {
            tracing::debug!(%error, "cannot say that a call still waits");
            return std::future::pending().await;
        }
    }
}
