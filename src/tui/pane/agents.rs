//! Agents: who is attached, since when, and what it called last.

use super::row::{Cell, Column};
use crate::board::Agent;
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("agent", 3),
    Column::share("client", 2).from(56),
    Column::fixed("since", 8).from(56),
    Column::grows("last call", 13, 15).from(38),
    Column::fixed("idle", 6),
    Column::grows("calls", 5, 8),
];

pub(super) fn cells(agent: &Agent, since: String) -> Vec<Cell> {
    let client = agent.client.as_deref().map(text::clean);
    let (tool, idle) = match agent.last_call {
        Some((tool, at)) => (Cell::Text(tool.to_owned()), at),
        None => (Cell::Empty, agent.since),
    };
    vec![
        Cell::Path(text::clean(&agent.owner.name)),
        client.map_or(Cell::Empty, Cell::Dim),
        Cell::Dim(since),
        tool,
        Cell::Ago(idle),
        Cell::Number(agent.calls),
    ]
}
