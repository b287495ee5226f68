//! Codex: sessions that patch one file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::model::{Step, call, say};
use crate::stage::{Client, Running, Stage};

pub(crate) const CODEX: Client = Client {
    name: "Codex",
    program: "codex",
    place: "node_modules/.bin/codex",
};

/// Opens a stage on which Codex trusts the project, asks the scripted model, and is set up.
fn set_up() -> Option<Stage> {
    let stage = stage()?;
    stage.callboard(&["setup", "codex", "--project", "--yes"]);
    Some(stage)
}

/// Opens a stage on which Codex trusts the project and asks the scripted model.
pub(crate) fn stage() -> Option<Stage> {
    let stage = Stage::open(CODEX)?;
    let (url, project) = (stage.model.url(), stage.project().display().to_string());
    let settings = format!(
        "model = \"gpt-5.5\"\nmodel_provider = \"scripted\"\n\n\
         [model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{url}/v1\"\nwire_api = \"responses\"\n\n\
         [projects.{project:?}]\ntrust_level = \"trusted\"\n"
    );
    stage.put_at_home(".codex/config.toml", &settings);
    Some(stage)
}

/// Starts a session with the task `task`. It trusts the hooks, which a person is asked about.
pub(crate) fn session(stage: &Stage, task: &str) -> Running {
    let mut codex = stage.command(CODEX.program);
    codex
        .args([
            "exec",
            "--sandbox",
            "workspace-write",
            "--dangerously-bypass-hook-trust",
            task,
        ])
        .stdout(Stdio::null());
    Running::start(&mut codex)
}

fn patch(old: &str, new: &str) -> Step {
    let patch = format!("*** Begin Patch\n*** Update File: src/f.rs\n@@\n-{old}\n+{new}\n*** End Patch\n");
    call("apply_patch", Value::from(patch))
}

#[test]
fn the_second_of_two_sessions_is_refused_and_goes_on_when_the_first_is_done() {
    let Some(stage) = set_up() else { return };
    let model = &stage.model;
    model.plays("ALICE", [patch("one", "ONE"), say("done").held()]);
    model.plays(
        "BOB",
        [
            patch("two", "TWO"),
            call("exec_command", json!({ "cmd": "git checkout -- src" })),
            patch("two", "TWO").held(),
            say("done"),
        ],
    );
    let mut alice = session(&stage, "You are ALICE.");
    model.shown("ALICE", 1);
    assert_eq!(stage.content(), "ONE\ntwo\n");
    let holder = stage.holder().unwrap();
    assert!(holder.starts_with("codex-"), "{holder}");

    let mut bob = session(&stage, "You are BOB.");
    let denied = model.shown("BOB", 1);
    assert!(
        denied.contains(&format!("src/f.rs is locked by {holder} ")),
        "{denied}"
    );
    let denied = model.shown("BOB", 2);
    assert!(
        denied.contains("would overwrite files that others have locked: src/f.rs"),
        "{denied}"
    );
    assert_eq!(stage.content(), "ONE\ntwo\n");

    model.go_on("ALICE", 1);
    assert!(alice.end().success());
    stage.wait_until_free();
    model.go_on("BOB", 2);
    assert!(bob.end().success());
    assert_eq!(stage.content(), "ONE\nTWO\n");
}

#[test]
fn a_hook_and_a_call_of_one_thread_are_the_same_agent() {
    let Some(stage) = set_up() else { return };
    let model = &stage.model;
    model.plays(
        "ALICE",
        [
            patch("one", "ONE"),
            call("mcp__callboard/acquireLock", json!({ "targets": ["port:3000"] })).held(),
            say("done").held(),
        ],
    );
    let mut alice = session(&stage, "You are ALICE.");
    model.shown("ALICE", 1);
    let by_hook = stage.holder().unwrap();
    model.go_on("ALICE", 1);
    let locked = model.shown("ALICE", 2);
    assert!(locked.contains("fence"), "{locked}");
    assert_eq!(stage.holder_of("lock:port:3000"), Some(by_hook));
    model.go_on("ALICE", 2);
    assert!(alice.end().success());
}

#[test]
fn a_sub_agent_is_a_thread_with_a_name_and_a_bridge_of_its_own() {
    let Some(stage) = set_up() else { return };
    let model = &stage.model;
    model.plays(
        "LEAD",
        [
            patch("one", "ONE"),
            call(
                "multi_agent_v1/spawn_agent",
                json!({ "message": "You are FIRST." }),
            ),
            patch("ONE", "one").held(),
            patch("ONE", "one").held(),
            say("done"),
        ],
    );
    model.plays(
        "FIRST",
        [
            patch("two", "TWO"),
            call("mcp__callboard/acquireLock", json!({ "targets": ["port:3000"] })),
            say("done").held(),
        ],
    );
    let mut lead = session(&stage, "You are the LEAD.");
    model.shown("LEAD", 1);
    let leader = stage.holder().unwrap();
    // Whoever hands work on hands on the files.
    model.shown("FIRST", 1);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    let holder = stage.holder().unwrap();
    assert_ne!(holder, leader);
    let locked = model.shown("FIRST", 2);
    assert!(locked.contains("fence"), "{locked}");
    assert_eq!(stage.holder_of("lock:port:3000").as_ref(), Some(&holder));

    model.go_on("LEAD", 2);
    let denied = model.shown("LEAD", 3);
    assert!(
        denied.contains(&format!("src/f.rs is locked by {holder} ")),
        "{denied}"
    );
    model.go_on("FIRST", 2);
    stage.wait_until_free();
    assert_eq!(stage.holder_of("lock:port:3000"), None, "it gave everything back");
    model.go_on("LEAD", 3);
    assert!(lead.end().success());
    assert_eq!(stage.content(), "one\nTWO\n");
}

/// The README says so.
#[test]
fn a_person_allows_the_tools_that_overwrite() {
    let Some(stage) = set_up() else { return };
    let model = &stage.model;
    let set = || {
        [
            call(
                "mcp__callboard/setStorage",
                json!({ "key": "task:1", "value": "x" }),
            ),
            say("done"),
        ]
    };
    model.plays("ALICE", set());
    assert!(session(&stage, "You are ALICE.").end().success());
    assert!(model.shown("ALICE", 1).contains("requires approval"));
    let path = stage.project().join(".codex/config.toml");
    let mut settings = OpenOptions::new().append(true).open(path).unwrap();
    settings
        .write_all(b"default_tools_approval_mode = \"approve\"\n")
        .unwrap();
    model.plays("BOB", set());
    assert!(session(&stage, "You are BOB.").end().success());
    let answer = model.shown("BOB", 1);
    assert!(answer.contains("\"success\":true"), "{answer}");
}
