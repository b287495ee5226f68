//! Events: what happened, by whom.

use super::row::{Cell, Column};
use super::summary::line;
use crate::board::{Event, EventKind, Kind, Reason};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::fixed("time", 8),
    Column::fixed("event", 8),
    Column::share("key", 3),
    Column::share("by", 2),
    Column::share("value", 4).from(80),
    Column::fixed("revision", 8).from(64),
];

pub(super) fn cells(event: &Event, time: String) -> Vec<Cell> {
    vec![
        Cell::Dim(time),
        Cell::State(word(event).to_owned()),
        Cell::Path(text::clean(&event.key.decoded())),
        Cell::Path(text::clean(&event.by.name)),
        event
            .value
            .as_deref()
            .map_or(Cell::Empty, |value| Cell::Dim(line(value))),
        Cell::Number(event.rev.0),
    ]
}

/// Returns what happened in a word, for leases the one that people use of such a key.
fn word(event: &Event) -> &'static str {
    match (event.kind, event.key.kind()) {
        (EventKind::Lease, Kind::Lock) => "locked",
        (EventKind::Lease, Kind::Task) => "claimed",
        (EventKind::Lease, Kind::Msg) => "handed",
        (EventKind::Drop(reason), _) => end(reason),
        (EventKind::Change, _) => "changed",
        (kind, _) => kind.name(),
    }
}

fn end(reason: Reason) -> &'static str {
    match reason {
        Reason::Released => "released",
        Reason::Submitted => "finished",
        Reason::Retried => "returned",
        Reason::Confirmed => "read",
        Reason::Expired => "lapsed",
        Reason::Disconnected => "deserted",
        Reason::Died => "died",
        Reason::Person => "ended",
        Reason::Restart => "restart",
        Reason::Cancelled => "given up",
    }
}
