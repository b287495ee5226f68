//! Agents: who is attached, what it holds, and what it called last. Who left and still holds something is
//! shown as gone.

use super::row::{Cell, Column};
use crate::board::{Agent, Score};
use crate::tui::holders::Holder;
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("agent", 3),
    Column::share("client", 2).from(100),
    Column::fixed("since", 8).from(84),
    Column::fixed("holds", 5),
    Column::fixed("done", 4),
    Column::fixed("fail", 4).from(40),
    Column::fixed("lost", 4).from(40),
    Column::fixed("mean", 6).from(64),
    Column::grows("last call", 13, 15).from(70),
    Column::fixed("idle", 5),
    Column::fixed("calls", 8).from(56),
];

pub(super) fn cells(agent: &Agent, holds: usize, score: &Score, since: String) -> Vec<Cell> {
    let client = agent.client.as_deref().map(text::clean);
    let (tool, idle) = match agent.last_call {
        Some((tool, at)) => (Cell::Text(tool.to_owned()), at),
        None => (Cell::Empty, agent.since),
    };
    let who = [
        Cell::Path(text::clean(&agent.owner.name)),
        client.map_or(Cell::Empty, Cell::Dim),
        Cell::Dim(since),
        Cell::count(holds),
    ];
    let calls = [tool, Cell::Ago(idle), Cell::Number(agent.calls)];
    who.into_iter().chain(results(score)).chain(calls).collect()
}

/// Returns the cells of someone who is not attached any more.
pub(super) fn gone(holder: &Holder, score: &Score) -> Vec<Cell> {
    let name = Cell::Path(text::clean(&holder.owner().name));
    let who = [name, Cell::Empty, Cell::Empty, Cell::count(holder.held.len())];
    let calls = [Cell::Empty, Cell::Gone, Cell::Empty];
    who.into_iter().chain(results(score)).chain(calls).collect()
}

fn results(score: &Score) -> [Cell; 4] {
    let count = |many| match many {
        0 => Cell::Empty,
        many => Cell::Number(many),
    };
    [
        count(score.done),
        count(score.failed),
        count(score.lost),
        score.mean.map_or(Cell::Empty, Cell::Took),
    ]
}
