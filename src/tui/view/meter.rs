//! Shares drawn as bars: of time that remains, of work that is done.

use ratatui::style::Style;
use ratatui::text::Span;

/// Returns a bar of `width` columns of which `share` is filled, in halves of a column. Filled and empty
/// differ by their glyphs, not by colour alone.
pub(super) fn bar(share: f64, width: usize, full: Style, empty: Style) -> [Span<'static>; 2] {
    let halves = width * 2;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a screen's width"
    )]
    let filled = ((share.clamp(0.0, 1.0) * halves as f64).ceil() as usize).min(halves);
    let mut bar = "━".repeat(filled / 2);
    if filled % 2 == 1 {
        bar.push('╸');
    }
    let rest = "─".repeat(width - filled.div_ceil(2));
    [Span::styled(bar, full), Span::styled(rest, empty)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_as_it_should_be_and_empty_only_at_the_end() {
        let drawn = |share| {
            let [full, rest] = bar(share, 4, Style::new(), Style::new());
            format!("{full}{rest}")
        };
        assert_eq!(drawn(1.0), "━━━━");
        assert_eq!(drawn(0.5), "━━──");
        assert_eq!(drawn(0.51), "━━╸─");
        assert_eq!(drawn(0.001), "╸───");
        assert_eq!(drawn(0.0), "────");
        assert_eq!(drawn(7.0), "━━━━");
    }
}
