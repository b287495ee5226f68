//! Claude Code: an idle session that `callboard setup claude --wake` wakes.

use serde_json::{Value, json};

use crate::claude::CLAUDE;
use crate::claude_terminal::Terminal;
use crate::model::{PATIENCE, Step, call, say};
use crate::stage::{FILE, Stage};
use crate::support::plain::Plain;
use crate::support::wait::until;

fn send(from: &mut Plain) {
    let sent = from.tool("sendMessage", &json!({ "to": "claude-code-1", "body": "hello" }));
    assert_eq!(sent["success"], true, "{sent}");
}

fn lock() -> Step {
    let wish: Value = json!({ "targets": [FILE], "waitMs": 1 });
    call("mcp__callboard__acquireLock", wish)
}

#[test]
fn an_idle_session_is_woken_once_for_each_message_and_for_the_lock_that_it_waited_for() {
    let Some(stage) = Stage::open(CLAUDE) else { return };
    stage.callboard(&["setup", "claude", "--project", "--yes", "--wake"]);
    let model = &stage.model;
    model.plays(
        "SLEEPER",
        [
            lock(),
            say("Nothing to do at first."),
            say("Nothing to do the second time."),
            say("Nothing to do the third time."),
            lock(),
            say("Nothing to do with the lock."),
            say("Nothing to do at the end."),
        ],
    );
    let mut holder = stage.hold();
    let terminal = Terminal::open(&stage, &["You are the SLEEPER."]);
    let refused = model.shown("SLEEPER", 1);
    assert!(refused.contains("HELD"), "{refused}");
    terminal.shows("Nothing to do at first.");

    send(&mut holder);
    let woken = model.shown("SLEEPER", 2);
    assert!(
        woken.contains("callboard: messages wait for you (1), receiveMessages"),
        "{woken}"
    );
    terminal.shows("Nothing to do the second time.");
    send(&mut holder);
    let woken = model.shown("SLEEPER", 3);
    assert!(
        woken.contains("callboard: messages wait for you (2), "),
        "{woken}"
    );
    terminal.shows("Nothing to do the third time.");
    holder.tool("releaseLock", &json!({}));
    let woken = model.shown("SLEEPER", 4);
    assert!(
        woken.contains("callboard: src/f.rs is free, for which you waited"),
        "{woken}"
    );
    let granted = model.shown("SLEEPER", 5);
    assert!(granted.contains("fence"), "{granted}");
    terminal.shows("Nothing to do with the lock.");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));

    send(&mut holder);
    let woken = model.shown("SLEEPER", 6);
    assert!(
        woken.contains("callboard: messages wait for you (3), "),
        "{woken}"
    );
    terminal.shows("Nothing to do at the end.");
    terminal.leave();
    stage.wait_until_free();
}

#[test]
fn a_session_that_has_no_task_yet_and_one_that_was_cleared_are_woken_too() {
    let Some(stage) = Stage::open(CLAUDE) else { return };
    stage.callboard(&["setup", "claude", "--project", "--yes", "--wake"]);
    let model = &stage.model;
    let (first, second) = ("messages wait for you (1)", "messages wait for you (2)");
    model.plays(first, [say("Woken the first time.")]);
    model.plays(second, [say("Woken the second time.")]);
    let mut other = stage.hold();
    let mut terminal = Terminal::open(&stage, &[]);
    until("it is attached", PATIENCE, || {
        let here = other.tool("heartbeat", &json!({})).to_string();
        here.contains("claude-code-1").then_some(())
    });
    send(&mut other);
    model.shown(first, 0);
    terminal.shows("Woken the first time.");
    terminal.enter("/clear");
    terminal.hides("Woken the first time.");
    send(&mut other);
    model.shown(second, 0);
    terminal.shows("Woken the second time.");
    terminal.leave();
}
