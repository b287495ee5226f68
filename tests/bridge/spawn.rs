//! The bridge that finds no board and starts one: for whom, with what, and when it does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use crate::support::plain::Plain;
use crate::support::process::PATIENCE;
use crate::support::program::{Home, first_line, run, send, wait_end};
use crate::support::wait::until;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

/// A home in which bridges start boards. None is left behind.
struct Nest(Home);

impl Nest {
    fn new() -> Self {
        Self(Home::new())
    }

    /// Returns the program, with more in its environment than a board is to get.
    fn command(&self) -> Command {
        let mut command = self.0.command(&[]);
        command
            .env_remove("CALLBOARD_NO_SPAWN")
            // Should a test fail to stop its board, that goes by itself.
            .env("CALLBOARD_LINGER", "60")
            .env("CLAUDE_CODE_MESSAGING_TOKEN", "secret")
            .env("CALLBOARD_AGENT", "nobody");
        command
    }

    fn agent(&self, name: &str) -> Plain {
        Plain::through_bridge(self.command(), name)
    }

    /// Returns the process and the socket of the one board that runs.
    fn board(&self) -> (u32, PathBuf) {
        let boards = self.0.run(&["ls", "--all"]).json();
        assert_eq!(boards.len(), 1, "{boards:?}");
        let process = boards[0]["pid"].as_u64().unwrap();
        (
            u32::try_from(process).unwrap(),
            boards[0]["socket"].as_str().unwrap().into(),
        )
    }

    fn has_no_board(&self) -> bool {
        self.0.run(&["ls", "--all"]).ok().is_empty()
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // There may be none any more.
        let _ = self.0.run(&["stop"]);
    }
}

fn set(agent: &mut Plain, key: &str, value: &str) {
    let set = agent.tool("setStorage", &json!({ "key": key, "value": value }));
    assert_eq!(set["success"], true, "{set}");
}

