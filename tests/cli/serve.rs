//! The board as a process: who may serve, how it ends, what it leaves behind; and the demo on a real one.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::support::process::PATIENCE;
use crate::support::program::{Home, shell_code};
use crate::support::pty::Pty;
use crate::support::wait::until;
use callboard::cli::exit;
use rustix::process::Signal;
use serde_json::json;

/// Returns the socket of the one board that runs.
fn socket(home: &Home) -> PathBuf {
    let boards = home.run(&["ls", "--all"]).json();
    assert_eq!(boards.len(), 1, "{boards:?}");
    boards[0]["socket"].as_str().unwrap().into()
}

#[test]
fn a_second_server_is_told_who_is_there() {
    let home = Home::new();
    let first = home.serve(&[]);
    let socket = socket(&home);
    let second = home.run(&["--no-tui"]);
    assert_eq!(second.code, Some(i32::from(exit::FAILURE)));
    let expected = format!(
        "error: a board already serves {} (process {}); stop it first, or start another with --socket PATH\n",
        socket.display(),
        first.pid()
    );
    assert_eq!(second.stderr, expected);
    UnixStream::connect(&socket).expect("the first serves on");
    home.serve(&["--socket", "other"]);
}

#[test]
fn each_signal_ends_it_in_good_order() {
    let mut signals = vec![(Signal::TERM, 143), (Signal::INT, 130)];
    if !hang_up_is_ignored() {
        signals.push((Signal::HUP, 129));
    }
    for (signal, code) in signals {
        let home = Home::new();
        let mut board = home.serve(&[]);
        let socket = socket(&home);
        home.run(&["set", "task:1", "v"]).json();
        board.send(signal);
        board.wait_for_line("the board is closed");
        assert_eq!(shell_code(board.wait_end()), code);
        assert!(!socket.exists(), "the socket is gone");
        let revision = std::fs::read_to_string(socket.with_file_name("revision")).unwrap();
        assert_eq!(revision, "1\n", "what was set aside is given back");
        assert_eq!(home.run(&["ls", "--all"]).ok(), "");
    }
}

/// Tells whether the tests run under `nohup`, whose wish the board inherits and respects.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 != 0
}

#[test]
fn a_killed_board_is_followed_by_one_that_starts_after_all_it_may_have_said() {
    let home = Home::new();
    let mut board = home.serve(&[]);
    let socket = socket(&home);
    home.run(&["set", "task:1", "v"]).json();
    board.send(Signal::KILL);
    board.wait_end();
    assert!(socket.exists(), "nobody could remove it");
    let mut board = home.serve(&[]);
    assert_eq!(self::socket(&home), socket);
    let rev = home.run(&["stats"]).json()[0]["rev"].as_u64().unwrap();
    assert!(rev >= 1_000_000, "{rev}");
    board.send(Signal::TERM);
    board.wait_end();
    assert!(!socket.exists());
}

#[test]
fn a_damaged_revision_file_is_named_and_nothing_is_guessed() {
    let home = Home::new();
    std::fs::write(home.path().join("s.revision"), "soon").unwrap();
    let ran = home.run(&["--no-tui", "--socket", "s"]);
    assert_eq!(ran.code, Some(i32::from(exit::FAILURE)));
    assert!(
        ran.stderr.contains("s.revision does not hold a revision"),
        "{}",
        ran.stderr
    );
    assert!(!home.path().join("s").exists());
}

#[test]
fn without_a_capable_terminal_it_runs_headless() {
    let home = Home::new();
    let mut command = home.in_terminal(&[]);
    command.env("TERM", "dumb");
    let mut terminal = Pty::start_as_is(command, 24, 80);
    terminal.wait_for("there is no dashboard");
    terminal.wait_for("the board is open");
    terminal.send("\x03");
    assert_eq!(terminal.wait_end().exit_code(), 130);
    let styled = terminal.sent().windows(8).any(|bytes| bytes == b"\x1b[?1049h");
    assert!(!styled, "no alternate screen");
}

/// Measures what the board itself takes. Most of the whole are pages of the program's file, which in a debug build
/// are many and come and go as the machine likes; the whole is measured on the release build, by the benchmark.
#[test]
fn an_idle_board_is_small() {
    let home = Home::new();
    let board = home.serve(&[]);
    home.run(&["set", "task:1", "v"]).json();
    let status = std::fs::read_to_string(format!("/proc/{}/status", board.pid())).unwrap();
    let own = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .unwrap();
    let kib: u64 = own.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib <= 4 << 10, "{kib} KiB of its own");
}

