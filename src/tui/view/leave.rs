//! The question what becomes of the board when its dashboard ends while somebody would miss it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Margin, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::over;
use crate::tui::action::Action;
use crate::tui::keymap::{Binding, Mode, bindings};
use crate::tui::state::Model;
use crate::tui::text;

const WIDTH: u16 = 60;
/// The lines above the ways, the borders not counted.
const HEAD: u16 = 3;

/// Draws the question over everything.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, body: Rect) {
    let theme = &model.theme;
    let inner = over(model, frame, area(body), Line::styled(" Quit? ", theme.warn));
    let mut lines = vec![
        Line::default(),
        Line::styled(format!(" {}", why(model)), theme.strong),
        Line::default(),
    ];
    lines.extend(ways().map(|way| {
        let key = way.keys.first().map(|key| key.name()).unwrap_or_default();
        let style = if way.dangerous { theme.warn } else { theme.text };
        Line::from(vec![
            Span::styled(format!("   {key:<7}"), theme.accent),
            Span::styled(way.help, style),
        ])
    }));
    frame.render_widget(Paragraph::new(lines), inner);
}

/// Returns who would miss the board, as a sentence.
pub(super) fn why(model: &Model) -> String {
    let keys = match model.snapshot.keys {
        1 => "1 key".to_owned(),
        keys => format!("{} keys", text::thousands(keys as u64)),
    };
    match model.snapshot.attached {
        0 if model.facts.goes_on => format!("It ran before, and holds {keys}."),
        0 => "Nobody is attached any more.".to_owned(),
        1 => "One agent is attached.".to_owned(),
        many => format!("{many} agents are attached."),
    }
}

/// Returns what the line at a place on the screen does.
pub(super) fn way_at(body: Rect, place: Position) -> Option<Action> {
    let inner = area(body).inner(Margin::new(1, 1));
    let line = place.y.checked_sub(inner.y + HEAD)?;
    let way = ways().nth(usize::from(line))?;
    inner.contains(place).then_some(way.action)
}

/// Returns the ways to answer, as the keymap has them.
fn ways() -> impl Iterator<Item = &'static Binding> {
    bindings(Mode::Leave).filter(|binding| binding.label.is_some())
}

fn area(body: Rect) -> Rect {
    let lines = u16::try_from(ways().count()).unwrap_or(u16::MAX);
    body.centered(
        Constraint::Length(WIDTH.min(body.width)),
        Constraint::Length((HEAD + lines + 3).min(body.height)),
    )
}
