//! Codex's hooks: Claude Code's JSON, with files written by `apply_patch`.
//!
//! Its threads are its agents: a call to a server names the thread, and so does a hook.

use serde_json::Value;

use super::claude::{self, Input};
use super::{Heard, HookError, Moment, Verdict, patch};

pub(super) fn read(input: &[u8]) -> Result<Heard, HookError> {
    let input = Input::read(input)?;
    let thread = input.session_id.clone();
    let mut heard = input.heard(|tool| match &*tool.name {
        "apply_patch" => {
            let paths = patch::paths(&tool.command()?);
            if paths.is_empty() {
                return Err(HookError::Missing {
                    tool: tool.name.clone(),
                    what: "file",
                });
            }
            Ok(paths)
        }
        _ => Ok(Vec::new()),
    })?;
    heard.occasion.thread = thread;
    // There is no event between tools and the model, so what is to be told is told after each tool.
    if heard.event == "PostToolUse" {
        heard.occasion.moment = Moment::Between;
    }
    Ok(heard)
}

pub(super) fn answer(event: &str, verdict: &Verdict) -> Option<Value> {
    match verdict {
        // It goes on after the reason with a full stop of its own.
        Verdict::Deny { reason } => {
            let reason = reason.strip_suffix('.').unwrap_or(reason).to_owned();
            claude::answer(event, &Verdict::Deny { reason })
        }
        _ => claude::answer(event, verdict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::Occasion;
    use serde_json::json;

    fn occasion(input: &Value) -> Occasion {
        read(input.to_string().as_bytes()).unwrap().occasion
    }

    #[test]
    fn a_patch_names_all_its_files() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@\n-x\n+y\n*** End Patch\n";
        let heard = occasion(&json!({
            "session_id": "019a-main", "turn_id": "1", "model": "m", "cwd": "/p",
            "hook_event_name": "PreToolUse", "tool_name": "apply_patch", "tool_use_id": "c1",
            "tool_input": { "command": patch },
        }));
        assert_eq!(heard.writes, ["src/a.rs"]);
        assert_eq!(heard.thread.as_deref(), Some("019a-main"));
    }

    #[test]
    fn a_patch_of_nothing_cannot_be_judged() {
        let input = json!({
            "hook_event_name": "PreToolUse", "tool_name": "apply_patch", "tool_input": { "command": "hello" },
        });
        let error = read(input.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the input of apply_patch names no file");
    }

    #[test]
    fn a_reason_ends_without_a_full_stop_since_one_follows() {
        let reason = "a.rs is locked. Ask for it.".to_owned();
        let said = answer("PreToolUse", &Verdict::Deny { reason }).unwrap();
        let output = &said["hookSpecificOutput"];
        assert_eq!(output["permissionDecisionReason"], "a.rs is locked. Ask for it");
    }

    #[test]
    fn a_sub_agent_is_a_thread_of_its_own() {
        let heard = occasion(&json!({
            "session_id": "019a-main", "agent_id": "019a-sub", "agent_type": "worker",
            "hook_event_name": "PostToolUse", "tool_name": "Bash",
        }));
        assert_eq!(heard.thread.as_deref(), Some("019a-main"));
        assert_eq!(heard.agent.map(|agent| agent.id).as_deref(), Some("019a-sub"));
        assert_eq!(heard.moment, Moment::Between);
    }
}
