//! Where a pane stands: its order, its selection and how far it is scrolled.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::tui::pane::{Pane, Row, RowId, places};

/// The state of one pane. It outlives filters, other panes and the zoom.
#[derive(Clone, Debug)]
pub struct Table {
    pane: Pane,
    /// The column that the pane is sorted by.
    pub sort: usize,
    /// Whether the order is turned round.
    pub reverse: bool,
    /// The row that is selected; `None` follows the first row.
    selected: Option<RowId>,
    /// The rows that pass the filter, in order, as places in the snapshot.
    order: Vec<usize>,
    /// The place of the selection in the order.
    at: usize,
    /// The first row on the screen.
    pub top: usize,
    /// How wide the texts of each column are, where its width hangs on them.
    needs: Vec<u16>,
}

impl Table {
    /// Returns the state of a pane that nobody has touched.
    pub fn new(pane: Pane) -> Self {
        let (sort, reverse) = pane.first_order();
        Self {
            pane,
            sort,
            reverse,
            selected: None,
            order: Vec::new(),
            at: 0,
            top: 0,
            needs: Vec::new(),
        }
    }

    /// Puts `rows` in order, those that contain `needle` only, and finds the selection again.
    ///
    /// A selected row that is gone leaves the selection at its place, so that it does not jump.
    pub fn arrange(&mut self, rows: &[Arc<Row>], needle: &str) {
        self.order = (0..rows.len()).filter(|&at| rows[at].contains(needle)).collect();
        let columns = self.pane.columns().iter().enumerate();
        let needs = columns.map(|(place, column)| {
            let shown = self.order.iter().map(|&at| &*rows[at]);
            column.needs(place, shown)
        });
        self.needs = needs.collect();
        // The feed comes in order; its times of day are no order over midnight.
        let column = match (self.pane, self.sort) {
            (Pane::Events, 0) => self.pane.columns().len() - 1,
            (_, column) => column,
        };
        let order = |a: &usize, b: &usize| {
            let (a, b) = (rows[*a].cells.get(column), rows[*b].cells.get(column));
            match (a, b) {
                (Some(a), Some(b)) if self.reverse => b.order(a),
                (Some(a), Some(b)) => a.order(b),
                _ => Ordering::Equal,
            }
        };
        self.order.sort_by(order);
        if let Some(selected) = &self.selected {
            let found = self.order.iter().position(|&at| rows[at].id == *selected);
            self.at = found.unwrap_or(self.at);
        } else {
            self.at = 0;
        }
        self.select(rows, self.at);
    }

    /// Selects the row at `place` of the order, or the nearest there is.
    pub fn select(&mut self, rows: &[Arc<Row>], place: usize) {
        self.at = place.min(self.order.len().saturating_sub(1));
        let follows = self.pane == Pane::Events && self.at == 0;
        let row = self.order.get(self.at).filter(|_| !follows);
        self.selected = row.map(|&at| rows[at].id.clone());
    }

