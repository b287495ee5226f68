//! Rows, cells and columns: what a pane holds, as data.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::live::{Left, Live};
use crate::board::{Entry, Key, Lease, Owner, Revision, Time};

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

/// From this width on a pane is roomy, and its columns take their greater width.
const ROOMY: u16 = 64;

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// So many columns of the terminal: in a narrow pane, in a roomy one.
    Fixed(u16, u16),
    /// A share of what the others leave.
    Share(u16),
}

/// A column of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its header.
    pub title: &'static str,
    width: Width,
    /// The width of the pane from which on it is shown.
    from: u16,
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
        }
    }

    /// Returns a column that takes a share of what the others leave.
    pub(super) const fn share(title: &'static str, share: u16) -> Self {
        Self {
            title,
            width: Width::Share(share),
            from: 0,
        }
    }

    /// Shows the column only in panes that are at least `width` wide.
    pub(super) const fn from(mut self, width: u16) -> Self {
        self.from = width;
        self
    }
}

/// Returns where each column stands in a pane of `width`: its offset and its width, zero when it is hidden.
/// One blank stands between two columns.
pub fn places(columns: &[Column], width: u16) -> Vec<(u16, u16)> {
    let shown = |column: &Column| width >= column.from;
    let count = columns.iter().filter(|column| shown(column)).count();
    let gaps = u16::try_from(count.saturating_sub(1)).unwrap_or(u16::MAX);
    let fixed = |column: &Column| match column.width {
        Width::Fixed(narrow, roomy) => {
            if width >= ROOMY {
                roomy
            } else {
                narrow
            }
        }
        Width::Share(_) => 0,
    };
    let share = |column: &Column| match column.width {
        Width::Share(share) => share,
        Width::Fixed(..) => 0,
    };
    let visible = || columns.iter().filter(|column| shown(column));
    let taken = visible().map(fixed).fold(gaps, u16::saturating_add);
    let mut rest = width.saturating_sub(taken);
    let mut shares: u16 = visible().map(share).sum();
    let mut at = 0;
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        if !shown(column) {
            places.push((at, 0));
            continue;
        }
        let wide = match column.width {
            Width::Fixed(..) => fixed(column),
            Width::Share(share) => {
                let wide = rest * share / shares.max(1);
                (rest, shares) = (rest - wide, shares - share);
                wide
            }
        };
        let wide = wide.min(width.saturating_sub(at));
        places.push((at, wide));
        at = (at + wide + 1).min(width);
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
        assert_eq!(places(&columns, 40), [(0, 19), (20, 6), (27, 0), (27, 13)]);
        for width in 0..200 {
            let places = places(&columns, width);
            let (at, wide) = places[3];
            assert!(at + wide <= width, "{width}: {places:?}");
            assert!(width < 20 || at + wide == width, "{width}: {places:?}");
        }
    }
}
