//! Claude Code's hooks.
//!
//! The shapes are those of its version 2.1.329. Codex has taken most of them over.
//!
//! A turn ends with one of three: an event when the agent stops, another when the model's provider fails, and none at
//! all when the person interrupts it. So the prompt that begins the next one tells of the end, too.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::shell;
use super::{Heard, HookError, Moment, Occasion, Over, SubAgent, Verdict};

/// What a turn ends with that the model's provider did not let come to its end.
const STOPPED_BY_FAILURE: &str = "StopFailure";

/// The input of any event, as far as it matters.
#[derive(Debug, Deserialize)]
pub(super) struct Input<'a> {
    hook_event_name: String,
    pub(super) session_id: Option<String>,
    cwd: Option<PathBuf>,
    /// Only there inside a sub-agent or a teammate.
    pub(super) agent_id: Option<String>,
    agent_type: Option<String>,
    tool_name: Option<String>,
    tool_use_id: Option<String>,
    /// Every tool has its own shape, and those of MCP servers any.
    #[serde(borrow, rename = "tool_input")]
    arguments: Option<&'a RawValue>,
    #[serde(default)]
    stop_hook_active: bool,
    #[serde(borrow)]
    background_tasks: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct ToolInput {
    file_path: Option<String>,
    notebook_path: Option<String>,
    command: Option<String>,
    task_id: Option<String>,
}

/// Something that goes on beside the agent.
#[derive(Debug, Deserialize)]
struct Background<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// What may go on with no agent in it.
const WITHOUT_AGENTS: [&str; 2] = ["shell", "monitor"];

impl Input<'_> {
    pub(super) fn read(input: &[u8]) -> Result<Input<'_>, HookError> {
        Ok(serde_json::from_slice(input)?)
    }

    /// Returns what happened; `writes` finds the files that a tool writes.
    pub(super) fn heard(self, writes: Writes) -> Result<Heard, HookError> {
        let over = self.over();
        let kind = self.agent_type.unwrap_or_else(|| "agent".to_owned());
        let mut occasion = Occasion {
            moment: moment(&self.hook_event_name),
            agent: self.agent_id.map(|id| SubAgent { kind, id }),
            call: self.tool_use_id,
            // A failure of the model's provider is not undone by going on.
            held_back: self.stop_hook_active || self.hook_event_name == STOPPED_BY_FAILURE,
            over,
            cwd: self.cwd,
            ..Occasion::default()
        };
        if let (Moment::Before, Some(name)) = (occasion.moment, self.tool_name) {
            let tool = Tool {
                name,
                input: self.arguments.map_or("{}", RawValue::get),
            };
            occasion.writes = writes(&tool)?;
            if tool.name == "Bash" {
                let command = tool.command()?;
                occasion.is_command = true;
                occasion.overwrites = shell::overwrites(&command, occasion.cwd.as_deref());
            }
        }
        Ok(Heard {
            event: self.hook_event_name,
            occasion,
        })
    }

    /// Tells which sub-agents are over. Where the client does not say who is at work, somebody may be.
    fn over(&self) -> Over {
        let is_leader = self.agent_id.is_none();
        match (&*self.hook_event_name, self.tool_name.as_deref()) {
            // Commands are stopped so too; no agent has the id of one.
            ("PostToolUse", Some("TaskStop")) => {
                let input = self.arguments.map_or("{}", RawValue::get);
                let input: ToolInput = serde_json::from_str(input).unwrap_or_default();
                input.task_id.map_or(Over::Nobody, Over::One)
            }
            ("Stop", _) if is_leader && self.is_without_agents() => Over::All,
            _ => Over::Nobody,
        }
    }

    fn is_without_agents(&self) -> bool {
        let told = self.background_tasks.map(RawValue::get);
        let told = told.and_then(|told| serde_json::from_str::<Vec<Background<'_>>>(told).ok());
        let has_none = |one: &Background<'_>| WITHOUT_AGENTS.contains(&&*one.kind);
        told.is_some_and(|all| all.iter().all(has_none))
    }
}

/// A tool that is about to be used.
pub(super) struct Tool<'a> {
    pub(super) name: String,
    input: &'a str,
}

/// Finds the files that a tool writes.
pub(super) type Writes = fn(&Tool<'_>) -> Result<Vec<String>, HookError>;

impl Tool<'_> {
    /// Returns the text called `command`, which the tool must have.
    pub(super) fn command(&self) -> Result<String, HookError> {
        self.needs("command", |input| input.command)
    }

    fn needs(
        &self,
        what: &'static str,
        field: impl Fn(ToolInput) -> Option<String>,
    ) -> Result<String, HookError> {
        field(serde_json::from_str(self.input)?).ok_or_else(|| HookError::Missing {
            tool: self.name.clone(),
            what,
        })
    }
}

