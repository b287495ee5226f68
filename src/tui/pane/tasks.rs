//! Tasks: what is to be done, how far it has come, and by whom.

use super::live::Live;
use super::row::{Cell, Column};
use super::summary::{Summary, key_after};
use crate::board::{Entry, Key, Lease, TaskState, Work};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::grows("task", 5, 8),
    Column::share("what", 5),
    Column::fits("agent", 3),
    Column::fixed("state", 7),
    Column::fixed("try", 3).from(56),
    Column::fixed("prio", 4).from(76),
    Column::fixed("age", 5).from(76),
    Column::grows("left", 6, 13).from(50).roomy_from(100),
];

pub(super) fn cells(key: &Key, entry: &Entry, lease: Option<&Lease>, live: &Live) -> Vec<Cell> {
    let value = Summary::of(&entry.value);
    let claimer = lease.map(|lease| text::clean(&lease.owner().name));
    let agent = claimer.or_else(|| value.text(&["agentId", "agent", "assignedTo", "owner"]));
    let what = value.text(&["title", "description", "name", "summary", "what", "task"]);
    let said = value.text(&["status", "state"]);
    let attempts = usize::from(entry.work().attempts) + usize::from(lease.is_some());
    vec![
        Cell::Path(key_after(key, 1)),
        Cell::Text(what.unwrap_or_else(|| value.raw())),
        agent.map_or(Cell::Empty, Cell::Path),
        Cell::State(state(entry, live, said)),
        Cell::count(attempts),
        value.text(&["priority"]).map_or(Cell::Empty, Cell::Text),
        Cell::Ago(entry.written),
        Cell::Left(live.left),
    ]
}

/// Returns how the work goes. Of a task that nobody ever claimed, what its writer `said` tells more.
fn state(entry: &Entry, live: &Live, said: Option<String>) -> String {
    let is_new = entry.work() == Work::default();
    let word = match entry.task_state() {
        TaskState::Claimed if live.orphaned => "orphan",
        TaskState::Pending if live.resting => "backoff",
        TaskState::Pending if is_new => return said.unwrap_or_else(|| TaskState::Pending.name().to_owned()),
        state => state.name(),
    };
    word.to_owned()
}
