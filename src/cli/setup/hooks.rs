//! The hooks in a client's settings: put in, found again, and taken out, from text to text.
//!
//! Ours are known by what they call: a program named callboard with `hook` as its first argument.

use std::path::Path;

use serde_json::Value;

use super::clients::{Client, Hooks, Occasion};
use super::edit_json::{self, Broken, Item, Step};
use super::program::{Bridge, NAME, quoted};

/// The member of the settings that holds the hooks of all events.
const TABLE: &str = "hooks";

/// Where a call is, and what it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Call {
    pub(in crate::cli) event: String,
    pub(in crate::cli) matcher: Option<String>,
    /// The whole command, for a shell.
    pub(in crate::cli) command: String,
    group: usize,
    index: usize,
    /// How many calls its group has.
    siblings: usize,
}

/// Returns the command that calls our hook for `client`, about the board that `bridge` leads to.
pub(in crate::cli) fn command(bridge: &Bridge, client: Client) -> String {
    let options = bridge.arguments.iter().skip(1).map(|option| quoted(option));
    let words = [quoted(&bridge.program), "hook".to_owned(), client.id().to_owned()];
    words.into_iter().chain(options).collect::<Vec<_>>().join(" ")
}

/// Returns the program that `command` runs when it is a hook of ours.
pub(in crate::cli) fn program_of(command: &str) -> Option<String> {
    let (program, _) = command.split_once(" hook ")?;
    let unquoted = program
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    let program = unquoted.map_or_else(|| program.to_owned(), |inner| inner.replace(r"'\''", "'"));
    let name = Path::new(&program).file_name()?;
    (name == NAME).then_some(program)
}

/// Returns our calls in the settings `value`, in their order.
pub(in crate::cli) fn calls(value: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    for (event, groups) in value[TABLE].as_object().into_iter().flatten() {
        for (group, content) in groups.as_array().into_iter().flatten().enumerate() {
            let handlers = content[TABLE].as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, handler) in handlers.iter().enumerate() {
                let command = handler["command"].as_str().unwrap_or_default();
                if program_of(command).is_some() {
                    calls.push(Call {
                        event: event.clone(),
                        matcher: content["matcher"].as_str().map(str::to_owned),
                        command: command.to_owned(),
                        group,
                        index,
                        siblings: handlers.len(),
                    });
                }
            }
        }
    }
    calls
}

/// Returns what of `hooks` is not among `calls`.
pub(in crate::cli) fn missing<'h>(hooks: &'h Hooks, calls: &[Call]) -> Vec<&'h Occasion> {
    let there = |occasion: &Occasion| {
        calls
            .iter()
            .any(|call| call.event == occasion.event && call.matcher.as_deref() == occasion.matcher)
    };
    hooks
        .occasions
        .iter()
        .filter(|occasion| !there(occasion))
        .collect()
}

/// Returns `text` with all of `hooks`, which run `command`. A call of ours whose program `is_there` denies is
/// mended; all others stay as they are.
pub(super) fn add(
    text: Option<String>,
    hooks: &Hooks,
    command: &str,
    is_there: impl Fn(&str) -> bool,
) -> Result<Option<String>, Broken> {
    let found = calls(&edit_json::read(text.as_deref().unwrap_or_default())?);
    let mut text = text;
    for call in &found {
        let dead = program_of(&call.command).is_some_and(|program| !is_there(&program));
        if let Some(old) = text.as_deref().filter(|_| dead) {
            let mut path = call.path();
            path.push(Step::Name("command".to_owned()));
            text = Some(edit_json::replace(old, &path, &Value::from(command).to_string())?);
        }
    }
    for occasion in missing(hooks, &found) {
        let group = group(hooks, occasion, command);
        let path = [TABLE, occasion.event];
        text = Some(edit_json::add(text.as_deref(), &path, Item::Element(&group))?);
    }
    Ok(text)
}

/// Returns `text` without our hooks, `None` when it is a whole file that was made for them.
pub(super) fn remove(text: String) -> Result<Option<String>, Broken> {
    let found = calls(&edit_json::read(&text)?);
    let mut rest = text;
    let mut at = found.len();
    // From the last to the first, so that each removal undoes the addition that came after all others that are left.
    while let Some(last) = at.checked_sub(1).and_then(|at| found.get(at)) {
        let same_group = |call: &&Call| call.event == last.event && call.group == last.group;
        let ours = found[..at]
            .iter()
            .rev()
            .take_while(|call| same_group(call))
            .count();
        let mut paths = Vec::new();
        if ours == last.siblings {
            paths.push(last.group_path());
        } else {
            paths.extend(found[at - ours..at].iter().rev().map(Call::path));
        }
        for path in paths {
            match edit_json::remove(&rest, &path)? {
                Some(text) => rest = text,
                None => return Ok(None),
            }
        }
        at -= ours;
    }
    Ok(Some(rest))
}

