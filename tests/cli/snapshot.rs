//! Boards written down, from a shell's point of view: copies, restoring them, and what a board that died leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::process::PATIENCE;
use crate::support::program::{Home, Lines, Server};
use crate::support::wait::until;
use callboard::cli::exit;
use rustix::process::Signal;
use serde_json::{Value, json};

const SOCKET: [&str; 2] = ["--socket", "s"];

fn run(home: &Home, line: &[&str]) -> crate::support::program::Ran {
    home.run(&[line, &SOCKET[..]].concat())
}

fn serve(home: &Home, line: &[&str]) -> Server {
    home.serve(&[line, &SOCKET[..]].concat())
}

/// Returns where the board at the socket is saved.
fn saved(home: &Home) -> PathBuf {
    home.path().join("s.snapshot")
}

/// Ends the board without a warning, after `text` has been saved.
fn kill_when_saved(home: &Home, mut board: Server, text: &str) {
    until("the board is saved", PATIENCE, || {
        let saved = fs::read_to_string(saved(home)).ok()?;
        saved.contains(text).then_some(())
    });
    board.send(Signal::KILL);
    board.wait_end();
}

/// Ends the board as a person does.
fn quit(mut board: Server) {
    board.send(Signal::TERM);
    board.wait_for_line("the board is closed");
    board.wait_end();
}

/// Checks that the board does not start, and returns what it says.
fn refused(home: &Home, line: &[&str]) -> String {
    let ran = run(home, &[&["--no-tui"], line].concat());
    assert_eq!(ran.code, Some(i32::from(exit::FAILURE)), "{ran:?}");
    assert!(!home.path().join("s").exists(), "nobody was let in");
    ran.stderr
}

#[test]
fn a_copy_begins_another_board() {
    let home = Home::new();
    let board = serve(&home, &[]);
    let lock = r#"{"lockedBy":"ann"}"#;
    run(&home, &["set", "lock:src/a.rs", lock, "--ttl", "600"]).json();
    run(
        &home,
        &[
            "set",
            "note:é".replace('é', "%C3%A9").as_str(),
            "ü\n\"",
            "--namespace",
            "release",
        ],
    )
    .json();
    let told = run(&home, &["snapshot", "copy.jsonl"]).json();
    assert_eq!(
        (&told[0]["entries"], &told[0]["file"]),
        (&json!(2), &json!("copy.jsonl"))
    );
    let file = home.path().join("copy.jsonl");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let lines: Vec<Value> = fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["callboard"], &lines[0]["version"]),
        (&json!("snapshot"), &json!(1))
    );
    assert_eq!(lines[0]["rev"], told[0]["rev"]);
    assert_eq!(
        lines.last().unwrap(),
        &json!({"end": true, "lines": lines.len() - 1})
    );
    quit(board);

    let board = serve(&home, &["--restore", "copy.jsonl"]);
    let rows = run(&home, &["ls", "--values"]).json();
    assert_eq!(
        (&rows[0]["key"], &rows[0]["value"]),
        (&json!("lock:src/a.rs"), &json!(lock))
    );
    assert_eq!(rows[0]["heldBy"], "ann");
    assert!(rows[0]["expiresInMs"].as_u64().unwrap() <= 600_000);
    let note = run(&home, &["get", "note:%C3%A9", "--raw", "--namespace", "release"]).ok();
    assert_eq!(note, "ü\n\"");
    let rev = run(&home, &["stats"]).json()[0]["rev"].as_u64().unwrap();
    assert!(rev > told[0]["rev"].as_u64().unwrap());
    // It is saved as it is now, so its own death does not bring back an older one.
    kill_when_saved(&home, board, "lock:src/a.rs");
    let _board = serve(&home, &[]);
    assert_eq!(run(&home, &["ls"]).json().len(), 1);
}

#[test]
fn a_copy_takes_no_other_files_place_unless_it_is_forced() {
    let home = Home::new();
    let _board = serve(&home, &[]);
    fs::write(home.path().join("mine"), "precious").unwrap();
    let ran = run(&home, &["snapshot", "mine"]);
    assert_eq!(ran.code, Some(i32::from(exit::FAILURE)));
    assert_eq!(
        ran.stderr,
        "error: mine exists already\nhint: choose another name, or replace it with --force\n"
    );
    assert_eq!(fs::read_to_string(home.path().join("mine")).unwrap(), "precious");
    run(&home, &["snapshot", "mine", "--force"]).json();
    assert!(
        fs::read_to_string(home.path().join("mine"))
            .unwrap()
            .contains("snapshot")
    );
    let nowhere = run(&home, &["snapshot", "no/such/folder"]);
    assert_eq!(nowhere.code, Some(i32::from(exit::FAILURE)), "{nowhere:?}");
    let nobody = home.run(&["snapshot", "other", "--socket", "nobody"]);
    assert_eq!(nobody.code, Some(i32::from(exit::NO_BOARD)));
    assert!(!home.path().join("other").exists());
}

