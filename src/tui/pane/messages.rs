//! Messages: what agents say to each other.

use super::live::Live;
use super::row::{Cell, Column};
use super::summary::Summary;
use crate::board::{Entry, Key};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("from", 2),
    Column::share("to", 2),
    Column::share("message", 4),
    Column::fixed("id", 10).from(80),
    Column::fixed("left", 6),
];

pub(super) fn cells(key: &Key, entry: &Entry, live: &Live) -> Vec<Cell> {
    let value = Summary::of(&entry.value);
    let whole = text::clean(&key.decoded());
    let parts: Vec<&str> = whole.splitn(4, ':').collect();
    // `msg:<from>:<to>:<time>` is the original form; in `msg:<to>:<number>` the writer is the sender.
    let (from, to, id) = match parts[..] {
        [_, from, to, id] => (from.to_owned(), to, id),
        [_, to, id] => (text::clean(&entry.by.name), to, id),
        _ => (text::clean(&entry.by.name), whole.as_str(), ""),
    };
    let body = value.text(&[
        "body", "message", "text", "question", "answer", "content", "subject",
    ]);
    vec![
        Cell::Path(from),
        Cell::Path(to.to_owned()),
        Cell::Text(body.unwrap_or_else(|| value.raw())),
        Cell::Dim(id.to_owned()),
        Cell::Left(live.left),
    ]
}
