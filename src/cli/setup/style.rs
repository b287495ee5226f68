//! How hooks are wanted, and what that changes about one that is there. Finding them is not its business.

use clap::ValueEnum;
use serde_json::Value;

use super::clients::{Hooks, Occasion};
use super::command::{Choices, HookCommand};
use super::edit_json::{self, Broken};
use super::handler::{self, BLOCK, Callee, ON_FAILURE, Way};
use super::hooks::Call;
use crate::hook::Enforce;

/// How hooks are wanted. What was not said stays as it is where hooks are already.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Style {
    /// How they ask, on occasions that leave a choice.
    pub(in crate::cli) way: Option<Way>,
    /// How new ones ask when nobody said it.
    pub(in crate::cli) usual: Way,
    pub(in crate::cli) enforce: Option<Enforcing>,
    pub(in crate::cli) auto_lock: Option<bool>,
    /// Whether idle agents are to be woken.
    pub(in crate::cli) wake: Option<bool>,
}

/// What the user says about an edit that the board cannot judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Enforcing {
    /// It passes if no board runs, and is denied if one runs that does not answer.
    Auto,
    /// It passes, with a warning for the person.
    Open,
    /// It is denied.
    Closed,
}

impl Style {
    pub(super) fn way_on(self, occasion: &Occasion, before: Way) -> Way {
        if occasion.on_bridge {
            self.way.unwrap_or(before)
        } else {
            Way::Process
        }
    }

    /// Returns what the user wants now, given what was chosen `before`.
    pub(super) fn choices(self, before: &Choices) -> Choices {
        Choices {
            enforce: self.enforce.map_or(before.enforce, Enforcing::chosen),
            no_auto_lock: self.auto_lock.map_or(before.no_auto_lock, |auto_lock| !auto_lock),
        }
    }

    /// Returns `text` with `call` as it is wanted. As long as it asks in the same way, only what it asks and what its
    /// failure means are changed: the rest may be a person's.
    pub(super) fn mend(
        self,
        text: String,
        hooks: &Hooks,
        callee: Callee<'_>,
        call: &Call,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, Broken> {
        let before = call.handler.choices();
        let choices = if call.handler.wakes() {
            before.clone()
        } else {
            self.choices(&before)
        };
        let occasion = hooks.occasions.iter().find(|occasion| call.is_of(occasion));
        if let Some(occasion) = occasion.filter(|_| call.handler.unreadable().is_none()) {
            let way = self.way_on(occasion, call.handler.way());
            let is_same_way = call.handler.way() == way;
            let is_stale = call.handler.way() == Way::Bridge && !call.handler.tells(occasion, &choices);
            if !is_same_way || choices.enforce != before.enforce || is_stale {
                let command = match call.handler.command() {
                    Some(old) => old.mended(callee, choices, is_there),
                    None => callee.command(choices, false),
                };
                if is_same_way {
                    return asking(&text, call, occasion, &command);
                }
                let handler = handler::handler(hooks, occasion, way, &command);
                return edit_json::replace(&text, &call.path(), &handler).map(Some);
            }
        }
        match call.handler.mended(callee, &choices, is_there) {
            Some(command) => {
                let command = Value::from(command).to_string();
                edit_json::replace(&text, &call.member("command"), &command).map(Some)
            }
            None => Ok(Some(text)),
        }
    }
}

/// Returns `text` with `call` asking what `command` does on `occasion`, in the way that it asks.
fn asking(
    text: &str,
    call: &Call,
    occasion: &Occasion,
    command: &HookCommand,
) -> Result<Option<String>, Broken> {
    let (key, value) = handler::asking(occasion, call.handler.way(), command);
    let text = edit_json::set(text, &call.path(), key, &value)?;
    if handler::blocks(occasion, &command.choices) {
        edit_json::set(&text, &call.path(), ON_FAILURE, BLOCK).map(Some)
    } else if occasion.fails_closed {
        edit_json::remove(&text, &call.member(ON_FAILURE))
    } else {
        Ok(Some(text))
    }
}

impl Enforcing {
    fn chosen(self) -> Option<Enforce> {
        match self {
            Self::Auto => None,
            Self::Open => Some(Enforce::Open),
            Self::Closed => Some(Enforce::Closed),
        }
    }
}
