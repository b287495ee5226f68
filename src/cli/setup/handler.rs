//! One hook of ours in a client's settings: read, compared with what is wanted, and written.
//!
//! Ours are known by what they call: a program named callboard with `hook` as its first argument, or the tool for
//! hooks of the server named callboard.

use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

use super::clients::{Client, Hooks, Occasion, SERVER};
use super::program::{Bridge, NAME, quoted};
use crate::hook::{Enforce, open};

/// What a shell would make something else of than a word.
const OF_THE_SHELL: [char; 12] = ['|', '&', ';', '<', '>', '$', '`', '\\', '"', '*', '\n', '#'];

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

/// What the user chose about hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Choices {
    pub(in crate::cli) enforce: Option<Enforce>,
    pub(in crate::cli) no_auto_lock: bool,
}

/// A command of ours, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    program: String,
    client: String,
    /// The options that lead to the board.
    place: Vec<String>,
    choices: Choices,
    wakes: bool,
    /// What people have added.
    rest: Vec<String>,
}

/// What a hook is to call.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Callee<'a> {
    pub(in crate::cli) bridge: &'a Bridge,
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
        let Self::Command(command) = self else { return None };
        let (program, rest) = taken_apart(command)?;
        let first = [program, "hook".to_owned()].into_iter();
        words(rest).map(|rest| first.chain(rest).collect())
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
            Self::Command(command) => Parts::read(command).is_some_and(|parts| parts.wakes),
            Self::Tool(_) => false,
        }
    }

    /// Returns what the user chose for it.
    pub(in crate::cli) fn choices(&self) -> Choices {
        match self {
            Self::Command(command) => Parts::read(command).unwrap_or_default().choices,
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
        let Some(parts) = Parts::read(command) else {
            return is_dead.then(|| callee.command(choices, false));
        };
        let mut wanted = Parts {
            place: callee.place(),
            choices: choices.clone(),
            ..parts.clone()
        };
        if is_dead {
            wanted.program.clone_from(&callee.bridge.program);
        }
        (wanted != parts).then(|| wanted.text())
    }

    /// Tells whether it puts into the call what is needed on `occasion`, and `choices`.
    pub(in crate::cli) fn tells(&self, occasion: &Occasion, choices: &Choices) -> bool {
        matches!(self, Self::Tool(told) if *told == input(occasion, choices))
    }
}

/// Returns the program that `command` runs when it is a hook of ours.
pub(in crate::cli) fn program_of(command: &str) -> Option<String> {
    taken_apart(command).map(|(program, _)| program)
}

/// Returns the program that `command` runs and what is behind `hook`, when it is a hook of ours.
fn taken_apart(command: &str) -> Option<(String, &str)> {
    let (program, rest) = first_word(command)?;
    let (first, rest) = first_word(rest)?;
    let is_ours = Path::new(&program).file_name()? == NAME && first == "hook";
    is_ours.then_some((program, rest))
}

/// Returns the first word of `text` as a shell takes it, with nothing filled in, and what is behind it.
fn first_word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' | '"' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            '\\' if quote != Some('\'') => word.push(chars.next()?.1),
            _ if quote.is_none() && c.is_ascii_whitespace() => return Some((word, &text[at..])),
            _ => word.push(c),
        }
    }
    (quote.is_none() && !text.is_empty()).then_some((word, ""))
}

impl Parts {
    fn read(command: &str) -> Option<Self> {
        let (program, rest) = taken_apart(command)?;
        let mut words = words(rest)?.into_iter();
        let mut parts = Self {
            program,
            client: words.next()?,
            ..Self::default()
        };
        while let Some(word) = words.next() {
            let (option, joined) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            match option {
                "--socket" | "--namespace" => {
                    parts.place.push(option.to_owned());
                    parts.place.push(joined.or_else(|| words.next())?);
                }
                "--enforce" => {
                    parts.choices.enforce = Some(match joined.or_else(|| words.next())?.as_str() {
                        "open" => Enforce::Open,
                        "closed" => Enforce::Closed,
                        _ => return None,
                    });
                }
                "--no-auto-lock" => parts.choices.no_auto_lock = true,
                "--wake" => parts.wakes = true,
                _ => parts.rest.push(word),
            }
        }
        Some(parts)
    }

    fn text(&self) -> String {
        let mut words = vec![self.program.clone(), "hook".to_owned(), self.client.clone()];
        words.extend(self.place.iter().cloned());
        if let Some(enforce) = self.choices.enforce {
            words.extend(["--enforce", name(enforce)].map(str::to_owned));
        }
        let flags = [
            (self.choices.no_auto_lock, "--no-auto-lock"),
            (self.wakes, "--wake"),
        ];
        words.extend(
            flags
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, flag)| (*flag).to_owned()),
        );
        words.extend(self.rest.iter().cloned());
        words
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Returns the words of what `quoted` words were joined to, `None` when a shell would make more of it than words.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.replace(r"'\''", "\u{0}");
    if rest.replace('\'', "").contains(OF_THE_SHELL) {
        return None;
    }
    rest.push(' ');
    let mut is_quoted = false;
    for c in rest.chars() {
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            '\u{0}' => word.get_or_insert_default().push('\''),
            c => word.get_or_insert_default().push(c),
        }
    }
    (!is_quoted).then_some(words)
}

