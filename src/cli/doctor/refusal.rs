//! Whether locks hold: an edit of what somebody else has locked is tried, and must be refused.

use std::path::Path;

use serde_json::json;

use super::finding::Finding;
use super::hook::{Deaf, Deed, Ear, Hook};
use super::known::{Known, not_started};
use crate::cli::args::Place;
use crate::cli::client::Client;
use crate::cli::{CliError, place, text};

/// What is locked for a moment, and then not edited. No file of this name is needed.
const TRIED: &str = ".callboard-tried";
/// Who holds it.
const HOLDER: &str = "callboard-doctor";
/// What is advised where something has to be looked into.
const READ: &str = "see what the reason says, then run `callboard doctor` again";

/// Locks a file as one agent, where `hook` asks, and asks the hook as another whether it may be edited. Nothing is.
pub(super) fn tried(hook: &Hook, known: &Known, directory: &Path) -> Finding {
    let check = "an edit of a locked file";
    let shown = hook.shown();
    let not_tried = format!("was not tried with {shown}");
    let mut ear = match hook.listen(known, directory) {
        Ok(ear) => ear,
        Err(Deaf::Untried(is)) => return not_started(check, is),
        Err(Deaf::Broken(problem)) => {
            let found = format!("{not_tried}: it {problem}");
            return Finding::fail(check, found, READ);
        }
    };
    let place = match hook.place() {
        Ok(place) => place,
        Err(problem) => {
            let fix = "see `callboard hook --help` for what it takes";
            return Finding::fail(check, format!("{not_tried}: {problem}"), fix);
        }
    };
    match ask(hook, &mut ear, &place, directory) {
        Ok(Some(reason)) if reason.contains(HOLDER) => Finding::ok(
            check,
            format!("is refused by {shown}, and the agent reads who holds it"),
        ),
        Ok(Some(reason)) => {
            let reason = text::one_line(&reason);
            let found = format!("is refused by {shown} for another reason: {reason}");
            Finding::fail(check, found, READ)
        }
        Ok(None) => Finding::fail(
            check,
            format!("is let through by {shown}"),
            "install one version for the board and the hooks: cargo install --path .",
        ),
        Err(CliError::NoBoard { socket, .. }) => Finding::warn(
            check,
            format!("{not_tried}, because no board runs at {}", socket.display()),
            "start the board, then run `callboard doctor` again",
        ),
        Err(CliError::Refused { code, hint }) if code == "HELD" => {
            let hint = hint.unwrap_or(code);
            // What follows the colon is for agents.
            let held = hint.split_once(": ").map_or(&*hint, |(held, _)| held);
            let fix = "run `callboard doctor` again when that is free";
            Finding::warn(check, format!("{not_tried}: {held}"), fix)
        }
        Err(error) => Finding::fail(check, format!("{not_tried}: {error}"), READ),
    }
}

/// Returns why the edit was refused, `None` when it was not.
fn ask(hook: &Hook, ear: &mut Ear, place: &Place, directory: &Path) -> Result<Option<String>, CliError> {
    let mut holder = Client::attach(&place::project_around(directory, place)?, place, HOLDER)?;
    let file = directory.join(TRIED);
    let wanted = json!({
        "targets": [file], "why": "callboard doctor tries whether locks hold", "ttl": 10,
    });
    let lock = holder.call("acquireLock", &wanted)?;
    let told = ear.tell(&hook.event(Deed::Write, &file, directory), directory);
    holder.call("releaseLock", &json!({ "fence": lock["fence"] }))?;
    told.map_err(CliError::Hook)
}
