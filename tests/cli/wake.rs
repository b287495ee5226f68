//! The process that waits for what an idle agent is woken for: its exit codes, and that nobody sees it.

use std::sync::mpsc::channel;
use std::thread;

use crate::support::plain::Plain;
use crate::support::process::PATIENCE;
use crate::support::program::{Home, Ran, run};
use serde_json::json;

/// Waits as the hook of a client does that was started as `kind`.
fn wake_as(home: &Home, kind: &str) -> Ran {
    let mut command = home.command(&["hook", "claude", "--wake"]);
    command.env("CLAUDE_CODE_ENTRYPOINT", kind);
    command.env("CLAUDE_PID", std::process::id().to_string());
    run(command, b"{}")
}

/// Waits as at a terminal.
fn wake(home: &Home) -> Ran {
    wake_as(home, "cli")
}

#[test]
fn a_message_ends_it_with_the_code_that_wakes() {
    let home = Home::new();
    let _board = home.serve(&[]);
    // This process starts the bridge and the hook, so it is the client of both.
    let _sleeper = Plain::through_bridge(home.command(&[]), "sleeper");
    let mut other = Plain::through_bridge(home.command(&[]), "other");
    thread::scope(|scope| {
        // The newest session of a process is its agent's.
        let waiting = scope.spawn(|| wake(&home));
        other.tool("sendMessage", &json!({ "to": "other", "body": "to oneself" }));
        let woken = waiting.join().unwrap();
        assert_eq!((woken.code, woken.stdout.as_str()), (Some(2), ""));
        assert_eq!(
            woken.stderr,
            "callboard: messages wait for you (1), receiveMessages returns them.\n"
        );
    });
}

#[test]
fn it_ends_quietly_when_another_waits_when_the_session_ends_and_without_a_board() {
    let home = Home::new();
    let quiet = |ran: &Ran| (ran.code, ran.stdout.is_empty() && ran.stderr.is_empty()) == (Some(0), true);
    assert!(quiet(&wake(&home)), "no board");
    let _board = home.serve(&[]);
    let sleeper = Plain::through_bridge(home.command(&[]), "sleeper");
    thread::scope(|scope| {
        let (ended, ends) = channel();
        for _ in 0..2 {
            let (ended, home) = (ended.clone(), &home);
            scope.spawn(move || ended.send(wake(home)));
        }
        let replaced = ends.recv_timeout(PATIENCE).unwrap();
        assert!(quiet(&replaced), "{replaced:?}");
        let agents = home.run(&["stats", "--json"]).json().remove(0)["agents"].clone();
        assert_eq!(agents, 2, "the sleeper and the one who asks");
        drop(sleeper);
        let last = ends.recv_timeout(PATIENCE).unwrap();
        assert!(quiet(&last), "{last:?}");
    });
}

#[test]
fn a_client_without_a_terminal_is_not_kept_waiting() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let mut sleeper = Plain::through_bridge(home.command(&[]), "sleeper");
    sleeper.tool("sendMessage", &json!({ "to": "sleeper", "body": "to oneself" }));
    let ran = wake_as(&home, "sdk-cli");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}
