//! Where everything stands, by the size of the terminal. Drawing and the mouse both ask here.

use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::pane::Pane;
use super::state::Model;

/// The smallest terminal that the dashboard fits on.
pub const MIN_WIDTH: u16 = 50;
/// See [`MIN_WIDTH`].
pub const MIN_HEIGHT: u16 = 12;

/// A box on the screen, and the panes that share it under tabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The box with its border, which it shares with its neighbours.
    pub area: Rect,
    /// The panes, in the order of their tabs.
    pub panes: Vec<Pane>,
    /// The one that is shown.
    pub front: Pane,
}

impl Slot {
    /// Returns the box without its border.
    pub fn inner(&self) -> Rect {
        self.area.inner(ratatui::layout::Margin::new(1, 1))
    }

    /// Returns the room for rows: without the border and without the line of headers.
    pub fn rows(&self) -> Rect {
        let inner = self.inner();
        if self.front == Pane::Log {
            return inner;
        }
        Rect {
            y: inner.y + 1,
            height: inner.height.saturating_sub(1),
            ..inner
        }
    }
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// The top line or lines.
    pub header: Rect,
    /// The room for the panes and for what lies over them.
    pub body: Rect,
    /// The line above the footer, where notices and the filter lie over the lowest border.
    pub notice: Rect,
    /// The bottom line.
    pub footer: Rect,
    /// The boxes.
    pub slots: Vec<Slot>,
    /// The box with the details of the selected row, if there is room beside the panes.
    pub detail: Option<Rect>,
}

impl Arrangement {
    /// Returns the arrangement of `model`; one that is too small has no boxes.
    pub fn of(model: &Model) -> Self {
        let area = Rect::from(model.size);
        let heading = if area.height >= 20 { 2 } else { 1 };
        let [header, body, footer] = Layout::vertical([
            Constraint::Length(heading),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(area);
        let notice = Rect {
            y: body.bottom().saturating_sub(1),
            height: body.height.min(1),
            ..body
        };
        let (boxes, detail) = match area {
            _ if too_small(area) => (Vec::new(), None),
            _ if model.zoom => (vec![(body, vec![model.focus()])], None),
            Rect {
                width: 100..,
                height: 30..,
                ..
            } => wide(body),
            Rect {
                width: 76..,
                height: 20..,
                ..
            } => (standard(body), None),
            Rect { height: 20.., .. } => (narrow(body), None),
            _ => (vec![(body, Pane::ALL.to_vec())], None),
        };
        let slot = |(area, panes): (Rect, Vec<Pane>)| {
            let front = model.front(&panes)?;
            Some(Slot { area, panes, front })
        };
        Self {
            header,
            body,
            notice,
            footer,
            slots: boxes.into_iter().filter_map(slot).collect(),
            detail,
        }
    }

    /// Returns the panes that are shown.
    pub fn panes(&self) -> impl Iterator<Item = Pane> {
        self.slots.iter().map(|slot| slot.front)
    }

    /// Returns the shown panes that have rows, with how many rows there is room for.
    pub fn tables(&self) -> impl Iterator<Item = (Pane, usize)> {
        let tables = self.slots.iter().filter(|slot| slot.front != Pane::Log);
        tables.map(|slot| (slot.front, usize::from(slot.rows().height)))
    }

    /// Returns the box that shows `pane`.
    pub fn slot_of(&self, pane: Pane) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.front == pane)
    }

    /// Returns the box at a place on the screen. Of two that share a border, the one whose top it is.
    pub fn slot_at(&self, place: Position) -> Option<&Slot> {
        self.slots.iter().rev().find(|slot| slot.area.contains(place))
    }
}

/// Tells whether the dashboard does not fit on `area`.
pub fn too_small(area: Rect) -> bool {
    area.width < MIN_WIDTH || area.height < MIN_HEIGHT
}

/// How tasks and statuses share a line: what is to be done takes more words than how it goes.
const WORK: [Constraint; 2] = [Constraint::Fill(6), Constraint::Fill(5)];

type Boxes = Vec<(Rect, Vec<Pane>)>;

/// One box over the other, three of them.
fn narrow(body: Rect) -> Boxes {
    let [top, middle, bottom] = stack([Constraint::Fill(1); 3]).areas(body);
    vec![
        (top, vec![Pane::Locks]),
        (middle, vec![Pane::Tasks, Pane::Statuses, Pane::Agents]),
        (bottom, vec![Pane::Events, Pane::Messages, Pane::Keys, Pane::Log]),
    ]
}

/// The design size of 80×24 and above: locks over work over who and what.
fn standard(body: Rect) -> Boxes {
    let [top, middle, bottom] = stack([Constraint::Fill(1); 3]).areas(body);
    let [tasks, statuses] = beside(WORK).areas(middle);
    let [agents, events] = beside([Constraint::Fill(3), Constraint::Fill(4)]).areas(bottom);
    vec![
        (top, vec![Pane::Locks]),
        (tasks, vec![Pane::Tasks]),
        (statuses, vec![Pane::Statuses]),
        (agents, vec![Pane::Agents]),
        (events, vec![Pane::Events, Pane::Messages, Pane::Keys, Pane::Log]),
    ]
}

/// A roomy terminal: who is there, messages and details beside the rest.
fn wide(body: Rect) -> (Boxes, Option<Rect>) {
    let [left, right] = beside([Constraint::Fill(5), Constraint::Fill(3)]).areas(body);
    let [locks, work, events] =
        stack([Constraint::Fill(3), Constraint::Fill(3), Constraint::Fill(4)]).areas(left);
    let [tasks, statuses] = beside(WORK).areas(work);
    let [agents, messages, detail] =
        stack([Constraint::Fill(2), Constraint::Fill(2), Constraint::Fill(5)]).areas(right);
    let boxes = vec![
        (locks, vec![Pane::Locks]),
        (agents, vec![Pane::Agents]),
        (tasks, vec![Pane::Tasks]),
        (statuses, vec![Pane::Statuses]),
        (messages, vec![Pane::Messages, Pane::Keys]),
        (events, vec![Pane::Events, Pane::Log]),
    ];
    (boxes, Some(detail))
}

/// Boxes over each other; neighbours share a border.
fn stack<const N: usize>(heights: [Constraint; N]) -> Layout {
    Layout::vertical(heights).spacing(-1)
}

/// Boxes beside each other; neighbours share a border.
fn beside<const N: usize>(widths: [Constraint; N]) -> Layout {
    Layout::horizontal(widths).spacing(-1)
}
