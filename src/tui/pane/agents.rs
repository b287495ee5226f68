//! Agents: who is attached, what it holds, and what it called last. Who left and still holds something is
//! shown as gone.

use super::row::{Cell, Column};
use crate::board::Agent;
use crate::tui::holders::Holder;
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("agent", 3),
    Column::share("client", 2).from(80),
    Column::fixed("since", 8).from(80),
    Column::fixed("holds", 5),
    Column::grows("last call", 13, 15).from(56),
    Column::fixed("idle", 5),
    Column::grows("calls", 5, 8),
];

/// What stands instead of the time since the last call of someone whose connection is closed.
const GONE: &str = "gone";

pub(super) fn cells(agent: &Agent, holds: usize, since: String) -> Vec<Cell> {
    let client = agent.client.as_deref().map(text::clean);
    let (tool, idle) = match agent.last_call {
        Some((tool, at)) => (Cell::Text(tool.to_owned()), at),
        None => (Cell::Empty, agent.since),
    };
    vec![
        Cell::Path(text::clean(&agent.owner.name)),
        client.map_or(Cell::Empty, Cell::Dim),
        Cell::Dim(since),
        Cell::count(holds),
        tool,
        Cell::Ago(idle),
        Cell::Number(agent.calls),
    ]
}

/// Returns the cells of someone who is not attached any more.
pub(super) fn gone(holder: &Holder) -> Vec<Cell> {
    vec![
        Cell::Path(text::clean(&holder.owner().name)),
        Cell::Empty,
        Cell::Empty,
        Cell::count(holder.held.len()),
        Cell::Empty,
        Cell::State(GONE.to_owned()),
        Cell::Empty,
    ]
}
