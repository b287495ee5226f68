//! A line that is typed: its text as far as it fits, and the cursor.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::tui::state;
use crate::tui::text;
use crate::tui::theme::Theme;

/// Draws `typed` on the line `area`, behind `mark`. What was typed first makes way when it is too long.
pub(super) fn draw(theme: &Theme, frame: &mut Frame<'_>, area: Rect, mark: &str, typed: &state::Line) {
    let taken = text::width(mark);
    let room = usize::from(area.width).saturating_sub(taken + 1);
    let cursor = typed.cursor();
    let hidden = cursor.saturating_sub(room);
    let shown = text::without(typed.text(), hidden);
    let line = Line::from(vec![
        Span::styled(mark.to_owned(), theme.accent),
        Span::styled(text::shorten(shown, room), theme.strong),
    ]);
    frame.render_widget(line, area);
    let x = u16::try_from(taken + cursor - hidden).unwrap_or(u16::MAX);
    let place = Position::new(area.x.saturating_add(x), area.y);
    if area.contains(place) {
        frame.set_cursor_position(place);
    }
}
