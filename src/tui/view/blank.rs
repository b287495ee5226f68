//! The empty board: how to attach the first agents.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::state::Model;
use crate::tui::text;

/// What stands before a line that a shell takes.
const INDENT: &str = "  ";

/// Draws how to begin. On a low terminal the lines move together, so that nothing is lost.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.theme;
    let room = usize::from(body.width.saturating_sub(2)).max(1);
    let mut lines = vec![
        Line::styled("Nobody is on the board yet.", theme.strong),
        Line::default(),
    ];
    for line in text::clean_lines(&model.facts.snippet) {
        match line.strip_prefix(INDENT) {
            Some(command) => {
                let pieces = text::wrap(command, room.saturating_sub(INDENT.len()).max(1));
                let pieces = pieces.into_iter();
                lines.extend(pieces.map(|piece| Line::styled(format!("{INDENT}{piece}"), theme.good)));
            }
            None => lines.extend(
                text::wrap(&line, room)
                    .into_iter()
                    .map(|piece| Line::raw(piece.to_owned())),
            ),
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
    if lines.len() > usize::from(body.height) {
        lines.retain(|line| line.width() > 0);
    }
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let width = u16::try_from(widest).unwrap_or(u16::MAX);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let area = body.centered(Constraint::Length(width), Constraint::Length(height));
    frame.render_widget(Paragraph::new(lines), area);
}
