//! The empty board: how to attach the first agent.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::state::Model;
use crate::tui::text;

/// Draws how to begin.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.theme;
    let mut lines = vec![
        Line::styled("Nobody is on the board yet.", theme.strong),
        Line::default(),
        Line::raw("Attach the first agent:"),
        Line::default(),
    ];
    let room = usize::from(body.width.saturating_sub(6)).max(1);
    for line in text::clean_lines(&model.facts.snippet) {
        for piece in text::wrap(&line, room) {
            lines.push(Line::styled(format!("  {piece}"), theme.good));
        }
    }
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::raw("Or press "),
        Span::styled("d", theme.accent),
        Span::raw(" to watch a demo, "),
        Span::styled("?", theme.accent),
        Span::raw(" for all keys."),
    ]));
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let width = u16::try_from(widest).unwrap_or(u16::MAX);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let area = body.centered(Constraint::Length(width), Constraint::Length(height));
    frame.render_widget(Paragraph::new(lines), area);
}
