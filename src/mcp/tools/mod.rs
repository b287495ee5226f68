//! The tools: one file for each, and the one table that lists them.
//!
//! A tool's file holds its words and schema, reads the arguments, calls the board and shapes the answer.
//! To add one, write its file and name it in [`TOOLS`].

mod arguments;
mod delete_storage;
mod get_storage;
mod list_keys;
mod set_storage;
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
use crate::board::Call;

/// The tools, in the order in which agents read them.
static TOOLS: [&Entry; 6] = [
    &set_storage::TOOL,
    &get_storage::TOOL,
    &delete_storage::TOOL,
    &list_keys::TOOL,
    &update_storage::TOOL,
    &watch_storage::TOOL,
];

/// One tool.
pub(super) struct Entry {
    /// What it is called by.
    pub(super) name: &'static str,
    title: &'static str,
    description: &'static str,
    schema: fn() -> JsonObject,
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
    Waiting(for<'a> fn(&'a Call<'a>, Arguments, &'a RequestContext<RoleServer>) -> Waiting<'a>),
}

/// A call that may wait.
pub(super) type Waiting<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Returns the tool called `name`.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    TOOLS.iter().find(|tool| tool.name == name).copied()
}

/// Tells whether a call of the tool called `name` may change the board, so that a repeat must not be applied.
pub fn changes(name: &str) -> bool {
    find(name).is_some_and(|tool| tool.changes)
}

/// Returns the names of all tools.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|tool| tool.name)
}

/// Returns the list that clients see: the same for everyone, and built once.
pub(super) fn list() -> ListToolsResult {
    static LIST: LazyLock<Vec<Tool>> = LazyLock::new(|| TOOLS.iter().map(|tool| tool.publish()).collect());
    ListToolsResult::with_all_items(LIST.clone())
}

impl Entry {
    fn publish(&self) -> Tool {
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(!self.changes)
            .destructive(self.changes)
            .idempotent(self.idempotent)
            .open_world(false);
        let tool = Tool::new(self.name, self.description, (self.schema)())
            .with_title(self.title)
            .with_annotations(annotations);
        if !self.always_load {
            return tool;
        }
        let always = ("anthropic/alwaysLoad".to_owned(), Value::Bool(true));
        tool.with_meta(MetaObject(JsonObject::from_iter([always])))
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
