//! Puts an item into a bracketed list of a text and takes it out again: an object's members, an array's
//! elements. Knows brackets, commas, comments and blanks; not what the items mean.
//!
//! Taking out is the exact inverse of putting in, with nothing remembered in between. So the form of what is
//! put in tells what was there before:
//!
//! - Into a list with items, it goes behind the last, in the way that the last is written, and the blanks
//!   before it are its own. A comma behind the last item shows whether there was one.
//! - Into an empty list it goes at once behind the bracket, after a copy of the blanks that the list holds.
//! - A list that was made for the item has it on a line of its own, deeper than the closing bracket, which
//!   never comes out of the second rule. Such a list goes with its item.

use std::ops::Range;

/// A bracketed list, by its places in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// Right behind the opening bracket.
    pub(super) open: usize,
    /// Right before the closing bracket.
    pub(super) close: usize,
    /// The items, in their order, without the commas.
    pub(super) items: Vec<Range<usize>>,
}

/// What came of taking an item out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The text without it.
    Text(String),
    /// The list was made for it and is to be taken out in its place.
    WholeList,
}

/// Returns `text` with an item behind the others of `list`; `render` writes it for an indentation.
pub(super) fn insert(text: &str, list: &List, render: impl FnOnce(&str) -> String) -> String {
    let Some(last) = list.items.last() else {
        let held = &text[list.open..list.close];
        let blanks = if held.trim().is_empty() { held } else { "" };
        let item = render(indentation(text, list.open));
        return spliced(text, &[(list.open..list.open, &format!("{blanks}{item}"))]);
    };
    let own_line = text[..last.start].trim_end_matches([' ', '\t']).ends_with('\n');
    let indent = indentation(text, if own_line { last.start } else { list.open });
    let item = render(indent);
    let comma = comma_after(text, last.end, list.close);
    let remark_end = same_line_comments_end(text, comma.map_or(last.end, |comma| comma + 1));
    let after_line_comment =
        ends_in_line_comment(text, comma.map_or(last.end, |comma| comma + 1), remark_end);
    let blanks = if own_line || after_line_comment {
        format!("{}{indent}", newline(text))
    } else {
        " ".to_owned()
    };
    match comma {
        Some(_) => spliced(text, &[(remark_end..remark_end, &format!("{blanks}{item},"))]),
        None => spliced(
            text,
            &[
                (last.end..last.end, ","),
                (remark_end..remark_end, &format!("{blanks}{item}")),
            ],
        ),
    }
}

/// Returns `text` without the item at `index` of `list`.
pub(super) fn cut(text: &str, list: &List, index: usize) -> Cut {
    let Some(item) = list.items.get(index) else {
        return Cut::Text(text.to_owned());
    };
    let start = blanks_start(text, list, index, item.start);
    let comma_behind = comma_after(text, item.end, next_start(list, index));
    if list.items.len() == 1 {
        let after = &text[comma_behind.map_or(item.end, |comma| comma + 1)..list.close];
        if is_made(&text[list.open..item.start], after) {
            return Cut::WholeList;
        }
    }
    let comma = match comma_behind {
        Some(comma) => Some(comma),
        None if index > 0 => comma_after(text, list.items[index - 1].end, item.start),
        None => None,
    };
    let mut cuts = vec![(start..item.end, "")];
    cuts.extend(comma.map(|comma| (comma..comma + 1, "")));
    cuts.sort_by_key(|(range, _)| range.start);
    // A comma right before the item lies before the blanks that are cut as well, so the ranges never overlap.
    Cut::Text(spliced(text, &cuts))
}

/// Returns where the blanks before an item begin, which came with it.
///
/// A remark behind the item before it may end in blanks of its own.
fn blanks_start(text: &str, list: &List, index: usize, item_start: usize) -> usize {
    let floor = match index.checked_sub(1).and_then(|before| list.items.get(before)) {
        Some(before) => {
            let comma = comma_after(text, before.end, item_start);
            same_line_comments_end(text, comma.map_or(before.end, |comma| comma + 1))
        }
        None => list.open,
    };
    let trimmed = text[..item_start].trim_end_matches([' ', '\t', '\r', '\n']).len();
    trimmed.max(floor.min(item_start))
}

/// Returns a list of one item in the form that tells that it was made for it.
pub(super) fn made(brackets: [char; 2], item: &str, newline: &str, indent: &str, unit: &str) -> String {
    let [open, close] = brackets;
    format!("{open}{newline}{indent}{unit}{item}{newline}{indent}{close}")
}

/// Tells whether a list with `before` and `after` around its one item is of the form of [`made`].
fn is_made(before: &str, after: &str) -> bool {
    let indent_of = |blanks: &str| -> Option<usize> {
        let indent = blanks.trim_start_matches('\r').strip_prefix('\n')?;
        indent.chars().all(|c| " \t".contains(c)).then_some(indent.len())
    };
    matches!((indent_of(before), indent_of(after)), (Some(item), Some(bracket)) if item > bracket)
}

/// Returns `text` with each range replaced; the ranges are in order and apart.
pub(super) fn spliced(text: &str, changes: &[(Range<usize>, &str)]) -> String {
    let mut result = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for (range, new) in changes {
        result.push_str(&text[done..range.start]);
        result.push_str(new);
        done = range.end;
    }
    result.push_str(&text[done..]);
    result
}

/// Returns the line end that `text` uses.
pub(super) fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Returns the blanks at the beginning of the line of `at`.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn next_start(list: &List, index: usize) -> usize {
    list.items.get(index + 1).map_or(list.close, |next| next.start)
}

/// Returns where the comma is between `from` and `to`, where nothing but blanks and comments is.
fn comma_after(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while at < to {
        let rest = &text[at..to];
        at = match comment(rest) {
            Some(length) => at + length,
            None if rest.starts_with(',') => return Some(at),
            None => at + rest.chars().next()?.len_utf8(),
        };
    }
    None
}

/// Returns the end of the comments that begin on the line of `from`; without any, `from`.
fn same_line_comments_end(text: &str, from: usize) -> usize {
    let mut end = from;
    loop {
        let rest = &text[end..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        match comment(&rest[blanks..]) {
            Some(length) => end += blanks + length,
            None => return end,
        }
    }
}

fn ends_in_line_comment(text: &str, from: usize, to: usize) -> bool {
    let mut at = from;
    let mut line_comment = false;
    while at < to {
        let rest = &text[at..to];
        at += match comment(rest) {
            Some(length) => {
                line_comment = rest.starts_with("//");
                length
            }
            None => 1,
        };
    }
    line_comment
}

/// Returns the length of the comment that `text` begins with; a line comment ends before its line end.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        let line = text.split('\n').next().unwrap_or_default();
        return Some(line.trim_end_matches('\r').len());
    }
    let inner = text.strip_prefix("/*")?;
    let marks = "/**/".len();
    Some(inner.find("*/").map_or(text.len(), |length| length + marks))
}
