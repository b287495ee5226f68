//! Claude Code: agents that work beside the one that started them, over the bridge that all of them share.

use serde_json::{Value, json};

use crate::claude::{CLAUDE, edit, read};
use crate::claude_terminal::Terminal;
use crate::model::{Step, call, say};
use crate::stage::Stage;

/// Something else that is locked, by a call of the agent's own.
const PORT: &str = "lock:port:3000";
/// Has the agents of a session be a team: they stay when they are done, and are written to.
const TEAMS: &str = r#"{ "env": { "CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS": "1" } }"#;

fn start(task: &str) -> Value {
    json!({ "description": "one edit", "prompt": task, "subagent_type": "general-purpose" })
}

fn teammate(name: &str, task: &str) -> Value {
    let mut agent = start(task);
    agent["name"] = name.into();
    agent
}

fn tell(whom: &str) -> Step {
    let message = json!({ "to": whom, "summary": "go on", "message": "Once more." });
    call("SendMessage", message)
}

fn lock_port() -> Step {
    call("mcp__callboard__acquireLock", json!({ "targets": ["port:3000"] }))
}

/// Returns what the client calls the agent that it says it has `started`.
fn number(started: &str) -> &str {
    let (_, number) = started.split_once("agentId: ").unwrap();
    number.split_whitespace().next().unwrap()
}

#[test]
fn an_agent_in_the_background_gives_everything_back_each_time_that_it_is_done() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    let lead = |agent: &str| {
        [
            read(&stage).held(),
            call("Agent", start("You are FIRST.")),
            read(&stage).held(),
            edit(&stage, "two", "TWO"),
            say("It is at work."),
            tell(agent),
            say("It is at work again."),
            edit(&stage, "two", "TWO"),
            say("All is done."),
        ]
    };
    model.plays("LEAD", lead(""));
    model.plays(
        "FIRST",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            lock_port(),
            say("One is done.").held(),
            edit(&stage, "ONE", "1"),
            say("One is done again.").held(),
        ],
    );
    let terminal = Terminal::open(&stage, &["You are the LEAD."]);
    stage.wait_until_attached();
    model.go_on("LEAD", 0);
    let started = model.shown("LEAD", 2);
    let id = number(&started);
    model.plays("LEAD", lead(id));
    model.shown("FIRST", 3);
    let name = format!("general-purpose-{}", &id[id.len() - 8..]);
    assert_eq!(stage.holder().as_ref(), Some(&name));
    assert_eq!(stage.holder_of(PORT).as_ref(), Some(&name));

    model.go_on("LEAD", 2);
    let denied = model.shown("LEAD", 4);
    assert!(
        denied.contains(&format!("src/f.rs is locked by {name} ")),
        "{denied}"
    );
    terminal.shows("It is at work.");
    assert_eq!(
        stage.holder().as_ref(),
        Some(&name),
        "its leader is done, and it is not"
    );
    model.go_on("FIRST", 3);
    model.shown("LEAD", 5);
    assert_eq!((stage.holder(), stage.holder_of(PORT)), (None, None));

    model.shown("FIRST", 5);
    assert_eq!(stage.holder().as_ref(), Some(&name));
    model.go_on("FIRST", 5);
    terminal.shows("All is done.");
    assert_eq!(stage.content(), "1\nTWO\n");
    stage.wait_until_free();
    terminal.leave();
}

