//! The top of the screen: which board this is, and how it does.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::board::Stats;
use crate::tui::state::Model;
use crate::tui::{span, text};

/// Draws the header, on one line or two.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let theme = &model.theme;
    let mut left = vec![
        Span::raw(" "),
        Span::styled("callboard", theme.accent),
        Span::raw("  "),
        Span::styled(
            text::shorten(&text::clean(&model.facts.project), 24),
            theme.strong,
        ),
    ];
    let namespace = model.snapshot.namespace_name();
    if !namespace.is_empty() {
        left.push(Span::styled(
            format!(" · {}", text::shorten(namespace, 16)),
            theme.dim,
        ));
    }
    if model.paused {
        left.push(Span::raw("  "));
        left.push(Span::styled(" PAUSED ", theme.badge));
    }
    let stats = model.snapshot.stats.as_ref();
    let facts = stats.map(|stats| figures(model, stats)).unwrap_or_default();
    both_ends(model, frame, Rect { height: 1, ..area }, left, &facts);
    if area.height > 1 {
        let socket = text::clean(&model.facts.socket.to_string_lossy());
        let facts = model.snapshot.stats.as_ref().map(state).unwrap_or_default();
        let room = usize::from(area.width).saturating_sub(text::width(&facts.join("  ")) + 5);
        let left = vec![
            Span::raw(" "),
            Span::styled(text::shorten_middle(&socket, room), theme.dim),
        ];
        let line = Rect {
            y: area.y + 1,
            height: 1,
            ..area
        };
        both_ends(model, frame, line, left, &facts);
    }
}

/// Returns what changes most, the most important first.
fn figures(model: &Model, stats: &Stats) -> Vec<String> {
    let elsewhere = model.snapshot.elsewhere;
    let elsewhere = (elsewhere > 0).then(|| format!("+{elsewhere} in other namespaces"));
    let agents = match model.snapshot.here {
        0 => "○ no agents".to_owned(),
        1 => "● 1 agent".to_owned(),
        agents => format!("● {agents} agents"),
    };
    let rate = match stats.ops_per_second {
        rate if rate < 9.95 && rate > 0.0 => format!("{rate:.1} ops/s"),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of calls"
        )]
        rate => format!("{} ops/s", text::thousands(rate.round() as u64)),
    };
    let hits = stats
        .hit_rate()
        .map(|share| format!("{:.0}% hits", share * 100.0));
    let memory = text::bytes(stats.bytes() + stats.key_bytes());
    [Some(agents), elsewhere, Some(rate), hits, Some(memory)]
        .into_iter()
        .flatten()
        .collect()
}

fn state(stats: &Stats) -> Vec<String> {
    let keys = match stats.keys() {
        1 => "1 key".to_owned(),
        keys => format!("{} keys", text::thousands(keys as u64)),
    };
    vec![
        keys,
        format!("rev {}", stats.rev),
        format!("up {}", span::minutes(stats.uptime)),
    ]
}

/// Draws `left` and, at the other end, as many of `facts` as there is room for.
fn both_ends(model: &Model, frame: &mut Frame<'_>, area: Rect, left: Vec<Span<'_>>, facts: &[String]) {
    let left = Line::from(left);
    let room = usize::from(area.width).saturating_sub(left.width() + 2);
    let mut shown = facts;
    let mut right = shown.join("  ");
    while text::width(&right) + 1 > room && !shown.is_empty() {
        shown = &shown[..shown.len() - 1];
        right = shown.join("  ");
    }
    frame.render_widget(left, area);
    let style = model.theme.text;
    frame.render_widget(
        Line::styled(format!("{right} "), style).right_aligned(),
        area_of(area, &right),
    );
}

/// Returns the right end of `area` that `text` and a blank take.
fn area_of(area: Rect, text: &str) -> Rect {
    let needs = u16::try_from(text::width(text) + 1)
        .unwrap_or(u16::MAX)
        .min(area.width);
    Rect {
        x: area.right() - needs,
        width: needs,
        ..area
    }
}
