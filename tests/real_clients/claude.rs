//! Claude Code: sessions, sub-agents, a person who ends a lock, and the tools.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::model::{Step, call, say};
use crate::stage::{BEFORE, Client, LOCK, Running, Stage, said};

pub(crate) const CLAUDE: Client = Client {
    name: "Claude Code",
    program: "claude",
    place: "node_modules/@anthropic-ai/claude-code-{platform}/claude",
};

/// What it shows to the model's address, which asks for none.
pub(crate) const KEY: &str = "dummy";

/// Starts a session with the task `task`.
fn session(stage: &Stage, task: &str) -> Running {
    session_with(stage, task, &["--allowedTools", "mcp__callboard"])
}

pub(crate) fn session_with(stage: &Stage, task: &str, options: &[&str]) -> Running {
    let mut claude = claude(stage);
    claude
        .args(["-p", task, "--permission-mode", "acceptEdits"])
        .args(options)
        .stdout(Stdio::null());
    Running::start(&mut claude)
}

/// Returns Claude Code as it asks the scripted model.
pub(crate) fn claude(stage: &Stage) -> Command {
    let mut claude = stage.command(CLAUDE.program);
    claude
        .env("ANTHROPIC_BASE_URL", stage.model.url())
        .env("ANTHROPIC_API_KEY", KEY)
        .env("DISABLE_TELEMETRY", "1")
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    claude
}

pub(crate) fn read(stage: &Stage) -> Step {
    call("Read", json!({ "file_path": stage.file() }))
}

pub(crate) fn edit(stage: &Stage, old: &str, new: &str) -> Step {
    call("Edit", edits(stage, old, new))
}

fn edits(stage: &Stage, old: &str, new: &str) -> Value {
    json!({ "file_path": stage.file(), "old_string": old, "new_string": new })
}

#[test]
fn the_second_of_two_sessions_is_refused_and_goes_on_when_the_first_is_done() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "ALICE",
        [read(&stage), edit(&stage, "one", "ONE"), say("done").held()],
    );
    model.plays(
        "BOB",
        [
            read(&stage),
            edit(&stage, "two", "TWO"),
            call("Bash", json!({ "command": "git checkout -- src" })),
            read(&stage).held(),
            edit(&stage, "two", "TWO"),
            say("done"),
        ],
    );
    let mut alice = session(&stage, "You are ALICE.");
    model.shown("ALICE", 2);
    assert_eq!(stage.content(), "ONE\ntwo\n");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));

    let mut bob = session(&stage, "You are BOB.");
    let denied = model.shown("BOB", 2);
    for said in [
        "src/f.rs is locked by claude-code-1 for \"editing (locked automatically)\", for another ",
        "Nothing was written.",
        "call acquireLock with targets [\"src/f.rs\"]",
        "sendMessage to claude-code-1",
    ] {
        assert!(denied.contains(said), "{said}: {denied}");
    }
    let denied = model.shown("BOB", 3);
    assert!(
        denied.contains("would overwrite files that others have locked: src/f.rs"),
        "{denied}"
    );
    assert_eq!(stage.content(), "ONE\ntwo\n");

    model.go_on("ALICE", 2);
    assert!(alice.end().success());
    stage.wait_until_free();
    model.go_on("BOB", 3);
    assert!(bob.end().success());
    assert_eq!(stage.content(), "ONE\nTWO\n");
    stage.wait_until_free();
}

