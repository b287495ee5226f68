//! The model: all that the dashboard shows and remembers.

use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Size;
use tui_logger::TuiWidgetState;

use super::{Confirm, Detail, Fact, Filter, Line, Prompt, Purpose, Subject, Table};
use crate::board::Time;
use crate::tui::Facts;
use crate::tui::keymap::Mode;
use crate::tui::layout::{Arrangement, Slot};
use crate::tui::pane::{Cell, Pane, Row};
use crate::tui::snapshot::{Snapshot, Wanted};
use crate::tui::span;
use crate::tui::theme::Theme;
use crate::tui::toast::Toast;

/// What lies over the panes.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The list of keys, scrolled down by so many lines.
    Help(usize),
    /// Everything about one row, scrolled down by so many lines.
    Detail(Subject, usize),
    /// Who waits for whom, scrolled down by so many lines.
    Waits(usize),
    /// A line that is typed for something to be done.
    Prompt(Prompt),
    /// A question.
    Confirm(Confirm),
    /// The question what becomes of the board when the dashboard ends.
    Leave,
}

/// All that the dashboard shows and remembers.
pub struct Model {
    /// What never changes while the program runs.
    pub facts: Facts,
    /// What things look like.
    pub theme: Theme,
    /// The size of the terminal.
    pub size: Size,
    /// The moment that is shown; it stands still while paused.
    pub now: Time,
    /// The board as it was at that moment.
    pub snapshot: Snapshot,
    /// What is known about the row that details are shown of.
    pub detail: Option<Detail>,
    tables: [Table; Pane::ALL.len()],
    /// The panes, the one that had the focus last first.
    recent: Vec<Pane>,
    /// Whether the pane with the focus has the whole screen.
    pub zoom: bool,
    /// Whether the picture stands still.
    pub paused: bool,
    /// The filter of all panes.
    pub filter: Filter,
    /// What lies over the panes, the last one on top: a question may be asked about details.
    pub overlays: Vec<Overlay>,
    /// A notice.
    pub toast: Option<Toast>,
    /// When the wheel was turned last.
    pub wheel: Option<Time>,
    /// Whether the terminal's window has the focus.
    pub in_front: bool,
    /// Where the log pane stands.
    pub log: TuiWidgetState,
}

impl Model {
    /// Returns the model of a dashboard that has seen nothing yet.
    pub fn new(facts: Facts, size: Size) -> Self {
        Self {
            theme: Theme::of(facts.palette),
            snapshot: Snapshot::empty(facts.namespace),
            size,
            now: Time::default(),
            detail: None,
            tables: Pane::ALL.map(Table::new),
            recent: Pane::ALL.to_vec(),
            zoom: false,
            paused: false,
            filter: Filter::default(),
            overlays: Vec::new(),
            toast: None,
            wheel: None,
            in_front: true,
            log: TuiWidgetState::new(),
            facts,
        }
    }

    /// Returns what the keys act on.
    pub fn mode(&self) -> Mode {
        match self.overlays.last() {
            Some(Overlay::Help(_)) => Mode::Help,
            Some(Overlay::Detail(..)) => Mode::Detail,
            Some(Overlay::Waits(_)) => Mode::Waits,
            Some(Overlay::Prompt(_)) => Mode::Prompt,
            Some(Overlay::Confirm(_)) => Mode::Confirm,
            Some(Overlay::Leave) => Mode::Leave,
            None if self.filter.editing => Mode::Filter,
            None => Mode::Board,
        }
    }

    /// Returns the line that is being typed, if one is.
    pub fn typed(&mut self) -> Option<&mut Line> {
        match self.overlays.last_mut() {
            Some(Overlay::Prompt(prompt)) => Some(&mut prompt.line),
            Some(_) => None,
            None => self.filter.editing.then_some(&mut self.filter.line),
        }
    }

    /// Returns the pane with the focus.
    pub fn focus(&self) -> Pane {
        self.recent.first().copied().unwrap_or(Pane::Locks)
    }

    /// Gives the focus to `pane`.
    pub fn set_focus(&mut self, pane: Pane) {
        self.recent.retain(|other| *other != pane);
        self.recent.insert(0, pane);
    }

    /// Returns that of `panes` which had the focus last, the first one when none ever had it.
    pub fn front(&self, panes: &[Pane]) -> Option<Pane> {
        let last = self.recent.iter().find(|pane| panes.contains(pane));
        last.copied()
    }

    /// Returns where everything stands on the screen.
    pub fn arrangement(&self) -> Arrangement {
        Arrangement::of(self)
    }

    /// Returns the state of `pane`.
    pub fn table(&self, pane: Pane) -> &Table {
        &self.tables[pane.index()]
    }

    /// Returns the state of `pane` and its rows.
    pub fn table_mut(&mut self, pane: Pane) -> (&mut Table, &[Arc<Row>]) {
        (&mut self.tables[pane.index()], self.snapshot.rows(pane))
    }

    /// Returns the selected row of the pane with the focus.
    pub fn selected(&self) -> Option<&Arc<Row>> {
        let pane = self.focus();
        self.table(pane).selected_row(self.snapshot.rows(pane))
    }

    /// Returns what the next picture must hold. One that is to stand still holds every pane, so that all of
    /// them can be looked at.
    pub fn wanted(&self, every_pane: bool) -> Wanted {
        let panes = if every_pane {
            Pane::ALL.to_vec()
        } else {
            self.arrangement().panes().collect()
        };
        Wanted {
            namespace: self.snapshot.namespace,
            panes,
            time_zone: self.facts.time_zone.clone(),
        }
    }

