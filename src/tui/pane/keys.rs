//! Keys: progress, what agents say of themselves, and everything else, so that no key is invisible.

use super::live::Live;
use super::row::{Cell, Column};
use super::summary::line;
use crate::board::{Entry, Key};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("key", 3),
    Column::share("value", 4),
    Column::share("by", 2).from(56),
    Column::fixed("revision", 8).from(70),
    Column::fixed("left", 6),
];

pub(super) fn cells(key: &Key, entry: &Entry, live: &Live) -> Vec<Cell> {
    vec![
        Cell::Path(text::clean(&key.decoded())),
        Cell::Text(line(&entry.value)),
        Cell::Dim(text::clean(&entry.by.name)),
        Cell::Number(entry.rev.0),
        Cell::Left(live.left),
    ]
}
