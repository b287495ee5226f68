//! Keys: their grammar, their kinds, and file names inside them.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::limits::MAX_KEY_CHARS;

/// A valid key: 1 to 255 characters of `^([A-Za-z0-9:_./-]|%[0-9A-F]{2})+$`.
///
/// The original grammar lacks `/`, though its own examples need it; `%HH` gives every file name a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

/// Why a text is not a key. The texts are those of the original design, to the letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// More than 255 characters, counted as JSON Schema counts them.
    #[error("Key exceeds 255 characters")]
    TooLong,
    /// Empty, or a character outside the grammar.
    #[error("Invalid key format")]
    Grammar,
}

impl Key {
    /// Returns the key that `text` spells; the length is judged before the grammar.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_CHARS && text.chars().count() > MAX_KEY_CHARS {
            return Err(KeyError::TooLong);
        }
        if text.is_empty() || !follows_grammar(text.as_bytes()) {
            return Err(KeyError::Grammar);
        }
        Ok(Self(Arc::from(text)))
    }

    /// Returns the key as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns what the key's prefix says it is about.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.0)
    }

    /// Returns the key with `%HH` decoded, for people: `lock:app/%5Bslug%5D` reads `lock:app/[slug]`.
    ///
    /// What does not decode to UTF-8 stays as it is. The result may hold any character, so it must be
    /// stripped before it is drawn.
    pub fn decoded(&self) -> Cow<'_, str> {
        decode(&self.0)
    }

    /// Returns the key that `text` is; its maker vouches that it follows the grammar.
    pub(super) fn vouched(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

/// Returns `text` with `%HH` decoded, or as it is when that is not UTF-8.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if let (b'%', [high, low, after @ ..]) = (byte, tail) {
            bytes.push(hex(*high) << 4 | hex(*low));
            rest = after;
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn follows_grammar(mut rest: &[u8]) -> bool {
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, after @ ..] if is_upper_hex(*high) && is_upper_hex(*low) => after,
            [byte, after @ ..] if byte.is_ascii_alphanumeric() || b":_./-".contains(byte) => after,
            _ => return false,
        }
    }
}

fn is_upper_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

fn hex(digit: u8) -> u8 {
    if digit.is_ascii_digit() {
        digit - b'0'
    } else {
        digit - b'A' + 10
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// What a key is about, told by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `task:<id>`: work to be done.
    Task,
    /// `status:<agent>:<task>`: how the work goes.
    Status,
    /// `lock:<target>`: who may edit what.
    Lock,
    /// `msg:…`: what agents say to each other.
    Msg,
    /// `progress:…`: the whole in one line.
    Progress,
    /// `agent:<name>…`: what an agent says of itself.
    Agent,
    /// Anything else.
    Other,
}

impl Kind {
    /// Every kind, in the order in which people read them.
    pub const ALL: [Self; 7] = [
        Self::Task,
        Self::Status,
        Self::Lock,
        Self::Msg,
        Self::Progress,
        Self::Agent,
        Self::Other,
    ];

    /// Returns the kind that `key` belongs to.
    pub fn of(key: &str) -> Self {
        let prefix = key.split_once(':').map_or("", |(prefix, _)| prefix);
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == prefix)
            .unwrap_or(Self::Other)
    }

    /// Returns the word before the colon, `other` for what has none.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Status => "status",
            Self::Lock => "lock",
            Self::Msg => "msg",
            Self::Progress => "progress",
            Self::Agent => "agent",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar_takes_what_the_original_examples_use() {
        for text in [
            "task:3.1",
            "lock:src/auth/auth.ts",
            "status:agent-1:3.1",
            "a",
            "%5B",
            "progress:global",
        ] {
            assert_eq!(Key::parse(text).map(|key| key.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn grammar_refuses_every_other_ascii_character() {
        for byte in 0u8..128 {
            let text = format!("a{}b", char::from(byte));
            let allowed = byte.is_ascii_alphanumeric() || b":_./-".contains(&byte);
            assert_eq!(Key::parse(&text).is_ok(), allowed, "{text:?}");
        }
    }

    #[test]
    fn percent_needs_two_upper_case_hex_digits() {
        for text in ["%", "%5", "%5b", "%GG", "a%", "%%5B", "100%"] {
            assert_eq!(Key::parse(text), Err(KeyError::Grammar), "{text}");
        }
    }

    #[test]
    fn length_counts_characters_and_comes_first() {
        assert!(Key::parse(&"k".repeat(255)).is_ok());
        assert_eq!(Key::parse(&"k".repeat(256)), Err(KeyError::TooLong));
        assert_eq!(Key::parse(&"é".repeat(255)), Err(KeyError::Grammar));
        assert_eq!(Key::parse(&"é".repeat(256)), Err(KeyError::TooLong));
        assert_eq!(Key::parse(""), Err(KeyError::Grammar));
    }

    #[test]
    fn decoding_shows_file_names_and_leaves_broken_ones() {
        let decoded = |text| Key::parse(text).unwrap().decoded().into_owned();
        assert_eq!(
            decoded("lock:app/%5Bslug%5D/page.tsx"),
            "lock:app/[slug]/page.tsx"
        );
        assert_eq!(decoded("lock:%C3%A9"), "lock:é");
        assert_eq!(decoded("lock:%FF"), "lock:%FF");
        assert_eq!(decoded("lock:plain"), "lock:plain");
    }

    #[test]
    fn kinds_are_told_by_the_prefix() {
        assert_eq!(Kind::of("lock:a"), Kind::Lock);
        assert_eq!(Kind::of("msg:a:b:1"), Kind::Msg);
        assert_eq!(Kind::of("lock"), Kind::Other);
        assert_eq!(Kind::of("solution:x"), Kind::Other);
    }
}
