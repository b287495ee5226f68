//! Gemini CLI: an edit of a file that somebody else holds.

use std::process::Stdio;

use serde_json::json;

use crate::model::{call, say};
use crate::stage::{BEFORE, Client, FILE, Running, Stage};

pub(crate) const GEMINI: Client = Client {
    name: "Gemini CLI",
    program: "gemini",
    place: "node_modules/.bin/gemini",
};

/// Starts a session with the task `task`, in a project that is trusted.
fn session(stage: &Stage, task: &str) -> Running {
    let mut gemini = stage.command(GEMINI.program);
    gemini
        .args(["-p", task, "-y", "-m", "gemini-2.5-pro"])
        .env("GOOGLE_GEMINI_BASE_URL", stage.model.url())
        .env("GEMINI_API_KEY", "dummy")
        .env("GEMINI_CLI_TRUST_WORKSPACE", "true")
        .stdout(Stdio::null());
    Running::start(&mut gemini)
}

#[test]
fn an_edit_of_a_held_file_is_refused_and_goes_through_when_it_is_free() {
    let Some(stage) = Stage::open(GEMINI) else { return };
    stage.put_at_home(
        ".gemini/settings.json",
        r#"{ "security": { "auth": { "selectedType": "gemini-api-key" } }, "telemetry": { "enabled": false } }"#,
    );
    stage.callboard(&["setup", "gemini", "--project", "--yes"]);
    let model = &stage.model;
    let edit = || {
        let input = json!({
            "file_path": FILE, "instruction": "shout", "old_string": "two", "new_string": "TWO",
        });
        call("replace", input)
    };
    model.plays("BOB", [edit(), edit().held(), say("done").held()]);
    let holder = stage.hold();
    let mut bob = session(&stage, "You are BOB.");
    let denied = model.shown("BOB", 1);
    assert!(
        denied.contains("src/f.rs is locked by somebody for \"a test\""),
        "{denied}"
    );
    assert_eq!(stage.content(), BEFORE);

    drop(holder);
    stage.wait_until_free();
    model.go_on("BOB", 1);
    model.shown("BOB", 2);
    assert_eq!(stage.content(), "one\nTWO\n");
    assert_eq!(stage.holder().as_deref(), Some("gemini-cli-mcp-client-1"));
    model.go_on("BOB", 2);
    assert!(bob.end().success());
    stage.wait_until_free();
}
