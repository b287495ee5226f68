//! A hook that stands before edits, told what its client would tell it: in the way, at the place and with the choices
//! that are configured.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::known::Known;
use super::talk::Talk;
use crate::cli::args::{Arguments, Place};
use crate::cli::child::run;
use crate::cli::setup::clients::Client;
use crate::cli::setup::handler::Handler;
use crate::cli::setup::hooks::Call;
use crate::cli::setup::program::{Bridge, quoted};
use crate::cli::text;
use crate::hook::open;

/// Who the bridge is told that we are: only this client's hooks ask over it.
const ASKS_OVER_BRIDGE: &str = "claude-code";
/// What we are called on the board then.
const AGENT: &str = "hook-tried-by-doctor";

/// A hook of ours that a client calls before its agents edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hook {
    client: Client,
    asks: Asks,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks {
    /// By a process of its own: the program and its arguments.
    Process(Vec<String>),
    /// Over the bridge, with this input.
    Bridge(Bridge, Value),
    /// By a command of which only a shell can tell what it runs.
    Shell(String),
}

/// What an agent is about to do to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Read,
    Write,
}

/// A hook that can be told something.
pub(super) enum Ear {
    Process {
        program: PathBuf,
        arguments: Vec<String>,
    },
    Bridge {
        talk: Talk,
        input: Value,
    },
}

/// Why a hook cannot be told anything.
pub(super) enum Deaf {
    /// It is not started; the text fits after `since it`.
    Untried(&'static str),
    /// It does not work.
    Broken(String),
}

impl Hook {
    /// Returns the hook that `call` is when `client` calls it before edits; `bridge` is how the client starts ours.
    pub(super) fn before_edits(client: Client, call: &Call, bridge: &Bridge) -> Option<Self> {
        let (event, tool) = edit(client)?;
        let is_asked = call.matcher.as_ref().is_none_or(|tools| tools.contains(tool));
        if call.event != event || !is_asked {
            return None;
        }
        let asks = match &call.handler {
            Handler::Tool(input) => Asks::Bridge(bridge.clone(), input.clone()),
            Handler::Command(command) => match call.handler.words() {
                Some(words) => Asks::Process(words),
                None => Asks::Shell(command.clone()),
            },
        };
        Some(Self { client, asks })
    }

    /// Returns the hook of `client` that runs `words`.
    pub(super) fn by_process(client: Client, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let asks = Asks::Process(words);
        Self { client, asks }
    }

    /// Tells whether it asks over the bridge, which answers only when a board runs.
    pub(super) fn needs_board(&self) -> bool {
        matches!(self.asks, Asks::Bridge(..))
    }

    /// Returns it as people read it.
    pub(super) fn shown(&self) -> String {
        match &self.asks {
            Asks::Process(words) => {
                let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
                format!("`{}`", words.join(" "))
            }
            Asks::Bridge(bridge, _) => format!("the hook over `{}`", bridge.shell()),
            Asks::Shell(command) => format!("`{}`", text::one_line(command)),
        }
    }

    /// Returns where it asks.
    pub(super) fn place(&self) -> Result<Place, String> {
        match &self.asks {
            Asks::Process(words) => place_of(words.iter().map(String::as_str)),
            Asks::Bridge(bridge, _) => place_of(bridge.words()),
            Asks::Shell(_) => Err("only a shell can tell what it runs".to_owned()),
        }
    }

    /// Gets it ready to be told something.
    pub(super) fn listen(&self, known: &Known, directory: &Path) -> Result<Ear, Deaf> {
        let start = |program| known.start(program).map_err(Deaf::Untried);
        match &self.asks {
            Asks::Process(words) => Ok(Ear::Process {
                program: start(words.first().map_or("", String::as_str))?.to_owned(),
                arguments: words.iter().skip(1).cloned().collect(),
            }),
            Asks::Bridge(bridge, input) => {
                let mut command = Command::new(start(&bridge.program)?);
                command.args(&bridge.arguments).current_dir(directory);
                command.env("CALLBOARD_AGENT", AGENT);
                let talk = Talk::open(command, ASKS_OVER_BRIDGE).map_err(Deaf::Broken)?;
                let input = input.clone();
                Ok(Ear::Bridge { talk, input })
            }
            Asks::Shell(_) => Err(Deaf::Untried("takes a shell to tell what it runs")),
        }
    }