    /// Scrolls as little as shows the selection in `height` rows, and leaves no room empty at the end.
    pub fn scroll_to_selection(&mut self, height: usize) {
        let last_top = self.order.len().saturating_sub(height);
        let lowest = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at.max(lowest)).min(last_top);
    }

    /// Sorts by the next column.
    pub fn sort_next(&mut self) {
        self.sort = (self.sort + 1) % self.pane.columns().len().max(1);
        self.reverse = false;
    }

    /// Sorts by `column`, the other way round when it already does.
    pub fn sort_by(&mut self, column: usize) {
        self.reverse = self.sort == column && !self.reverse;
        self.sort = column;
    }

    /// Returns where each column stands in a pane of `width`; see [`places`].
    pub fn places(&self, width: u16) -> Vec<(u16, u16)> {
        places(self.pane.columns(), &self.needs, width)
    }

    /// Returns the place of the selection in the order.
    pub fn place(&self) -> usize {
        self.at
    }

    /// Returns how many rows pass the filter.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Tells whether no row passes the filter.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns the selected row of `rows`, those that were arranged last.
    pub fn selected_row<'a>(&self, rows: &'a [Arc<Row>]) -> Option<&'a Arc<Row>> {
        rows.get(*self.order.get(self.at)?)
    }

    /// Returns up to `height` rows from the top of the screen on, each with whether it is selected.
    pub fn visible<'a>(
        &'a self,
        rows: &'a [Arc<Row>],
        height: usize,
    ) -> impl Iterator<Item = (&'a Arc<Row>, bool)> {
        let places = self.order.iter().enumerate().skip(self.top).take(height);
        places.filter_map(move |(place, &at)| Some((rows.get(at)?, place == self.at)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::board::{Key, Time};
    use crate::tui::pane::{Cell, Left};

    fn rows(spec: &[(&str, u64)]) -> Vec<Arc<Row>> {
        let row = |(key, ends): &(&str, u64)| {
            let cells = vec![
                Cell::Path((*key).to_owned()),
                Cell::Empty,
                Cell::Left(Left {
                    until: Time::from_nanos(*ends),
                    whole: Duration::from_nanos(100),
                }),
            ];
            Arc::new(Row::new(RowId::Key(Key::parse(key).unwrap()), cells))
        };
        spec.iter().map(row).collect()
    }

    fn keys<'a>(table: &'a Table, rows: &'a [Arc<Row>]) -> Vec<&'a str> {
        table
            .visible(rows, 100)
            .map(|(row, _)| row.cells[0].text())
            .collect()
    }

    #[test]
    fn locks_that_end_soonest_come_first() {
        let rows = rows(&[("a", 30), ("b", 10), ("c", 20)]);
        let mut table = Table::new(Pane::Locks);
        table.arrange(&rows, "");
        assert_eq!(keys(&table, &rows), ["b", "c", "a"]);
        table.sort_by(2);
        table.arrange(&rows, "");
        assert_eq!(keys(&table, &rows), ["a", "c", "b"]);
        table.sort_by(0);
        table.arrange(&rows, "");
        assert_eq!(keys(&table, &rows), ["a", "b", "c"]);
    }

    #[test]
    fn the_selection_follows_its_key_and_stays_in_place_when_the_key_is_gone() {
        let before = rows(&[("a", 1), ("b", 2), ("c", 3)]);
        let mut table = Table::new(Pane::Locks);
        table.arrange(&before, "");
        table.select(&before, 1);
        let grown = rows(&[("0", 0), ("a", 1), ("b", 2), ("c", 3)]);
        table.arrange(&grown, "");
        assert_eq!(table.place(), 2);
        let shrunk = rows(&[("0", 0), ("a", 1), ("c", 3)]);
        table.arrange(&shrunk, "");
        assert_eq!(table.selected_row(&shrunk).unwrap().cells[0].text(), "c");
        table.arrange(&[], "");
        assert!(table.selected_row(&[]).is_none());
    }

    #[test]
    fn the_feed_follows_what_is_new_until_somebody_moves() {
        let event = |rev| {
            let id = RowId::Event(crate::board::Revision(rev), Key::parse("a").unwrap());
            let cells = Pane::Events.columns().iter().map(|_| Cell::Number(rev));
            Arc::new(Row::new(id, cells.collect()))
        };
        let mut table = Table::new(Pane::Events);
        let old = [event(2), event(1)];
        table.arrange(&old, "");
        let new = [event(3), event(2), event(1)];
        table.arrange(&new, "");
        assert_eq!(table.selected_row(&new).unwrap().id, new[0].id);
        table.select(&new, 1);
        let newer = [event(4), event(3), event(2), event(1)];
        table.arrange(&newer, "");
        assert_eq!(table.selected_row(&newer).unwrap().id, new[1].id);
    }

    #[test]
    fn scrolling_shows_the_selection_and_no_empty_room() {
        let rows = rows(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)]);
        let mut table = Table::new(Pane::Locks);
        table.arrange(&rows, "");
        table.select(&rows, 4);
        table.scroll_to_selection(2);
        assert_eq!(table.top, 3);
        table.select(&rows, 3);
        table.scroll_to_selection(2);
        assert_eq!(table.top, 3, "the selection is still on the screen");
        table.select(&rows, 0);
        table.scroll_to_selection(2);
        assert_eq!(table.top, 0);
        table.top = 4;
        table.select(&rows, 4);
        table.scroll_to_selection(10);
        assert_eq!(table.top, 0);
        table.scroll_to_selection(0);
    }

    #[test]
    fn what_a_filter_found_stays_selected_when_it_is_dropped() {
        let rows = rows(&[("lock:a", 1), ("lock:b", 2)]);
        let mut table = Table::new(Pane::Locks);
        table.arrange(&rows, "k:b");
        assert_eq!((table.len(), keys(&table, &rows)), (1, vec!["lock:b"]));
        table.arrange(&rows, "");
        assert_eq!(table.selected_row(&rows).unwrap().cells[0].text(), "lock:b");
    }
}
