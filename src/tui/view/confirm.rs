//! The question before something is ended: what, held by whom, and for how long it would last.

use ratatui::Frame;
use ratatui::layout::{Constraint, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::over;
use crate::tui::state::{Choice, Confirm, Model};
use crate::tui::{span, text};

const WIDTH: u16 = 66;
const NO: &str = " n  no ";
const YES: &str = " y  yes, expire it ";
const GAP: u16 = 3;

/// Draws the question over everything.
pub(super) fn draw(model: &Model, confirm: &Confirm, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.theme;
    let area = area(confirm, body);
    let what = if confirm.held { "lock" } else { "key" };
    let title = Line::styled(format!(" Expire this {what}? "), theme.warn);
    let inner = over(model, frame, area, title);
    let mut lines = vec![Line::default()];
    for piece in key_lines(confirm, inner.width) {
        lines.push(Line::styled(format!(" {piece}"), theme.strong));
    }
    let verb = if confirm.held { "held" } else { "written" };
    let remaining = span::left(confirm.deadline.since(model.now));
    let room = usize::from(inner.width).saturating_sub(24);
    lines.push(Line::from(vec![
        Span::raw(format!(" {verb} by ")),
        Span::styled(text::shorten(&confirm.holder, room), theme.strong),
        Span::raw(", "),
        Span::styled(remaining, theme.expiring),
        Span::raw(" left"),
    ]));
    lines.push(Line::default());
    let style = |choice| {
        if confirm.choice == choice {
            theme.selected
        } else {
            theme.dim
        }
    };
    lines.push(Line::from(vec![
        Span::raw(" "),
        Span::styled(NO, style(Choice::No)),
        Span::raw(" ".repeat(usize::from(GAP))),
        Span::styled(YES, style(Choice::Yes)),
    ]));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Returns the button at a place on the screen.
pub(super) fn button_at(confirm: &Confirm, body: Rect, place: Position) -> Option<Choice> {
    let inner = area(confirm, body).inner(ratatui::layout::Margin::new(1, 1));
    let line = inner.bottom().checked_sub(2)?;
    let no = inner.x + 1;
    let yes = no + columns(NO) + GAP;
    match place {
        Position { y, .. } if y != line => None,
        Position { x, .. } if (no..no + columns(NO)).contains(&x) => Some(Choice::No),
        Position { x, .. } if (yes..yes + columns(YES)).contains(&x) => Some(Choice::Yes),
        _ => None,
    }
}

fn area(confirm: &Confirm, body: Rect) -> Rect {
    let width = WIDTH.min(body.width.saturating_sub(2));
    let key = key_lines(confirm, width.saturating_sub(2)).len();
    let height = u16::try_from(key + 7).unwrap_or(u16::MAX);
    body.centered(Constraint::Length(width), Constraint::Length(height))
}

/// Returns the key whole, over as many lines as it takes: it is what the question is about.
fn key_lines(confirm: &Confirm, width: u16) -> Vec<&str> {
    text::wrap(&confirm.key, usize::from(width.saturating_sub(2)).max(1))
}

fn columns(label: &str) -> u16 {
    u16::try_from(text::width(label)).unwrap_or(u16::MAX)
}
