//! Drawing. A view gets the model and a frame and changes nothing else; it never awaits and never asks the
//! board.

mod blank;
mod confirm;
mod detail;
mod footer;
mod header;
mod help;
mod leave;
mod log;
mod meter;
mod pane;
mod prompt;
mod small;
mod title;
mod typing;
mod waits;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::symbols::merge::MergeStrategy;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear};

use super::action::Action;
use super::layout::{self, Arrangement};
use super::state::{Choice, Confirm, Model, Overlay};

pub(super) use title::tabs;

/// Draws everything.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let arrangement = model.arrangement();
    if layout::too_small(area) {
        small::draw(model, frame, area);
        return;
    }
    if area.as_size() != model.size {
        // The terminal changed under the picture, so this one is of the wrong size; the next one follows.
        return;
    }
    header::draw(model, frame, arrangement.header);
    if model.is_blank() {
        blank::draw(model, frame, arrangement.body);
    } else {
        panes(model, frame, &arrangement);
    }
    for overlay in &model.overlays {
        match overlay {
            Overlay::Help(top) => help::draw(model, frame, arrangement.body, *top),
            Overlay::Detail(_, top) => detail::draw_over(model, frame, arrangement.body, *top),
            Overlay::Waits(top) => waits::draw(model, frame, arrangement.body, *top),
            Overlay::Prompt(prompt) => prompt::draw(model, prompt, frame, arrangement.body),
            Overlay::Confirm(confirm) => confirm::draw(model, confirm, frame, arrangement.body),
            Overlay::Leave => leave::draw(model, frame, arrangement.body),
        }
    }
    footer::draw(model, frame, &arrangement);
}

/// Draws the boxes first, since neighbours share their borders, then the one with the focus, then titles
/// and contents.
fn panes(model: &Model, frame: &mut Frame<'_>, arrangement: &Arrangement) {
    let boxes = arrangement.slots.iter().map(|slot| slot.area);
    for area in boxes.chain(arrangement.detail) {
        frame.render_widget(border().border_style(model.theme.border), area);
    }
    if let Some(slot) = arrangement.slot_of(model.focus()) {
        // The border is drawn over that of its neighbours and must not keep anything of their style.
        let style = Style::reset().patch(model.theme.focus);
        frame.render_widget(border().border_style(style), slot.area);
    }
    for slot in &arrangement.slots {
        title::draw(model, frame, slot);
        pane::draw(model, frame, slot);
    }
    if let Some(area) = arrangement.detail {
        detail::draw_beside(model, frame, area);
    }
}

fn border() -> Block<'static> {
    Block::bordered()
        .border_type(BorderType::Plain)
        .merge_borders(MergeStrategy::Exact)
}

/// Clears `area` for something that lies over the panes and draws its border.
fn over(model: &Model, frame: &mut Frame<'_>, area: Rect, title: Line<'_>) -> Rect {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(model.theme.focus)
        .title(title);
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

/// Returns how many lines of the overlay on top do not fit on the screen at once.
pub(super) fn lines_below_the_screen(model: &Model) -> usize {
    let body = model.arrangement().body;
    match model.overlays.last() {
        Some(Overlay::Help(_)) => help::overflow(model, body),
        Some(Overlay::Detail(..)) => detail::overflow(model, body),
        Some(Overlay::Waits(_)) => waits::overflow(model, body),
        _ => 0,
    }
}

/// Returns what the line at a place on the screen does, in the question what becomes of the board.
pub(super) fn way_at(body: Rect, place: Position) -> Option<Action> {
    leave::way_at(body, place)
}

/// Returns the button of the question at a place on the screen.
pub(super) fn button_at(confirm: &Confirm, body: Rect, place: Position) -> Option<Choice> {
    confirm::button_at(confirm, body, place)
}