#[test]
fn the_demo_plays_and_proves_its_steps() {
    let home = Home::new();
    let steps = home.run(&["demo"]).ok();
    for text in [
        "manager   assigned task:3.1 to impl-1",
        "impl-2    found src/types/user.ts locked by impl-3, waits",
        "impl-1    was told: Not for MVP, keep it simple",
        "manager   3/3 tasks completed, every lock released",
    ] {
        assert!(steps.contains(text), "{text:?} is not in\n{steps}");
    }
    assert_nothing_left(home.path());
}

#[test]
fn the_demo_plays_on_a_board_that_runs() {
    let home = Home::new();
    let _board = home.serve(&["--socket", "s"]);
    let steps = home.run(&["demo", "--socket", "s", "--json"]).json();
    assert_eq!(
        steps.last().unwrap(),
        &json!({"agent": "manager", "step": "3/3 tasks completed, every lock released"})
    );
    let states = home.run(&["ls", "status:*", "--values", "--socket", "s"]).json();
    assert_eq!(states.len(), 3);
    assert!(
        states
            .iter()
            .all(|row| row["value"].as_str().unwrap().contains(r#""status":"completed""#))
    );
    // What is there by now could be somebody's, and would be written over.
    let again = home.run(&["demo", "--socket", "s"]);
    assert_eq!(again.code, Some(i32::from(exit::FAILURE)), "{again:?}");
    assert!(again.stderr.contains("hint: `callboard demo` alone"), "{again:?}");
    let beside = home.run(&["demo", "--socket", "s", "--namespace", "demo"]);
    assert_eq!(beside.code, Some(0), "{beside:?}");
    let nobody = home.run(&["demo", "--socket", "nobody"]);
    assert_eq!(nobody.code, Some(i32::from(exit::NO_BOARD)), "{nobody:?}");
}

#[test]
fn a_player_whose_lock_is_expired_notices_and_takes_it_again() {
    let home = Home::new();
    let _board = home.serve(&["--socket", "s"]);
    let terminal = Pty::start(home.in_terminal(&["demo", "--socket", "s"]), 40, 100);
    terminal.wait_for("impl-1    locked src/auth/auth.ts");
    let taken = home
        .run(&["expire", "lock:src/auth/auth.ts", "--socket", "s"])
        .json();
    assert_eq!(taken[0]["heldBy"], "impl-1");
    terminal.wait_for("impl-1    lost src/auth/auth.ts, takes it again");
    terminal.wait_until("the lock taken again", |screen| {
        let text = screen.contents();
        text.matches("impl-1    locked src/auth/auth.ts").count() == 2
    });
    let again = home.run(&["ls", "lock:src/auth/auth.ts", "--socket", "s"]).json();
    assert_eq!(again[0]["heldBy"], "impl-1");
}

#[test]
fn the_demo_in_a_terminal_is_a_living_board() {
    let home = Home::new();
    let mut terminal = Pty::start(home.in_terminal(&["demo", "--fast"]), 40, 120);
    terminal.wait_for("impl-2");
    terminal.wait_for("src/types/user.ts");
    terminal.send("q");
    assert!(terminal.wait_end().success(), "{}", terminal.contents());
    assert_nothing_left(home.path());
}

#[test]
fn the_dashboard_starts_the_demo_when_it_is_asked_to() {
    let home = Home::new();
    let mut terminal = Pty::start(home.in_terminal(&[]), 40, 120);
    terminal.wait_for("claude mcp add callboard");
    terminal.send("d");
    terminal.wait_for("manager");
    terminal.send("q");
    assert!(terminal.wait_end().success(), "{}", terminal.contents());
}

/// Checks that neither a folder nor a process of a demo is left; bridges end when their client does.
fn assert_nothing_left(home: &Path) {
    let names = |path: &Path| -> Vec<_> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    assert!(names(home).is_empty(), "{:?}", names(home));
    let here = home.to_str().unwrap().to_owned();
    until("all bridges have ended", PATIENCE, || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        let any = lines.any(|line| String::from_utf8_lossy(&line).contains(&here));
        (!any).then_some(())
    });
}
