//! The command line of a hook of ours: taken apart, compared with what is wanted, and put together again.
//!
//! What people have added stays: options that are not ours, and what a shell makes of the end of the line.

use std::path::Path;

use super::address::Address;
use super::program::{NAME, quoted};
use crate::hook::Enforce;

/// What a shell would make something else of than a word.
const OF_THE_SHELL: [char; 17] = [
    '|', '&', ';', '<', '>', '(', ')', '$', '`', '\\', '"', '*', '?', '[', '~', '\n', '#',
];

/// What the user chose about hooks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Choices {
    pub(in crate::cli) enforce: Option<Enforce>,
    pub(in crate::cli) no_auto_lock: bool,
}

/// A command of ours, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct HookCommand {
    pub(in crate::cli) program: String,
    pub(in crate::cli) client: String,
    pub(in crate::cli) address: Address,
    pub(in crate::cli) choices: Choices,
    pub(in crate::cli) wakes: bool,
    /// The options that people have added.
    pub(in crate::cli) rest: Vec<String>,
    /// What they have added for a shell, as it is.
    pub(in crate::cli) tail: String,
}

/// Returns the program that `command` runs when it is a hook of ours.
pub(in crate::cli) fn program_of(command: &str) -> Option<String> {
    taken_apart(command).map(|(program, _)| program)
}

/// Returns how `enforce` is written.
pub(super) fn name(enforce: Enforce) -> &'static str {
    match enforce {
        Enforce::Open => "open",
        Enforce::Closed => "closed",
    }
}

impl HookCommand {
    /// Returns what a shell would run, `None` when it cannot be told without one.
    pub(in crate::cli) fn read(command: &str) -> Option<Self> {
        let (program, rest) = taken_apart(command)?;
        let (words, tail) = words(rest)?;
        let read = Self::of_words(program, words)?;
        // Behind a redirection, an option may still be one of ours.
        (!tail.contains("--")).then(|| Self {
            tail: tail.to_owned(),
            ..read
        })
    }

    /// Returns what `program` is told by the `words` behind `hook`.
    pub(in crate::cli) fn of_words(program: String, words: Vec<String>) -> Option<Self> {
        let (address, words) = Address::take(words)?;
        let mut words = words.into_iter();
        let mut command = Self {
            program,
            client: words.next()?,
            address,
            ..Self::default()
        };
        while let Some(word) = words.next() {
            let (option, joined) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            match option {
                "--enforce" => {
                    command.choices.enforce = Some(match joined.or_else(|| words.next())?.as_str() {
                        "open" => Enforce::Open,
                        "closed" => Enforce::Closed,
                        _ => return None,
                    });
                }
                "--no-auto-lock" => command.choices.no_auto_lock = true,
                "--wake" => command.wakes = true,
                _ => command.rest.push(word),
            }
        }
        Some(command)
    }

    /// Returns the arguments of the program.
    pub(in crate::cli) fn arguments(&self) -> Vec<String> {
        let mut words = vec!["hook".to_owned(), self.client.clone()];
        words.extend(self.address.words());
        if let Some(enforce) = self.choices.enforce {
            words.extend(["--enforce", name(enforce)].map(str::to_owned));
        }
        let flags = [
            (self.choices.no_auto_lock, "--no-auto-lock"),
            (self.wakes, "--wake"),
        ];
        let flags = flags.iter().filter(|(on, _)| *on);
        words.extend(flags.map(|(_, flag)| (*flag).to_owned()));
        words.extend(self.rest.iter().cloned());
        words
    }

    /// Returns it as a shell takes it.
    pub(in crate::cli) fn shell(&self) -> String {
        let arguments = self.arguments();
        let words = std::iter::once(&self.program).chain(&arguments);
        let mut parts: Vec<_> = words.map(|word| quoted(word)).collect();
        parts.extend((!self.tail.is_empty()).then(|| self.tail.clone()));
        parts.join(" ")
    }
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

/// Returns the words that `text` begins with, quoted as [`quoted`] does it, and the rest from the first word on that a
/// shell would make something else of. `None` when a quote is left open.
fn words(text: &str) -> Option<(Vec<String>, &str)> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut start, mut is_quoted) = (0, false);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if word.is_none() {
            start = at;
        }
        match c {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            c if is_quoted => word.get_or_insert_default().push(c),
            '\\' if chars.next_if(|(_, next)| *next == '\'').is_some() => {
                word.get_or_insert_default().push('\'');
            }
            c if OF_THE_SHELL.contains(&c) => return Some((words, &text[start..])),
            c if c.is_ascii_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!is_quoted).then_some((words, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_program_is_ours_however_it_is_quoted() {
        assert_eq!(program_of("callboard hook claude"), Some("callboard".to_owned()));
        for odd in ["/my tools/it's/callboard", "/home/u/my hook dir/callboard"] {
            let written = HookCommand::of_words(odd.to_owned(), vec!["codex".to_owned()]);
            let command = written.unwrap().shell();
            assert_eq!(program_of(&command), Some(odd.to_owned()));
            let read = HookCommand::read(&command).unwrap();
            assert_eq!((&*read.program, &*read.client), (odd, "codex"));
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
    fn words_come_back_as_they_were_quoted() {
        let all = ["a", "b c", "it's", "", "/x=y"];
        let text: Vec<_> = all.iter().map(|word| quoted(word)).collect();
        let text = text.join("  ");
        let (words, tail) = words(&text).unwrap();
        assert_eq!((&words[..], tail), (&all.map(str::to_owned)[..], ""));
    }

    #[test]
    fn what_is_for_a_shell_is_kept_as_it_is_and_what_only_a_shell_can_read_is_not_read() {
        for command in [
            "callboard hook claude --wake 2>>'my log'",
            "callboard hook claude --socket '/a b' --loud || true",
        ] {
            let read = HookCommand::read(command).unwrap();
            assert_eq!(read.shell(), command);
        }
        for command in [
            "callboard hook \"claude\"",
            "callboard hook claude --socket \"$S\"",
            "callboard hook claude 2>>log --socket /s",
            "callboard hook claude 'open",
            "callboard hook claude --enforce maybe",
        ] {
            assert_eq!(HookCommand::read(command), None, "{command}");
        }
    }
}
