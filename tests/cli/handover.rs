//! The board survives its pane: a dashboard takes it over, leaves it running, loses its terminal, and the agents
//! notice nothing of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use callboard::cli::exit;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::plain::Plain;
use crate::support::process::PATIENCE;
use crate::support::program::{Home, Lines, send};
use crate::support::pty::Pty;
use crate::support::wait::until;

/// A project whose board goes on in processes that the test does not know; they end with the test.
struct Stage(Home);

impl Stage {
    fn new() -> Self {
        Self(Home::new())
    }

    /// Opens the dashboard, and waits until it shows `text`.
    fn open(&self, text: &str) -> Pty {
        let pane = Pty::start(self.0.in_terminal(&[]), 24, 100);
        pane.wait_for(text);
        pane
    }

    fn attach(&self, name: &str) -> Plain {
        Plain::through_bridge(self.0.command(&[]), name)
    }

    /// Returns the one board that runs.
    fn board(&self) -> Value {
        let boards = self.0.run(&["ls", "--all"]).json();
        assert_eq!(boards.len(), 1, "{boards:?}");
        boards[0].clone()
    }

    fn pid(&self) -> u64 {
        self.board()["pid"].as_u64().unwrap()
    }

    /// Leaves the dashboard with an agent attached, and the board running.
    fn leave(&self, mut pane: Pty) {
        let own = u64::from(pane.pid());
        pane.send("q");
        pane.wait_for("attached.");
        pane.send("\r");
        assert!(pane.wait_end().success(), "{}", pane.contents());
        pane.wait_for("the board goes on without a screen");
        assert_ne!(self.pid(), own);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A board that has ended needs no end.
        let _ = self.0.run(&["stop"]);
    }
}

fn lock(agent: &mut Plain, target: &str) -> Value {
    agent.tool("acquireLock", &json!({ "targets": [target], "waitMs": 0 }))
}

#[test]
fn a_dashboard_takes_over_the_board_that_runs_and_leaves_it_running() {
    let stage = Stage::new();
    let mut first = stage.0.serve(&[]);
    let mut agent = stage.attach("ann");
    let fence = lock(&mut agent, "src/a.rs")["fence"].clone();
    let rev = agent.tool("listKeys", &json!({ "pattern": "*" }))["rev"].clone();

    let pane = stage.open("src/a.rs");
    first.wait_for_line("a dashboard has taken the board over");
    assert_eq!(first.wait_end().code(), Some(0));
    assert_eq!(stage.pid(), u64::from(pane.pid()));
    pane.wait_for("ann");
    assert_eq!(
        lock(&mut agent, "src/a.rs")["fence"],
        fence,
        "it is held as before"
    );
    // What happened before is known there, to a person and to whoever follows it.
    let missed = agent.tool(
        "watchStorage",
        &json!({ "pattern": "*", "since": 1, "waitMs": 0 }),
    );
    assert_eq!(missed.get("error"), None, "{missed}");

    stage.leave(pane);
    let again = lock(&mut agent, "src/a.rs");
    assert_eq!(again["fence"], fence);
    let now = agent.tool("listKeys", &json!({ "pattern": "*" }))["rev"]
        .as_u64()
        .unwrap();
    assert!(
        now < rev.as_u64().unwrap() + 1_000,
        "no block of revisions is spent on it: {now}"
    );
    let told = stage.0.run(&["stop"]).json();
    assert_eq!(told[0]["agents"], json!(["ann"]));
}

#[test]
fn who_waits_for_a_lock_goes_on_waiting_in_the_same_place() {
    let stage = Stage::new();
    let _first = stage.0.serve(&[]);
    let (mut holder, mut waiter) = (stage.attach("ann"), stage.attach("bob"));
    lock(&mut holder, "src");
    let waits = |count: usize| {
        until("somebody waits", PATIENCE, || {
            let stats = stage.0.run(&["stats"]).json();
            (stats[0]["waiting"].as_array().map(Vec::len) == Some(count)).then_some(())
        });
    };
    let waiting = thread::spawn(move || {
        waiter.tool(
            "acquireLock",
            &json!({ "targets": ["src/a.rs"], "waitMs": 50_000 }),
        )
    });
    waits(1);
    let pane = stage.open("bob");
    waits(1);
    stage.leave(pane);
    waits(1);
    holder.tool("releaseLock", &json!({}));
    let granted = waiting.join().unwrap();
    assert_eq!(granted["success"], true, "{granted}");
}

