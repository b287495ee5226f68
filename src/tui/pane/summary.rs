//! What a value says, for one line of a pane. Agents write what they like; the shapes of the original
//! design are understood, anything else is shown as it is.

use serde_json::{Map, Value};

use crate::board::Key;
use crate::tui::text;

/// The longest value that is parsed for a line, and the most of a longer one that is looked at.
const LOOK_AT: usize = 16 * 1024;
/// The most characters that a cell keeps; no screen is wider.
const KEEP: usize = 300;

/// A value, ready for questions.
pub(super) struct Summary<'a> {
    fields: Map<String, Value>,
    raw: &'a str,
}

impl<'a> Summary<'a> {
    /// Looks at `value`.
    pub(super) fn of(value: &'a str) -> Self {
        let is_object = value.len() <= LOOK_AT && value.trim_start().starts_with('{');
        let fields = is_object
            .then(|| serde_json::from_str(value).ok())
            .flatten()
            .unwrap_or_default();
        Self { fields, raw: value }
    }

    /// Returns the first of the fields `names` that says something, as a clean line.
    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        let mut said = names.iter().filter_map(|name| match self.fields.get(*name)? {
            Value::String(text) if !text.is_empty() => Some(line(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        said.next()
    }

    /// Tells whether the field `name` is true.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.fields.get(name) == Some(&Value::Bool(true))
    }

    /// Returns the field `name` as a share of a hundred. A fraction below one is taken for a share of one.
    pub(super) fn percent(&self, name: &str) -> Option<u8> {
        let number = self.fields.get(name)?.as_f64()?;
        let percent = if number > 0.0 && number < 1.0 {
            number * 100.0
        } else {
            number
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was clamped"
        )]
        Some(percent.clamp(0.0, 100.0).round() as u8)
    }

    /// Returns the value itself as a clean line.
    pub(super) fn raw(&self) -> String {
        line(self.raw)
    }
}

/// Returns the beginning of `value` as a clean line, its white space drawn together.
pub(super) fn line(value: &str) -> String {
    let end = value.floor_char_boundary(LOOK_AT.min(value.len()));
    let words = value[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    text::clean(&words).chars().take(KEEP).collect()
}

/// Returns `key` decoded and clean, without its first `prefix` parts of those that colons separate.
pub(super) fn key_after(key: &Key, prefix: usize) -> String {
    let clean = text::clean(&key.decoded());
    let rest = clean.splitn(prefix + 1, ':').nth(prefix).map(str::to_owned);
    rest.filter(|rest| !rest.is_empty()).unwrap_or(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_that_says_something_is_taken() {
        let summary = Summary::of(r#"{"title":"","description":"Do\n it\u001b[31m","n":3}"#);
        assert_eq!(
            summary.text(&["title", "description"]).as_deref(),
            Some("Do it[31m")
        );
        assert_eq!(summary.text(&["n"]).as_deref(), Some("3"));
        assert_eq!(summary.text(&["absent"]), None);
        assert_eq!(Summary::of("not json").text(&["title"]), None);
    }

    #[test]
    fn progress_is_a_share_of_a_hundred_however_it_is_written() {
        let percent = |value| Summary::of(value).percent("progress");
        assert_eq!(percent(r#"{"progress":45}"#), Some(45));
        assert_eq!(percent(r#"{"progress":0.45}"#), Some(45));
        assert_eq!(percent(r#"{"progress":1e9}"#), Some(100));
        assert_eq!(percent(r#"{"progress":"45"}"#), None);
    }

    #[test]
    fn a_huge_value_is_not_parsed_and_cut_between_characters() {
        let value = format!("{{\"title\":\"{}\"}}", "é".repeat(LOOK_AT));
        assert_eq!(Summary::of(&value).text(&["title"]), None);
        assert_eq!(line(&value).chars().count(), KEEP);
    }

    #[test]
    fn keys_lose_their_prefix_but_never_everything() {
        let after = |key, prefix| key_after(&Key::parse(key).unwrap(), prefix);
        assert_eq!(after("lock:src/%5Bslug%5D.ts", 1), "src/[slug].ts");
        assert_eq!(after("status:impl-1:3.1:x", 2), "3.1:x");
        assert_eq!(after("task:", 1), "task:");
        assert_eq!(after("lock:a%1B%5B31m", 1), "a[31m");
    }
}
