//! Namespaces: boards within the board that do not see each other's keys.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a namespace: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Namespace(Arc<str>);

/// A namespace that the board has opened; its index within the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId(pub(crate) u32);

impl Namespace {
    /// The namespace of those who name none.
    pub const DEFAULT: &'static str = "main";

    /// Returns the namespace called `name`, or what is wrong with that name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let valid = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if valid {
            Ok(Self(Arc::from(name)))
        } else {
            Err("a namespace is 1 to 64 letters, digits, '.', '_' or '-'".to_owned())
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(Arc::from(Self::DEFAULT))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Namespace {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name)
    }
}

impl std::str::FromStr for Namespace {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::parse(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(Namespace::default().as_str(), "main");
        assert!(Namespace::parse("feature-1.x_y").is_ok());
        for name in ["", "a b", "a:b", "ä", &"n".repeat(65)] {
            assert!(Namespace::parse(name).is_err(), "{name}");
        }
    }
}
