//! Which locks have come or gone since the last look at the board.

use std::collections::{BTreeMap, BTreeSet};

use crate::board::{Board, Key, Kind, NamespaceId, Pattern, Revision};

/// How many events, or keys, are read while the board is held.
const PAGE: usize = 500;

/// A cursor into the history of locks, of every namespace.
#[derive(Debug)]
pub(super) struct Beat {
    board: Board,
    locks: Pattern,
    cursors: BTreeMap<NamespaceId, Revision>,
}

impl Beat {
    /// Returns the cursor of one who has seen nothing.
    pub(super) fn new(board: Board) -> Self {
        Self {
            board,
            locks: Pattern::prefix(&format!("{}:", Kind::Lock.name())),
            cursors: BTreeMap::new(),
        }
    }

    /// Returns the keys of the locks of which something may have changed since the last time. When so much has
    /// happened that the history does not reach back, those in `known` are among them.
    pub(super) fn touched<T>(
        &mut self,
        known: &BTreeMap<(NamespaceId, Key), T>,
    ) -> BTreeSet<(NamespaceId, Key)> {
        let mut touched = BTreeSet::new();
        for (namespace, _) in self.board.namespaces() {
            if !self.go_on(namespace, &mut touched) {
                touched.extend(known.keys().filter(|(of, _)| *of == namespace).cloned());
                self.begin(namespace, &mut touched);
            }
        }
        touched
    }

    /// Adds what happened after the cursor; tells whether the history reaches back so far.
    fn go_on(&mut self, namespace: NamespaceId, touched: &mut BTreeSet<(NamespaceId, Key)>) -> bool {
        let Some(cursor) = self.cursors.get_mut(&namespace) else {
            return false;
        };
        loop {
            let Ok((events, next)) = self.board.events_after(namespace, *cursor, &self.locks, PAGE) else {
                return false;
            };
            let is_all = events.len() < PAGE;
            touched.extend(events.into_iter().map(|event| (namespace, event.key)));
            *cursor = next;
            if is_all {
                return true;
            }
        }
    }

    /// Adds every lock, and goes on from here the next time.
    fn begin(&mut self, namespace: NamespaceId, touched: &mut BTreeSet<(NamespaceId, Key)>) {
        let mut after: Option<Key> = None;
        let mut cursor = None;
        loop {
            let page = self
                .board
                .list(namespace, &self.locks, after.as_ref().map(Key::as_str), PAGE);
            // From the first page on: what changes while the others are read is touched again.
            cursor.get_or_insert(page.rev);
            touched.extend(page.rows.into_iter().map(|(key, _)| (namespace, key)));
            after = page.cursor;
            if after.is_none() {
                break;
            }
        }
        self.cursors.insert(namespace, cursor.unwrap_or(Revision::ZERO));
    }
}
