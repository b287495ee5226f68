//! The inside of a pane: headers of columns and the rows that fit.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{log, meter};
use crate::board::Time;
use crate::tui::layout::Slot;
use crate::tui::pane::{Cell, Column, Left, Pane, Row};
use crate::tui::state::Model;
use crate::tui::theme::Theme;
use crate::tui::{span, text};

/// The columns that a text of remaining time takes before a bar follows.
const LEFT_TEXT: usize = 6;
/// The columns that a share of a hundred takes before a bar follows.
const PERCENT_TEXT: usize = 4;

/// Draws the inside of the box.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, slot: &Slot) {
    if slot.front == Pane::Log {
        log::draw(model, frame, slot.inner());
        return;
    }
    let (pane, inner) = (slot.front, slot.inner());
    if inner.is_empty() {
        return;
    }
    let table = model.table(pane);
    let places = table.places(inner.width);
    headers(model, frame, pane, &places, Rect { height: 1, ..inner });
    let area = slot.rows();
    if table.is_empty() && area.height > 0 {
        let hint = if model.snapshot.rows(pane).is_empty() {
            pane.hint()
        } else {
            "nothing matches the filter"
        };
        let line = Line::styled(text::shorten(hint, usize::from(area.width)), model.theme.dim);
        frame.render_widget(line, Rect { height: 1, ..area });
    }
    let rows = table.visible(model.snapshot.rows(pane), usize::from(area.height));
    for (y, (row, selected)) in (area.y..area.bottom()).zip(rows) {
        let line = Rect { y, height: 1, ..area };
        let selected = selected && model.focus() == pane;
        draw_row(&model.theme, frame, line, row, &places, model.now, selected);
    }
}

fn headers(model: &Model, frame: &mut Frame<'_>, pane: Pane, places: &[(u16, u16)], area: Rect) {
    let table = model.table(pane);
    for (at, (column, (x, width))) in pane.columns().iter().zip(places).enumerate() {
        let arrow = match (at == table.sort, table.reverse) {
            (true, false) => "▲",
            (true, true) => "▼",
            (false, _) => "",
        };
        let room = usize::from(*width).saturating_sub(text::width(arrow));
        let title = format!("{}{arrow}", text::shorten(column.title, room));
        let style = if at == table.sort && model.focus() == pane {
            model.theme.strong
        } else {
            model.theme.header
        };
        let line = Line::styled(title, style);
        let line = if is_right(column) {
            line.right_aligned()
        } else {
            line
        };
        let place = Rect {
            x: area.x + x,
            width: *width,
            ..area
        };
        frame.render_widget(line, place.intersection(area));
    }
}

/// Tells whether the cells of a column stand at its right: numbers do.
fn is_right(column: &Column) -> bool {
    matches!(
        column.title,
        "mean"
            | "fence"
            | "revision"
            | "calls"
            | "idle"
            | "held"
            | "waits"
            | "holds"
            | "try"
            | "age"
            | "done"
            | "fail"
            | "lost"
    )
}

/// Draws a row over the whole width of `area`.
pub(super) fn draw_row(
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
    row: &Row,
    places: &[(u16, u16)],
    now: Time,
    selected: bool,
) {
    for (cell, (x, width)) in row.cells.iter().zip(places) {
        if *width == 0 {
            continue;
        }
        let place = Rect {
            x: area.x + x,
            width: *width,
            ..area
        };
        frame.render_widget(
            line(theme, cell, usize::from(*width), now),
            place.intersection(area),
        );
    }
    if selected {
        // One style for the whole row: reversed colours would make patches of it.
        let plain = Style::reset().patch(theme.selected);
        frame.buffer_mut().set_style(area, plain);
    }
}

/// Returns a cell as it is drawn in `width` columns.
fn line(theme: &Theme, cell: &Cell, width: usize, now: Time) -> Line<'static> {
    match cell {
        Cell::Text(text) => Line::styled(text::shorten(text, width), theme.text),
        Cell::Dim(text) => Line::styled(text::shorten(text, width), theme.dim),
        Cell::Path(text) => Line::styled(text::shorten_middle(text, width), theme.text),
        Cell::State(word) => Line::styled(text::shorten(word, width), theme.state(word)),
        Cell::Number(number) => {
            Line::styled(text::shorten(&number.to_string(), width), theme.dim).right_aligned()
        }
        Cell::Ago(moment) => Line::styled(span::ago(now.since(*moment)), theme.dim).right_aligned(),
        Cell::Took(time) => Line::styled(text::shorten(&span::took(*time), width), theme.dim).right_aligned(),
        Cell::Gone => Line::styled(text::shorten("gone", width), theme.error).right_aligned(),
        Cell::Left(time) => left(theme, *time, now, width, LEFT_TEXT).into(),
        Cell::Percent(percent) => {
            let mut line = Line::styled(format!("{percent:>3}%"), theme.text);
            if width > PERCENT_TEXT + 2 {
                line.push_span(Span::raw(" "));
                let room = width - PERCENT_TEXT - 1;
                line.extend(meter::bar(
                    f64::from(*percent) / 100.0,
                    room,
                    theme.busy,
                    theme.dim,
                ));
            }
            line
        }
        Cell::Empty => Line::default(),
    }
}

/// Returns what remains of a time as text, at the right of `column`, and as a bar if there is room.
pub(super) fn left(theme: &Theme, left: Left, now: Time, width: usize, column: usize) -> Vec<Span<'static>> {
    let remaining = left.until.since(now);
    let whole = left.whole.as_secs_f64();
    let share = if whole > 0.0 {
        remaining.as_secs_f64() / whole
    } else {
        0.0
    };
    let style = theme.remaining(share);
    let text = format!("{:>column$}", span::left(remaining));
    let taken = text::width(&text) + 1;
    let mut spans = vec![Span::styled(text, style)];
    if width > taken + 1 {
        spans.push(Span::raw(" "));
        spans.extend(meter::bar(share, width - taken, style, theme.dim));
    }
    spans
}
