//! Who waits for whom: at the top who is in the way, below it those who wait for it, and so on.

use ratatui::Frame;
use ratatui::layout::{Constraint, Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::over;
use crate::board::{Mode, Target, locked_target};
use crate::tui::holders::{Held, Holder};
use crate::tui::state::Model;
use crate::tui::waits::{Link, Wait};
use crate::tui::{span, text};

/// Draws the picture over the panes, as high as it needs to be.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, body: Rect, top: usize) {
    let needs = lines(model, body.width.saturating_sub(4)).len() + 2;
    let body = body.centered_vertically(Constraint::Length(u16::try_from(needs).unwrap_or(u16::MAX)));
    let waiting = match model.snapshot.waits.all().len() {
        1 => "· 1 waits ".to_owned(),
        many => format!("· {many} wait "),
    };
    let hidden = overflow(model, body);
    let hint = match (top, hidden) {
        (_, 0) => String::new(),
        (top, hidden) if top >= hidden => "· end ".to_owned(),
        (top, hidden) => format!("· ↓ {} more lines ", hidden - top),
    };
    let title = Line::from(vec![
        Span::styled(" Who waits for whom ", model.theme.focus),
        Span::styled(waiting, model.theme.warn),
        Span::styled(hint, model.theme.dim),
    ]);
    let inner = over(model, frame, body, title).inner(Margin::new(1, 0));
    let shown = lines(model, inner.width).into_iter().skip(top);
    let shown = shown.take(usize::from(inner.height)).collect::<Vec<_>>();
    frame.render_widget(Paragraph::new(shown), inner);
}

/// Returns how many lines do not fit.
pub(super) fn overflow(model: &Model, body: Rect) -> usize {
    let inner = body.inner(Margin::new(2, 1));
    lines(model, inner.width)
        .len()
        .saturating_sub(usize::from(inner.height))
}

fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let width = usize::from(width).max(1);
    let picture = model.snapshot.waits.picture(&model.snapshot.holders);
    if picture.is_empty() {
        return vec![Line::styled("nobody waits any more", theme.dim)];
    }
    let mut lines = Vec::new();
    for (at, link) in picture.iter().enumerate() {
        if link.more.is_empty() {
            if at > 0 {
                lines.push(Line::default());
            }
            top(model, link, width, &mut lines);
        } else {
            lines.push(branch(model, link, width));
        }
    }
    lines
}

/// Adds someone who is in the way and waits for nobody: its name, and what it holds that others want.
fn top(model: &Model, link: &Link<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let theme = &model.theme;
    let name = text::clean(&link.owner.name);
    let holder = model.snapshot.holder(link.owner);
    let mut line = Line::styled(text::shorten(&name, width / 2), theme.strong);
    match (holder, link.wait) {
        (_, Some(wait)) => line.extend(wants(model, wait, width / 2)),
        (Some(Holder { orphaned: true, .. }), None) => {
            line.push_span(Span::styled(" is gone", theme.error));
        }
        (Some(holder), None) => {
            let idle = span::ago(model.now.since(holder.active));
            let idle = if idle == "now" {
                " active now".to_owned()
            } else {
                format!(" idle {idle}")
            };
            line.push_span(Span::styled(idle, theme.dim));
        }
        (None, None) => {}
    }
    lines.push(line);
    for held in &link.holds {
        lines.push(hold(model, held, width));
    }
}

/// Returns a line about a lock that is in somebody's way.
fn hold(model: &Model, held: &Held, width: usize) -> Line<'static> {
    const LEFT: usize = 12;
    let theme = &model.theme;
    let lease = held.lease();
    let why = lease.and_then(|lease| lease.why.as_deref()).map(text::clean);
    let shared = lease.is_some_and(|lease| lease.mode == Mode::Shared);
    let verb = if shared { "shares " } else { "holds " };
    let name = text::shorten_middle(&shown_target(held), (width / 2).saturating_sub(verb.len()));
    let mut line = Line::from(vec![
        Span::styled("│ ", theme.dim),
        Span::styled(verb, theme.dim),
        Span::styled(name, theme.text),
        Span::styled(", ", theme.dim),
    ]);
    line.extend(super::pane::left(theme, held.left, model.now, LEFT, 0));
    if let Some(why) = why {
        let room = width.saturating_sub(line.width() + 1);
        line.push_span(Span::styled(format!(" {}", text::shorten(&why, room)), theme.dim));
    }
    line
}

fn shown_target(held: &Held) -> String {
    locked_target(&held.key, &held.entry.value).map_or_else(String::new, |target| text::clean(&target.text()))
}

/// Returns the line of someone who waits, hung below the one that is before it.
fn branch(model: &Model, link: &Link<'_>, width: usize) -> Line<'static> {
    let theme = &model.theme;
    let Some((last, above)) = link.more.split_last() else {
        return Line::default();
    };
    let mut tree: String = above
        .iter()
        .map(|more| if *more { "│  " } else { "   " })
        .collect();
    tree.push_str(if *last { "├─ " } else { "└─ " });
    let name = text::shorten(&text::clean(&link.owner.name), width / 3);
    let mut line = Line::from(vec![
        Span::styled(tree, theme.dim),
        Span::styled(name, theme.strong),
    ]);
    let room = width.saturating_sub(line.width());
    if let Some(wait) = link.wait {
        line.extend(wants(model, wait, room));
    }
    // What the one right above holds stands there only when it is at the top.
    if let (Some(held), false) = (link.holds.first(), above.is_empty()) {
        let left = span::left(held.left.until.since(model.now));
        let target = shown_target(held);
        let room = width.saturating_sub(line.width() + left.len() + 9);
        let by = format!(" ({}, {left} left)", text::shorten_middle(&target, room));
        line.push_span(Span::styled(by, theme.dim));
    }
    let room = width.saturating_sub(line.width());
    if let [first, rest @ ..] = &link.others[..] {
        let more = if rest.is_empty() {
            String::new()
        } else {
            format!(" and {} more", rest.len())
        };
        let also = format!(", also for {}{more}", text::clean(&first.name));
        line.push_span(Span::styled(text::shorten(&also, room), theme.dim));
    }
    line
}

/// Returns what somebody waits for, and for how long already.
fn wants(model: &Model, wait: &Wait, room: usize) -> Vec<Span<'static>> {
    let theme = &model.theme;
    let targets: Vec<_> = wait
        .wish
        .targets
        .iter()
        .map(|target: &Target| text::clean(&target.text()))
        .collect();
    let targets = targets.join(", ");
    let waited = match wait.kept_until {
        Some(until) => format!(", place kept {}", span::left(until.since(model.now))),
        None => match span::ago(wait.waited(model.now)).as_str() {
            "now" => ", just now".to_owned(),
            age => format!(", {age} already"),
        },
    };
    let rest = room.saturating_sub(text::width(&waited) + 3);
    let style = if wait.kept_until.is_some() {
        theme.dim
    } else {
        theme.warn
    };
    vec![
        Span::styled(" → ", theme.dim),
        Span::styled(text::shorten_middle(&targets, rest), theme.text),
        Span::styled(waited, style),
    ]
}
