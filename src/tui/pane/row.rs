//! Rows, cells and columns: what a pane holds, as data.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::live::{Left, Live};
use crate::board::{Entry, Key, Lease, Owner, Revision, Time};
use crate::tui::text;

/// What a row stands for. Selection follows it, whatever place the row moves to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RowId {
    /// The entry under a key.
    Key(Key),
    /// One of several holds on a key, by its fence. The oldest stands for the key itself.
    Lease(Key, Revision),
    /// An agent that is attached, or holds something still.
    Agent(Arc<Owner>),
    /// A change of a key.
    Event(Revision, Key),
}

impl RowId {
    /// Returns the key that the row is about, if it is about one.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Key(key) | Self::Lease(key, _) | Self::Event(_, key) => Some(key),
            Self::Agent(_) => None,
        }
    }
}

/// One cell. Texts are clean: they may be drawn as they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A text that is cut at its end.
    Text(String),
    /// A text that matters less.
    Dim(String),
    /// A path, key or name, cut in its middle, since both ends tell.
    Path(String),
    /// A word that says how something goes.
    State(String),
    /// A number.
    Number(u64),
    /// A share of a hundred.
    Percent(u8),
    /// How much of a time remains.
    Left(Left),
    /// How long something took.
    Took(Duration),
    /// How long ago something was.
    Ago(Time),
    /// Instead of how long ago somebody called: its connection is closed.
    Gone,
    /// Nothing to say.
    Empty,
}

impl Cell {
    /// Returns a count, of which none is nothing to say.
    pub(super) fn count(many: usize) -> Self {
        match many {
            0 => Self::Empty,
            many => Self::Number(many as u64),
        }
    }

    /// Returns the order of two cells of one column; what is empty comes last.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Percent(a), Self::Percent(b)) => a.cmp(b),
            (Self::Left(a), Self::Left(b)) => a.until.cmp(&b.until),
            (Self::Took(a), Self::Took(b)) => a.cmp(b),
            // Who called last has been idle for the shortest time.
            (Self::Ago(a), Self::Ago(b)) => b.cmp(a),
            (Self::Empty, Self::Empty) => Ordering::Equal,
            (Self::Gone, Self::Ago(_)) | (Self::Empty, _) => Ordering::Greater,
            (Self::Ago(_), Self::Gone) | (_, Self::Empty) => Ordering::Less,
            (a, b) => natural(a.text(), b.text()),
        }
    }

    /// Returns the cell's text, empty when it has none.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Dim(text) | Self::Path(text) | Self::State(text) => text,
            _ => "",
        }
    }
}

/// Compares texts as people do: without regard to case, and numbers in them by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) {
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (digits(left), digits(right));
            let (value_m, value_n) = (m.trim_start_matches('0'), n.trim_start_matches('0'));
            (left, right) = (&left[m.len()..], &right[n.len()..]);
            value_m
                .len()
                .cmp(&value_n.len())
                .then_with(|| value_m.cmp(value_n))
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            x.to_lowercase().cmp(y.to_lowercase())
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

fn digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

/// A row of a pane.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it stands for.
    pub id: RowId,
    /// One cell for each column of the pane.
    pub cells: Vec<Cell>,
    /// The entry behind it, for panes that list entries.
    pub entry: Option<Arc<Entry>>,
    /// The fence of the hold that the row is about, if it is about one.
    pub fence: Option<Revision>,
    /// What moves although the entry stays the same.
    pub live: Live,
}

impl Row {
    /// Returns the row of something that is no entry.
    pub fn new(id: RowId, cells: Vec<Cell>) -> Self {
        Self {
            id,
            cells,
            entry: None,
            fence: None,
            live: Live::default(),
        }
    }

    /// Returns the hold that the row is about, if it is about one.
    pub fn lease(&self) -> Option<&Lease> {
        let leases = self.entry.as_ref()?.leases();
        leases.iter().find(|lease| Some(lease.fence) == self.fence)
    }

    /// Tells whether a text of the row contains `needle`, which is in lower case.
    pub fn contains(&self, needle: &str) -> bool {
        let key = self.id.key().map(Key::as_str);
        let texts = self.cells.iter().map(Cell::text).chain(key);
        needle.is_empty() || texts.into_iter().any(|text| text.to_lowercase().contains(needle))
    }
}

/// From this width on a pane is roomy, and its columns take their greater width unless they say otherwise.
const ROOMY: u16 = 64;

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// So many columns of the terminal: in a narrow pane, in a roomy one.
    Fixed(u16, u16),
    /// A share of what the others leave.
    Share(u16),
    /// The same, but no more than its texts need where a share can have the rest.
    Fit(u16),
}

/// A column of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    width: Width,
    /// The width of the pane from which on it is shown.
    from: u16,
    /// The width of the pane from which on it takes its greater width.
    roomy: u16,
}

impl Column {
    /// Returns a column of a width that is always the same.
    pub(super) const fn fixed(title: &'static str, width: u16) -> Self {
        Self::grows(title, width, width)
    }

    /// Returns a column that is wider in a roomy pane.
    pub(super) const fn grows(title: &'static str, narrow: u16, roomy: u16) -> Self {
        Self {
            title,
            width: Width::Fixed(narrow, roomy),
            from: 0,
            roomy: ROOMY,
        }
    }

    /// Returns a column that takes a share of what the others leave.
    pub(super) const fn share(title: &'static str, share: u16) -> Self {
        Self {
            title,
            width: Width::Share(share),
            from: 0,
            roomy: ROOMY,
        }
    }

