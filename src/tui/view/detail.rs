//! Everything about one row: over the panes, scrollable, or beside them as far as it fits.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::{over, pane};
use crate::tui::pane::{Cell, Row};
use crate::tui::state::{Detail, Fact, Model};
use crate::tui::{span, text};

/// Draws the details over the panes.
pub(super) fn draw_over(model: &Model, frame: &mut Frame<'_>, body: Rect, top: usize) {
    let hidden = overflow(model, body);
    let hint = match (top, hidden) {
        (_, 0) => String::new(),
        (top, hidden) if top >= hidden => "· end ".to_owned(),
        (top, hidden) => format!("· ↓ {} more lines ", hidden - top),
    };
    let title = Line::from(vec![
        Span::styled(" Details ", model.theme.focus),
        Span::styled(hint, model.theme.dim),
    ]);
    let inner = over(model, frame, body, title);
    draw(model, frame, inner.inner(Margin::new(1, 0)), top);
}

/// Draws the details beside the panes; the border is there already.
pub(super) fn draw_beside(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let room = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2).min(9),
        height: area.height.min(1),
        ..area
    };
    frame.render_widget(Clear, room);
    frame.render_widget(Line::styled(" Details ", model.theme.strong), room);
    draw(model, frame, area.inner(Margin::new(2, 1)), 0);
}

/// Returns how many lines do not fit over the panes.
pub(super) fn overflow(model: &Model, body: Rect) -> usize {
    let inner = body.inner(Margin::new(2, 1));
    lines(model, inner.width)
        .len()
        .saturating_sub(usize::from(inner.height))
}

fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect, top: usize) {
    let lines = lines(model, area.width).into_iter().skip(top);
    let lines = lines.take(usize::from(area.height)).collect::<Vec<_>>();
    frame.render_widget(Paragraph::new(lines), area);
}

fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let Some(detail) = &model.detail else {
        let why = match model.subject() {
            Some(_) => "it is gone",
            None => "nothing is selected",
        };
        return vec![Line::styled(why, theme.dim)];
    };
    let width = usize::from(width).max(1);
    let mut lines = Vec::new();
    for piece in text::wrap(&detail.title, width) {
        lines.push(Line::styled(piece.to_owned(), theme.accent));
    }
    lines.push(Line::default());
    facts(model, detail, width, &mut lines);
    if detail.entry.is_some() {
        heading(model, "Value", &mut lines);
        for line in &detail.value {
            for piece in text::wrap(line, width) {
                lines.push(Line::styled(piece.to_owned(), theme.text));
            }
        }
        if detail.cut > 0 {
            let more = format!("… and {} more", text::bytes(detail.cut));
            lines.push(Line::styled(more, theme.warn));
        }
    }
    let history = detail.history.as_ref().map_or(&[][..], |history| &history.rows);
    if !history.is_empty() {
        heading(model, "History", &mut lines);
        told(model, history, width, &mut lines);
    }
    lines
}

fn facts(model: &Model, detail: &Detail, width: usize, lines: &mut Vec<Line<'static>>) {
    const LABEL: usize = 12;
    let theme = &model.theme;
    let label = |label: &str| Span::styled(format!("{label:<LABEL$}"), theme.dim);
    let room = width.saturating_sub(LABEL).max(1);
    if detail.entry.is_none() && detail.history.is_some() {
        lines.push(Line::styled("there is no such key now", theme.warn));
    }
    for (name, fact) in &detail.facts {
        let (text, style) = match fact {
            Fact::Text(text) => (text.clone(), theme.text),
            Fact::Warning(text) => (text.clone(), theme.warn),
            Fact::Ago(moment) => (span::ago(model.now.since(*moment)), theme.text),
            Fact::Left(time) => {
                let mut line = Line::from(label(name));
                line.extend(pane::left(theme, *time, model.now, room.min(30), 0));
                lines.push(line);
                continue;
            }
        };
        for (at, piece) in text::wrap(&text, room).into_iter().enumerate() {
            let label = label(if at == 0 { name } else { "" });
            lines.push(Line::from(vec![label, Span::styled(piece.to_owned(), style)]));
        }
    }
}

fn heading(model: &Model, title: &'static str, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::default());
    lines.push(Line::styled(title, model.theme.strong));
}

/// Adds what happened to the key: time, event, by whom, and the value as far as it fits.
fn told(model: &Model, history: &[Arc<Row>], width: usize, lines: &mut Vec<Line<'static>>) {
    let theme = &model.theme;
    for row in history {
        let [Cell::Dim(time), Cell::State(kind), _, Cell::Path(by), value, _] = &row.cells[..] else {
            continue;
        };
        let by = format!("{:<16}", text::shorten_middle(by, 16));
        let room = width.saturating_sub(8 + 1 + 9 + text::width(&by) + 1);
        lines.push(Line::from(vec![
            Span::styled(format!("{time} "), theme.dim),
            Span::styled(format!("{kind:<9}"), theme.state(kind)),
            Span::styled(by, theme.text),
            Span::styled(format!(" {}", text::shorten(value.text(), room)), theme.dim),
        ]));
    }
}
