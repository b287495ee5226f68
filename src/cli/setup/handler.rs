//! One hook of ours in a client's settings: read, compared with what is wanted, and written.
//!
//! Ours are known by what they call: a program named callboard with `hook` as its first argument, or the tool for
//! hooks of the server named callboard.

use clap::ValueEnum;
use serde_json::Value;

use super::address::Address;
use super::clients::{Client, Hooks, Occasion, SERVER};
use super::command::{Choices, HookCommand, name, program_of};
use crate::hook::{Enforce, open};

/// The member of a hook that says what is to be done when it fails.
pub(super) const ON_FAILURE: &str = "onFailure";
/// Its value, in JSON, where the tool is not to be used then.
pub(super) const BLOCK: &str = r#""block""#;

/// How a hook asks the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Way {
    /// Over the connection that the client's agents use anyway.
    Bridge,
    /// By a process of its own.
    Process,
}

/// A hook of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Handler {
    /// The whole command, for a shell.
    Command(String),
    /// What is put into the call of our tool.
    Tool(Value),
}

/// What a hook is to call.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Callee<'a> {
    pub(in crate::cli) program: &'a str,
    pub(in crate::cli) address: &'a Address,
    pub(in crate::cli) client: Client,
}

impl Handler {
    /// Returns the hook that `handler` in the settings is, `None` when it is not ours.
    pub(in crate::cli) fn read(handler: &Value) -> Option<Self> {
        if handler["server"] == SERVER && handler["tool"] == open::TOOL {
            return Some(Self::Tool(handler["input"].clone()));
        }
        let command = handler["command"].as_str()?;
        program_of(command).map(|_| Self::Command(command.to_owned()))
    }

    /// Returns the words of its command, `None` when it runs none or only a shell can tell them.
    pub(in crate::cli) fn words(&self) -> Option<Vec<String>> {
        let command = self.command().filter(|command| command.tail.is_empty())?;
        let arguments = command.arguments();
        Some(std::iter::once(command.program).chain(arguments).collect())
    }

    pub(in crate::cli) fn way(&self) -> Way {
        match self {
            Self::Command(_) => Way::Process,
            Self::Tool(_) => Way::Bridge,
        }
    }

    /// Tells whether it waits for what an idle agent is woken for.
    pub(in crate::cli) fn wakes(&self) -> bool {
        match self {
            Self::Command(command) => {
                HookCommand::read(command).map_or_else(|| command.contains("--wake"), |read| read.wakes)
            }
            Self::Tool(_) => false,
        }
    }

    /// Returns what the user chose for it.
    pub(in crate::cli) fn choices(&self) -> Choices {
        match self {
            Self::Command(command) => HookCommand::read(command).unwrap_or_default().choices,
            Self::Tool(input) => Choices {
                enforce: open::read(input.as_object().unwrap_or(&serde_json::Map::new())).enforce,
                no_auto_lock: input[open::AUTO_LOCK] == "false",
            },
        }
    }

    /// Returns the command that it must run to reach the board of `callee` with `choices`, `None` when it does.
    ///
    /// `is_there` tells whether a program is. A command that cannot be taken apart is somebody's own: it is replaced
    /// only when its program is gone.
    pub(in crate::cli) fn mended(
        &self,
        callee: Callee<'_>,
        choices: &Choices,
        is_there: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let Self::Command(command) = self else { return None };
        let is_dead = program_of(command).is_some_and(|program| !is_there(&program));
        let Some(old) = HookCommand::read(command) else {
            return is_dead.then(|| callee.command(choices.clone(), self.wakes()).shell());
        };
        let wanted = old.clone().mended(callee, choices.clone(), is_there);
        (wanted != old).then(|| wanted.shell())
    }

    /// Returns its command, taken apart.
    pub(super) fn command(&self) -> Option<HookCommand> {
        match self {
            Self::Command(command) => HookCommand::read(command),
            Self::Tool(_) => None,
        }
    }

    /// Returns its command when only a shell could tell what that says, so that it can be neither compared nor mended.
    pub(in crate::cli) fn unreadable(&self) -> Option<&str> {
        match self {
            Self::Command(command) => Some(&**command).filter(|command| HookCommand::read(command).is_none()),
            Self::Tool(_) => None,
        }
    }

    /// Tells whether it puts into the call what is needed on `occasion`, and `choices`.
    pub(in crate::cli) fn tells(&self, occasion: &Occasion, choices: &Choices) -> bool {
        matches!(self, Self::Tool(told) if *told == input(occasion, choices))
    }
}

impl HookCommand {
    /// Returns the same to the board of `callee` with `choices`, by a program that `is_there`.
    pub(super) fn mended(
        self,
        callee: Callee<'_>,
        choices: Choices,
        is_there: impl Fn(&str) -> bool,
    ) -> Self {
        let program = if is_there(&self.program) {
            self.program
        } else {
            callee.program.to_owned()
        };
        Self {
            program,
            address: callee.address.clone(),
            choices,
            ..self
        }
    }
}

