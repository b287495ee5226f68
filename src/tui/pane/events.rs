//! Events: what happened, by whom.

use super::row::{Cell, Column};
use super::summary::line;
use crate::board::Event;
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::fixed("time", 8),
    Column::fixed("event", 6),
    Column::share("key", 3),
    Column::share("by", 2),
    Column::share("value", 4).from(80),
    Column::fixed("revision", 8).from(64),
];

pub(super) fn cells(event: &Event, time: String) -> Vec<Cell> {
    vec![
        Cell::Dim(time),
        Cell::State(event.kind.name().to_owned()),
        Cell::Path(text::clean(&event.key.decoded())),
        Cell::Path(text::clean(&event.by.name)),
        event
            .value
            .as_deref()
            .map_or(Cell::Empty, |value| Cell::Dim(line(value))),
        Cell::Number(event.rev.0),
    ]
}
