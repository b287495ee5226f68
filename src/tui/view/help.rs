//! The list of keys, those of the view from which it was opened first.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::over;
use crate::tui::keymap::{self, Mode};
use crate::tui::state::{Model, Overlay};
use crate::tui::text;

const WIDTH: u16 = 74;
/// The blanks between the keys and what they do.
const GAP: usize = 2;

/// Draws the help over the panes.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, body: Rect, top: usize) {
    let area = area(body);
    let title = Line::from(vec![
        Span::styled(" Help ", model.theme.focus),
        Span::styled("· ↑ ↓ scroll, esc closes ", model.theme.dim),
    ]);
    let inner = over(model, frame, area, title);
    let shown = lines(model, inner.width).into_iter().skip(top);
    let shown = shown.take(usize::from(inner.height)).collect::<Vec<_>>();
    frame.render_widget(Paragraph::new(shown), inner);
}

/// Returns how many lines do not fit.
pub(super) fn overflow(model: &Model, body: Rect) -> usize {
    let inner = area(body).inner(ratatui::layout::Margin::new(1, 1));
    lines(model, inner.width)
        .len()
        .saturating_sub(usize::from(inner.height))
}

fn area(body: Rect) -> Rect {
    body.centered_horizontally(Constraint::Max(WIDTH))
}

fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let under = match model.overlays.iter().rev().nth(1) {
        Some(Overlay::Detail(..)) => Mode::Detail,
        Some(Overlay::Waits(_)) => Mode::Waits,
        _ => Mode::Board,
    };
    let others = Mode::ALL.into_iter().filter(|mode| *mode != under);
    let mut lines = Vec::new();
    for mode in std::iter::once(under).chain(others) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(format!(" {}", mode.title()), theme.strong));
        let bindings = keymap::help(mode);
        let keys = bindings.iter().map(|(keys, _)| text::width(keys) + GAP);
        let column = keys.max().unwrap_or(0);
        let room = usize::from(width).saturating_sub(column + 2).max(1);
        for (keys, binding) in bindings {
            let style = if binding.dangerous { theme.warn } else { theme.text };
            for (at, piece) in text::wrap(binding.help, room).into_iter().enumerate() {
                let keys = if at == 0 { &*keys } else { "" };
                lines.push(Line::from(vec![
                    Span::raw(" "),
                    Span::styled(format!("{keys:<column$}"), theme.accent),
                    Span::styled(piece.to_owned(), style),
                ]));
            }
        }
    }
    lines
}
