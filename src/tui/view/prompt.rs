//! A dialog with a line that is typed, and what comes of it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{over, typing};
use crate::tui::holders::held_word;
use crate::tui::state::{Model, Prompt, Purpose};
use crate::tui::{span, text};

const WIDTH: u16 = 70;
/// The lines that the borders, the typed line and the room around it take.
const FRAME: u16 = 5;

/// Draws the dialog over everything.
pub(super) fn draw(model: &Model, prompt: &Prompt, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.theme;
    let width = WIDTH.min(body.width);
    let room = usize::from(width.saturating_sub(4)).max(1);
    let below = below(model, prompt, room);
    let others = u16::try_from(below.len())
        .unwrap_or(u16::MAX)
        .saturating_add(FRAME);
    let above = above(model, prompt, room, body.height.saturating_sub(others));
    let lines = u16::try_from(above.len() + below.len()).unwrap_or(u16::MAX);
    let height = lines.saturating_add(FRAME).min(body.height);
    let area = body.centered(Constraint::Length(width), Constraint::Length(height));
    let title = format!(" {} ", text::shorten(&title(prompt), room));
    let inner = over(model, frame, area, Line::styled(title, theme.focus));
    let inner = Rect {
        x: inner.x + inner.width.min(1),
        width: inner.width.saturating_sub(2),
        ..inner
    };
    let [upper, line, lower] = ratatui::layout::Layout::vertical([
        Constraint::Length(u16::try_from(above.len()).unwrap_or(u16::MAX)),
        Constraint::Length(1),
        Constraint::Min(0),
    ])
    .spacing(1)
    .areas(inner);
    frame.render_widget(Paragraph::new(above), upper);
    typing::draw(theme, frame, line, mark(prompt), &prompt.line);
    frame.render_widget(Paragraph::new(below), lower);
}

/// Returns what the dialog is about, for a terminal on which it does not fit.
pub(super) fn short(prompt: &Prompt) -> String {
    let title = title(prompt);
    match &prompt.purpose {
        Purpose::Extend { key, holder, .. } => {
            let name = text::clean(&key.decoded());
            format!("{title}: {name} {} by {holder}", held_word(key))
        }
        Purpose::Message { .. } => title,
    }
}

/// Returns what stands before the line that is typed.
pub(super) fn mark(prompt: &Prompt) -> &'static str {
    match prompt.purpose {
        Purpose::Extend { .. } => "more minutes: ",
        Purpose::Message { .. } => "> ",
    }
}

fn title(prompt: &Prompt) -> String {
    match &prompt.purpose {
        Purpose::Extend { .. } => "More time for this lease".to_owned(),
        Purpose::Message { to, .. } => format!("Message to {}", text::clean(to)),
    }
}

/// Returns what the dialog is about, on as many lines as there are, and on two at least.
fn above(model: &Model, prompt: &Prompt, room: usize, height: u16) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let Purpose::Extend {
        key, holder, left, ..
    } = &prompt.purpose
    else {
        return Vec::new();
    };
    let name = text::clean(&key.decoded());
    let pieces = text::wrap(&name, room).into_iter();
    let mut lines: Vec<_> = pieces
        .map(|piece| Line::styled(piece.to_owned(), theme.strong))
        .collect();
    if lines.len() + 1 > usize::from(height) {
        lines = vec![Line::styled(text::shorten_middle(&name, room), theme.strong)];
    }
    let mut spans = vec![
        Span::raw(format!("{} by ", held_word(key))),
        Span::raw(", "),
        Span::styled(span::left(left.until.since(model.now)), theme.expiring),
        Span::raw(" left"),
    ];
    let taken = spans.iter().map(Span::width).sum();
    let holder = text::shorten(holder, room.saturating_sub(taken));
    spans.insert(1, Span::styled(holder, theme.text));
    lines.push(Line::from(spans));
    lines
}

/// Returns what comes of what is typed.
fn below(model: &Model, prompt: &Prompt, room: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let then = match (&prompt.purpose, prompt.until()) {
        (Purpose::Extend { .. }, Some(until)) => format!(
            "It will last {} from now at least, also when its holder falls silent or leaves.",
            span::left(until.since(model.now))
        ),
        (Purpose::Extend { .. }, None) => "Give a number of minutes.".to_owned(),
        (Purpose::Message { .. }, _) => {
            "It comes from human. The agent is told with its next answer and reads it when it asks for messages."
                .to_owned()
        }
    };
    let pieces = text::wrap(&then, room).into_iter();
    pieces
        .map(|piece| Line::styled(piece.to_owned(), theme.dim))
        .collect()
}
