//! Tasks: what is to be done, and by whom.

use std::sync::Arc;

use super::row::{Cell, Column};
use super::summary::{Summary, key_after};
use crate::board::{Entry, Key};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::grows("task", 5, 8),
    Column::share("what", 3),
    Column::share("agent", 2),
    Column::fixed("state", 11).from(70),
    Column::fixed("left", 6),
];

pub(super) fn cells(key: &Key, entry: &Arc<Entry>) -> Vec<Cell> {
    let value = Summary::of(&entry.value);
    let claimed = entry.lease().map(|lease| text::clean(&lease.owner().name));
    let agent = claimed.or_else(|| value.text(&["agentId", "agent", "assignedTo", "owner"]));
    let what = value.text(&["title", "description", "name", "summary", "what", "task"]);
    vec![
        Cell::Path(key_after(key, 1)),
        Cell::Text(what.unwrap_or_else(|| value.raw())),
        agent.map_or(Cell::Empty, Cell::Path),
        value.text(&["status", "state"]).map_or(Cell::Empty, Cell::State),
        Cell::Left(entry.written, entry.ends(entry.written)),
    ]
}
