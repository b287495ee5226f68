//! Patterns over keys, where `*` stands for any run of characters.

use super::limits::MAX_KEY_CHARS;
use super::{KeyError, Refusal};

/// A pattern such as `lock:*` or `msg:*:architect:*`.
///
/// Its literal head bounds the range that is read; matching is linear in the key for each `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    head: Box<str>,
    /// The literal texts after the first `*`; `None` when the pattern has no `*`.
    tail: Option<Vec<Box<str>>>,
}

impl Pattern {
    /// Returns the pattern that `text` spells.
    ///
    /// Refuses an empty text, more than 255 characters, and characters that no key can hold.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        if text.chars().count() > MAX_KEY_CHARS {
            return Err(KeyError::TooLong.into());
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":_./-%*".contains(&byte);
        if text.is_empty() || !text.bytes().all(fits) {
            return Err(Refusal::Invalid {
                field: "pattern",
                problem: "use the characters of keys and * for any run, such as lock:*".to_owned(),
            });
        }
        let mut parts = text.split('*').map(Box::from);
        let head = parts.next().unwrap_or_default();
        let tail: Vec<_> = parts.collect();
        Ok(Self {
            head,
            tail: (!tail.is_empty()).then_some(tail),
        })
    }

    /// Returns the pattern that every key matches.
    pub fn all() -> Self {
        Self {
            head: Box::default(),
            tail: Some(vec![Box::default()]),
        }
    }

    /// Returns the pattern of all keys that begin with `head`.
    pub fn prefix(head: &str) -> Self {
        Self {
            head: Box::from(head),
            tail: Some(vec![Box::default()]),
        }
    }

    /// Returns what every matching key begins with.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Tells whether every key that begins with `head` matches, as far as that can be told at a glance.
    pub(crate) fn is_all_under(&self, head: &str) -> bool {
        let rest = self.tail.as_deref();
        head.starts_with(&*self.head) && rest.is_some_and(|rest| rest.iter().all(|part| part.is_empty()))
    }

    /// Tells whether `key` matches.
    pub fn matches(&self, key: &str) -> bool {
        let Some(rest) = key.strip_prefix(&*self.head) else {
            return false;
        };
        let Some(tail) = &self.tail else {
            return rest.is_empty();
        };
        let Some((last, middle)) = tail.split_last() else {
            return true;
        };
        let mut rest = rest;
        for part in middle {
            match rest.find(&**part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(&**last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, key: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(key)
    }

    #[test]
    fn star_stands_for_any_run_also_an_empty_one() {
        assert!(matches("lock:*", "lock:src/a.rs"));
        assert!(matches("lock:*", "lock:"));
        assert!(!matches("lock:*", "task:1"));
        assert!(matches("msg:*:architect:*", "msg:impl-1:architect:17"));
        assert!(!matches("msg:*:architect:*", "msg:architect:impl-1:17"));
        assert!(matches("*", "anything"));
        assert!(matches("a*b*a", "aba"));
        assert!(!matches("a*a", "a"));
        assert!(matches("**", "x"));
    }

    #[test]
    fn without_a_star_it_is_the_key_itself() {
        assert!(matches("task:1", "task:1"));
        assert!(!matches("task:1", "task:10"));
    }

    #[test]
    fn what_no_key_can_hold_is_refused() {
        for text in ["", "a b", "lock:[slug]", &"k".repeat(256)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
