//! Edits of Codex's TOML, from text to text: one table of a server is put in and taken out again.
//!
//! The table goes to the end of the text, behind a blank line, and whether its own last line ends tells whether
//! the line before it did. So taking out is the exact inverse of putting in. Touches no file.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Table, Value};

use super::edit_json::{Broken, line_of};
use super::splice::{newline, spliced};

/// The table in which Codex keeps its servers.
const SERVERS: &str = "mcp_servers";

/// How a server is started, as the text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Server {
    pub(in crate::cli) program: String,
    pub(in crate::cli) arguments: Vec<String>,
}

/// Returns the server called `name`.
pub(in crate::cli) fn server(text: &str, name: &str) -> Result<Option<Server>, Broken> {
    let document = parse(text)?;
    let Some(table) = document.get(SERVERS).and_then(|servers| servers.get(name)) else {
        return Ok(None);
    };
    let program = table.get("command").and_then(Item::as_str).unwrap_or_default();
    let arguments = table.get("args").and_then(Item::as_array);
    let arguments = arguments.into_iter().flatten().filter_map(Value::as_str);
    Ok(Some(Server {
        program: program.to_owned(),
        arguments: arguments.map(str::to_owned).collect(),
    }))
}

/// Returns `text` with a server called `name`, whose `lines` are `key = value`. Without a text there is no file yet.
pub(super) fn add(text: Option<&str>, name: &str, lines: &[String]) -> Result<String, Broken> {
    let is_new = text.is_none();
    let text = text.unwrap_or_default();
    let document = parse(text)?;
    let added = match document.get(SERVERS) {
        None | Some(Item::Table(_)) => appended(text, is_new, name, lines),
        Some(Item::Value(Value::InlineTable(servers))) => inlined(text, servers, name, lines),
        Some(other) => {
            let at = other.span().map_or(0, |span| span.start);
            return Err(broken(text, at, format!("{SERVERS} is not a table")));
        }
    };
    checked(added)
}

/// Returns `text` without the server called `name`, `None` when it is a whole file that was made for it.
pub(super) fn remove(text: &str, name: &str) -> Result<Option<String>, Broken> {
    let document = parse(text)?;
    let Some(servers) = document.get(SERVERS) else {
        return Ok(Some(text.to_owned()));
    };
    match (servers, servers.get(name)) {
        (_, None) => Ok(Some(text.to_owned())),
        (Item::Value(Value::InlineTable(servers)), Some(_)) => {
            checked(without_inlined(text, servers, name)).map(Some)
        }
        (_, Some(Item::Table(table))) if !table.is_dotted() => {
            let mut blocks = Vec::new();
            collect_blocks(text, table, &mut blocks);
            blocks.sort_by_key(|block| block.start);
            let (mut rest, mut whole_file) = (text.to_owned(), false);
            for block in blocks.iter().rev() {
                (rest, whole_file) = without_block(&rest, block);
            }
            if whole_file && rest.is_empty() {
                return Ok(None);
            }
            checked(rest).map(Some)
        }
        (_, Some(other)) => {
            let at = other.span().map_or(0, |span| span.start);
            let problem = format!("{SERVERS}.{name} is not a table of its own; remove it by hand");
            Err(broken(text, at, problem))
        }
    }
}

/// Returns `text` with values of the server called `name` replaced, each given with its key, as TOML.
pub(super) fn replace(text: &str, name: &str, values: &[(&str, String)]) -> Result<String, Broken> {
    let document = parse(text)?;
    let table = document.get(SERVERS).and_then(|servers| servers.get(name));
    let mut changes = Vec::new();
    for (key, value) in values {
        let old = table.and_then(|table| table.get(key)).and_then(Item::span);
        changes.extend(old.map(|old| (old, value.as_str())));
    }
    changes.sort_by_key(|(range, _)| range.start);
    checked(spliced(text, &changes))
}

fn appended(text: &str, is_new: bool, name: &str, lines: &[String]) -> String {
    let newline = newline(text);
    let block = format!("[{SERVERS}.{name}]{newline}{}", lines.join(newline));
    match text {
        "" if is_new => format!("{block}{newline}"),
        "" => block,
        _ if text.ends_with('\n') => format!("{text}{newline}{block}{newline}"),
        _ => format!("{text}{newline}{newline}{block}"),
    }
}

