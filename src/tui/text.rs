//! Text that is safe and fits: stripping, cutting by display width, wrapping.
//!
//! Everything that agents write passes [`clean`] or [`clean_lines`] before it is drawn, because a value may
//! hold an escape sequence. Widths are those of the terminal, never counts of bytes or characters.

use unicode_width::UnicodeWidthChar;

/// Returns `text` on one line, without anything that could steer a terminal or hide what is written.
pub(super) fn clean(text: &str) -> String {
    let printable = text
        .chars()
        .map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c });
    printable.filter(|c| is_harmless(*c)).collect()
}

/// Returns the lines of `text`, each of them clean.
pub(super) fn clean_lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| clean(&line.replace('\t', "    ")))
        .collect()
}

/// Tells whether `c` may reach the terminal.
///
/// Besides control characters this keeps out bidirectional overrides, which can make a line read as
/// something else, and invisible characters, over whose width terminals disagree.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Returns the columns that `text` takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Returns `text` cut to `columns`, with `…` at its end when something is missing.
pub(super) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns == 0 {
        return String::new();
    }
    let mut short = head(text, columns - 1).to_owned();
    short.push('…');
    short
}

/// Returns `text` cut to `columns` with `…` in its middle: of a key, both ends matter.
pub(super) fn shorten_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 4 {
        return shorten(text, columns);
    }
    let front = head(text, (columns - 1) / 3);
    let back = tail(text, columns - 1 - width(front));
    format!("{front}…{back}")
}

/// Returns `text` without what its first `columns` columns show.
pub(super) fn without(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        if used >= columns {
            return &text[at..];
        }
        used += char_width(c);
    }
    ""
}

/// Returns as much of the beginning of `text` as fits into `columns`.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += char_width(c);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Returns as much of the end of `text` as fits into `columns`.
fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices().rev() {
        used += char_width(c);
        if used > columns {
            return &text[at + c.len_utf8()..];
        }
    }
    text
}

/// Breaks `line` into pieces of at most `columns`, after a space where there is one not too far back.
pub(super) fn wrap(line: &str, columns: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = line;
    while width(rest) > columns {
        let mut fits = head(rest, columns.max(1));
        if fits.is_empty() {
            fits = &rest[..rest.chars().next().map_or(0, char::len_utf8)];
        }
        if let Some(space) = fits.rfind(' ').filter(|space| space * 3 > fits.len() * 2) {
            fits = &fits[..=space];
        }
        pieces.push(fits);
        rest = &rest[fits.len()..];
    }
    if pieces.is_empty() || !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// Returns JSON with each member on a line of its own, in the order in which it was written; `None` when
/// `text` is no JSON object or array.
pub(super) fn pretty(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        if quoted {
            out.push(c);
            match c {
                '\\' => out.extend(chars.next()),
                '"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Returns a number of bytes as people read it: `812 B`, `4.2 kB`, `10 MB`.
#[expect(clippy::cast_precision_loss, reason = "two digits for people")]
pub(super) fn bytes(count: usize) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let mut amount = count as f64 / 1_000.0;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1_000.0;
        unit += 1;
    }
    let digits = usize::from(amount < 9.95);
    format!("{amount:.digits$} {}", UNITS[unit])
}

/// Returns a count with a comma between groups of three digits.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}]52;c;eA==\u{7}"), "a[31mred]52;c;eA==");
        assert_eq!(clean("one\ntwo\tthree\u{9b}4m\u{0}"), "one two three4m");
        for c in ('\u{202A}'..='\u{202E}').chain('\u{2066}'..='\u{2069}') {
            assert_eq!(clean(&format!("x{c}y")), "xy", "{c:?}");
        }
        assert_eq!(clean("e\u{200d}\u{fe0f}"), "e");
        assert_eq!(clean_lines("a\n\tb\u{1b}c"), ["a", "    bc"]);
    }

    #[test]
    fn what_people_write_in_any_script_survives() {
        for text in ["größe", "日本語", "e\u{301}", "●○◆✓✗…", "שלום"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn cutting_counts_columns_and_marks_the_cut() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("日本語", 5), "日本…");
        assert_eq!(shorten("日本語", 4), "日…");
        assert_eq!(shorten("abc", 0), "");
        assert_eq!(
            shorten_middle("src/components/auth/login.ts", 16),
            "src/c…h/login.ts"
        );
        for columns in 0..40 {
            assert!(width(&shorten_middle("ключ/日本語/page.tsx", columns)) <= columns);
        }
    }

    #[test]
    fn wrapping_keeps_every_character_and_fits() {
        let text = "a rather long line with 日本語 inside and averyveryverylongword";
        for columns in 2..30 {
            let pieces = wrap(text, columns);
            assert_eq!(pieces.concat(), text);
            assert!(
                pieces.iter().all(|piece| width(piece) <= columns),
                "{columns}: {pieces:?}"
            );
        }
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
    }

    #[test]
    fn json_is_indented_in_its_own_order() {
        assert_eq!(
            pretty(r#"{"b":1,"a":[1,{"c":"x, {y}\""}],"e":{},"f":[ ]}"#).unwrap(),
            "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    {\n      \"c\": \"x, {y}\\\"\"\n    }\n  ],\n  \"e\": {},\n  \"f\": []\n}"
        );
        for text in ["", "plain", "{", "12", "[1"] {
            assert_eq!(pretty(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_read_well() {
        let read: Vec<_> = [0, 999, 1_000, 9_949, 9_951, 999_499, 999_500, 10_485_760]
            .map(bytes)
            .into();
        assert_eq!(
            read,
            [
                "0 B", "999 B", "1.0 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "10 MB"
            ]
        );
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
