//! The titles in the borders: number, name and count of each pane, as tabs where several share a box.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::tui::layout::Slot;
use crate::tui::pane::Pane;
use crate::tui::state::Model;
use crate::tui::text;

/// A title in a border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) struct Tab {
    /// The pane it leads to.
    pub pane: Pane,
    /// Where it begins.
    pub x: u16,
    /// How wide it is.
    pub width: u16,
    label: String,
}

/// How much a title says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    /// All there is to say.
    Whole,
    /// Those in the back say their numbers only.
    Short,
    /// And the one in front its count only.
    Shortest,
}

/// Returns the titles of a box. When they do not all fit they say less, those in the back first.
pub(in crate::tui) fn tabs(model: &Model, slot: &Slot) -> Vec<Tab> {
    let room = slot.area.width.saturating_sub(2);
    let labels = |length: Length| {
        let label = |pane: &Pane| match (length, *pane == slot.front) {
            (Length::Short | Length::Shortest, false) => pane.number().to_string(),
            (_, shown) => label(model, *pane, shown, length),
        };
        slot.panes.iter().map(label).collect::<Vec<_>>()
    };
    // A blank at each end, and a bar between two blanks from one to the next.
    let total = |labels: &[String]| labels.iter().map(|label| width(label) + 3).sum::<u16>() - 1;
    let all = [Length::Whole, Length::Short].map(&labels);
    let fitting = all.into_iter().find(|labels| total(labels) <= room);
    let chosen = fitting.unwrap_or_else(|| labels(Length::Shortest));
    let mut x = slot.area.x + 2;
    let tabs = slot.panes.iter().zip(chosen).map(|(pane, label)| {
        let tab = Tab {
            pane: *pane,
            x,
            width: width(&label),
            label,
        };
        x += tab.width + 3;
        tab
    });
    tabs.collect()
}

fn label(model: &Model, pane: Pane, shown: bool, length: Length) -> String {
    match pane {
        Pane::Log | Pane::Events => format!("{} {}", pane.number(), pane.title()),
        _ => {
            let mut count = text::thousands(model.snapshot.count(pane) as u64);
            if model.filter.is_active() && shown {
                count = format!("{} of {count}", model.table(pane).len());
                if length != Length::Shortest {
                    count.push_str(" found");
                }
            }
            let waiting = match model.snapshot.waits.all().len() {
                many if many > 0 && pane == Pane::Locks && length != Length::Shortest => {
                    format!(" · {many} wait")
                }
                _ => String::new(),
            };
            format!("{} {} {count}{waiting}", pane.number(), pane.title())
        }
    }
}

/// Draws the titles over the upper border of a box.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, slot: &Slot) {
    let theme = &model.theme;
    let focused = model.focus() == slot.front;
    let edge = if focused { theme.focus } else { theme.border };
    let mut spans = vec![Span::raw(" ")];
    for (at, tab) in tabs(model, slot).into_iter().enumerate() {
        if at > 0 {
            spans.push(Span::styled(" │ ", edge));
        }
        let style = match (tab.pane == slot.front, focused) {
            (true, true) => theme.focus,
            (true, false) => theme.strong,
            (false, _) => theme.dim,
        };
        spans.push(Span::styled(tab.label, style));
    }
    spans.push(Span::raw(" "));
    let title = Line::from(spans);
    let room = Rect {
        x: slot.area.x + 1,
        width: slot.area.width.saturating_sub(2),
        height: slot.area.height.min(1),
        ..slot.area
    };
    let wide = u16::try_from(title.width()).unwrap_or(u16::MAX).min(room.width);
    let place = Rect { width: wide, ..room };
    // Not in the style of the border that it lies on, which may be a neighbour's.
    frame.render_widget(Clear, place);
    frame.render_widget(title, place);
    let position = position(model, slot);
    let needs = width(&position);
    if needs > 0 && wide + needs <= room.width {
        let place = Rect {
            x: room.right() - needs,
            width: needs,
            ..room
        };
        frame.render_widget(Line::styled(position, edge), place);
    }
}

/// Returns where the selection stands and what is not shown, empty when everything is on the screen.
fn position(model: &Model, slot: &Slot) -> String {
    let pane = slot.front;
    let table = model.table(pane);
    let height = usize::from(slot.rows().height);
    let copied = model.snapshot.rows(pane).len();
    match () {
        () if pane != Pane::Events && model.snapshot.is_capped(pane) => {
            format!(" first {} ", text::thousands(copied as u64))
        }
        () if table.len() > height => {
            let (place, all) = (table.place() as u64 + 1, table.len() as u64);
            format!(" {}/{} ", text::thousands(place), text::thousands(all))
        }
        () => String::new(),
    }
}

fn width(label: &str) -> u16 {
    u16::try_from(text::width(label)).unwrap_or(u16::MAX)
}
