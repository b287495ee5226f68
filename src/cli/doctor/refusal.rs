//! Whether locks hold: an edit of what somebody else has locked is tried, and must be refused.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::finding::Finding;
use super::known::{Known, not_started};
use crate::cli::args::Place;
use crate::cli::child::run;
use crate::cli::client::Client;
use crate::cli::{CliError, place, text};

/// What is locked for a moment, and then not edited. No file of this name is needed.
const TRIED: &str = ".callboard-doctor";
/// Who holds it.
const HOLDER: &str = "doctor";

/// Locks a file as one agent and asks the hook of `program` as another whether it may be edited. Nothing is.
pub(super) fn tried(program: &str, known: &Known, place: &Place, directory: &Path) -> Finding {
    let check = "an edit of a locked file";
    let started = match known.start(program) {
        Ok(started) => started,
        Err(is) => return not_started(check, is),
    };
    match ask(started, place, directory) {
        Ok(Some(reason)) if reason.contains(HOLDER) => {
            Finding::ok(check, "is refused, and the agent reads who holds it")
        }
        Ok(Some(reason)) => Finding::fail(
            check,
            format!("is refused for another reason: {}", text::one_line(&reason)),
            "see what the reason says, then run `callboard doctor` again",
        ),
        Ok(None) => Finding::fail(
            check,
            format!("is let through by `{program} hook claude`"),
            "install one version for the board and the hooks: cargo install --path .",
        ),
        Err(CliError::NoBoard { .. }) => Finding::warn(
            check,
            "was not tried, because no board runs",
            "start the board, then run `callboard doctor` again",
        ),
        Err(error) => Finding::fail(
            check,
            format!("was not tried: {error}"),
            "see what the reason says",
        ),
    }
}

/// Returns why the edit was refused, `None` when it was not.
fn ask(program: &Path, place: &Place, directory: &Path) -> Result<Option<String>, CliError> {
    let mut holder = Client::attach(&place::project_around(directory, place)?, place, HOLDER)?;
    let wanted = json!({
        "targets": [directory.join(TRIED)], "why": "callboard doctor tries whether locks hold", "ttl": 10,
    });
    let lock = holder.call("acquireLock", &wanted)?;
    let event = json!({
        "session_id": HOLDER, "transcript_path": "", "cwd": directory, "hook_event_name": "PreToolUse",
        "tool_name": "Write", "tool_input": { "file_path": directory.join(TRIED), "content": "" },
        "tool_use_id": HOLDER,
    });
    let mut command = Command::new(program);
    command.args(["hook", "claude"]).current_dir(directory);
    if let Some(socket) = &place.socket {
        command.arg("--socket").arg(socket);
    }
    let ran = run(command, event.to_string().as_bytes());
    holder.call("releaseLock", &json!({ "fence": lock["fence"] }))?;
    let ran = ran.map_err(CliError::Hook)?;
    let said: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    let decided = &said["hookSpecificOutput"];
    Ok(match decided["permissionDecision"].as_str() {
        Some("deny") => decided["permissionDecisionReason"].as_str().map(str::to_owned),
        _ => None,
    })
}
