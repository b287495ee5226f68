//! `receiveMessages`: the next messages. The next call confirms them; what nobody confirms comes again.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Site, Toolset, Waiting};
use crate::board::{Call, Message, Received, Revision};
use crate::mcp::answer::{self, Outcome, millis};
use crate::mcp::waiting::{MAX_WAIT_MS, patiently};

/// How many messages an answer has when the call does not say.
const DEFAULT_LIMIT: u64 = 10;
/// The most messages in an answer.
const MAX_LIMIT: u64 = 100;

pub(super) static TOOL: Entry = Entry {
    name: "receiveMessages",
    title: "Read your messages",
    description: "Your next messages. The next receiveMessages confirms them; unconfirmed ones come again.",
    schema,
    family: Family::Coordination,
    set: Toolset::All,
    changes: true,
    idempotent: false,
    always_load: false,
    run: Run::Again(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "limit": { "type": "integer", "default": DEFAULT_LIMIT, "maximum": MAX_LIMIT },
            "waitMs": { "type": "integer", "default": 0, "maximum": MAX_WAIT_MS },
        },
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer<'a> {
    success: bool,
    messages: Vec<Row<'a>>,
    /// How many more wait.
    more: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    id: Revision,
    from: &'a str,
    body: &'a str,
    age_ms: u64,
    /// How often it was delivered, when that is more than once.
    #[serde(skip_serializing_if = "is_first")]
    deliveries: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_first(deliveries: &u8) -> bool {
    *deliveries <= 1
}

fn call<'a>(agent: &'a Call<'a>, arguments: Arguments, site: Site<'a>) -> Waiting<'a> {
    Box::pin(receive(agent, arguments, site))
}

async fn receive(agent: &Call<'_>, mut arguments: Arguments, site: Site<'_>) -> Outcome {
    let limit = arguments.whole("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let wait = arguments.wait()?;
    arguments.end()?;

    let received = agent.receive(usize::try_from(limit).unwrap_or(usize::MAX), wait);
    let received = match patiently(received, site.request, "waiting for messages").await {
        Some(received) => received?,
        // The server stops: nothing has come.
        None => Received::default(),
    };
    answer::success(&Answer {
        success: true,
        messages: received.messages.iter().map(Row::of).collect(),
        more: received.more,
    })
}

impl<'a> Row<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            id: message.id,
            from: &message.from,
            body: &message.body,
            age_ms: millis(message.age),
            deliveries: message.deliveries,
        }
    }
}
