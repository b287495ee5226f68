//! opencode: an edit of a file that somebody else holds.

use std::process::Stdio;

use serde_json::json;

use crate::model::{call, say};
use crate::stage::{BEFORE, Client, Running, Stage};

pub(crate) const OPENCODE: Client = Client {
    name: "opencode",
    program: "opencode",
    place: "node_modules/opencode-{platform}/bin/opencode",
};

/// Starts a session with the task `task`.
fn session(stage: &Stage, task: &str) -> Running {
    let mut opencode = stage.command(OPENCODE.program);
    opencode
        .args(["run", "--model", "scripted/scripted", task])
        .env("OPENCODE_DISABLE_AUTOUPDATE", "1")
        .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
        .stdout(Stdio::null());
    Running::start(&mut opencode)
}

#[test]
fn an_edit_of_a_held_file_is_refused_and_goes_through_when_it_is_free() {
    let Some(stage) = Stage::open(OPENCODE) else {
        return;
    };
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible", "name": "scripted",
        "options": { "baseURL": format!("{}/v1", stage.model.url()), "apiKey": "dummy" },
        "models": { "scripted": { "name": "scripted" } },
    });
    let settings = json!({ "provider": { "scripted": provider }, "autoupdate": false, "share": "disabled" });
    stage.put_at_home(".config/opencode/opencode.json", &settings.to_string());
    stage.callboard(&["setup", "opencode", "--project", "--yes"]);
    let model = &stage.model;
    let read = || call("read", json!({ "filePath": stage.file() }));
    let edit = || {
        let input = json!({ "filePath": stage.file(), "oldString": "two", "newString": "TWO" });
        call("edit", input)
    };
    model.plays("BOB", [read(), edit(), edit().held(), say("done").held()]);
    let holder = stage.hold();
    let mut bob = session(&stage, "You are BOB.");
    let denied = model.shown("BOB", 2);
    assert!(
        denied.contains("src/f.rs is locked by somebody for \"a test\""),
        "{denied}"
    );
    assert_eq!(stage.content(), BEFORE);

    drop(holder);
    stage.wait_until_free();
    model.go_on("BOB", 2);
    model.shown("BOB", 3);
    assert_eq!(stage.content(), "one\nTWO\n");
    assert_eq!(stage.holder().as_deref(), Some("opencode-1"));
    model.go_on("BOB", 3);
    assert!(bob.end().success());
    stage.wait_until_free();
}
