//! Locks: who holds what, for how long, and under which fence.

use std::sync::Arc;

use super::row::{Cell, Column};
use super::summary::{Summary, key_after};
use crate::board::{Entry, Key};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("target", 3),
    Column::share("holder", 2),
    Column::grows("left", 6, 17),
    Column::fixed("held", 6).from(60),
    Column::fixed("task", 8).from(90),
    Column::fixed("fence", 8).from(50),
];

pub(super) fn cells(key: &Key, entry: &Arc<Entry>) -> Vec<Cell> {
    let (holder, fence, since) = match entry.lease() {
        Some(lease) => (lease.owner(), lease.fence, lease.granted),
        None => (&entry.by, entry.rev, entry.written),
    };
    let task = Summary::of(&entry.value).text(&["taskId", "task"]);
    vec![
        Cell::Path(key_after(key, 1)),
        Cell::Path(text::clean(&holder.name)),
        Cell::Left(entry.written, entry.ends(entry.written)),
        Cell::Ago(since),
        task.map_or(Cell::Empty, Cell::Dim),
        Cell::Number(fence.0),
    ]
}