/// Undoes [`appended`] for one block; the second tells whether a file with only this was a new one.
fn without_block(text: &str, block: &Range<usize>) -> (String, bool) {
    let (before, after) = (&text[..block.start], &text[block.end..]);
    let one_line_less = |text: &str| {
        let text = text.strip_suffix('\n').unwrap_or(text);
        text.strip_suffix('\r').unwrap_or(text).len()
    };
    let ends_its_line = after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n'));
    let blank_line_before =
        before.ends_with("\n\n") || before.ends_with("\n\r\n") || before.trim().is_empty();
    let keep = match ends_its_line {
        Some(_) if blank_line_before => one_line_less(before),
        Some(_) => before.len(),
        None => one_line_less(&before[..one_line_less(before)]),
    };
    let rest = format!("{}{}", &before[..keep], ends_its_line.unwrap_or(after));
    (rest, ends_its_line.is_some() && before.is_empty())
}

/// Collects where `table` and the tables below it are written, each up to the end of its last line.
fn collect_blocks(text: &str, table: &Table, blocks: &mut Vec<Range<usize>>) {
    if let Some(header) = table.span().filter(|_| !table.is_implicit()) {
        let end = last_value_end(table).unwrap_or(header.end).max(header.end);
        let line_end = text[end..].find('\n').map_or(text.len(), |length| end + length);
        let line_end = text[..line_end].trim_end_matches('\r').len();
        blocks.push(header.start..line_end.max(end));
    }
    for (_, item) in table {
        if let Item::Table(below) = item {
            collect_blocks(text, below, blocks);
        }
    }
}

fn last_value_end(table: &Table) -> Option<usize> {
    let ends = table.iter().filter_map(|(_, item)| match item {
        Item::Value(value) => value.span().map(|span| span.end),
        Item::Table(below) if below.is_dotted() => last_value_end(below),
        _ => None,
    });
    ends.max()
}

fn inlined(text: &str, servers: &InlineTable, name: &str, lines: &[String]) -> String {
    let entry = format!("{name} = {{ {} }}", lines.join(", "));
    let Some(last) = members(servers).pop() else {
        let open = servers.span().map_or(text.len(), |span| span.start + 1);
        let held = &text[open..servers.span().map_or(open, |span| span.end - 1)];
        let blanks = if held.trim().is_empty() { held } else { "" };
        return spliced(text, &[(open..open, &format!("{blanks}{entry}"))]);
    };
    spliced(text, &[(last.end..last.end, &format!(", {entry}"))])
}

fn without_inlined(text: &str, servers: &InlineTable, name: &str) -> String {
    let members = members(servers);
    let own = servers.get_key_value(name).and_then(|(key, _)| key.span());
    let at = members
        .iter()
        .position(|member| Some(member.start) == own.as_ref().map(|own| own.start));
    let Some(at) = at else {
        return text.to_owned();
    };
    let range = match (at.checked_sub(1), members.get(at + 1)) {
        (Some(before), _) => members[before].end..members[at].end,
        (None, Some(next)) => members[at].start..next.start,
        (None, None) => servers.span().map_or(members[at].start, |span| span.start + 1)..members[at].end,
    };
    spliced(text, &[(range, "")])
}

/// Returns where the members of an inline table are, in the text's order.
fn members(table: &InlineTable) -> Vec<Range<usize>> {
    let mut ranges: Vec<_> = table
        .iter()
        .filter_map(|(name, value)| {
            let key = table.get_key_value(name)?.0.span()?;
            Some(key.start..value.span()?.end)
        })
        .collect();
    ranges.sort_by_key(|range| range.start);
    ranges
}

fn parse(text: &str) -> Result<Document<&str>, Broken> {
    Document::parse(text).map_err(|error| Broken {
        line: line_of(text, error.span().map_or(0, |span| span.start.min(text.len()))),
        problem: error.message().trim().replace('\n', ", "),
    })
}

/// Returns the edited text once it has been seen that it can still be read.
fn checked(text: String) -> Result<String, Broken> {
    match parse(&text) {
        Ok(_) => Ok(text),
        Err(broken) => Err(Broken {
            problem: format!("cannot be edited without harm ({})", broken.problem),
            ..broken
        }),
    }
}

fn broken(text: &str, at: usize, problem: String) -> Broken {
    Broken {
        line: line_of(text, at),
        problem,
    }
}

#[cfg(test)]
mod tests;