impl Callee<'_> {
    fn place(self) -> Vec<String> {
        self.bridge.arguments.iter().skip(1).cloned().collect()
    }

    /// Returns the command that asks about what happens, or waits for what wakes.
    fn command(self, choices: &Choices, wakes: bool) -> String {
        let parts = Parts {
            program: self.bridge.program.clone(),
            client: self.client.id().to_owned(),
            place: self.place(),
            choices: choices.clone(),
            wakes,
            rest: Vec::new(),
        };
        parts.text()
    }

    /// Returns the hook for `occasion`, in one line of JSON.
    pub(in crate::cli) fn handler(
        self,
        hooks: &Hooks,
        occasion: &Occasion,
        way: Way,
        choices: &Choices,
    ) -> String {
        let is_closed = occasion.fails_closed && choices.enforce != Some(Enforce::Open);
        let closed = if is_closed {
            r#", "onFailure": "block""#
        } else {
            ""
        };
        let time_out = hooks.time_out;
        if way == Way::Bridge {
            let (server, tool) = (Value::from(SERVER), Value::from(open::TOOL));
            let input = spaced(&input(occasion, choices));
            return format!(
                r#"{{ "type": "mcp_tool", "server": {server}, "tool": {tool}, "input": {input}, "timeout": {time_out}{closed} }}"#
            );
        }
        let name = if hooks.named {
            r#""name": "callboard", "#
        } else {
            ""
        };
        let command = Value::from(self.command(choices, false));
        format!(r#"{{ "type": "command", {name}"command": {command}, "timeout": {time_out}{closed} }}"#)
    }

    /// Returns the hook that waits for at most `limit` seconds for what wakes an idle agent.
    pub(in crate::cli) fn waiter(self, limit: u32) -> String {
        let command = Value::from(self.command(&Choices::default(), true));
        format!(r#"{{ "type": "command", "command": {command}, "asyncRewake": true, "timeout": {limit} }}"#)
    }
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

fn name(enforce: Enforce) -> &'static str {
    match enforce {
        Enforce::Open => "open",
        Enforce::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge(program: &str, place: &[&str]) -> Bridge {
        let arguments = [&["bridge"], place].concat();
        Bridge {
            program: program.to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    fn mended(command: &str, place: &[&str], choices: &Choices) -> Option<String> {
        let bridge = bridge("callboard", place);
        let callee = Callee {
            bridge: &bridge,
            client: Client::Claude,
        };
        let is_there = |program: &str| !program.starts_with("/gone");
        Handler::Command(command.to_owned()).mended(callee, choices, is_there)
    }

    #[test]
    fn only_our_own_program_is_ours_however_it_is_quoted() {
        assert_eq!(program_of("callboard hook claude"), Some("callboard".to_owned()));
        for odd in ["/my tools/it's/callboard", "/home/u/my hook dir/callboard"] {
            let bridge = bridge(odd, &[]);
            let callee = Callee {
                bridge: &bridge,
                client: Client::Codex,
            };
            let command = callee.command(&Choices::default(), false);
            assert_eq!(program_of(&command), Some(odd.to_owned()));
            let parts = Parts::read(&command).unwrap();
            assert_eq!((&*parts.program, &*parts.client), (odd, "codex"));
            let (_, rest) = first_word(&command).unwrap();
            for other in [
                format!("\"{odd}\"{rest}"),
                format!("{}{rest}", odd.replace(' ', r"\ ").replace('\'', r"\'")),
            ] {
                assert_eq!(program_of(&other), Some(odd.to_owned()), "{other}");
            }
        }
        for other in [
            "callboards hook claude",
            "callboard get k",
            "echo callboard hook",
            "x/hook callboard",
            "'callboard hook' claude",
            "'/x/callboard hook claude",
            "",
        ] {
            assert_eq!(program_of(other), None, "{other}");
        }
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
            ("callboard hook claude --socket /s || true", &[], &none, None),
            (
                "/gone/callboard hook claude || true",
                &[],
                &none,
                Some("callboard hook claude"),
            ),
        ] {
            assert_eq!(mended(command, place, choices).as_deref(), expected, "{command}");
        }
    }

    #[test]
    fn words_come_back_as_they_were_quoted() {
        let all = ["a", "b c", "it's", "", "/x=y"];
        let text: Vec<_> = all.iter().map(|word| quoted(word)).collect();
        assert_eq!(words(&text.join("  ")).unwrap(), all);
        assert_eq!(words("'open"), None);
        assert_eq!(words("a $(b)"), None);
    }
}
