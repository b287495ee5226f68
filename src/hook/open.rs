//! Hooks over the connection that a client's agents use anyway: what Claude Code puts into the call of a tool.
//!
//! It fills in strings: `${a.b}` becomes what stands there in the hook's input, an empty text where nothing does.
//! Each is named here by its path, so the input is put together again and read as the process of a hook reads it.

use serde_json::{Map, Value};

use super::{Client, Enforce, Heard, HookError, Verdict};

/// The tool that is called. No model is shown it.
pub const TOOL: &str = "hook";

/// The field with the user's choice for edits that nobody can judge.
pub const ENFORCE: &str = "enforce";
/// The field that tells not to lock what is edited.
pub const AUTO_LOCK: &str = "auto_lock";

/// What of every hook's input is needed.
const ALWAYS: [&str; 3] = ["hook_event_name", "agent_id", "agent_type"];
/// What else is needed before a tool is used. Not its whole input: that may be the content of a file.
const OF_A_TOOL: [&str; 6] = [
    "cwd",
    "tool_name",
    "tool_use_id",
    "tool_input.file_path",
    "tool_input.notebook_path",
    "tool_input.command",
];
/// What else is needed after a tool was used.
const OF_A_USE: [&str; 2] = ["tool_name", "tool_input.task_id"];
/// What is no text, by its path: a flag and a list.
const FLAG: &str = "stop_hook_active";
const LIST: &str = "background_tasks";

/// What a call of [`TOOL`] tells.
#[derive(Debug)]
pub struct Told {
    /// What happened, if that can be read.
    pub heard: Result<Heard, HookError>,
    /// What the user chose for edits that nobody can judge.
    pub enforce: Option<Enforce>,
}

/// Returns the paths into the hook's input that are handed over at `event`.
pub fn paths(event: &str) -> impl Iterator<Item = &'static str> {
    let more: &[&str] = match event {
        "PreToolUse" => &OF_A_TOOL,
        "PostToolUse" => &OF_A_USE,
        "Stop" => &[FLAG, LIST],
        "SubagentStop" => &[FLAG],
        _ => &[],
    };
    ALWAYS.iter().chain(more).copied()
}

/// Returns what a call with `arguments` tells.
pub fn read(arguments: &Map<String, Value>) -> Told {
    let text = |field| arguments.get(field).and_then(Value::as_str);
    let enforce = match text(ENFORCE) {
        Some("open") => Some(Enforce::Open),
        Some("closed") => Some(Enforce::Closed),
        _ => None,
    };
    let mut heard = Client::Claude.read(whole(arguments).to_string().as_bytes());
    if let Ok(Heard { occasion, .. }) = &mut heard {
        occasion.auto_lock = text(AUTO_LOCK) != Some("false");
    }
    Told { heard, enforce }
}

/// Returns the text of the answer that makes the client do what `verdict` says, `None` when that is nothing.
pub fn answer(event: &str, verdict: &Verdict) -> Option<String> {
    Client::Claude.answer(event, verdict)
}

/// Puts the hook's input together again, without what was not there.
fn whole(arguments: &Map<String, Value>) -> Value {
    let mut input = Map::new();
    for (path, value) in arguments {
        let value = match value.as_str() {
            Some("") => continue,
            Some(flag) if path == FLAG => Value::Bool(flag == "true"),
            Some(list) if path == LIST => serde_json::from_str(list).unwrap_or_default(),
            _ => value.clone(),
        };
        match path.split_once('.') {
            None => drop(input.insert(path.clone(), value)),
            Some((outer, inner)) => {
                let outer = input.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(outer) = outer {
                    outer.insert(inner.to_owned(), value);
                }
            }
        }
    }
    Value::Object(input)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;
    use crate::hook::{Moment, Occasion, Over, SubAgent};

    fn told(arguments: &Value) -> Told {
        read(arguments.as_object().unwrap())
    }

    fn occasion(arguments: &Value) -> Occasion {
        told(arguments).heard.unwrap().occasion
    }

    /// As captured, with other paths.
    fn edit() -> Value {
        json!({
            "hook_event_name": "PreToolUse", "agent_id": "", "agent_type": "", "cwd": "/p", "tool_name": "Write",
            "tool_use_id": "toolu_1_0", "tool_input.file_path": "/p/a.txt", "tool_input.notebook_path": "",
            "tool_input.command": "",
        })
    }

    #[test]
    fn the_same_is_heard_as_by_the_process_of_a_hook() {
        let piped = json!({
            "session_id": "s", "cwd": "/p", "hook_event_name": "PreToolUse", "tool_name": "Write",
            "tool_input": { "file_path": "/p/a.txt", "content": "x" }, "tool_use_id": "toolu_1_0",
        });
        let mut expected = Client::Claude.read(piped.to_string().as_bytes()).unwrap();
        expected.occasion.auto_lock = true;
        assert_eq!(told(&edit()).heard.unwrap(), expected);
    }

    #[test]
    fn sub_agents_notebooks_and_commands_are_told_too() {
        let mut notebook = edit();
        notebook["tool_name"] = json!("NotebookEdit");
        notebook["tool_input.file_path"] = json!("");
        notebook["tool_input.notebook_path"] = json!("/p/n.ipynb");
        notebook["agent_id"] = json!("a1");
        notebook["agent_type"] = json!("worker");
        let heard = occasion(&notebook);
        assert_eq!(heard.writes, ["/p/n.ipynb"]);
        let (kind, id) = ("worker".to_owned(), "a1".to_owned());
        assert_eq!(heard.agent, Some(SubAgent { kind, id }));
        let mut command = edit();
        command["tool_name"] = json!("Bash");
        command["tool_input.file_path"] = json!("");
        command["tool_input.command"] = json!("git checkout -- a.txt");
        let heard = occasion(&command);
        assert_eq!(heard.overwrites, ["/p/a.txt"]);
        assert_eq!(heard.cwd, Some(PathBuf::from("/p")));
    }

    #[test]
    fn flags_are_texts_here() {
        for (text, flag) in [("true", true), ("false", false), ("", false)] {
            let heard = occasion(&json!({ "hook_event_name": "Stop", "stop_hook_active": text }));
            assert_eq!((heard.moment, heard.held_back), (Moment::Stop, flag), "{text}");
        }
    }

    #[test]
    fn a_list_is_a_text_here() {
        for (text, is_alone) in [
            ("[]", true),
            ("", false),
            ("[", false),
            (r#"[{"type":"subagent"}]"#, false),
        ] {
            let heard = occasion(&json!({ "hook_event_name": "Stop", "background_tasks": text }));
            assert_eq!(heard.over == Over::All, is_alone, "{text}");
        }
        let stopped = json!({
            "hook_event_name": "PostToolUse", "tool_name": "TaskStop", "tool_input.task_id": "a1",
        });
        assert_eq!(occasion(&stopped).over, Over::One("a1".to_owned()));
    }

    #[test]
    fn the_user_s_choices_stand_beside_it() {
        let chosen = told(&json!({ "hook_event_name": "Stop", "enforce": "closed", "auto_lock": "false" }));
        assert_eq!(chosen.enforce, Some(Enforce::Closed));
        assert!(!chosen.heard.unwrap().occasion.auto_lock);
        assert_eq!(told(&edit()).enforce, None);
    }

    #[test]
    fn what_is_needed_and_not_there_is_an_error() {
        let mut nameless = edit();
        nameless["tool_input.file_path"] = json!("");
        for broken in [json!({}), nameless, json!({ "hook_event_name": 7 })] {
            assert!(told(&broken).heard.is_err(), "{broken}");
        }
    }
}
