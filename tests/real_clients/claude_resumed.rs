//! Claude Code: a session that is gone on with in another process, and so behind another bridge.

use serde_json::json;

use crate::claude::{CLAUDE, edit, read, session_with};
use crate::claude_terminal::Terminal;
use crate::model::{Step, call, say};
use crate::stage::{Running, Stage};

/// The session, by the number that the client keeps it under.
const SESSION: &str = "3f1e9b52-7c54-4f0e-9a52-1f2d3c4b5a69";
/// What it locks by itself, in which the file lies.
const DIRECTORY: &str = "lock:src";

/// Starts a process with the task `task`; `options` say for which session.
fn process(stage: &Stage, task: &str, options: &[&str]) -> Running {
    let allowed = ["--allowedTools", "mcp__callboard"];
    session_with(stage, task, &[options, &allowed].concat())
}

fn lock() -> Step {
    let wish = json!({ "targets": ["src"], "why": "by hand" });
    call("mcp__callboard__acquireLock", wish)
}

#[test]
fn a_session_whose_process_was_killed_is_resumed_and_not_kept_out_by_its_own_locks() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "ALICE",
        [
            read(&stage),
            lock(),
            edit(&stage, "one", "ONE"),
            // The client answers this one itself, since nobody else has.
            say("not said").held(),
            edit(&stage, "two", "TWO"),
            say("done").held(),
        ],
    );
    model.plays("BOB", [read(&stage), edit(&stage, "ONE", "1"), say("given up")]);
    let killed = process(&stage, "You are ALICE.", &["--session-id", SESSION]);
    model.shown("ALICE", 3);
    assert_eq!(stage.holder_of(DIRECTORY).as_deref(), Some("claude-code-1"));
    drop(killed);

    let mut alice = process(&stage, "Go on.", &["--resume", SESSION]);
    model.shown("ALICE", 5);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    assert_eq!(stage.holder_of(DIRECTORY), None);
    assert_eq!(
        stage.holder().as_deref(),
        Some("claude-code-1"),
        "it is called as before"
    );
    let mut bob = process(&stage, "You are BOB.", &[]);
    let denied = model.shown("BOB", 2);
    assert!(
        denied.contains("src/f.rs is locked by claude-code-1 "),
        "{denied}"
    );
    assert!(bob.end().success());
    model.go_on("ALICE", 5);
    assert!(alice.end().success());
    stage.wait_until_free();
}

#[test]
fn a_session_that_ended_has_given_everything_back_and_is_continued_under_its_name() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "ALICE",
        [
            lock(),
            say("done for today"),
            edit(&stage, "one", "ONE"),
            say("done").held(),
        ],
    );
    let mut before = process(&stage, "You are ALICE.", &[]);
    let locked = model.shown("ALICE", 1);
    assert!(locked.contains("fence"), "{locked}");
    assert!(before.end().success());
    assert_eq!(stage.holder_of(DIRECTORY), None, "at its end, not later");

    let mut alice = process(&stage, "Go on.", &["--continue"]);
    model.shown("ALICE", 3);
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));
    model.go_on("ALICE", 3);
    assert!(alice.end().success());
    stage.wait_until_free();
}

#[test]
fn a_person_takes_a_session_up_again_in_the_same_process_and_in_another() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "ALICE",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            say("Alice has begun."),
            edit(&stage, "two", "TWO"),
            say("not said").held(),
            edit(&stage, "ONE", "1"),
            say("Alice is done.").held(),
        ],
    );
    model.plays("CAROL", [lock(), say("Carol is done.")]);
    let mut terminal = Terminal::open(&stage, &["You are ALICE.", "--session-id", SESSION]);
    terminal.shows("Alice has begun.");
    terminal.enter("/clear");
    terminal.hides("Alice has begun.");
    terminal.enter("You are CAROL.");
    terminal.shows("Carol is done.");
    assert_eq!(stage.holder_of(DIRECTORY).as_deref(), Some("claude-code-1"));
    terminal.enter(&format!("/resume {SESSION}"));
    terminal.shows("Alice has begun.");
    terminal.enter("Go on.");
    model.shown("ALICE", 4);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    assert_eq!(stage.holder_of(DIRECTORY), None, "the other session's");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));
    drop(terminal);

    let mut terminal = Terminal::open(&stage, &["--continue"]);
    terminal.shows("Alice has begun.");
    terminal.enter("Go on once more.");
    model.shown("ALICE", 6);
    assert_eq!(stage.content(), "1\nTWO\n");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));
    model.go_on("ALICE", 6);
    stage.wait_until_free();
    terminal.leave();
}
