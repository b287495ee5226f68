//! The real program in a terminal with real agents: what a person and the agents see of each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;

use crate::support::agent::Agent;
use crate::support::pty::{PATIENCE, Pty};
use crate::support::wait::until;
use portable_pty::CommandBuilder;
use serde_json::json;

/// The program with its dashboard, on a socket of its own.
struct Shown {
    dir: tempfile::TempDir,
    pty: Pty,
}

impl Shown {
    /// Starts it and waits until it serves.
    fn start(rows: u16, columns: u16) -> Self {
        let dir = tempfile::Builder::new().prefix("cb").tempdir().unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_callboard"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CALLBOARD_")) {
            command.env_remove(name);
        }
        command.env_remove("NO_COLOR");
        command.env("XDG_RUNTIME_DIR", dir.path());
        command.env("CALLBOARD_SOCKET", dir.path().join("s"));
        command.cwd(dir.path());
        let shown = Self {
            pty: Pty::start(command, rows, columns),
            dir,
        };
        shown.pty.wait_for("Nobody is on the board yet");
        until("the board serves", PATIENCE, || {
            UnixStream::connect(shown.socket()).ok()
        });
        shown
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_agents_lock_a_person_expires_one_and_its_agent_finds_nothing() {
    let mut shown = Shown::start(24, 80);
    let mut agents = Vec::new();
    for number in 1..=5 {
        let agent = Agent::attach(&shown.socket(), &format!("impl-{number}")).await;
        let lock = json!({"lockedBy": format!("impl-{number}"), "taskId": format!("3.{number}")});
        agent
            .set(&format!("lock:src/file-{number}.rs"), &lock, 300 * number)
            .await;
        agents.push(agent);
    }
    shown.pty.wait_for("● 5 agents");
    shown.pty.wait_for("1 Locks 5");
    for number in 1..=5 {
        shown.pty.wait_for(&format!("src/file-{number}.rs"));
        shown.pty.wait_for(&format!("impl-{number}"));
    }
    // The first one ends soonest and so comes first; its time falls.
    shown.pty.wait_for(" 4:59 ");
    shown.pty.wait_for(" 4:58 ");
    assert!(agents[0].get("lock:src/file-1.rs").await.is_some());

    shown.pty.send("x");
    shown.pty.wait_for("Expire this lock?");
    shown.pty.wait_for("held by impl-1, 4:");
    shown.pty.send("y");
    shown.pty.wait_for("expired lock:src/file-1.rs, held by impl-1");
    assert_eq!(agents[0].get("lock:src/file-1.rs").await, None);
    assert!(agents[1].get("lock:src/file-2.rs").await.is_some());

    let released = agents.pop().unwrap();
    released.leave().await;
    shown.pty.wait_for("● 4 agents");
    shown.pty.send("qe");
    assert!(shown.pty.wait_end().success());
    assert!(!shown.socket().exists(), "the socket is gone");
    shown
        .pty
        .wait_until("the screen as it was", |screen| !screen.alternate_screen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_ends_a_lease_with_the_keys_and_who_waits_gets_it() {
    let mut shown = Shown::start(24, 80);
    let holder = Agent::attach(&shown.socket(), "holder").await;
    let waiter = Arc::new(Agent::attach(&shown.socket(), "waiter").await);
    let acquire = |why| json!({"targets": ["port:3000"], "why": why, "waitMs": 50_000});
    let held = holder.call("acquireLock", acquire("splitting it")).await;
    assert!(held["fence"].is_u64(), "{held}");
    shown.pty.wait_for("1 Locks 1");
    let waiting = tokio::spawn({
        let (waiter, wish) = (Arc::clone(&waiter), acquire("my turn"));
        async move { waiter.call("acquireLock", wish).await }
    });
    shown.pty.wait_for("1 Locks 1 · 1 wait");
    shown.pty.send("w");
    shown.pty.wait_for("Who waits for whom");
    shown.pty.wait_for("└─ waiter → port:3000");
    shown.pty.send("\x1b");
    shown.pty.wait_until("the picture is closed", |screen| {
        !screen.contents().contains("Who waits for whom")
    });
    shown.pty.send("e");
    shown.pty.wait_for("waiter, who waits for it, gets it");
    shown.pty.send("y");
    shown.pty.wait_for("ended the lease on lock:port:3000");
    let granted = waiting.await.unwrap();
    assert!(granted["fence"].as_u64() > held["fence"].as_u64(), "{granted}");
    shown.pty.wait_until("the waiter holds it", |screen| {
        let contents = screen.contents();
        contents.contains("port:3000            waiter") && !contents.contains("1 wait")
    });
    let told = holder.call("heartbeat", json!({})).await;
    assert_eq!(told["notices"]["lost"][0]["reason"], json!("person"), "{told}");

    shown.pty.send("m");
    shown.pty.wait_for("Message to waiter");
    shown.pty.send("well done\r");
    shown.pty.wait_for("sent to waiter");
    let inbox = waiter.call("receiveMessages", json!({})).await;
    assert_eq!(inbox["messages"][0]["from"], json!("human"), "{inbox}");

    shown.pty.send("S");
    shown
        .pty
        .wait_for(".jsonl written, 2 keys, for callboard --restore");
    let mut files = std::fs::read_dir(shown.dir.path()).unwrap();
    let is_copy = |name: &str| name.starts_with("callboard-");
    assert!(files.any(|file| is_copy(file.unwrap().file_name().to_str().unwrap())));
    shown.pty.send("qe");
    assert!(shown.pty.wait_end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escape_sequence_in_a_value_never_reaches_the_terminal() {
    let mut shown = Shown::start(40, 120);
    let agent = Agent::attach(&shown.socket(), "mallory").await;
    let nasty = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}5m";
    agent
        .set("task:1", &json!({"description": nasty, "agentId": nasty}), 300)
        .await;
    agent
        .set(
            "lock:%1B%5D0;owned%07".replace(';', "%3B").as_str(),
            &json!({"lockedBy": nasty}),
            300,
        )
        .await;
    shown.pty.wait_for("2 Tasks 1");
    shown.pty.wait_for("1 Locks 1");
    shown.pty.send("2\r");
    shown.pty.wait_for("written by");
    shown.pty.send("\x1b");
    shown.pty.wait_for("1 Locks 1");
    let sent = shown.pty.sent();
    for sequence in [&b"\x1b]0;owned"[..], b"\x1b[2J\xc2\x9b5m", b"\xc2\x9b"] {
        let found = sent.windows(sequence.len()).any(|window| window == sequence);
        assert!(!found, "{:?} was sent", String::from_utf8_lossy(sequence));
    }
    shown.pty.send("qe");
    assert!(shown.pty.wait_end().success());
}

#[test]
fn a_closed_terminal_ends_the_program_and_nobody_serves_its_socket() {
    let mut shown = Shown::start(24, 80);
    shown.pty.close("?");
    shown.pty.wait_end();
    // The socket itself stays, for nobody has ended the board: who comes now starts the next one.
    assert!(UnixStream::connect(shown.socket()).is_err());
}

#[test]
fn a_signal_restores_the_screen_and_takes_the_socket_away() {
    let mut shown = Shown::start(24, 80);
    let pid = rustix::process::Pid::from_raw(i32::try_from(shown.pty.pid()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(!shown.pty.wait_end().success());
    assert!(!shown.socket().exists());
    shown.pty.wait_until("the screen as it was", |screen| {
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    });
}

#[test]
fn the_demo_comes_alive_with_one_key() {
    let mut shown = Shown::start(40, 120);
    shown.pty.send("d");
    shown.pty.wait_for("● 4 agents");
    shown.pty.wait_for("2 Tasks 3");
    shown.pty.wait_for("in_progress");
    shown.pty.send("q");
    assert!(shown.pty.wait_end().success());
}