    /// Returns what its client tells it of a `deed` on `file`.
    pub(super) fn event(&self, deed: Deed, file: &Path, directory: &Path) -> Value {
        let (event, writer) = edit(self.client).unwrap_or_default();
        let (tool, input) = match deed {
            Deed::Read => ("Read", json!({ "file_path": file })),
            Deed::Write if self.client == Client::Codex => {
                let file = file.display();
                let patch = format!("*** Begin Patch\n*** Add File: {file}\n+\n*** End Patch\n");
                (writer, json!({ "command": patch }))
            }
            Deed::Write => (writer, json!({ "file_path": file, "content": "" })),
        };
        json!({
            "session_id": "doctor", "transcript_path": "", "cwd": directory, "hook_event_name": event,
            "tool_name": tool, "tool_input": input, "tool_use_id": "doctor",
        })
    }
}

impl Ear {
    /// Tells the hook of `event` in `directory`, and returns why the tool is not to be used, `None` when it is.
    pub(super) fn tell(&mut self, event: &Value, directory: &Path) -> Result<Option<String>, String> {
        let answer = match self {
            Self::Process { program, arguments } => {
                let mut command = Command::new(program);
                command.args(arguments).current_dir(directory);
                let ran = run(command, event.to_string().as_bytes())?;
                if !ran.success {
                    return Err(format!("failed: {}", text::one_line(ran.stderr.trim())));
                }
                ran.stdout
            }
            Self::Bridge { talk, input } => talk.call(open::TOOL, &filled(input, event))?,
        };
        Ok(refusal(&answer))
    }
}

/// Returns the event before an edit and the tool that edits, in the words of `client`, if it has hooks.
fn edit(client: Client) -> Option<(&'static str, &'static str)> {
    match client {
        Client::Claude => Some(("PreToolUse", "Write")),
        Client::Codex => Some(("PreToolUse", "apply_patch")),
        Client::Gemini => Some(("BeforeTool", "write_file")),
        Client::Opencode | Client::Cursor | Client::Vscode => None,
    }
}

/// Returns which board the command `words` of ours is about.
pub(super) fn place_of<'w>(words: impl Iterator<Item = &'w str>) -> Result<Place, String> {
    let read = Arguments::read(words.map(OsString::from));
    let first_line = |error: clap::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    read.map(|arguments| arguments.place).map_err(first_line)
}

/// Returns the `input` that is configured with what `event` says filled in, as the client does it.
fn filled(input: &Value, event: &Value) -> Value {
    let fill = |value: &Value| {
        let path = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?;
        let found = path.split('.').try_fold(event, |inside, name| inside.get(name));
        Some(Value::from(found.and_then(Value::as_str).unwrap_or_default()))
    };
    let members = input.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), fill(value).unwrap_or_else(|| value.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Returns the reason of an answer that refuses, in the words of any client.
fn refusal(answer: &str) -> Option<String> {
    let said: Value = serde_json::from_str(answer).unwrap_or_default();
    let decided = &said["hookSpecificOutput"];
    let words = [
        (
            &decided["permissionDecision"],
            &decided["permissionDecisionReason"],
        ),
        (&said["decision"], &said["reason"]),
    ];
    let (_, reason) = words.into_iter().find(|(decision, _)| **decision == "deny")?;
    Some(reason.as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::{Client as Spoken, Verdict};

    #[test]
    fn what_a_hook_is_told_is_an_edit_to_it_and_its_refusal_is_read() {
        for (client, spoken) in [
            (Client::Claude, Spoken::Claude),
            (Client::Codex, Spoken::Codex),
            (Client::Gemini, Spoken::Gemini),
        ] {
            let hook = Hook::by_process(client, &[]);
            let told = |deed| {
                let event = hook.event(deed, Path::new("/p/a"), Path::new("/p"));
                spoken.read(event.to_string().as_bytes()).unwrap()
            };
            assert_eq!(told(Deed::Write).occasion.writes, ["/p/a"], "{client:?}");
            assert_eq!(told(Deed::Read).occasion.writes, [""; 0], "{client:?}");
            let reason = "it is held".to_owned();
            let answer = spoken
                .answer(&told(Deed::Write).event, &Verdict::Deny { reason })
                .unwrap();
            assert_eq!(refusal(&answer).as_deref(), Some("it is held"), "{client:?}");
        }
        assert_eq!(refusal(""), None);
    }

    #[test]
    fn over_the_bridge_the_configured_input_is_filled_in() {
        let input = json!({ "tool_input.file_path": "${tool_input.file_path}", "tool_input.command": "${tool_input.command}",
            "enforce": "closed" });
        let hook = Hook::by_process(Client::Claude, &[]);
        let event = hook.event(Deed::Write, Path::new("/p/a"), Path::new("/p"));
        let expected =
            json!({ "tool_input.file_path": "/p/a", "tool_input.command": "", "enforce": "closed" });
        assert_eq!(filled(&input, &event), expected);
    }
}
