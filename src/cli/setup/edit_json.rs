//! Edits of JSON with comments, from text to text: what is not ours keeps every byte.
//!
//! Each addition can be taken back exactly, see [`super::splice`]. Tolerates comments and trailing commas
//! everywhere, because it is for each client to say what it allows. Touches no file.

use std::ops::Range;

use jsonc_parser::ast::{Object, Value as Node};
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use super::splice::{self, Cut, List};

/// Why a text cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(in crate::cli) struct Broken {
    /// The line, from 1.
    pub(in crate::cli) line: usize,
    /// What is wrong with it.
    pub(in crate::cli) problem: String,
}

/// One step down into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Into the member of an object.
    Name(String),
    /// Into the element of an array.
    Index(usize),
}

/// What is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A member of an object: its name, and its value as JSON.
    Member(&'a str, &'a str),
    /// An element of an array, as JSON.
    Element(&'a str),
}

/// Returns what `text` says; nothing at all is `null`.
pub(in crate::cli) fn read(text: &str) -> Result<Value, Broken> {
    let bare = without_mark(text);
    let root = parse(bare)?;
    Ok(root.map_or(Value::Null, Value::from))
}

/// Returns `text` with `item` added below the objects that `path` names, which are made where they are missing.
/// Without a text there is no file yet.
pub(super) fn add(text: Option<&str>, path: &[&str], item: Item<'_>) -> Result<String, Broken> {
    let whole = text.unwrap_or_default();
    let bare = without_mark(whole);
    let added = match parse(bare)? {
        Some(root) => below(bare, &root, path, item)?,
        None => beside_nothing(bare, text.is_none(), path, item),
    };
    finished(whole, bare, &added)
}

/// Returns `text` without what `path` leads to, `None` when it is a whole file that was made for it.
pub(super) fn remove(text: &str, path: &[Step]) -> Result<Option<String>, Broken> {
    let bare = without_mark(text);
    let Some(root) = parse(bare)? else {
        return Ok(Some(text.to_owned()));
    };
    let mut path = path;
    while let Some((last, above)) = path.split_last() {
        let Some(container) = find(&root, above) else {
            return Ok(Some(text.to_owned()));
        };
        let Some((list, index)) = list_of(container).zip(position(container, last)) else {
            return Ok(Some(text.to_owned()));
        };
        match splice::cut(bare, &list, index) {
            Cut::Text(cut) => return finished(text, bare, &cut).map(Some),
            Cut::WholeList => path = above,
        }
    }
    Ok(without_root(bare, root.start()..root.end()).map(|rest| with_mark(text, bare, &rest)))
}

/// Returns `text` with the value that `path` leads to replaced by the JSON `value`.
pub(super) fn replace(text: &str, path: &[Step], value: &str) -> Result<String, Broken> {
    let bare = without_mark(text);
    let root = parse(bare)?;
    let Some(old) = root.as_ref().and_then(|root| find(root, path)) else {
        return Ok(text.to_owned());
    };
    let replaced = splice::spliced(bare, &[(old.start()..old.end(), value)]);
    finished(text, bare, &replaced)
}

/// Returns `text` with the member `name` of the object that `path` leads to being the JSON `value`, which goes behind the
/// others when there is none yet.
pub(super) fn set(text: &str, path: &[Step], name: &str, value: &str) -> Result<String, Broken> {
    let bare = without_mark(text);
    let root = parse(bare)?;
    let Some(Node::Object(object)) = root.as_ref().and_then(|root| find(root, path)) else {
        return Ok(text.to_owned());
    };
    let edited = match member(object, name) {
        Some(old) => splice::spliced(bare, &[(old.start()..old.end(), value)]),
        None => splice::insert(bare, &list_of_members(object), |_| {
            format!("{}: {value}", Value::from(name))
        }),
    };
    finished(text, bare, &edited)
}

fn below(text: &str, root: &Node<'_>, path: &[&str], item: Item<'_>) -> Result<String, Broken> {
    let mut container = root;
    let mut rest = path;
    while let Some((name, deeper)) = rest.split_first() {
        let object = object_of(text, container, &path[..path.len() - rest.len()])?;
        match member(object, name) {
            Some(value) => (container, rest) = (value, deeper),
            None => break,
        }
    }
    let fits = match (rest, item) {
        ([], Item::Element(_)) => matches!(container, Node::Array(_)),
        _ => matches!(container, Node::Object(_)),
    };
    let Some(list) = list_of(container).filter(|_| fits) else {
        let kind = if matches!(item, Item::Element(_)) {
            "a list"
        } else {
            "an object"
        };
        let named = path[..path.len() - rest.len()].join(".");
        return Err(broken(text, container.start(), format!("{named} is not {kind}")));
    };
    let unit = unit(text, root);
    let newline = splice::newline(text);
    Ok(splice::insert(text, &list, |indent| {
        nested(rest, item, newline, indent, &unit)
    }))
}