/// Calls a tool without a board and returns what it says.
fn refused(agent: &mut Plain) -> String {
    let answer = agent.request(
        "tools/call",
        &json!({ "name": "getStorage", "arguments": { "key": "k" } }),
    );
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Returns the fields of a process's status line from its state on, `None` when it is gone.
fn status(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn wait_gone(process: u32) {
    until("the process is gone", PATIENCE, || {
        status(process).is_none().then_some(())
    });
}

#[test]
fn the_first_agent_has_a_board_and_it_outlives_the_agent() {
    let nest = Nest::new();
    let mut ann = nest.agent("ann");
    set(&mut ann, "task:1", "write it");
    let board = nest.board();
    drop(ann);
    let mut bob = nest.agent("bob");
    let found = bob.tool("getStorage", &json!({ "key": "task:1" }));
    assert_eq!(found["value"], "write it");
    assert_eq!(nest.board(), board);
}

#[test]
fn the_board_is_a_process_of_its_own_with_nothing_of_the_client() {
    let nest = Nest::new();
    let _agent = nest.agent("ann");
    let (process, socket) = nest.board();
    let link = |name: &str| fs::read_link(format!("/proc/{process}/{name}")).unwrap();
    assert_eq!(link("fd/0"), Path::new("/dev/null"));
    assert_eq!(link("fd/1"), Path::new("/dev/null"));
    let log = socket.with_file_name("board.log");
    assert_eq!(link("fd/2"), log.canonicalize().unwrap());
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&log).unwrap().contains("the board is open"));
    let session = &status(process).unwrap()[3];
    assert_eq!(
        *session,
        process.to_string(),
        "it has left the terminal's session"
    );
    let environment = fs::read(format!("/proc/{process}/environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    let mut names: Vec<_> = environment
        .split_terminator('\0')
        .map(|variable| variable.split_once('=').unwrap().0)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["CALLBOARD_LINGER", "HOME", "TMPDIR", "XDG_RUNTIME_DIR"]);
}

#[test]
fn what_ends_a_client_and_all_that_it_has_started_leaves_the_board() {
    let nest = Nest::new();
    let mut bridge = nest
        .command()
        .arg("bridge")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let (process, _) = until("a board runs", PATIENCE, || {
        (!nest.has_no_board()).then(|| nest.board())
    });
    kill_process_group(Pid::from_child(&bridge), Signal::INT).unwrap();
    wait_end(&mut bridge);
    assert_eq!(nest.board().0, process);
}

#[test]
fn twenty_at_once_have_one_board_and_none_is_refused() {
    const AGENTS: usize = 20;
    let nest = Nest::new();
    let (together, all) = (Barrier::new(AGENTS), Barrier::new(AGENTS));
    thread::scope(|scope| {
        for number in 0..AGENTS {
            let (nest, together, all) = (&nest, &together, &all);
            scope.spawn(move || {
                together.wait();
                let mut agent = nest.agent(&format!("agent-{number}"));
                set(&mut agent, &format!("task:{number}"), "v");
                all.wait();
                let listed = agent.tool("listKeys", &json!({ "pattern": "task:*" }));
                assert_eq!(listed["keys"].as_array().unwrap().len(), AGENTS, "{listed}");
            });
        }
    });
    nest.board();
}

#[test]
fn a_board_that_is_killed_is_followed_by_one_that_goes_on() {
    let nest = Nest::new();
    let mut agents = [nest.agent("ann"), nest.agent("bob")];
    set(&mut agents[0], "task:1", "unfinished");
    let (process, socket) = nest.board();
    until("the board is saved", PATIENCE, || {
        let saved = fs::read_to_string(socket.with_file_name("snapshot")).ok()?;
        saved.contains("unfinished").then_some(())
    });
    send(process, Signal::KILL);
    wait_gone(process);
    for agent in &mut agents {
        let found = agent.tool("getStorage", &json!({ "key": "task:1" }));
        assert_eq!(found["value"], "unfinished", "{found}");
    }
    assert_ne!(nest.board().0, process);
}

#[test]
fn a_board_that_nobody_needed_any_more_is_found_again_by_the_next_agent() {
    let nest = Nest::new();
    let mut command = nest.command();
    command.env("CALLBOARD_LINGER", "1");
    let mut ann = Plain::through_bridge(command, "ann");
    set(&mut ann, "task:1", "unfinished");
    let (process, _) = nest.board();
    drop(ann);
    // Not asked, since who asks is somebody.
    wait_gone(process);
    let mut bob = nest.agent("bob");
    let found = bob.tool("getStorage", &json!({ "key": "task:1" }));
    assert_eq!(found["value"], "unfinished", "{found}");
}

#[test]
fn a_board_that_was_stopped_stays_away_until_somebody_new_comes() {
    let nest = Nest::new();
    let mut ann = nest.agent("ann");
    set(&mut ann, "task:1", "v");
    let (process, _) = nest.board();
    let told = nest.0.run(&["stop"]).json();
    assert_eq!(told[0]["agents"], json!(["ann"]));
    wait_gone(process);
    for _ in 0..3 {
        let text = refused(&mut ann);
        assert!(text.contains("run `callboard` in a terminal"), "{text}");
    }
    assert!(nest.has_no_board());
    let mut bob = nest.agent("bob");
    let found = bob.tool("listKeys", &json!({ "pattern": "*" }));
    assert_eq!(found["keys"], json!([]), "what was stopped is over: {found}");
    // The one who was there before moves over.
    until("it has found the new board", PATIENCE, || {
        let answer = ann.tool("getStorage", &json!({ "key": "task:1" }));
        (answer["error"] != "UNAVAILABLE").then_some(())
    });
}

#[test]
fn who_forbids_it_is_told_that_there_is_none() {
    let nest = Nest::new();
    let mut command = nest.command();
    command.env("CALLBOARD_NO_SPAWN", "1");
    let text = refused(&mut Plain::through_bridge(command, "ann"));
    assert!(text.contains("No callboard board is running"), "{text}");
    let mut forbidding = nest.command();
    forbidding
        .args(["bridge", "--no-spawn"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut bridge = forbidding.spawn().unwrap();
    first_answer(&mut bridge);
    assert!(nest.has_no_board());
    drop(bridge.stdin.take());
    assert!(wait_end(&mut bridge).success());
}

/// Opens the protocol, which is answered at the latest when no board is waited for any more.
fn first_answer(bridge: &mut std::process::Child) {
    use std::io::Write as _;
    let info = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    writeln!(bridge.stdin.as_mut().unwrap(), "{request}").unwrap();
    let answer: Value = serde_json::from_str(&first_line(bridge.stdout.take().unwrap())).unwrap();
    assert_eq!(answer["id"], 1, "{answer}");
}

#[test]
fn a_board_that_cannot_start_says_why_and_one_is_tried_again_when_it_is_asked_for() {
    let nest = Nest::new();
    drop(nest.agent("first"));
    let (_, socket) = nest.board();
    nest.0.run(&["stop"]).json();
    let revision = socket.with_file_name("revision");
    fs::write(&revision, "soon").unwrap();
    let mut agent = nest.agent("ann");
    let text = refused(&mut agent);
    assert!(text.contains("none could be started"), "{text}");
    assert!(text.contains("revision does not hold a revision"), "{text}");
    assert!(nest.has_no_board());
    until("every end is taken note of", PATIENCE, || {
        zombies_of_bridges().is_empty().then_some(())
    });
    fs::remove_file(&revision).unwrap();
    until("a board is started", PATIENCE, || {
        let answer = agent.tool("getStorage", &json!({ "key": "k" }));
        (answer["error"] != "UNAVAILABLE").then_some(())
    });
    nest.board();
}

/// Returns the processes that have ended and that no bridge has taken note of.
fn zombies_of_bridges() -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let processes = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let of_bridge = |parent: &str| {
        fs::read_to_string(format!("/proc/{parent}/comm")).is_ok_and(|name| name.trim() == "callboard")
    };
    let zombie =
        |process: &u32| status(*process).is_some_and(|fields| fields[0] == "Z" && of_bridge(&fields[1]));
    processes.filter(zombie).collect()
}

#[test]
fn a_chosen_socket_is_served_where_it_was_chosen() {
    let nest = Nest::new();
    let mut command = nest.command();
    command.env("CALLBOARD_SOCKET", "s");
    let mut agent = Plain::through_bridge(command, "ann");
    set(&mut agent, "task:1", "v");
    assert_eq!(nest.0.run(&["get", "--raw", "task:1", "--socket", "s"]).ok(), "v");
    assert!(nest.0.path().join("s.board.log").exists());
    nest.0.run(&["stop", "--socket", "s"]).json();
}

#[test]
fn who_comes_second_as_a_detached_board_leaves_without_a_word() {
    let nest = Nest::new();
    let _board = nest.0.serve(&[]);
    let mut second = nest.command();
    second.args(["--no-tui", "--detached"]);
    let ran = run(second, b"");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}
