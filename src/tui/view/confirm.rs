//! The question before something that cannot be undone: what it is about, and what exactly will happen.

use ratatui::Frame;
use ratatui::layout::{Constraint, Margin, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::over;
use crate::board::Time;
use crate::tui::state::{Affected, Choice, Confirm, Model};
use crate::tui::theme::Theme;
use crate::tui::{span, text};

const WIDTH: u16 = 70;
const NO: &str = " n  no ";
const GAP: u16 = 3;
/// The lines that the borders and the buttons take.
const FRAME: u16 = 3;
/// Of more leases than this, only so many are listed.
const LISTED: usize = 6;

/// Draws the question over everything.
pub(super) fn draw(model: &Model, confirm: &Confirm, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.theme;
    let Fitted { area, lines, margin } = fitted(theme, confirm, body, model.now);
    let title = text::shorten(&confirm.question.title, usize::from(area.width.saturating_sub(4)));
    let inner = over(model, frame, area, Line::styled(format!(" {title} "), theme.warn));
    let room = Rect {
        x: inner.x + inner.width.min(1),
        width: inner.width.saturating_sub(2),
        height: inner.height.saturating_sub(1),
        y: inner.y + inner.height.min(margin),
    };
    frame.render_widget(Paragraph::new(lines), room);
    let style = |choice| {
        if confirm.choice == choice {
            theme.selected
        } else {
            theme.dim
        }
    };
    let buttons = Line::from(vec![
        Span::raw(" "),
        Span::styled(NO, style(Choice::No)),
        Span::raw(" ".repeat(usize::from(GAP))),
        Span::styled(yes(confirm), style(Choice::Yes)),
    ]);
    if let Some(y) = inner.bottom().checked_sub(1).filter(|y| *y >= inner.y) {
        frame.render_widget(
            buttons,
            Rect {
                y,
                height: 1,
                ..inner
            },
        );
    }
}

/// Returns the question for a terminal on which it does not fit.
pub(super) fn short(confirm: &Confirm) -> String {
    let affected = &confirm.question.affected;
    let listed = affected.iter().take(LISTED);
    let mut listed: Vec<_> = listed.map(|one| format!("{} {}", one.name, one.note)).collect();
    if affected.len() > LISTED {
        listed.push(and_more(affected));
    }
    format!("{} {}", confirm.question.title, listed.join(", "))
}

/// Returns the button at a place on the screen.
pub(super) fn button_at(confirm: &Confirm, body: Rect, place: Position) -> Option<Choice> {
    // Where the buttons are does not hang on the moment, nor on the colours.
    let plain = Theme::of(crate::tui::Palette::Monochrome);
    let area = fitted(&plain, confirm, body, Time::default()).area;
    let inner = area.inner(Margin::new(1, 1));
    let line = inner.bottom().checked_sub(1)?;
    let no = inner.x + 1;
    let after = no + columns(NO) + GAP;
    match place {
        Position { y, .. } if y != line => None,
        Position { x, .. } if (no..no + columns(NO)).contains(&x) => Some(Choice::No),
        Position { x, .. } if (after..after + columns(&yes(confirm))).contains(&x) => Some(Choice::Yes),
        _ => None,
    }
}

/// A question as it fits on the screen.
struct Fitted {
    area: Rect,
    /// What stands above the buttons.
    lines: Vec<Line<'static>>,
    /// The empty lines above it, and below it.
    margin: u16,
}

/// Fits the question into `body`: on a low terminal the empty lines go first, and what is cut then is seen to be.
fn fitted(theme: &Theme, confirm: &Confirm, body: Rect, now: Time) -> Fitted {
    let width = WIDTH.min(body.width);
    let mut lines = lines(theme, confirm, width.saturating_sub(2), now);
    let room = usize::from(body.height.saturating_sub(FRAME));
    let margin = u16::from(lines.len() + 2 <= room);
    if lines.len() > room {
        lines.retain(|line| line.width() > 0);
    }
    if lines.len() > room {
        lines.truncate(room.saturating_sub(1));
        lines.push(Line::styled("… more than fits on this terminal", theme.warn));
    }
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let height = height.saturating_add(FRAME + 2 * margin).min(body.height);
    Fitted {
        area: body.centered(Constraint::Length(width), Constraint::Length(height)),
        lines,
        margin,
    }
}

fn lines(theme: &Theme, confirm: &Confirm, width: u16, now: Time) -> Vec<Line<'static>> {
    let room = usize::from(width.saturating_sub(2)).max(1);
    let mut lines = Vec::new();
    match &confirm.question.affected[..] {
        [only] => {
            // Whole, over as many lines as it takes: it is what the question is about.
            for piece in text::wrap(&only.name, room) {
                lines.push(Line::styled(piece.to_owned(), theme.strong));
            }
            lines.push(note(theme, only, room, now));
        }
        many => {
            for one in many.iter().take(LISTED) {
                let name = text::shorten_middle(&one.name, room / 2);
                let rest = room.saturating_sub(text::width(&name) + 2);
                let mut line = Line::styled(format!("{name}  "), theme.strong);
                line.extend(note(theme, one, rest, now));
                lines.push(line);
            }
            if many.len() > LISTED {
                lines.push(Line::styled(and_more(many), theme.warn));
            }
        }
    }
    lines.push(Line::default());
    for piece in text::wrap(&confirm.question.then, room) {
        lines.push(Line::styled(piece.to_owned(), theme.text));
    }
    lines
}

fn note(theme: &Theme, affected: &Affected, room: usize, now: Time) -> Line<'static> {
    const LEFT: usize = 13;
    let Some(until) = affected.until else {
        return Line::styled(text::shorten(&affected.note, room), theme.text);
    };
    Line::from(vec![
        Span::styled(
            text::shorten(&affected.note, room.saturating_sub(LEFT)),
            theme.text,
        ),
        Span::raw(", "),
        Span::styled(span::left(until.since(now)), theme.expiring),
        Span::raw(" left"),
    ])
}

fn and_more(affected: &[Affected]) -> String {
    format!("… and {} more", affected.len() - LISTED)
}

fn yes(confirm: &Confirm) -> String {
    format!(" y  {} ", confirm.question.yes)
}

fn columns(label: &str) -> u16 {
    u16::try_from(text::width(label)).unwrap_or(u16::MAX)
}