pub(super) fn read(input: &[u8]) -> Result<Heard, HookError> {
    Input::read(input)?.heard(|tool| {
        Ok(match &*tool.name {
            "Write" | "Edit" => vec![tool.needs("file_path", |input| input.file_path)?],
            "NotebookEdit" => vec![tool.needs("notebook_path", |input| input.notebook_path)?],
            _ => Vec::new(),
        })
    })
}

fn moment(event: &str) -> Moment {
    match event {
        "SessionStart" | "SubagentStart" => Moment::Start,
        "UserPromptSubmit" => Moment::Turn,
        "PreToolUse" => Moment::Before,
        "PostToolBatch" => Moment::Between,
        "Stop" | "SubagentStop" | STOPPED_BY_FAILURE => Moment::Stop,
        "SessionEnd" => Moment::End,
        _ => Moment::After,
    }
}

pub(super) fn answer(event: &str, verdict: &Verdict) -> Option<Value> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Tell { context } => takes_context(event).then(
            || json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": context } }),
        ),
        Verdict::Deny { reason } if event == "PreToolUse" => Some(json!({ "hookSpecificOutput": {
            "hookEventName": event,
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        } })),
        Verdict::HoldBack { reason } if matches!(event, "Stop" | "SubagentStop") => {
            Some(json!({ "decision": "block", "reason": reason }))
        }
        Verdict::Warn { warning: text }
        | Verdict::Deny { reason: text }
        | Verdict::HoldBack { reason: text } => Some(json!({ "systemMessage": text })),
    }
}