impl Call {
    fn group_path(&self) -> Vec<Step> {
        let name = |name: &str| Step::Name(name.to_owned());
        vec![name(TABLE), name(&self.event), Step::Index(self.group)]
    }

    fn path(&self) -> Vec<Step> {
        let mut path = self.group_path();
        path.extend([Step::Name(TABLE.to_owned()), Step::Index(self.index)]);
        path
    }
}

/// Returns the group of `occasion`, in one line of JSON.
fn group(hooks: &Hooks, occasion: &Occasion, command: &str) -> String {
    let matcher = occasion
        .matcher
        .map(|matcher| format!(r#""matcher": {}, "#, Value::from(matcher)));
    let name = if hooks.named {
        r#""name": "callboard", "#
    } else {
        ""
    };
    let closed = if occasion.fails_closed {
        r#", "onFailure": "block""#
    } else {
        ""
    };
    let (command, time_out) = (Value::from(command), hooks.time_out);
    format!(
        r#"{{ {}"hooks": [{{ "type": "command", {name}"command": {command}, "timeout": {time_out}{closed} }}] }}"#,
        matcher.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(client: Client) -> &'static Hooks {
        client.facts().hooks.as_ref().unwrap()
    }

    fn bridge(program: &str) -> Bridge {
        Bridge {
            program: program.to_owned(),
            arguments: vec!["bridge".to_owned(), "--namespace".to_owned(), "n".to_owned()],
        }
    }

    fn add_to(text: Option<&str>, client: Client) -> String {
        let command = command(&bridge("callboard"), client);
        let text = text.map(str::to_owned);
        add(text, hooks(client), &command, |_| true).unwrap().unwrap()
    }

    const THEIRS: &str = "{\r\n  // mine\r\n  \"hooks\": {\r\n    \"Stop\": [\r\n      { \"hooks\": [{ \"type\": \"command\", \"command\": \"say hook done\" }] }, // loud\r\n    ],\r\n    \"PreToolUse\": []\r\n  }\r\n}";

    #[test]
    fn hooks_come_and_go_beside_those_of_others() {
        for client in [Client::Claude, Client::Codex, Client::Gemini] {
            for before in [
                None,
                Some(""),
                Some("{}"),
                Some("{ \"hooks\": {} }\n"),
                Some(THEIRS),
            ] {
                let text = add_to(before, client);
                let value = edit_json::read(&text).unwrap();
                assert_eq!(
                    missing(hooks(client), &calls(&value)),
                    Vec::<&Occasion>::new(),
                    "{text}"
                );
                assert_eq!(add_to(Some(&text), client), text, "a second time changes nothing");
                assert_eq!(remove(text).unwrap().as_deref(), before);
            }
        }
    }

    #[test]
    fn a_call_in_a_group_of_others_goes_alone() {
        let text = r#"{"hooks":{"Stop":[{"hooks":[{"command":"a"},{"command":"callboard hook claude"},{"command":"/x/callboard hook claude --enforce open"}]}]}}"#;
        let rest = r#"{"hooks":{"Stop":[{"hooks":[{"command":"a"}]}]}}"#;
        assert_eq!(remove(text.to_owned()).unwrap().as_deref(), Some(rest));
    }

    #[test]
    fn only_our_own_program_is_ours_however_it_is_quoted() {
        assert_eq!(program_of("callboard hook claude"), Some("callboard".to_owned()));
        let odd = "/my tools/it's/callboard";
        assert_eq!(
            program_of(&command(&bridge(odd), Client::Codex)),
            Some(odd.to_owned())
        );
        for other in [
            "callboards hook claude",
            "callboard get k",
            "echo callboard hook",
            "x/hook callboard",
        ] {
            assert_eq!(program_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_call_of_a_program_that_has_gone_is_mended_alone() {
        let text = r#"{"hooks":{"Stop":[{"hooks":[{"command":"/old/callboard hook gemini","timeout":9}]}]}}"#;
        let none = Hooks {
            occasions: &[],
            ..*hooks(Client::Gemini)
        };
        let mended = add(Some(text.to_owned()), &none, "callboard hook gemini", |_| false);
        assert_eq!(
            mended.unwrap().unwrap(),
            text.replace("/old/callboard", "callboard")
        );
    }
}
