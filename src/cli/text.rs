//! How things read on a terminal: durations, sizes, tables, and values that other agents wrote.

use std::fmt::Write as _;

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// The most characters of a value on one line; what is cut off is marked with `…`.
const MAX_VALUE_CHARS: usize = 160;

/// Returns `text` without what could control a terminal: values come from other agents.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && !"\n\t".contains(c) {
            '�'
        } else {
            c
        }
    };
    text.chars().map(shown).collect()
}

/// Returns the whole of `text` as one line, which can neither control a terminal nor pass for two.
pub(super) fn whole_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Returns `text` as one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let line = whole_line(text);
    match line.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns who holds what `row` tells of, all of them, if anybody does.
pub(super) fn holders(row: &Value) -> Option<String> {
    let first = row["heldBy"].as_str()?;
    let others = row["alsoHeldBy"].as_array().into_iter().flatten();
    let names: Vec<_> = std::iter::once(first)
        .chain(others.filter_map(Value::as_str))
        .collect();
    Some(names.join(", "))
}

/// Returns a duration in its two largest units: `4m 12s`.
pub(super) fn duration(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Returns a number of bytes in the largest unit that leaves it above one: `1.5 MiB`.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1_024 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1_024.0;
    let mut unit = 0;
    while size >= 1_024.0 && unit + 1 < UNITS.len() {
        size /= 1_024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Returns `rows` as columns, each as wide as its widest cell, with no blanks at the ends of lines.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let blanks = width.saturating_sub(cell.width()) + 2;
            let _ = write!(line, "{cell}{:blanks$}", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_agents_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\u{9b}c\n\td"), "a�[31mb�c\n\td");
        assert_eq!(one_line("a\u{1b}b\nc"), "a b c");
        assert_eq!(whole_line(&"x\n".repeat(500)), "x ".repeat(500));
        assert!(one_line(&"x".repeat(500)).ends_with("x…"));
        assert_eq!(one_line(&"x".repeat(160)), "x".repeat(160));
    }

    #[test]
    fn durations_and_sizes_are_short() {
        let times = [1, 59_001, 252_000, 3_600_000, 90_000_000].map(duration);
        assert_eq!(times, ["1s", "1m 0s", "4m 12s", "1h 0m", "1d 1h"]);
        let sizes = [0, 1_023, 1_536, 268_435_456].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.5 KiB", "256.0 MiB"]);
    }

    #[test]
    fn columns_align_by_display_width() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let text = table(&[row("KEY", "BY"), row("漢字", "x"), row("long-key", "")]);
        assert_eq!(text, "KEY       BY\n漢字      x\nlong-key\n");
    }
}