/// Tells whether what is said at `event` reaches the model, and does nothing else.
fn takes_context(event: &str) -> bool {
    matches!(
        event,
        "SessionStart"
            | "SubagentStart"
            | "PreToolUse"
            | "PostToolUse"
            | "PostToolUseFailure"
            | "PostToolBatch"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As captured, with other paths.
    const MAIN: &str = r#"{"session_id":"bfd53262-0c8c-492c-901b-c24cbca7eb8c","transcript_path":"/home/u/.claude/projects/-abs-project/bfd53262.jsonl","cwd":"/abs/project","prompt_id":"101da091","permission_mode":"acceptEdits","effort":{"level":"medium"},"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"/abs/project/a.txt","old_string":"hello","new_string":"bye","replace_all":false},"tool_use_id":"toolu_0007_00"}"#;
    const SUB: &str = r#"{"session_id":"bfd53262","transcript_path":"x","cwd":"/abs/project","prompt_id":"y","permission_mode":"acceptEdits","agent_id":"a54902da7c31c6cce","agent_type":"general-purpose","effort":{"level":"medium"},"hook_event_name":"PreToolUse","tool_name":"mcp__lg__ping_tool","tool_input":{"x":"sub"},"tool_use_id":"toolu_0014_00","mcp_server":{"name":"lg","source":"local"}}"#;

    fn occasion(input: &str) -> Occasion {
        read(input.as_bytes()).unwrap().occasion
    }

    fn before(tool: &str, input: &str) -> String {
        format!(r#"{{"hook_event_name":"PreToolUse","tool_name":"{tool}","tool_input":{input}}}"#)
    }

    #[test]
    fn an_edit_names_its_file_and_its_call() {
        let Heard { event, occasion } = read(MAIN.as_bytes()).unwrap();
        assert_eq!(event, "PreToolUse");
        let expected = Occasion {
            moment: Moment::Before,
            call: Some("toolu_0007_00".to_owned()),
            writes: vec!["/abs/project/a.txt".to_owned()],
            cwd: Some(PathBuf::from("/abs/project")),
            ..Occasion::default()
        };
        assert_eq!(occasion, expected);
    }

    #[test]
    fn a_sub_agent_is_told_from_the_main_thread() {
        let agent = SubAgent {
            kind: "general-purpose".to_owned(),
            id: "a54902da7c31c6cce".to_owned(),
        };
        let heard = occasion(SUB);
        assert_eq!((heard.agent, heard.writes), (Some(agent), Vec::new()));
        // A main thread that runs as an agent has a type and no id.
        assert_eq!(
            occasion(r#"{"hook_event_name":"Stop","agent_type":"reviewer"}"#).agent,
            None
        );
    }

    #[test]
    fn who_was_stopped_and_who_is_at_work_is_told() {
        let stop = |event: &str| {
            let input = format!(
                r#"{{"hook_event_name":"{event}","tool_name":"TaskStop","tool_input":{{"task_id":"a54902da7c31c6cce"}}}}"#
            );
            occasion(&input).over
        };
        assert_eq!(stop("PostToolUse"), Over::One("a54902da7c31c6cce".to_owned()));
        for too_early in ["PreToolUse", "PostToolUseFailure"] {
            assert_eq!(stop(too_early), Over::Nobody, "{too_early}");
        }
        let is_alone =
            |rest: &str| occasion(&format!(r#"{{"hook_event_name":"Stop"{rest}}}"#)).over == Over::All;
        let shell = r#"{"id":"b1","type":"shell","status":"running","command":"make \"x\""}"#;
        let agent = r#"{"id":"a54902da7c31c6cce","type":"subagent","status":"running"}"#;
        assert!(is_alone(r#","background_tasks":[]"#));
        assert!(is_alone(&format!(r#","background_tasks":[{shell}]"#)));
        for not in [
            "",
            r#","background_tasks":null"#,
            r#","background_tasks":7"#,
            r#","background_tasks":[7]"#,
            &format!(r#","background_tasks":[{shell},{agent}]"#),
            r#","agent_id":"a1","background_tasks":[]"#,
        ] {
            assert!(!is_alone(not), "{not}");
        }
    }

    #[test]
    fn notebooks_have_another_name_for_their_file() {
        let heard = occasion(&before("NotebookEdit", r#"{"notebook_path":"/n.ipynb"}"#));
        assert_eq!(heard.writes, ["/n.ipynb"]);
    }

    #[test]
    fn what_is_needed_and_not_there_is_an_error_and_all_else_is_not() {
        for broken in [
            "",
            "{}",
            "[]",
            "hello",
            &before("Edit", "{}"),
            &before("Write", r#"{"file_path":7}"#),
        ] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
        for fine in [before("mcp__x__y", r#"{"command":7}"#), before("Read", "[1]")] {
            assert_eq!(occasion(&fine).writes, [""; 0], "{fine}");
        }
    }

    #[test]
    fn events_are_told_apart() {
        for (event, moment) in [
            ("SessionStart", Moment::Start),
            ("UserPromptSubmit", Moment::Turn),
            ("SubagentStart", Moment::Start),
            ("PostToolUse", Moment::After),
            ("PostToolUseFailure", Moment::After),
            ("PostToolBatch", Moment::Between),
            ("Stop", Moment::Stop),
            ("SubagentStop", Moment::Stop),
            ("StopFailure", Moment::Stop),
            ("SessionEnd", Moment::End),
            ("SomethingNew", Moment::After),
        ] {
            let input = format!(r#"{{"hook_event_name":"{event}","stop_hook_active":true}}"#);
            let heard = occasion(&input);
            assert_eq!((heard.moment, heard.held_back), (moment, true), "{event}");
        }
    }

    #[test]
    fn a_failure_holds_nobody_back_and_a_prompt_is_never_answered() {
        assert!(occasion(r#"{"hook_event_name":"StopFailure","error":"rate_limit"}"#).held_back);
        assert!(!occasion(r#"{"hook_event_name":"Stop"}"#).held_back);
        // What is printed at a prompt becomes part of it.
        assert_eq!(answer("UserPromptSubmit", &Verdict::Pass), None);
        let context = "two here".to_owned();
        assert_eq!(answer("UserPromptSubmit", &Verdict::Tell { context }), None);
    }

    #[test]
    fn verdicts_are_said_as_the_client_reads_them() {
        let text = |event, verdict: &Verdict| answer(event, verdict).map(|json| json.to_string());
        let deny = Verdict::Deny {
            reason: "src/a.rs is held".to_owned(),
        };
        assert_eq!(
            text("PreToolUse", &deny).unwrap(),
            r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"src/a.rs is held"}}"#
        );
        let hold = Verdict::HoldBack {
            reason: "task:1".to_owned(),
        };
        assert_eq!(
            text("Stop", &hold).unwrap(),
            r#"{"decision":"block","reason":"task:1"}"#
        );
        let tell = Verdict::Tell {
            context: "two here".to_owned(),
        };
        assert_eq!(
            text("SessionStart", &tell).unwrap(),
            r#"{"hookSpecificOutput":{"hookEventName":"SessionStart","additionalContext":"two here"}}"#
        );
        // At Stop it would make the agent go on.
        assert_eq!(text("Stop", &tell), None);
        assert_eq!(text("PreToolUse", &Verdict::Pass), None);
        let warn = Verdict::Warn {
            warning: "no board".to_owned(),
        };
        assert_eq!(
            text("PreToolUse", &warn).unwrap(),
            r#"{"systemMessage":"no board"}"#
        );
        assert_eq!(
            text("SessionEnd", &deny).unwrap(),
            r#"{"systemMessage":"src/a.rs is held"}"#
        );
    }
}
