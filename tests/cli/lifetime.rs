//! How long a board lives when nobody watches it: until nobody needs it, or until somebody stops it.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::support::plain::Plain;
use crate::support::program::Home;
use crate::support::pty::Pty;
use callboard::cli::exit;
use serde_json::{Value, json};

/// Returns the place of the one board that runs.
fn socket(home: &Home) -> PathBuf {
    let boards = home.run(&["ls", "--all"]).json();
    boards[0]["socket"].as_str().unwrap().into()
}

#[test]
fn a_board_that_nobody_needs_ends_itself_and_the_next_one_has_what_it_held() {
    let home = Home::new();
    let mut board = home.serve(&["--linger", "2"]);
    let socket = socket(&home);
    home.run(&["set", "task:1", "unfinished"]).json();
    board.wait_for_line("nobody has been connected for 2 s");
    board.wait_for_line("the board is closed");
    assert_eq!(board.wait_end().code(), Some(0));
    // Nobody has ended it: an agent that comes at this very moment is refused as by one that died, and starts another.
    let refused = UnixStream::connect(&socket).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let board = home.serve(&[]);
    let found = home.run(&["get", "--raw", "task:1"]);
    assert_eq!(found.ok(), "unfinished");
    drop(board);
}

#[test]
fn a_board_that_holds_nothing_leaves_nothing() {
    let home = Home::new();
    let mut board = home.serve(&["--linger", "2"]);
    let socket = socket(&home);
    home.run(&["set", "task:1", "v"]).json();
    home.run(&["del", "task:1"]).json();
    assert_eq!(board.wait_end().code(), Some(0));
    assert!(!socket.with_file_name("snapshot").exists());
    assert_eq!(home.run(&["ls", "--all"]).ok(), "");
}

#[test]
fn a_board_that_was_ended_is_over_also_where_nothing_can_be_written() {
    let home = Home::new();
    let mut board = home.serve(&[]);
    let socket = socket(&home);
    home.run(&["set", "task:1", "v"]).json();
    home.run(&["snapshot", "kept.jsonl"]).ok();
    // Where the next revision would be noted, nothing can be.
    let note = socket.with_file_name("revision.new");
    std::fs::create_dir_all(note.join("in the way")).unwrap();
    let stopped = home.run(&["stop"]);
    board.wait_for_line("cannot note the last revision");
    assert_eq!(board.wait_end().code(), Some(1), "{stopped:?}");
    std::fs::remove_dir_all(&note).unwrap();
    let _next = home.serve(&[]);
    assert_eq!(home.run(&["ls"]).json(), Vec::<Value>::new());
}

#[test]
fn a_board_with_an_agent_stays() {
    let home = Home::new();
    let mut board = home.serve(&["--linger", "2"]);
    let mut agent = Plain::through_bridge(home.command(&[]), "ann");
    // One who waits for longer than the board would is answered by it.
    let arguments = json!({ "pattern": "task:*", "waitMs": 2_500 });
    let claimed = agent.tool("claimTask", &arguments);
    assert_eq!(claimed["success"], true, "{claimed}");
    assert!(home.run(&["stats"]).json()[0]["uptimeMs"].as_u64().unwrap() >= 2_500);
    drop(agent);
    assert_eq!(board.wait_end().code(), Some(0));
}

#[test]
fn stop_ends_the_board_tells_who_was_there_and_leaves_its_place_free() {
    let home = Home::new();
    let mut board = home.serve(&[]);
    let socket = socket(&home);
    let agents = [
        Plain::through_bridge(home.command(&[]), "ann"),
        Plain::through_bridge(home.command(&["--namespace", "release"]), "bob"),
    ];
    home.run(&["set", "task:1", "v"]).json();
    let told = home.run(&["stop"]).json();
    assert_eq!(told[0]["agents"], json!(["ann", "bob"]), "{told:?}");
    assert_eq!(told[0]["process"], board.pid());
    assert!(!socket.exists());
    // The next one begins at once, and with nothing: what was stopped is over.
    let next = home.serve(&[]);
    assert_eq!(home.run(&["ls"]).json(), Vec::<Value>::new());
    board.wait_for_line("told over the socket to stop");
    board.wait_for_line("the board is closed");
    assert_eq!(board.wait_end().code(), Some(0));
    drop((next, agents));
}

#[test]
fn without_a_board_there_is_nothing_to_stop() {
    let home = Home::new();
    let ran = home.run(&["stop"]);
    assert_eq!(ran.code, Some(i32::from(exit::NO_BOARD)), "{ran:?}");
    assert!(ran.stderr.contains("there is nothing to stop"), "{ran:?}");
    assert!(!ran.stderr.contains("start it"), "{ran:?}");
}

#[test]
fn stop_reads_as_a_sentence_in_a_terminal() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let mut terminal = Pty::start_as_is(home.in_terminal(&["stop"]), 24, 200);
    assert!(terminal.wait_end().success());
    let top = home.path().canonicalize().unwrap();
    terminal.wait_for(&format!(
        "stopped the board of {}; nobody was attached",
        top.display()
    ));
}

#[test]
fn a_dashboard_that_is_stopped_gives_the_screen_back() {
    let home = Home::new();
    let mut terminal = Pty::start(home.in_terminal(&[]), 24, 100);
    terminal.wait_for("claude mcp add callboard");
    home.run(&["stop"]).json();
    assert!(terminal.wait_end().success(), "{}", terminal.contents());
    let restored = terminal.sent().windows(8).any(|bytes| bytes == b"\x1b[?1049l");
    assert!(restored, "the screen is the shell's again");
}
