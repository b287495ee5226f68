//! Statuses: how the work goes, as the agents tell it.

use super::live::Live;
use super::row::{Cell, Column};
use super::summary::Summary;
use crate::board::{Entry, Key};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::fits("agent", 2),
    Column::grows("task", 4, 8),
    Column::fixed("state", 11),
    Column::grows("done", 4, 15).roomy_from(90),
    Column::share("now", 3).from(48),
    Column::fixed("left", 6).from(64),
];

pub(super) fn cells(key: &Key, entry: &Entry, live: &Live) -> Vec<Cell> {
    let value = Summary::of(&entry.value);
    let whole = text::clean(&key.decoded());
    let mut parts = whole.splitn(3, ':').skip(1);
    let agent = parts.next().filter(|agent| !agent.is_empty()).unwrap_or(&whole);
    let task = parts.next().map(str::to_owned);
    let state = value.text(&["status", "state", "phase"]);
    vec![
        Cell::Path(agent.to_owned()),
        task.or_else(|| value.text(&["taskId", "task"]))
            .map_or(Cell::Empty, Cell::Path),
        Cell::State(state.unwrap_or_else(|| value.raw())),
        value.percent("progress").map_or(Cell::Empty, Cell::Percent),
        value
            .text(&["currentStep", "step", "message", "note", "summary", "detail"])
            .map_or(Cell::Empty, Cell::Text),
        Cell::Left(live.left),
    ]
}