/// Returns a text that holds nothing but blanks and comments, with a document behind them.
///
/// How the text ends tells [`without_root`] what was there before: a file of our own ends its last line.
fn beside_nothing(text: &str, is_new: bool, path: &[&str], item: Item<'_>) -> String {
    let newline = splice::newline(text);
    let root = splice::made(
        ['{', '}'],
        &nested(path, item, newline, "  ", "  "),
        newline,
        "",
        "  ",
    );
    let open_comment = text.rsplit('\n').next().is_some_and(|line| line.contains("//"));
    match (is_new, open_comment) {
        (true, _) => format!("{root}{newline}"),
        (false, true) => format!("{text}{newline}{root}{newline}"),
        (false, false) => format!("{text}{root}"),
    }
}

/// Undoes [`beside_nothing`].
fn without_root(text: &str, root: Range<usize>) -> Option<String> {
    let (before, after) = (&text[..root.start], &text[root.end..]);
    if !matches!(after, "\n" | "\r\n") {
        return Some(format!("{before}{after}"));
    }
    let before = before.strip_suffix(after).unwrap_or(before);
    (!before.is_empty()).then(|| before.to_owned())
}

fn nested(path: &[&str], item: Item<'_>, newline: &str, indent: &str, unit: &str) -> String {
    let Some((name, rest)) = path.split_first() else {
        return match item {
            Item::Member(name, value) => format!("{}: {value}", Value::from(name)),
            Item::Element(value) => value.to_owned(),
        };
    };
    let brackets = match (rest, item) {
        ([], Item::Element(_)) => ['[', ']'],
        _ => ['{', '}'],
    };
    let inner = nested(rest, item, newline, &format!("{indent}{unit}"), unit);
    let list = splice::made(brackets, &inner, newline, indent, unit);
    format!("{}: {list}", Value::from(*name))
}

/// Returns by how much the document indents what is one deeper.
fn unit(text: &str, root: &Node<'_>) -> String {
    let first = list_of(root).and_then(|list| list.items.first().cloned());
    let unit = first.map_or("", |first| splice::indentation(text, first.start));
    let unit = if unit.is_empty() { "  " } else { unit };
    unit.to_owned()
}

fn parse(text: &str) -> Result<Option<Node<'_>>, Broken> {
    let options = ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => Ok(parsed.value),
        Err(error) => Err(Broken {
            line: error.line_display(),
            problem: error.kind().to_string(),
        }),
    }
}

fn find<'n, 't>(root: &'n Node<'t>, path: &[Step]) -> Option<&'n Node<'t>> {
    path.iter().try_fold(root, |node, step| match (node, step) {
        (Node::Object(object), Step::Name(name)) => member(object, name),
        (Node::Array(array), Step::Index(index)) => array.elements.get(*index),
        _ => None,
    })
}

/// Returns the member that counts when a name occurs twice, which is the last.
fn member<'n, 't>(object: &'n Object<'t>, name: &str) -> Option<&'n Node<'t>> {
    let mut members = object.properties.iter().rev();
    members
        .find(|member| member.name.as_str() == name)
        .map(|member| &member.value)
}

fn position(container: &Node<'_>, step: &Step) -> Option<usize> {
    match (container, step) {
        (Node::Object(object), Step::Name(name)) => object
            .properties
            .iter()
            .rposition(|member| member.name.as_str() == name),
        (Node::Array(array), Step::Index(index)) => (*index < array.elements.len()).then_some(*index),
        _ => None,
    }
}

fn list_of(node: &Node<'_>) -> Option<List> {
    match node {
        Node::Object(object) => Some(list_of_members(object)),
        Node::Array(array) => {
            let elements = array.elements.iter();
            Some(List {
                open: array.start() + 1,
                close: array.end() - 1,
                items: elements.map(|element| element.start()..element.end()).collect(),
            })
        }
        _ => None,
    }
}

fn list_of_members(object: &Object<'_>) -> List {
    let members = object.properties.iter();
    List {
        open: object.start() + 1,
        close: object.end() - 1,
        items: members.map(|member| member.start()..member.end()).collect(),
    }
}

fn object_of<'n, 't>(text: &str, node: &'n Node<'t>, path: &[&str]) -> Result<&'n Object<'t>, Broken> {
    let Node::Object(object) = node else {
        let named = if path.is_empty() {
            "the whole".to_owned()
        } else {
            path.join(".")
        };
        return Err(broken(text, node.start(), format!("{named} is not an object")));
    };
    Ok(object)
}

/// Returns the edited text as a file, once it has been seen that it can still be read.
fn finished(whole: &str, bare: &str, edited: &str) -> Result<String, Broken> {
    parse(edited).map_err(|broken| Broken {
        line: broken.line,
        problem: format!("cannot be edited without harm ({})", broken.problem),
    })?;
    Ok(with_mark(whole, bare, edited))
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn with_mark(whole: &str, bare: &str, edited: &str) -> String {
    format!("{}{edited}", &whole[..whole.len() - bare.len()])
}

fn broken(text: &str, at: usize, problem: String) -> Broken {
    Broken {
        line: line_of(text, at),
        problem,
    }
}

/// Returns the line of `at`, from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests;
