//! One thing that was looked at: how it is, and what mends it.

use std::fmt;

use serde_json::{Value, json};

use crate::cli::text;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, or is not needed yet, but could be better.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: String,
    pub(super) level: Level,
    /// How it is.
    pub(super) found: String,
    /// What mends it.
    pub(super) fix: Option<String>,
}

impl Finding {
    /// Returns that all is well.
    pub(super) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            level: Level::Ok,
            found: found.into(),
            fix: None,
        }
    }

    /// Returns that something could be better.
    pub(super) fn warn(check: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            level: Level::Warn,
            fix: Some(fix.into()),
            ..Self::ok(check, found)
        }
    }

    /// Returns that something does not work.
    pub(super) fn fail(check: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            level: Level::Fail,
            ..Self::warn(check, found, fix)
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "check": self.check, "level": self.level.name(), "found": self.found, "fix": self.fix,
        })
    }
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.level.name();
        // What a project's files say is in all of them, and must not pass for findings of ours.
        let [check, found] = [&self.check, &self.found].map(|said| text::whole_line(said));
        write!(f, "{level:<5} {check}: {found}")?;
        match &self.fix {
            Some(fix) => write!(f, "\n      fix: {}", text::whole_line(fix)),
            None => Ok(()),
        }
    }
}
