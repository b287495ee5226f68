//! A terminal that is too small for the panes: what it needs, and in short what is asked or typed over them, for
//! nobody is to answer or to type unseen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{confirm, leave, prompt, typing};
use crate::tui::app::why_not;
use crate::tui::state::{Model, Overlay};
use crate::tui::{keymap, layout, text};

/// Draws it all over `area`.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = &model.theme;
    let mut lines = Vec::new();
    let mut typed = None;
    match model.overlays.last() {
        Some(Overlay::Leave) => {
            let question = format!("Quit? {}", leave::why(model));
            lines.extend(wrapped(&question, theme.strong, area));
            lines.extend(ways(model, area));
        }
        Some(Overlay::Confirm(confirm)) => {
            lines.extend(wrapped(&confirm::short(confirm), theme.strong, area));
            lines.extend(ways(model, area));
        }
        Some(Overlay::Prompt(prompt)) => {
            lines.extend(wrapped(&prompt::short(prompt), theme.strong, area));
            typed = Some((lines.len(), prompt));
            lines.push(Line::default());
            lines.extend(ways(model, area));
        }
        _ => {}
    }
    let (width, height) = (layout::MIN_WIDTH, layout::MIN_HEIGHT);
    let notice = format!("needs {width}×{height}, is {}×{}", area.width, area.height);
    lines.push(Line::styled(notice, theme.warn));
    frame.render_widget(Paragraph::new(lines), area);
    if let Some((above, prompt)) = typed {
        let place = area.rows().nth(above).unwrap_or_default();
        typing::draw(theme, frame, place, prompt::mark(prompt), &prompt.line);
    }
}

/// Returns the keys that answer, and what they do.
fn ways(model: &Model, area: Rect) -> Vec<Line<'static>> {
    let possible = keymap::bindings(model.mode()).filter(|binding| why_not(model, binding.action).is_none());
    let ways = possible.filter_map(|binding| {
        let (key, label) = (binding.keys.first()?, binding.label?);
        Some(format!("{}: {label}", key.name()))
    });
    wrapped(&ways.collect::<Vec<_>>().join(", "), model.theme.text, area)
}

fn wrapped(text: &str, style: Style, area: Rect) -> Vec<Line<'static>> {
    let pieces = text::wrap(text, usize::from(area.width).max(1)).into_iter();
    pieces
        .map(|piece| Line::styled(piece.to_owned(), style))
        .collect()
}