#[test]
fn who_looks_at_a_board_that_ran_before_does_not_end_it_by_the_way() {
    let stage = Stage::new();
    let mut first = stage.0.serve(&[]);
    stage.0.run(&["set", "task:1", "{}"]).ok();
    let look = || {
        let mut pane = stage.open("2 Tasks 1");
        pane.send("q");
        pane.wait_for("It ran before, and holds 1 key.");
        pane.send("\r");
        assert!(pane.wait_end().success(), "{}", pane.contents());
        assert_eq!(stage.0.run(&["get", "--raw", "task:1"]).ok(), "{}");
    };
    look();
    assert_eq!(first.wait_end().code(), Some(0), "it was taken over");
    // The same for one that goes on from what another left that was killed.
    stage.0.run(&["snapshot", "kept.jsonl"]).ok();
    send(u32::try_from(stage.pid()).unwrap(), Signal::KILL);
    look();
}

#[test]
fn a_person_may_end_the_board_instead_or_stay() {
    let stage = Stage::new();
    let mut pane = stage.open("Nobody is on the board yet");
    let mut agent = stage.attach("ann");
    lock(&mut agent, "src/a.rs");
    pane.wait_for("src/a.rs");
    pane.send("q");
    pane.wait_for("One agent is attached.");
    pane.send("\x1b");
    pane.wait_until("the question is gone", |screen| {
        !screen.contents().contains("Quit?")
    });
    pane.send("q");
    pane.wait_for("One agent is attached.");
    pane.send("e");
    assert!(pane.wait_end().success(), "{}", pane.contents());
    assert_eq!(stage.0.run(&["ls", "--all"]).ok(), "");
    let told = agent.request(
        "tools/call",
        &json!({ "name": "getStorage", "arguments": { "key": "task:1" } }),
    );
    assert!(
        told.to_string().contains("No callboard board is running"),
        "{told}"
    );
}

#[test]
fn a_closed_terminal_takes_no_board_away_from_its_agents() {
    let stage = Stage::new();
    let mut pane = stage.open("Nobody is on the board yet");
    let mut agent = stage.attach("ann");
    let fence = lock(&mut agent, "src/a.rs")["fence"].clone();
    pane.wait_for("src/a.rs");
    pane.close("?");
    pane.wait_end();
    assert_ne!(stage.pid(), u64::from(pane.pid()));
    assert_eq!(lock(&mut agent, "src/a.rs")["fence"], fence);
}

#[test]
fn agents_that_have_not_come_back_yet_are_not_forgotten() {
    let stage = Stage::new();
    let _first = stage.0.serve(&[]);
    let mut agent = stage.attach("ann");
    let fence = lock(&mut agent, "src/a.rs")["fence"].clone();
    // A bridge that stands still comes to the next process when it goes on.
    agent.signal(Signal::STOP);
    stage.leave(stage.open("src/a.rs"));
    let mut pane = stage.open("src/a.rs");
    pane.close("?");
    pane.wait_end();
    assert_ne!(stage.pid(), u64::from(pane.pid()));
    agent.signal(Signal::CONT);
    assert_eq!(lock(&mut agent, "src/a.rs")["fence"], fence);
}

#[test]
fn a_closed_terminal_forgets_nothing_although_nobody_is_attached() {
    let stage = Stage::new();
    let mut pane = stage.open("Nobody is on the board yet");
    stage.0.run(&["set", "task:1", "unfinished"]).json();
    pane.wait_for("task:1");
    pane.close("?");
    pane.wait_end();
    assert_eq!(stage.0.run(&["ls", "--all"]).ok(), "", "nobody needs it now");
    let _next = stage.0.serve(&[]);
    assert_eq!(stage.0.run(&["get", "--raw", "task:1"]).ok(), "unfinished");
}

#[test]
fn what_is_shown_is_not_taken_away_and_nothing_that_runs_is_forgotten() {
    let stage = Stage::new();
    let pane = stage.open("Nobody is on the board yet");
    let mut second = Pty::start(stage.0.in_terminal(&[]), 24, 200);
    assert_eq!(second.wait_end().exit_code(), u32::from(exit::FAILURE));
    second.wait_for(&format!(
        "a board runs already (process {}), and is not taken over: a dashboard shows it already",
        pane.pid()
    ));
    drop(pane);

    let stage = Stage::new();
    let board = stage.0.serve(&[]);
    let mut fresh = Pty::start(stage.0.in_terminal(&["--fresh"]), 24, 200);
    assert_eq!(fresh.wait_end().exit_code(), u32::from(exit::FAILURE));
    fresh.wait_for("a board already serves");
    assert_eq!(stage.pid(), u64::from(board.pid()));
}