#[test]
fn teammates_are_told_apart_and_give_everything_back_when_they_are_idle() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "LEAD",
        [
            say("It begins.").held(),
            call("Agent", teammate("painter", "You are FIRST."))
                .and("Agent", teammate("welder", "You are SECOND.")),
            say("They are at work."),
            tell("painter").held(),
            say("It is at work again."),
            say("All is done."),
        ],
    );
    model.plays(
        "FIRST",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            lock_port(),
            say("One is done.").held(),
            edit(&stage, "ONE", "1"),
            say("One is done again.").held(),
        ],
    );
    model.plays(
        "SECOND",
        [
            read(&stage).held(),
            edit(&stage, "two", "TWO"),
            read(&stage).held(),
            edit(&stage, "two", "TWO"),
            say("Two is done.").held(),
        ],
    );
    let mut terminal = Terminal::open(&stage, &["You are the LEAD.", "--settings", TEAMS]);
    stage.wait_until_attached();
    model.go_on("LEAD", 0);
    // A team has the tools that are there when its leader's turn begins.
    terminal.shows("It begins.");
    terminal.enter("Have it done.");
    model.shown("FIRST", 3);
    let name = stage.holder().unwrap();
    assert!(name.starts_with("painter-"), "{name}");
    assert_eq!(stage.holder_of(PORT).as_ref(), Some(&name));
    model.go_on("SECOND", 0);
    let denied = model.shown("SECOND", 2);
    assert!(
        denied.contains(&format!("src/f.rs is locked by {name} ")),
        "{denied}"
    );
    model.go_on("FIRST", 3);
    let idle = model.shown("LEAD", 3);
    assert!(
        idle.contains("idle_notification") && idle.contains("painter"),
        "{idle}"
    );
    stage.wait_until_free();
    assert_eq!(stage.holder_of(PORT), None);

    model.go_on("SECOND", 2);
    model.shown("SECOND", 4);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    let other = stage.holder().unwrap();
    assert!(other.starts_with("welder-"), "{other}");
    model.go_on("SECOND", 4);
    stage.wait_until_free();
    model.go_on("LEAD", 3);
    model.shown("FIRST", 5);
    assert_eq!(stage.holder(), Some(name), "it is the same one still");
    // A person who leaves would be asked, since one of them is at work.
    drop(terminal);
    stage.wait_until_free();
}

#[test]
fn an_agent_that_is_stopped_is_in_nobody_s_way() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    let lead = |agent: &str| {
        [
            read(&stage).held(),
            call("Agent", start("You are FIRST.")),
            read(&stage).held(),
            call("TaskStop", json!({ "task_id": agent })),
            edit(&stage, "two", "TWO"),
            say("All is done.").held(),
        ]
    };
    model.plays("LEAD", lead(""));
    model.plays(
        "FIRST",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            lock_port(),
            say("not said").held(),
        ],
    );
    let terminal = Terminal::open(&stage, &["You are the LEAD."]);
    stage.wait_until_attached();
    model.go_on("LEAD", 0);
    let started = model.shown("LEAD", 2);
    model.plays("LEAD", lead(number(&started)));
    model.shown("FIRST", 3);
    model.go_on("LEAD", 2);
    model.shown("LEAD", 5);
    assert_eq!(stage.content(), "ONE\nTWO\n");
    assert_eq!(stage.holder().as_deref(), Some("claude-code-1"));
    assert_eq!(stage.holder_of(PORT), None);
    model.go_on("LEAD", 5);
    stage.wait_until_free();
    terminal.leave();
}

#[test]
fn an_agent_that_a_person_stops_has_given_everything_back_when_its_leader_has_heard_of_it() {
    let Some(stage) = Stage::set_up(CLAUDE) else {
        return;
    };
    let model = &stage.model;
    model.plays(
        "LEAD",
        [
            read(&stage).held(),
            call("Agent", start("You are FIRST.")),
            say("It is at work."),
            say("It is over."),
        ],
    );
    model.plays(
        "FIRST",
        [
            read(&stage),
            edit(&stage, "one", "ONE"),
            lock_port(),
            say("not said").held(),
        ],
    );
    let mut terminal = Terminal::open(&stage, &["You are the LEAD."]);
    stage.wait_until_attached();
    model.go_on("LEAD", 0);
    model.shown("FIRST", 3);
    terminal.shows("It is at work.");
    terminal.stop_agent();
    terminal.shows("It is over.");
    stage.wait_until_free();
    assert_eq!(stage.holder_of(PORT), None);
    terminal.leave();
}
