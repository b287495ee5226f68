//! Claude Code: `/clear`, after which the same process goes on as another session.

use serde_json::json;

use crate::claude::{CLAUDE, edit, read, session_with};
use crate::claude_terminal::Terminal;
use crate::model::{call, say};
use crate::stage::Stage;

#[test]
fn a_cleared_session_gives_everything_back_and_the_next_one_is_the_same_agent() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    let port = json!({ "targets": ["port:3000"] });
    model.plays(
        "ALICE",
        [
            read(&stage),
            call("mcp__callboard__acquireLock", port),
            edit(&stage, "one", "ONE"),
            say("not said").held(),
        ],
    );
    model.plays(
        "CAROL",
        [read(&stage), edit(&stage, "two", "TWO"), say("done").held()],
    );
    model.plays("BOB", [read(&stage), edit(&stage, "ONE", "1"), say("given up")]);
    let mut terminal = Terminal::open(&stage, &["You are ALICE."]);
    model.shown("ALICE", 3);
    terminal.interrupt();
    assert_eq!(
        stage.holder().as_deref(),
        Some("claude-code-1"),
        "who is interrupted may go on"
    );

    terminal.enter("/clear");
    stage.wait_until_free();
    assert_eq!(stage.holder_of("lock:port:3000"), None);
    terminal.enter("You are CAROL.");
    let told = model.shown("CAROL", 0);
    assert!(
        told.contains("On its board you are claude-code-1, and your calls"),
        "{told}"
    );
    model.shown("CAROL", 2);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));

    let mut bob = session_with(&stage, "You are BOB.", &[]);
    let denied = model.shown("BOB", 2);
    assert!(
        denied.contains("src/f.rs is locked by claude-code-1 "),
        "{denied}"
    );
    assert!(bob.end().success());
    assert_eq!(stage.content(), "ONE\nTWO\n");
    model.go_on("CAROL", 2);
    stage.wait_until_free();
    terminal.leave();
}

#[test]
fn an_agent_in_the_background_outlives_a_clear_with_what_it_holds() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    let agent = json!({
        "description": "one edit", "prompt": "You are FIRST.", "subagent_type": "general-purpose",
    });
    model.plays(
        "LEAD",
        [read(&stage).held(), call("Agent", agent), say("It is at work.")],
    );
    model.plays(
        "FIRST",
        [read(&stage), edit(&stage, "one", "ONE"), say("The end.").held()],
    );
    model.plays(
        "CAROL",
        [read(&stage), edit(&stage, "two", "TWO"), say("Not now.")],
    );
    let mut terminal = Terminal::open(&stage, &["You are the LEAD."]);
    stage.wait_until_attached();
    model.go_on("LEAD", 0);
    model.shown("FIRST", 2);
    terminal.shows("It is at work.");
    terminal.enter("/clear");
    terminal.hides("It is at work.");
    terminal.enter("You are CAROL.");
    let denied = model.shown("CAROL", 2);
    let name = stage.holder().unwrap();
    assert!(name.starts_with("general-purpose-"), "{name}");
    assert!(
        denied.contains(&format!("src/f.rs is locked by {name} ")),
        "{denied}"
    );
    model.go_on("FIRST", 2);
    stage.wait_until_free();
}