    /// Returns what details are to be shown about, on their own or beside the panes.
    pub fn subject(&self) -> Option<Subject> {
        let open = self.overlays.iter().rev().find_map(|overlay| match overlay {
            Overlay::Detail(subject, _) => Some(subject.clone()),
            _ => None,
        });
        open.or_else(|| {
            self.arrangement().detail?;
            Some(Subject::of(self.selected()?))
        })
    }

    /// Tells whether details lie over the panes, and not only beside them.
    pub fn has_open_detail(&self) -> bool {
        let details = |overlay: &Overlay| matches!(overlay, Overlay::Detail(..));
        self.overlays.iter().any(details)
    }

    /// Takes in a new picture.
    pub fn accept(&mut self, snapshot: Snapshot) {
        self.now = snapshot.now;
        self.snapshot = snapshot;
        self.arrange();
    }

    /// Puts the visible panes in order and scrolls them to their selection. One that has just become
    /// visible waits for its rows, since without them it would lose its selection.
    pub fn arrange(&mut self) {
        let needle = self.filter.needle();
        let arrangement = self.arrangement();
        let filled = arrangement
            .tables()
            .filter(|(pane, _)| self.snapshot.holds(*pane));
        for (pane, height) in filled {
            let (table, rows) = (&mut self.tables[pane.index()], self.snapshot.rows(pane));
            table.arrange(rows, &needle);
            table.scroll_to_selection(height);
        }
    }

    /// Tells whether the board is shown as empty, with how to attach the first client.
    pub fn is_blank(&self) -> bool {
        self.snapshot.is_blank() && !self.zoom && self.focus() != Pane::Log
    }

    /// Returns how long the screen stays true if nothing happens, `None` for ever.
    pub fn changes_in(&self, now: Time) -> Option<Duration> {
        let toast = self.toast.as_ref().and_then(|toast| toast.until);
        let toast = toast.map(|until| until.since(now));
        let since_picture = now.since(self.now);
        let counts = if self.paused { None } else { self.counts().min() };
        let counts = counts.map(|change| change.saturating_sub(since_picture));
        toast.into_iter().chain(counts).min()
    }

    /// Returns, for everything on the screen that counts, how long after the picture it reads differently.
    fn counts(&self) -> impl Iterator<Item = Duration> {
        let left = |deadline: Time| span::left_changes_in(deadline.since(self.now));
        let slots = if self.is_blank() {
            Vec::new()
        } else {
            self.arrangement().slots
        };
        let rows = slots.into_iter().flat_map(|slot| self.shown_cells(&slot));
        let cells = rows.filter_map(move |cell| match cell {
            Cell::Left(time) => left(time.until),
            Cell::Ago(moment) => Some(span::ago_changes_in(self.now.since(*moment))),
            _ => None,
        });
        let facts = self.detail.iter().flat_map(|detail| &detail.facts);
        let facts = facts.filter_map(move |(_, fact)| match fact {
            Fact::Left(time) => left(time.until),
            Fact::Ago(moment) => Some(span::ago_changes_in(self.now.since(*moment))),
            Fact::Text(_) | Fact::Warning(_) => None,
        });
        let asked = self
            .overlays
            .iter()
            .flat_map(move |overlay| self.counts_over(overlay));
        let stats = self.snapshot.stats.as_ref();
        // The rate looks back over whole seconds and falls by itself.
        let busy = stats.filter(|stats| stats.ops_per_second > 0.0);
        let rate = busy.map(|_| span::next_second(Duration::from_nanos(self.now.as_nanos())));
        let uptime = stats.map(|stats| span::minutes_change_in(stats.uptime));
        let others = [rate, uptime].into_iter().flatten();
        cells.chain(facts).chain(asked).chain(others)
    }

    /// Returns the cells that a box shows.
    fn shown_cells(&self, slot: &Slot) -> Vec<&Cell> {
        let pane = slot.front;
        let places = self.table(pane).places(slot.inner().width);
        let height = usize::from(slot.rows().height);
        let rows = self.table(pane).visible(self.snapshot.rows(pane), height);
        let cells = rows.flat_map(|(row, _)| row.cells.iter().zip(&places));
        let shown = cells.filter(|(_, (_, width))| *width > 0);
        shown.map(|(cell, _)| cell).collect()
    }

    /// The same for what lies over the panes, apart from details.
    fn counts_over(&self, overlay: &Overlay) -> Vec<Duration> {
        let left = |deadline: Time| span::left_changes_in(deadline.since(self.now));
        match overlay {
            Overlay::Confirm(confirm) => {
                let affected = &confirm.question.affected;
                affected.iter().filter_map(|one| left(one.until?)).collect()
            }
            Overlay::Prompt(Prompt {
                purpose: Purpose::Extend { left: time, .. },
                ..
            }) => left(time.until).into_iter().collect(),
            Overlay::Waits(_) => {
                let waits = self.snapshot.waits.all().iter();
                let waited = waits.map(|wait| span::ago_changes_in(wait.waited(self.now)));
                let kept = self
                    .snapshot
                    .waits
                    .all()
                    .iter()
                    .filter_map(|wait| left(wait.kept_until?));
                let held = self.snapshot.holders.iter().flat_map(|holder| {
                    let idle = span::ago_changes_in(self.now.since(holder.active));
                    let ends = holder.held.iter().filter_map(|held| left(held.left.until));
                    ends.chain([idle])
                });
                waited.chain(kept).chain(held).collect()
            }
            _ => Vec::new(),
        }
    }
}