#[test]
fn sub_agents_of_one_session_are_told_apart() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    let agent = |word: &str| {
        json!({ "description": "one edit", "prompt": format!("You are {word}."), "subagent_type": "general-purpose",
                "run_in_background": false })
    };
    model.plays(
        "LEAD",
        [
            call("Agent", agent("FIRST")).and("Agent", agent("SECOND")),
            say("done"),
        ],
    );
    let lock = json!({ "targets": ["port:3000"] });
    model.plays(
        "FIRST",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            call("mcp__callboard__acquireLock", lock),
            say("done").held(),
        ],
    );
    model.plays(
        "SECOND",
        [
            read(&stage).held(),
            edit(&stage, "two", "TWO"),
            say("given up").held(),
        ],
    );
    let mut lead = session(&stage, "You are the LEAD.");
    model.shown("FIRST", 3);
    let holder = stage.holder().unwrap();
    assert!(holder.starts_with("general-purpose-"), "{holder}");
    // What it calls over the bridge that all of them share is called in its own name too.
    assert_eq!(stage.holder_of("lock:port:3000").as_ref(), Some(&holder));
    model.go_on("SECOND", 0);
    let denied = model.shown("SECOND", 2);
    assert!(
        denied.contains(&format!("src/f.rs is locked by {holder} ")),
        "{denied}"
    );
    assert_eq!(stage.content(), "ONE\ntwo\n");
    model.go_on("FIRST", 3);
    stage.wait_until_free();
    assert_eq!(stage.holder_of("lock:port:3000"), None, "it gave everything back");
    model.go_on("SECOND", 2);
    assert!(lead.end().success());
}

#[test]
fn a_lock_that_a_person_ends_is_the_other_ones_and_its_holder_is_told() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "ALICE",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            edit(&stage, "ONE", "one").held(),
            say("done"),
        ],
    );
    model.plays(
        "BOB",
        [read(&stage), edit(&stage, "two", "TWO"), say("done").held()],
    );
    let mut alice = session(&stage, "You are ALICE.");
    model.shown("ALICE", 2);
    stage.callboard(&["expire", LOCK]);
    let mut bob = session(&stage, "You are BOB.");
    model.shown("BOB", 2);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-2"));
    model.go_on("ALICE", 2);
    let told = model.shown("ALICE", 3);
    assert!(told.contains("src/f.rs is locked by claude-code-2"), "{told}");
    assert!(
        told.contains("your lock on src/f.rs was ended by the person at the board"),
        "{told}"
    );
    assert_eq!(stage.content(), "ONE\nTWO\n");
    assert!(alice.end().success());
    model.go_on("BOB", 2);
    assert!(bob.end().success());
}

#[test]
fn a_model_uses_the_tools_in_its_own_name() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    let lock = json!({ "targets": [crate::stage::FILE], "why": "by hand" });
    let release = json!({});
    model.plays(
        "ALICE",
        [
            call("mcp__callboard__acquireLock", lock),
            call("mcp__callboard__releaseLock", release).held(),
            say("done"),
        ],
    );
    let mut alice = session(&stage, "You are ALICE.");
    let locked = model.shown("ALICE", 1);
    assert!(locked.contains("fence"), "{locked}");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));
    model.go_on("ALICE", 1);
    model.shown("ALICE", 2);
    assert!(alice.end().success());
    assert_eq!(stage.holder(), None);
    assert_eq!(stage.content(), BEFORE);
}

#[test]
fn the_plugin_is_valid_and_does_what_setup_does() {
    let Some(stage) = Stage::open(CLAUDE) else { return };
    let plugin = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/claude-plugin");
    let mut validate = stage.command(CLAUDE.program);
    said(validate.args(["plugin", "validate", "--strict", plugin]));
    let model = &stage.model;
    model.plays(
        "ALICE",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            call("mcp__plugin_callboard_callboard__heartbeat", json!({})),
            say("done"),
        ],
    );
    let holder = stage.hold();
    let options = [
        "--plugin-dir",
        plugin,
        "--allowedTools",
        "mcp__plugin_callboard_callboard",
    ];
    let mut alice = session_with(&stage, "You are ALICE.", &options);
    let denied = model.shown("ALICE", 2);
    assert!(
        denied.contains("src/f.rs is locked by somebody for \"a test\""),
        "{denied}"
    );
    assert_eq!(stage.content(), BEFORE);
    let here = model.shown("ALICE", 3);
    assert!(here.contains("claude-code-1"), "{here}");
    assert!(alice.end().success());
    drop(holder);
}
