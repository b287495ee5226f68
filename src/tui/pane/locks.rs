//! Locks: who holds what, for how long, how silent it is, and who waits.

use super::live::Live;
use super::row::{Cell, Column};
use super::summary::{Summary, key_after};
use crate::board::{Entry, Key, Lease, Mode, Target};
use crate::tui::text;

pub(super) const COLUMNS: &[Column] = &[
    Column::share("target", 4),
    Column::share("holder", 3),
    Column::grows("left", 6, 13),
    Column::fixed("held", 5).from(56),
    Column::fixed("idle", 5),
    Column::fixed("waits", 5).from(44),
    Column::fixed("state", 8),
    Column::share("why", 4).from(100),
    Column::fixed("fence", 8).from(100),
];

/// The state of a lock whose holder's connection is closed.
const ORPHANED: &str = "orphan";
/// The state of a lock on what somebody else has changed.
const CHANGED: &str = "changed";
/// The state of a raw lock that outlived its holder's grace time: it holds nobody off any more.
const LEFT_OVER: &str = "left";
/// The state of a raw lock that says itself that it was given back.
const RELEASED: &str = "released";

pub(super) fn cells(key: &Key, entry: &Entry, lease: Option<&Lease>, live: &Live) -> Vec<Cell> {
    let value = Summary::of(&entry.value);
    let (holder, fence, since) = match lease {
        Some(lease) => (lease.owner(), lease.fence, lease.granted),
        None => (&entry.by, entry.rev, entry.written),
    };
    let why = lease.and_then(|lease| lease.why.as_deref()).map(text::clean);
    // A path that is too long for a key stands in the value.
    let is_spelled = Target::of_key(key).is_none_or(|target| target.is_spelled());
    let long = value.text(&["path"]).filter(|_| !is_spelled);
    vec![
        Cell::Path(long.unwrap_or_else(|| key_after(key, 1))),
        Cell::Path(text::clean(&holder.name)),
        Cell::Left(live.left),
        Cell::Ago(since),
        match live.active {
            Some(_) if live.orphaned => Cell::Gone,
            active => active.map_or(Cell::Empty, Cell::Ago),
        },
        Cell::count(live.waiting),
        match lease {
            Some(_) if live.orphaned => Cell::State(ORPHANED.to_owned()),
            Some(_) if live.changed.is_some() => Cell::State(CHANGED.to_owned()),
            Some(lease) if lease.mode == Mode::Shared => Cell::State("shared".to_owned()),
            Some(_) => Cell::State("held".to_owned()),
            None if value.is_true("released") => Cell::State(RELEASED.to_owned()),
            None => Cell::State(LEFT_OVER.to_owned()),
        },
        why.or_else(|| value.text(&["taskId", "task"]))
            .map_or(Cell::Empty, Cell::Dim),
        Cell::Number(fence.0),
    ]
}