#[test]
fn a_board_that_was_quit_is_followed_by_a_fresh_one() {
    let home = Home::new();
    let board = serve(&home, &[]);
    run(&home, &["set", "task:1", "v"]).json();
    quit(board);
    assert!(!saved(&home).exists());
    let _board = serve(&home, &[]);
    assert_eq!(run(&home, &["get", "task:1"]).code, Some(i32::from(exit::NO_KEY)));
}

#[test]
fn a_board_that_died_is_followed_by_one_that_goes_on_and_says_so() {
    let home = Home::new();
    let board = serve(&home, &[]);
    let rev = run(&home, &["set", "task:1", "v", "--ttl", "600"]).json();
    assert_eq!(rev[0]["success"], true);
    kill_when_saved(&home, board, "task:1");
    let mut next = home
        .command(&[&["--no-tui"], &SOCKET[..]].concat())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Lines::of(next.stderr.take().unwrap());
    let first = lines.next().unwrap();
    assert!(first.contains("the board goes on where it was"), "{first}");
    assert!(first.contains("entries=1"), "{first}");
    assert!(lines.next().unwrap().contains("the board is open"));
    let row = &run(&home, &["ls", "task:1", "--values"]).json()[0];
    assert_eq!((&row["value"], &row["rev"]), (&json!("v"), &json!(1)));
    let rev = run(&home, &["stats"]).json()[0]["rev"].as_u64().unwrap();
    assert!(rev > 1_000_000, "{rev}");
    next.kill().unwrap();
    next.wait().unwrap();

    let board = serve(&home, &["--fresh"]);
    assert_eq!(run(&home, &["ls"]).ok(), "");
    quit(board);
}

#[test]
fn a_file_that_makes_no_board_is_named_with_the_fix_and_left_alone() {
    let home = Home::new();
    let foreign = home.path().join("foreign");
    fs::write(&foreign, "{\"hello\":1}\n").unwrap();
    for (file, text) in [
        (
            "missing",
            "error: cannot go on from the snapshot missing: No such file",
        ),
        (
            "foreign",
            "error: cannot go on from the snapshot foreign: it is no snapshot of a board\n",
        ),
    ] {
        let said = refused(&home, &["--restore", file]);
        assert!(said.starts_with(text), "{said}");
        assert!(said.contains("hint: the file was left as it is; begin with an empty board by --fresh"));
    }
    let board = serve(&home, &[]);
    run(&home, &["set", "task:1", "v"]).json();
    run(&home, &["set", "task:2", "v"]).json();
    run(&home, &["snapshot", "copy"]).json();
    quit(board);
    let said = refused(&home, &["--restore", "copy", "--max-keys", "1"]);
    assert!(
        said.contains("Storage full: it may hold 1 keys; allow more with --max-keys"),
        "{said}"
    );
    let whole = fs::read_to_string(home.path().join("copy")).unwrap();
    let half = &whole[..whole.len() / 2];
    fs::write(home.path().join("s.snapshot"), half).unwrap();
    let said = refused(&home, &[]);
    assert!(said.contains("s.snapshot: it ends after line"), "{said}");
    assert_eq!(fs::read_to_string(saved(&home)).unwrap(), half);
    quit(serve(&home, &["--fresh"]));
    assert!(!saved(&home).exists());
}

#[test]
fn half_a_snapshot_of_a_board_that_died_while_it_saved_is_no_hindrance() {
    let home = Home::new();
    let board = serve(&home, &[]);
    run(&home, &["set", "task:1", "v"]).json();
    kill_when_saved(&home, board, "task:1");
    fs::write(home.path().join("s.snapshot.new"), "{\"callboard\":\"snap").unwrap();
    let board = serve(&home, &[]);
    assert_eq!(run(&home, &["get", "task:1", "--raw"]).ok(), "v");
    quit(board);
    let mut left: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["s.lock", "s.revision"]);
}

#[test]
fn the_words_are_checked() {
    let home = Home::new();
    let both = home.run(&["--fresh", "--restore", "x"]);
    assert_eq!(both.code, Some(i32::from(exit::USAGE)), "{both:?}");
    let below = home.run(&["--fresh", "ls"]);
    assert!(
        below.stderr.contains("--fresh is an option of the board"),
        "{below:?}"
    );
}
