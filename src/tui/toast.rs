//! Notices of one line above the footer.

use std::time::Duration;

use crate::board::Time;

/// How long a notice stays that needs no answer.
const STAYS: Duration = Duration::from_secs(4);

/// How grave a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// It worked.
    Info,
    /// It did not work, or could not be done; it stays until a key is pressed.
    Error,
}

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// How grave it is.
    pub level: Level,
    /// What it says, clean.
    pub text: String,
    /// When it goes by itself.
    pub until: Option<Time>,
}

impl Toast {
    /// Returns a notice that goes after a few seconds.
    pub fn info(now: Time, text: impl Into<String>) -> Self {
        Self {
            level: Level::Info,
            text: text.into(),
            until: Some(now.after(STAYS)),
        }
    }

    /// Returns a notice that stays until a key is pressed.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            text: text.into(),
            until: None,
        }
    }
}