impl Callee<'_> {
    /// Returns the command that asks about what happens, or waits for what wakes.
    pub(super) fn command(self, choices: Choices, wakes: bool) -> HookCommand {
        HookCommand {
            program: self.program.to_owned(),
            client: self.client.id().to_owned(),
            address: self.address.clone(),
            choices,
            wakes,
            ..HookCommand::default()
        }
    }

    /// Returns the hook that waits for at most `limit` seconds for what wakes an idle agent.
    pub(in crate::cli) fn waiter(self, limit: u32) -> String {
        let command = Value::from(self.command(Choices::default(), true).shell());
        format!(r#"{{ "type": "command", "command": {command}, "asyncRewake": true, "timeout": {limit} }}"#)
    }
}

/// Returns the hook for `occasion` that asks as `command` does, in one line of JSON.
pub(super) fn handler(hooks: &Hooks, occasion: &Occasion, way: Way, command: &HookCommand) -> String {
    let closed = if blocks(occasion, &command.choices) {
        format!(r#", "{ON_FAILURE}": {BLOCK}"#)
    } else {
        String::new()
    };
    let time_out = hooks.time_out;
    let (key, value) = asking(occasion, way, command);
    let callee = match way {
        Way::Bridge => {
            let (server, tool) = (Value::from(SERVER), Value::from(open::TOOL));
            format!(r#""type": "mcp_tool", "server": {server}, "tool": {tool}"#)
        }
        Way::Process if hooks.named => r#""type": "command", "name": "callboard""#.to_owned(),
        Way::Process => r#""type": "command""#.to_owned(),
    };
    format!(r#"{{ {callee}, "{key}": {value}, "timeout": {time_out}{closed} }}"#)
}

/// Returns the member of a hook for `occasion` that says what is asked, with its value in JSON.
pub(super) fn asking(occasion: &Occasion, way: Way, command: &HookCommand) -> (&'static str, String) {
    match way {
        Way::Bridge => ("input", spaced(&input(occasion, &command.choices))),
        Way::Process => ("command", Value::from(command.shell()).to_string()),
    }
}

/// Tells whether the tool is not to be used when a hook for `occasion` fails.
pub(super) fn blocks(occasion: &Occasion, choices: &Choices) -> bool {
    occasion.fails_closed && choices.enforce != Some(Enforce::Open)
}

fn input(occasion: &Occasion, choices: &Choices) -> Value {
    let filled =
        open::paths(occasion.event).map(|path| (path.to_owned(), Value::from(format!("${{{path}}}"))));
    let mut input: serde_json::Map<_, _> = filled.collect();
    if let Some(enforce) = choices.enforce {
        input.insert(open::ENFORCE.to_owned(), Value::from(name(enforce)));
    }
    if choices.no_auto_lock {
        input.insert(open::AUTO_LOCK.to_owned(), Value::from("false"));
    }
    Value::Object(input)
}

/// Returns an object as people write one in a line.
fn spaced(object: &Value) -> String {
    let members = object.as_object().into_iter().flatten();
    let members: Vec<_> = members
        .map(|(name, value)| format!("{}: {value}", Value::from(name.as_str())))
        .collect();
    format!("{{ {} }}", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mended(command: &str, place: &[&str], choices: &Choices) -> Option<String> {
        let place = place.iter().map(|word| (*word).to_owned()).collect();
        let callee = Callee {
            program: "callboard",
            address: &Address::take(place).unwrap().0,
            client: Client::Claude,
        };
        let is_there = |program: &str| !program.starts_with("/gone");
        Handler::Command(command.to_owned()).mended(callee, choices, is_there)
    }

    #[test]
    fn a_command_that_leads_elsewhere_or_nowhere_is_mended_and_keeps_what_people_added() {
        let none = Choices::default();
        let closed = Choices {
            enforce: Some(Enforce::Closed),
            no_auto_lock: true,
        };
        for (command, place, choices, expected) in [
            ("callboard hook claude", &[][..], &none, None),
            ("/x/callboard hook claude --loud", &[], &none, None),
            (
                "/gone/callboard hook claude --loud",
                &[],
                &none,
                Some("callboard hook claude --loud"),
            ),
            (
                "callboard hook claude --socket '/my own/s' --enforce open",
                &["--namespace", "n"],
                &Choices {
                    enforce: Some(Enforce::Open),
                    no_auto_lock: false,
                },
                Some("callboard hook claude --namespace n --enforce open"),
            ),
            (
                "callboard hook claude --namespace=n --loud",
                &["--namespace", "n"],
                &none,
                None,
            ),
            (
                "callboard hook claude",
                &[],
                &closed,
                Some("callboard hook claude --enforce closed --no-auto-lock"),
            ),
            (
                "callboard hook claude --socket /s 2>>'my log'",
                &[],
                &none,
                Some("callboard hook claude 2>>'my log'"),
            ),
            ("callboard hook claude --socket \"$S\"", &[], &none, None),
            (
                "/gone/callboard hook claude --wake --socket \"$S\"",
                &[],
                &none,
                Some("callboard hook claude --wake"),
            ),
        ] {
            assert_eq!(mended(command, place, choices).as_deref(), expected, "{command}");
        }
    }
}
