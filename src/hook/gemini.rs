//! Gemini CLI's hooks.
//!
//! It names no agents and no calls, and leaves paths as the model wrote them. Whoever has no word between tools
//! and the model is told after each tool.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Heard, HookError, Moment, Occasion, Verdict, shell};

#[derive(Debug, Deserialize)]
struct Input<'a> {
    hook_event_name: String,
    cwd: Option<PathBuf>,
    tool_name: Option<String>,
    #[serde(borrow, rename = "tool_input")]
    arguments: Option<&'a RawValue>,
    #[serde(default)]
    stop_hook_active: bool,
}

#[derive(Debug, Deserialize)]
struct ToolInput {
    file_path: Option<String>,
    command: Option<String>,
    /// Where the command is run, if not in the client's directory.
    dir_path: Option<PathBuf>,
}

pub(super) fn read(input: &[u8]) -> Result<Heard, HookError> {
    let input: Input<'_> = serde_json::from_slice(input)?;
    let mut occasion = Occasion {
        moment: moment(&input.hook_event_name),
        held_back: input.stop_hook_active,
        cwd: input.cwd,
        ..Occasion::default()
    };
    if let (Moment::Before, Some(tool)) = (occasion.moment, input.tool_name) {
        let arguments = || serde_json::from_str::<ToolInput>(input.arguments.map_or("{}", RawValue::get));
        let needs = |what, field: Option<String>| {
            field.ok_or_else(|| HookError::Missing {
                tool: tool.clone(),
                what,
            })
        };
        match &*tool {
            "write_file" | "replace" => occasion.writes = vec![needs("file_path", arguments()?.file_path)?],
            "run_shell_command" => {
                let ToolInput {
                    command, dir_path, ..
                } = arguments()?;
                let command = needs("command", command)?;
                occasion.is_command = true;
                let place = shell::directory(occasion.cwd.as_deref(), dir_path);
                occasion.overwrites = shell::overwrites(&command, place.as_deref());
            }
            _ => {}
        }
    }
    Ok(Heard {
        event: input.hook_event_name,
        occasion,
    })
}

fn moment(event: &str) -> Moment {
    match event {
        "SessionStart" => Moment::Start,
        "BeforeTool" => Moment::Before,
        "AfterTool" => Moment::Between,
        "AfterAgent" => Moment::Stop,
        "SessionEnd" => Moment::End,
        _ => Moment::After,
    }
}

pub(super) fn answer(event: &str, verdict: &Verdict) -> Option<Value> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Tell { context } => matches!(event, "SessionStart" | "AfterTool").then(
            || json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": context } }),
        ),
        Verdict::Deny { reason } if event == "BeforeTool" => {
            Some(json!({ "decision": "deny", "reason": reason }))
        }
        Verdict::HoldBack { reason } if event == "AfterAgent" => {
            Some(json!({ "decision": "deny", "reason": reason }))
        }
        Verdict::Warn { warning: text }
        | Verdict::Deny { reason: text }
        | Verdict::HoldBack { reason: text } => Some(json!({ "systemMessage": text })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(event: &str, tool: &str, arguments: &Value) -> String {
        json!({
            "session_id": "s", "transcript_path": "/t", "cwd": "/p", "hook_event_name": event,
            "timestamp": "2026-11-21T00:00:00Z", "tool_name": tool, "tool_input": arguments,
        })
        .to_string()
    }

    #[test]
    fn a_path_is_read_as_the_model_wrote_it() {
        for tool in ["write_file", "replace"] {
            let text = input(
                "BeforeTool",
                tool,
                &json!({ "file_path": "src/a.rs", "content": "x" }),
            );
            let heard = read(text.as_bytes()).unwrap();
            assert_eq!(heard.occasion.writes, ["src/a.rs"], "{tool}");
            assert_eq!(heard.occasion.cwd, Some(PathBuf::from("/p")));
        }
    }

    #[test]
    fn an_edit_without_a_file_cannot_be_judged() {
        let text = input("BeforeTool", "replace", &json!({ "instruction": "x" }));
        assert!(read(text.as_bytes()).is_err());
    }

    #[test]
    fn a_command_is_run_where_its_tool_was_told() {
        for (place, expected) in [
            (Value::Null, "/p/a.rs"),
            (json!("src"), "/p/src/a.rs"),
            (json!("/q/../r"), "/r/a.rs"),
        ] {
            let arguments = json!({ "command": "git checkout -- a.rs", "dir_path": place });
            let heard = read(input("BeforeTool", "run_shell_command", &arguments).as_bytes()).unwrap();
            assert_eq!(heard.occasion.overwrites, [expected], "{place}");
        }
    }

    #[test]
    fn verdicts_are_said_as_the_client_reads_them() {
        let deny = Verdict::Deny {
            reason: "held".to_owned(),
        };
        let text = |event, verdict: &Verdict| answer(event, verdict).map(|json| json.to_string());
        assert_eq!(
            text("BeforeTool", &deny).unwrap(),
            r#"{"decision":"deny","reason":"held"}"#
        );
        assert_eq!(text("AfterTool", &deny).unwrap(), r#"{"systemMessage":"held"}"#);
        let hold = Verdict::HoldBack {
            reason: "task".to_owned(),
        };
        assert_eq!(
            text("AfterAgent", &hold).unwrap(),
            r#"{"decision":"deny","reason":"task"}"#
        );
        assert_eq!(text("BeforeTool", &Verdict::Pass), None);
    }
}