#[test]
fn who_asks_for_the_board_and_dies_has_changed_nothing() {
    let stage = Stage::new();
    let board = stage.0.serve(&[]);
    let mut agent = stage.attach("ann");
    let fence = lock(&mut agent, "src/a.rs")["fence"].clone();
    let socket: PathBuf = stage.board()["socket"].as_str().unwrap().into();
    for (ask, answer) in [
        (
            r#"{"callboard/handover":{"version":2,"screen":true}}"#,
            "{\"offered\":",
        ),
        (
            r#"{"callboard/handover":{"version":7,"screen":true}}"#,
            "{\"refused\":\"the running board is of another",
        ),
        (
            r#"{"callboard/handover":{"version":2,"screen":false}}"#,
            "{\"refused\":\"neither",
        ),
        (r#"{"callboard/handover":{"version":"#, ""),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        writeln!(stream, "{ask}").unwrap();
        let mut line = Vec::new();
        BufReader::new(&stream).read_until(b'\n', &mut line).unwrap();
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(line.starts_with(answer), "{ask}: {line}");
        drop(stream);
        assert_eq!(lock(&mut agent, "src/a.rs")["fence"], fence, "{ask}");
    }
    assert_eq!(stage.pid(), u64::from(board.pid()));
    // Someone else can still have it.
    let pane = stage.open("src/a.rs");
    assert_eq!(stage.pid(), u64::from(pane.pid()));
}

#[test]
fn a_board_that_is_stopped_is_not_waited_for_and_what_to_do_is_said() {
    let stage = Stage::new();
    let board = stage.0.serve(&[]);
    board.send(Signal::STOP);
    let mut pane = Pty::start(stage.0.in_terminal(&[]), 24, 200);
    assert_eq!(pane.wait_end().exit_code(), u32::from(exit::FAILURE));
    board.send(Signal::CONT);
    pane.wait_for("it does not answer");
    pane.wait_for(&format!("kill -CONT {}", board.pid()));
}

#[test]
fn who_follows_the_board_by_a_command_follows_it_to_the_next_process() {
    let stage = Stage::new();
    let _first = stage.0.serve(&[]);
    let mut watch = stage.0.command(&["watch", "task:*", "--json"]);
    watch
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut watch = watch.spawn().unwrap();
    let seen = Lines::of(watch.stdout.take().unwrap());
    until("it watches", PATIENCE, || {
        let stats = stage.0.run(&["stats"]).json();
        // The first of the two is there for a moment only: it asks.
        let called = |name: &str| stats[0].to_string().contains(&format!("\"{name}\""));
        (called("cli") && called("cli-2")).then_some(())
    });
    let agent = stage.attach("ann");
    for number in 1..=3 {
        if number == 2 {
            stage.leave(stage.open("ann"));
        }
        stage.0.run(&["set", &format!("task:{number}"), "v"]).json();
        let line = seen.next().unwrap();
        assert!(line.contains(&format!("task:{number}")), "{line}");
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    drop(agent);
}

/// What an agent does all the time: it counts, by a compare-and-set that fails when a call is lost or done twice.
fn count(mut agent: Plain, name: &str, stop: &AtomicBool) -> u64 {
    let fence = lock(&mut agent, &format!("src/{name}"))["fence"].clone();
    let key = format!("counter:{name}");
    let mut done = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let before = match done {
            0 => json!({ "key": key, "value": "1", "ifRev": 0 }),
            _ => json!({ "key": key, "value": (done + 1).to_string(), "ifValue": done.to_string() }),
        };
        let told = agent.tool("updateStorage", &json!({ "ops": [before], "ifFence": fence }));
        assert_eq!(told["success"], true, "{name} after {done}: {told}");
        done += 1;
    }
    assert_eq!(lock(&mut agent, &format!("src/{name}"))["fence"], fence, "{name}");
    done
}

/// Lets the agents stop, also when the test has failed.
struct Stopped<'a>(&'a AtomicBool);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn twenty_panes_come_and_go_under_load_and_no_call_is_lost_or_done_twice() {
    let stage = Stage::new();
    let _first = stage.0.serve(&[]);
    let stop = AtomicBool::new(false);
    let counted = thread::scope(|scope| {
        let agents: Vec<_> = (0..20)
            .map(|number| {
                let (name, stop, stage) = (format!("agent-{number}"), &stop, &stage);
                scope.spawn(move || count(stage.attach(&name), &name, stop))
            })
            .collect();
        let stopped = Stopped(&stop);
        for _ in 0..20 {
            stage.leave(stage.open("20 agents"));
        }
        drop(stopped);
        let counted: Vec<_> = agents.into_iter().map(|agent| agent.join().unwrap()).collect();
        counted
    });
    for (number, count) in counted.into_iter().enumerate() {
        let stored = stage
            .0
            .run(&["get", "--raw", &format!("counter:agent-{number}")])
            .ok();
        assert_eq!(stored, count.to_string());
        assert!(count > 20, "agent {number} was served between the changes");
    }
}
