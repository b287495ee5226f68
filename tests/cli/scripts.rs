//! The commands for scripts against a real board.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use crate::support::plain::Plain;
use crate::support::program::{Home, Lines, first_line, read, send, shell_code, wait_end};
use crate::support::pty::Pty;
use crate::support::raw::modern_meta;
use callboard::cli::exit;
use rustix::process::Signal;
use serde_json::{Value, json};

#[test]
fn a_value_goes_round() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let answer = home.run(&["set", "task:1", r#"{"a":1}"#, "--ttl", "60"]).json();
    assert_eq!(
        (&answer[0]["success"], &answer[0]["key"]),
        (&json!(true), &json!("task:1"))
    );

    let answer = home.run(&["get", "task:1"]).json();
    assert_eq!(
        (&answer[0]["value"], &answer[0]["exists"]),
        (&json!(r#"{"a":1}"#), &json!(true))
    );
    assert_eq!(home.run(&["get", "task:1", "--raw"]).ok(), r#"{"a":1}"#);

    let rows = home.run(&["ls", "task:*", "--values"]).json();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["value"], r#"{"a":1}"#);
    assert!((1..=60_000).contains(&rows[0]["expiresInMs"].as_u64().unwrap()));

    assert_eq!(home.run(&["del", "task:1"]).json()[0]["deleted"], true);
    assert_eq!(home.run(&["del", "task:1"]).json()[0]["deleted"], false);
    let gone = home.run(&["get", "task:1"]);
    assert_eq!(gone.code, Some(i32::from(exit::NO_KEY)));
    assert!(
        gone.stderr.starts_with("error: no such key: task:1\n"),
        "{gone:?}"
    );
    assert!(
        gone.stderr.contains("that of a lock begins with `lock:`"),
        "{gone:?}"
    );
    assert!(gone.stdout.contains(r#""exists":false"#), "{}", gone.stdout);
}

#[test]
fn stdin_is_written_as_it_is() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let text = "line\n\ttab \u{1b}[31m \"quotes\" é\n".repeat(40_000);
    home.run_with_input(&["set", "note:big", "-"], text.as_bytes())
        .json();
    assert!(
        home.run(&["get", "note:big", "--raw"]).ok() == text,
        "the value differs"
    );

    let binary = home.run_with_input(&["set", "note:big", "-"], b"\xff\xfe");
    assert_eq!(binary.code, Some(i32::from(exit::FAILURE)));
    assert!(
        binary.stderr.contains("hint: values are text in UTF-8"),
        "{}",
        binary.stderr
    );
}

#[test]
fn more_keys_than_a_page_are_all_listed() {
    let home = Home::new();
    let _board = home.serve(&["--socket", "s"]);
    let ops: Vec<_> = (0..1_100)
        .map(|n| json!({"key": format!("k:{n:04}"), "value": "v"}))
        .collect();
    let mut board = BufReader::new(UnixStream::connect(home.path().join("s")).unwrap());
    for ops in ops.chunks(500) {
        let meta = modern_meta("test", "1");
        let params = json!({ "name": "updateStorage", "arguments": { "ops": ops }, "_meta": meta });
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        writeln!(board.get_mut(), "{request}").unwrap();
        let mut answer = String::new();
        board.read_line(&mut answer).unwrap();
        assert!(answer.contains(r#""success":true"#), "{answer}");
    }
    let rows = home.run(&["ls", "k:*", "--socket", "s"]).json();
    assert_eq!(rows.len(), 1_100);
    assert!(rows.is_sorted_by_key(|row| row["key"].as_str().unwrap()));
}

#[test]
fn a_refusal_has_the_boards_words_and_says_what_to_do() {
    let home = Home::new();
    let _board = home.serve(&["--max-keys", "2"]);
    home.run(&["set", "lock:a", r#"{"lockedBy":"first"}"#]).json();
    for (line, texts) in [
        (
            &["set", "no spaces", "v"][..],
            &["the board refused: Invalid key format", "hint: a key is"][..],
        ),
        (
            &["set", "k", "v", "--ttl", "0"],
            &["the board refused: TTL must be 1-86400 seconds"],
        ),
        (
            &["set", "lock:a", r#"{"lockedBy":"second"}"#],
            &["the board refused: Key is leased", "hint: ", "first"],
        ),
        (
            &["expire", "lock:a", "--rev", "999999"],
            &["the board refused: CONFLICT", "hint: lock:a is not what you saw"],
        ),
        (
            &["watch", "--since", "999999"],
            &["the board refused: INVALID", "hint: "],
        ),
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code, Some(i32::from(exit::FAILURE)), "{line:?}: {ran:?}");
        for text in texts {
            assert!(ran.stderr.contains(text), "{line:?}: {}", ran.stderr);
        }
    }
    home.run(&["set", "k", "v"]).json();
    let full = home.run(&["set", "one-too-many", "v"]);
    assert!(
        full.stderr.contains("the board refused: Storage full"),
        "{full:?}"
    );
}

#[test]
fn a_stuck_lock_is_expired_and_its_holder_named() {
    let home = Home::new();
    let _board = home.serve(&[]);
    home.run(&["set", "lock:a", r#"{"lockedBy":"agent-7"}"#]).json();
    let rev = home.run(&["ls", "lock:a"]).json()[0]["rev"].to_string();
    let taken = home.run(&["expire", "lock:a", "--rev", &rev]).json();
    assert_eq!(taken[0]["heldBy"], "agent-7");
    assert_eq!(
        home.run(&["expire", "lock:a"]).code,
        Some(i32::from(exit::NO_KEY))
    );
    home.run(&["set", "lock:a", r#"{"lockedBy":"agent-8"}"#]).json();
}

#[test]
fn all_who_share_a_lock_are_named() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let shared = json!({ "targets": ["docs"], "mode": "shared" });
    let mut agents = ["ann", "bob"].map(|name| Plain::through_bridge(home.command(&[]), name));
    for agent in &mut agents {
        assert_eq!(agent.tool("acquireLock", &shared)["success"], true);
    }
    let row = &home.run(&["ls", "lock:*"]).json()[0];
    assert_eq!(
        (&row["heldBy"], &row["alsoHeldBy"]),
        (&json!("ann"), &json!(["bob"]))
    );
    let listed = Pty::start_as_is(home.in_terminal(&["ls", "lock:*"]), 24, 100);
    listed.wait_for("ann, bob");
    let ended = Pty::start_as_is(home.in_terminal(&["expire", "lock:docs"]), 24, 100);
    ended.wait_for("expired lock:docs, which ann, bob held");
}

#[test]
fn a_person_who_is_refused_is_told_what_a_person_can_do() {
    let home = Home::new();
    let _board = home.serve(&[]);
    home.run(&["set", "lock:a.rs", r#"{"lockedBy":"ann"}"#]).json();
    let mut ann = Plain::through_bridge(home.command(&[]), "ann");
    ann.tool("acquireLock", &json!({ "targets": ["b.rs"] }));
    for line in [&["del", "lock:b.rs"][..], &["set", "lock:b.rs", "{}"]] {
        let ran = home.run(line);
        assert_eq!(ran.code, Some(i32::from(exit::FAILURE)), "{ran:?}");
        let told = "lock:b.rs is held by ann for another";
        assert!(ran.stderr.contains(told), "{ran:?}");
        assert!(
            ran.stderr.contains("`callboard expire lock:b.rs` ends that"),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains("acquireLock"), "{ran:?}");
    }
    let nowhere = home.run(&["snapshot", "/nope/s1"]);
    assert!(
        nowhere.stderr.contains("cannot write the snapshot: /nope/s1: "),
        "{nowhere:?}"
    );
}

#[test]
fn a_watch_follows_until_it_is_interrupted() {
    let home = Home::new();
    let _board = home.serve(&[]);
    home.run(&["set", "task:1", "before"]).json();
    let mut watch = home
        .command(&["watch", "task:*", "--since", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = Lines::of(watch.stdout.take().unwrap());
    let next = || -> Value { serde_json::from_str(&lines.next().unwrap()).unwrap() };
    assert_eq!(next()["value"], "before");
    home.run(&["set", "other:1", "unwatched"]).json();
    home.run(&["set", "task:2", "after"]).json();
    let event = next();
    assert_eq!((&event["kind"], &event["key"]), (&json!("set"), &json!("task:2")));
    home.run(&["expire", "task:1"]).json();
    assert_eq!(next()["kind"], "expire");
    send(watch.id(), Signal::INT);
    assert_eq!(shell_code(wait_end(&mut watch)), 130);
}

#[test]
fn a_watch_ends_when_nobody_reads_it_any_more() {
    let home = Home::new();
    let _board = home.serve(&[]);
    home.run(&["set", "task:1", "v"]).json();
    let mut watch = watch_from_the_start(&home);
    let line = first_line(watch.stdout.take().unwrap());
    assert!(line.contains("task:1"), "{line}");
    assert_eq!(wait_end(&mut watch).code(), Some(0));
    assert_eq!(read(watch.stderr.take().unwrap()), "");
}

#[test]
fn a_watch_says_when_the_board_goes() {
    let home = Home::new();
    let board = home.serve(&[]);
    home.run(&["set", "task:1", "v"]).json();
    let mut watch = watch_from_the_start(&home);
    let lines = Lines::of(watch.stdout.take().unwrap());
    assert!(lines.next().is_some());
    board.send(Signal::TERM);
    assert_eq!(wait_end(&mut watch).code(), Some(i32::from(exit::NO_BOARD)));
    let text = read(watch.stderr.take().unwrap());
    assert!(text.contains("has gone"), "{text}");
}

fn watch_from_the_start(home: &Home) -> Child {
    home.command(&["watch", "--since", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn namespaces_do_not_see_each_other() {
    let home = Home::new();
    let _board = home.serve(&[]);
    home.run(&["set", "k", "v", "--namespace", "release"]).json();
    assert_eq!(home.run(&["get", "k"]).code, Some(i32::from(exit::NO_KEY)));
    assert_eq!(
        home.run(&["get", "k", "--raw", "--namespace", "release"]).ok(),
        "v"
    );
    let stats = home.run(&["stats", "--namespace", "release"]).json();
    assert_eq!(
        (&stats[0]["namespace"], &stats[0]["keys"]),
        (&json!("release"), &json!(1))
    );
}

#[test]
fn people_get_tables_and_no_control_characters() {
    let home = Home::new();
    let _board = home.serve(&[]);
    home.run(&["set", "lock:src/a.rs", r#"{"lockedBy":"agent-7"}"#])
        .json();
    home.run_with_input(&["set", "note:x", "-"], b"red \x1b[31m alert")
        .json();
    let shown = |line: &[&str]| {
        let mut terminal = Pty::start(home.in_terminal(line), 30, 100);
        assert!(terminal.wait_end().success(), "{}", terminal.contents());
        terminal
    };
    let listed = shown(&["ls", "--values"]);
    listed.wait_for("KEY            REV  EXPIRES IN  HELD BY  VALUE");
    listed.wait_for("red  [31m alert");
    assert!(!listed.sent().contains(&0x1b), "{}", listed.contents());
    let value = shown(&["get", "note:x"]);
    value.wait_for("alert");
    assert!(!value.sent().contains(&0x1b), "{}", value.contents());
    shown(&["stats"]).wait_for("keys            2 (");
    shown(&["ls", "--json"]).wait_for(r#"{"key":"lock:src/a.rs","#);
    shown(&["expire", "lock:src/a.rs"]).wait_for("expired lock:src/a.rs, which agent-7 held");
}
