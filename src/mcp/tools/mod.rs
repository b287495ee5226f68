//! The tools: one file for each, and the one table that lists them.
//!
//! A tool's file holds its words and schema, reads the arguments, calls the board and shapes the answer.
//! To add one, write its file and name it in [`TOOLS`].

mod acquire_lock;
mod arguments;
mod claim_task;
mod delete_storage;
mod get_storage;
mod heartbeat;
mod list_keys;
mod receive_messages;
mod release_lock;
mod send_message;
mod set_storage;
mod submit_task;
mod update_storage;
mod watch_storage;

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use rmcp::RoleServer;
use rmcp::model::{JsonObject, ListToolsResult, MetaObject, Tool, ToolAnnotations};
use rmcp::service::RequestContext;
use serde_json::Value;

pub(super) use arguments::Arguments;

use super::answer::Outcome;
use super::hooks::tool;
use super::targets::Place;
use crate::board::Call;

/// The tools, in the order in which agents read them.
static TOOLS: [&Entry; 13] = [
    &set_storage::TOOL,
    &get_storage::TOOL,
    &delete_storage::TOOL,
    &list_keys::TOOL,
    &update_storage::TOOL,
    &watch_storage::TOOL,
    &acquire_lock::TOOL,
    &release_lock::TOOL,
    &claim_task::TOOL,
    &submit_task::TOOL,
    &send_message::TOOL,
    &receive_messages::TOOL,
    &heartbeat::TOOL,
];

/// Which tools a server offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Toolset {
    /// All of them.
    #[default]
    All,
    /// Those without which agents cannot share work safely, for models with little room.
    Core,
}

/// What a tool is about, as far as all of its kind are treated alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// The original pair and its like: their answers have exactly the fields of the original design.
    Original,
    /// Reading and writing many keys.
    Storage,
    /// Working together: the call may name who makes it, since several agents can share a connection.
    Coordination,
}

/// One tool.
pub(super) struct Entry {
    /// What it is called by.
    pub(super) name: &'static str,
    title: &'static str,
    description: &'static str,
    schema: fn() -> JsonObject,
    pub(super) family: Family,
    /// The smallest set that has it.
    set: Toolset,
    /// Whether a call may change the board.
    changes: bool,
    /// Whether a second call with the same arguments adds nothing to the first.
    idempotent: bool,
    /// Whether clients that defer tools should show this one from the start.
    always_load: bool,
    /// What a call does.
    pub(super) run: Run,
}

/// How a tool is run.
pub(super) enum Run {
    /// It answers at once.
    Now(fn(&Call<'_>, Arguments) -> Outcome),
    /// It may wait, until the call is cancelled at the latest.
    Waiting(WaitingTool),
    /// So may it, and it knows a repeat whose answer is lost, and answers that with what it can still give.
    Again(WaitingTool),
}

type WaitingTool = for<'a> fn(&'a Call<'a>, Arguments, Site<'a>) -> Waiting<'a>;

/// What a call that may wait knows of where it comes from.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    /// The request, which can be told that the call still waits.
    pub(super) request: &'a RequestContext<RoleServer>,
    /// Where paths begin.
    pub(super) place: &'a Place,
}

/// A call that may wait.
pub(super) type Waiting<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Tells whether a call of the tool called `name` may change the board, so that a repeat must not be applied.
pub fn changes(name: &str) -> bool {
    Toolset::All.find(name).is_some_and(|tool| tool.changes)
}

impl Toolset {
    fn entries(self) -> impl Iterator<Item = &'static Entry> {
        let offered = move |tool: &&&Entry| self == Self::All || tool.set == Self::Core;
        TOOLS.iter().filter(offered).copied()
    }

    /// Returns the tool called `name`, if it is offered.
    pub(super) fn find(self, name: &str) -> Option<&'static Entry> {
        self.entries().find(|tool| tool.name == name)
    }

    /// Returns the names of all that are offered.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        self.entries().map(|tool| tool.name)
    }

    /// Returns the list that clients see: the same for everyone, and built once. The tool for hooks is in every set
    /// where it is called at all, and not among the entries: no model calls it.
    pub(super) fn list(self, has_hooks: bool) -> ListToolsResult {
        static ALL: LazyLock<Vec<Tool>> = LazyLock::new(|| Toolset::All.publish());
        static CORE: LazyLock<Vec<Tool>> = LazyLock::new(|| Toolset::Core.publish());
        let mut tools = match self {
            Self::All => ALL.clone(),
            Self::Core => CORE.clone(),
        };
        tools.extend(has_hooks.then(tool::listed));
        ListToolsResult::with_all_items(tools)
    }

    fn publish(self) -> Vec<Tool> {
        self.entries().map(Entry::publish).collect()
    }
}

impl Entry {
    fn publish(&self) -> Tool {
        // Coordination adds to the board, or gives back what is the caller's own. It matters: some clients ask a
        // person before each call that may destroy something, and refuse it where there is no person.
        let destroys = self.changes && self.family != Family::Coordination;
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(!self.changes)
            .destructive(destroys)
            .idempotent(self.idempotent)
            .open_world(false);
        let tool = Tool::new(self.name, self.description, self.whole_schema())
            .with_title(self.title)
            .with_annotations(annotations);
        if !self.always_load {
            return tool;
        }
        let always = ("anthropic/alwaysLoad".to_owned(), Value::Bool(true));
        tool.with_meta(MetaObject(JsonObject::from_iter([always])))
    }
}

impl Entry {
    /// Returns the schema with what all tools of the family have.
    fn whole_schema(&self) -> JsonObject {
        let mut schema = (self.schema)();
        if self.family == Family::Coordination
            && let Some(Value::Object(properties)) = schema.get_mut("properties")
        {
            let description = "Your name, if agents share this connection";
            let name = serde_json::json!({ "type": "string", "description": description });
            properties.insert("as".to_owned(), name);
        }
        schema
    }
}

/// Returns the schema of a key, with the limits of the original design and the grammar of this one.
fn key_schema() -> Value {
    serde_json::json!({
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^([A-Za-z0-9:_./-]|%[0-9A-F]{2})+$",
    })
}