    /// Returns a column that takes a share of what the others leave, and of that only what its texts need.
    pub(super) const fn fits(title: &'static str, share: u16) -> Self {
        Self {
            title,
            width: Width::Fit(share),
            from: 0,
            roomy: ROOMY,
        }
    }

    /// Returns how wide its texts are among `rows`, where it is the one at `place`; zero when that does not matter.
    pub fn needs<'a>(&self, place: usize, rows: impl Iterator<Item = &'a Row>) -> u16 {
        /// The mark of the order beside the title.
        const ARROW: usize = 1;
        let Width::Fit(_) = self.width else { return 0 };
        let texts = rows.filter_map(|row| row.cells.get(place).map(|cell| text::width(cell.text())));
        let widest = texts.fold(self.title.len() + ARROW, usize::max);
        u16::try_from(widest).unwrap_or(u16::MAX)
    }

    /// Returns the share that it takes of what the others leave.
    const fn share_of_rest(&self) -> u16 {
        match self.width {
            Width::Share(share) | Width::Fit(share) => share,
            Width::Fixed(..) => 0,
        }
    }

    /// Gives the column its greater width only in panes that are at least `width` wide.
    pub(super) const fn roomy_from(mut self, width: u16) -> Self {
        self.roomy = width;
        self
    }

    /// Shows the column only in panes that are at least `width` wide.
    pub(super) const fn from(mut self, width: u16) -> Self {
        self.from = width;
        self
    }
}

/// Returns where each column stands in a pane of `width`: its offset and its width, zero when it is hidden.
/// One blank stands between two columns. How wide the texts of each column are is in `needs`; none need nothing.
pub fn places(columns: &[Column], needs: &[u16], width: u16) -> Vec<(u16, u16)> {
    let shown = |column: &Column| width >= column.from;
    let count = columns.iter().filter(|column| shown(column)).count();
    let gaps = u16::try_from(count.saturating_sub(1)).unwrap_or(u16::MAX);
    let visible = || columns.iter().enumerate().filter(|(_, column)| shown(column));
    let fixed = |column: &Column| match column.width {
        Width::Fixed(_, roomy) if width >= column.roomy => roomy,
        Width::Fixed(narrow, _) => narrow,
        Width::Share(_) | Width::Fit(_) => 0,
    };
    let taken = visible().map(|(_, column)| fixed(column));
    let mut rest = width.saturating_sub(taken.fold(gaps, u16::saturating_add));
    let mut shares: u16 = visible().map(|(_, column)| column.share_of_rest()).sum();
    let mut widths = vec![0; columns.len()];
    // What fits goes first, so that the others share what it leaves; without others it takes its share whole.
    let others = visible().any(|(_, column)| matches!(column.width, Width::Share(_)));
    let (fitting, sharing): (Vec<_>, Vec<_>) =
        visible().partition(|(_, column)| matches!(column.width, Width::Fit(_)));
    for (at, column) in fitting.into_iter().chain(sharing) {
        let part = rest * column.share_of_rest() / shares.max(1);
        widths[at] = match column.width {
            Width::Fixed(..) => fixed(column),
            Width::Fit(_) if others => part.min(needs.get(at).copied().unwrap_or_default()),
            Width::Fit(_) | Width::Share(_) => part,
        };
        if !matches!(column.width, Width::Fixed(..)) {
            (rest, shares) = (rest - widths[at], shares - column.share_of_rest());
        }
    }
    let mut at = 0;
    let mut places = Vec::with_capacity(columns.len());
    for (column, wide) in columns.iter().zip(widths) {
        let wide = wide.min(width.saturating_sub(at));
        places.push((at, wide));
        if shown(column) {
            at = (at + wide + 1).min(width);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_texts_sort_by_value() {
        let mut tasks = ["3.10", "3.9", "10", "3", "a", "B", "03.9"];
        tasks.sort_by(|a, b| natural(a, b));
        assert_eq!(tasks, ["3", "03.9", "3.9", "3.10", "10", "a", "B"]);
    }

    #[test]
    fn what_is_empty_comes_last_and_what_ends_soonest_first() {
        let left = |until| {
            Cell::Left(Left {
                until: Time::from_nanos(until),
                whole: Duration::from_nanos(9),
            })
        };
        let mut cells = [Cell::Empty, left(9), left(7)];
        cells.sort_by(Cell::order);
        assert_eq!(cells, [left(7), left(9), Cell::Empty]);
    }

    #[test]
    fn columns_fill_a_pane_exactly_and_never_leave_it() {
        let columns = [
            Column::share("a", 3),
            Column::grows("b", 6, 17),
            Column::fixed("c", 8).from(50),
            Column::share("d", 2),
        ];
        assert_eq!(places(&columns, &[], 40), [(0, 19), (20, 6), (27, 0), (27, 13)]);
        for width in 0..200 {
            let places = places(&columns, &[], width);
            let (at, wide) = places[3];
            assert!(at + wide <= width, "{width}: {places:?}");
            assert!(width < 20 || at + wide == width, "{width}: {places:?}");
        }
    }

    #[test]
    fn what_a_name_does_not_need_goes_to_the_text_beside_it() {
        let columns = [
            Column::fits("agent", 1),
            Column::fixed("state", 7),
            Column::share("what", 2),
        ];
        let short = places(&columns, &[6, 0, 0], 39);
        assert_eq!(short, [(0, 6), (7, 7), (15, 24)]);
        let long = places(&columns, &[30, 0, 0], 39);
        assert_eq!(long, [(0, 10), (11, 7), (19, 20)]);
        // Alone, it fills the pane.
        assert_eq!(places(&columns[..2], &[6, 0], 39), [(0, 31), (32, 7)]);
    }
}
