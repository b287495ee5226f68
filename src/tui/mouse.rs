//! What the mouse means: a click selects, sorts, goes to a pane or answers; the wheel scrolls.

use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::app::{Outcome, act, answer};
use super::layout::Slot;
use super::pane::Pane;
use super::state::{Model, Overlay, Subject};
use super::view;
use crate::board::Time;

/// How long a turn of the wheel silences the next ones: a touch pad sends dozens in a burst.
const WHEEL_PAUSE: Duration = Duration::from_millis(20);
/// How many rows a turn of the wheel moves.
const WHEEL_ROWS: usize = 1;

/// Changes `model` by what the mouse did at `now`.
pub(super) fn update(model: &mut Model, mouse: MouseEvent, now: Time) -> Outcome {
    let place = Position::new(mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => click(model, place, now),
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            if model.wheel.is_some_and(|last| now.since(last) < WHEEL_PAUSE) {
                return Outcome::nothing();
            }
            model.wheel = Some(now);
            scroll(model, place, mouse.kind == MouseEventKind::ScrollDown)
        }
        _ => Outcome::nothing(),
    }
}

fn click(model: &mut Model, place: Position, now: Time) -> Outcome {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => {
            return match view::button_at(confirm, model.arrangement().body, place) {
                Some(choice) => answer(model, choice == super::state::Choice::Yes),
                None => Outcome::nothing(),
            };
        }
        Some(Overlay::Leave) => {
            return match view::way_at(model.arrangement().body, place) {
                Some(action) => act(model, action, now),
                None => Outcome::nothing(),
            };
        }
        Some(_) => return Outcome::nothing(),
        None => {}
    }
    let arrangement = model.arrangement();
    let Some(slot) = arrangement.slot_at(place) else {
        return Outcome::nothing();
    };
    if place.y == slot.area.y {
        let tab = view::tabs(model, slot).into_iter().find(|tab| {
            let columns = tab.x..tab.x + tab.width;
            columns.contains(&place.x)
        });
        model.set_focus(tab.map_or(slot.front, |tab| tab.pane));
    } else {
        let had_focus = model.focus() == slot.front;
        model.set_focus(slot.front);
        if place.y == slot.inner().y && slot.front != Pane::Log {
            sort(model, slot, place.x);
        } else if let Some(line) = place.y.checked_sub(slot.rows().y) {
            select(model, slot, usize::from(line), had_focus);
        }
    }
    model.arrange();
    Outcome::redraw()
}

/// Sorts by the column under `x`.
fn sort(model: &mut Model, slot: &Slot, x: u16) {
    let inner = slot.inner();
    let places = model.table(slot.front).places(inner.width);
    let within = x.saturating_sub(inner.x);
    let column = places
        .iter()
        .position(|(at, width)| (*at..=at + width).contains(&within) && *width > 0);
    if let Some(column) = column {
        model.table_mut(slot.front).0.sort_by(column);
    }
}

/// Selects the row on a line; a second click on it opens its details.
fn select(model: &mut Model, slot: &Slot, line: usize, had_focus: bool) {
    if slot.front == Pane::Log {
        return;
    }
    let (table, rows) = model.table_mut(slot.front);
    let place = table.top + line;
    if place >= table.len() {
        return;
    }
    let again = had_focus && table.place() == place;
    table.select(rows, place);
    if again && let Some(row) = table.selected_row(rows) {
        let subject = Subject::of(row);
        model.overlays.push(Overlay::Detail(subject, 0));
    }
}

fn scroll(model: &mut Model, place: Position, down: bool) -> Outcome {
    let step = |at: usize| {
        if down {
            at.saturating_add(WHEEL_ROWS)
        } else {
            at.saturating_sub(WHEEL_ROWS)
        }
    };
    let last_line = view::lines_below_the_screen(model);
    match model.overlays.last_mut() {
        Some(Overlay::Help(top) | Overlay::Waits(top) | Overlay::Detail(_, top)) => {
            *top = step(*top).min(last_line);
            return Outcome::redraw();
        }
        Some(Overlay::Confirm(_) | Overlay::Prompt(_) | Overlay::Leave) => return Outcome::nothing(),
        None => {}
    }
    let arrangement = model.arrangement();
    let Some(slot) = arrangement.slot_at(place) else {
        return Outcome::nothing();
    };
    if slot.front == Pane::Log {
        use tui_logger::TuiWidgetEvent::{NextPageKey, PrevPageKey};
        model.log.transition(if down { NextPageKey } else { PrevPageKey });
        return Outcome::redraw();
    }
    let (table, rows) = model.table_mut(slot.front);
    table.select(rows, step(table.place()));
    model.arrange();
    Outcome::redraw()
}
