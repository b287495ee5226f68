//! The bottom of the screen: the keys that work now, and above them a notice or the filter that is typed.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::typing;
use crate::tui::app::why_not;
use crate::tui::keymap::bindings;
use crate::tui::layout::Arrangement;
use crate::tui::state::Model;
use crate::tui::text;
use crate::tui::toast::Level;

/// The blanks behind a filter that is typed, one of them under the cursor.
const ROOM_TO_TYPE: usize = 2;

/// Draws the footer and the line above it.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, arrangement: &Arrangement) {
    keys(model, frame, arrangement.footer);
    // The corners stay, so that the box is seen to end there.
    let inside = arrangement.notice.inner(Margin::new(1, 0));
    if model.filter.editing {
        let mark = " / ";
        let needs = text::width(mark) + text::width(model.filter.text()) + ROOM_TO_TYPE;
        let width = u16::try_from(needs).unwrap_or(u16::MAX).min(inside.width);
        let place = Rect { width, ..inside };
        frame.render_widget(Clear, place);
        typing::draw(&model.theme, frame, place, mark, &model.filter.line);
    } else {
        notice(model, frame, inside);
    }
}

/// Draws the keys of what is on top, as many as fit. The first one and those that are pinned always do.
fn keys(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = &model.theme;
    let mut hints = Vec::new();
    for binding in bindings(model.mode()) {
        let (Some(label), Some(key)) = (binding.label, binding.keys.first()) else {
            continue;
        };
        if why_not(model, binding.action).is_some() {
            continue;
        }
        let label_style = if binding.dangerous {
            theme.warn
        } else {
            theme.footer
        };
        let label = if model.paused && label == "pause" {
            "go on"
        } else {
            label
        };
        let hint = vec![
            Span::styled(key.name(), theme.accent),
            Span::raw(" "),
            Span::styled(label, label_style),
        ];
        hints.push((hint, binding.pinned));
    }
    let width = |(hint, _): &(Vec<Span<'_>>, bool)| hint.iter().map(Span::width).sum::<usize>() + 2;
    while hints.iter().map(width).sum::<usize>() > usize::from(area.width) {
        match hints.iter().rposition(|(_, pinned)| !pinned) {
            Some(last) if last > 0 => drop(hints.remove(last)),
            _ => break,
        }
    }
    let mut spans = vec![Span::raw(" ")];
    for (hint, _) in hints {
        spans.extend(hint);
        spans.push(Span::raw("  "));
    }
    frame.render_widget(Line::from(spans), area);
}

/// Draws the filter that hides rows, or a notice, as a title of the lowest border.
fn notice(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = &model.theme;
    let line = match &model.toast {
        Some(toast) => {
            let (mark, style) = match toast.level {
                Level::Info => ("●", theme.accent),
                Level::Error => ("✗", theme.error),
            };
            let room = usize::from(area.width).saturating_sub(4);
            let text = text::shorten(&toast.text, room);
            Line::styled(format!(" {mark} {text} "), style)
        }
        None if model.filter.is_active() && model.overlays.is_empty() => {
            const TAIL: &str = "  esc drops it ";
            let head = " filter ";
            let room = usize::from(area.width).saturating_sub(text::width(head) + 1 + text::width(TAIL));
            let typed = text::shorten(model.filter.text(), room);
            Line::from(vec![
                Span::styled(head, theme.badge),
                Span::styled(format!(" {typed}"), theme.strong),
                Span::styled(TAIL, theme.dim),
            ])
        }
        None => return,
    };
    let wide = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
    let place = Rect { width: wide, ..area };
    frame.render_widget(Clear, place);
    frame.render_widget(line, place);
}
