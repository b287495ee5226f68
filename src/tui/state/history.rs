//! What happened to one key, newest first. Finding it means to search through up to 100,000 events while
//! the board is held, so that is done once and what is new is added from the feed.

use std::sync::Arc;

use crate::board::{Board, Key, Pattern, Revision};
use crate::tui::pane::{Pane, Row, RowId, event_row};
use crate::tui::snapshot::{Snapshot, Wanted, clock_time};

/// The most events that are kept.
const MAX: usize = 200;

/// What happened to one key.
#[derive(Clone, Debug)]
pub struct History {
    /// The events, newest first.
    pub rows: Vec<Arc<Row>>,
    /// The revision up to which they are known.
    upto: Revision,
    /// Whether it reaches as far back as the board remembers, and not only as the feed does.
    whole: bool,
}

impl History {
    /// Returns what happened to `key` up to the picture `snapshot`, going on from what was `told` before.
    pub(super) fn of(
        board: &Board,
        wanted: &Wanted,
        snapshot: &Snapshot,
        key: &Key,
        whole: bool,
        told: Option<Self>,
    ) -> Self {
        let upto = snapshot.rev();
        let told = told.filter(|told| snapshot.reaches_back_to(told.upto) && (told.whole || !whole));
        if told.is_none() && whole && !snapshot.reaches_back_to(Revision::ZERO) {
            return Self::search(board, wanted, snapshot, key);
        }
        let (since, old, was_whole) = match told {
            Some(told) => (told.upto, told.rows, told.whole),
            None => (Revision::ZERO, Vec::new(), whole),
        };
        let feed = snapshot.rows(Pane::Events).iter();
        let new = feed.filter(|row| matches!(&row.id, RowId::Event(rev, of) if of == key && *rev > since));
        Self {
            rows: new.cloned().chain(old).take(MAX).collect(),
            upto,
            whole: was_whole,
        }
    }

    fn search(board: &Board, wanted: &Wanted, snapshot: &Snapshot, key: &Key) -> Self {
        let upto = snapshot.rev();
        // Every key is a pattern that matches itself alone.
        let found =
            Pattern::parse(key.as_str()).map(|only| board.latest_events(snapshot.namespace, &only, MAX));
        let events = found.unwrap_or_default();
        let shown = events.iter().filter(|event| event.rev <= upto);
        Self {
            rows: shown
                .map(|event| Arc::new(event_row(event, clock_time(board, wanted, event.at))))
                .collect(),
            upto,
            whole: true,
        }
    }
}
