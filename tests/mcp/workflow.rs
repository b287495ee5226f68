//! The complete workflow of the original design: five agents in parallel through real bridges, a person who
//! watches them on the real dashboard and expires a lock, and a board that is killed under its agents.

use std::path::Path;

use crate::support::agent::Agent;
use crate::support::process::BoardProcess;
use crate::support::pty::Pty;
use portable_pty::CommandBuilder;
use rustix::process::Signal;
use serde_json::{Value, json};
use vt100::Screen;

const FILES: [&str; 4] = [
    "src/auth/auth.ts",
    "src/api/routes.ts",
    "src/types/user.ts",
    "app/[slug]/page.tsx",
];

#[tokio::test(flavor = "multi_thread")]
async fn five_agents_work_while_a_person_watches_and_expires_a_lock() {
    let dir = tempfile::Builder::new().prefix("cb").tempdir().unwrap();
    let socket = dir.path().join("s");
    let mut screen = dashboard(dir.path(), &socket);
    screen.wait_for("Nobody is on the board yet");

    let manager = Agent::attach(&socket, "manager").await;
    let mut implementers = Vec::new();
    for number in 1..=FILES.len() {
        implementers.push(Agent::attach(&socket, &name(number)).await);
    }
    screen.wait_for("5 agents");

    for (number, file) in (1..).zip(FILES) {
        let task =
            json!({"taskId": id(number), "agentId": name(number), "files": [file], "description": "work"});
        manager.set(&format!("task:{}", id(number)), &task, 3_600).await;
    }
    let begun = (1..)
        .zip(FILES)
        .zip(&implementers)
        .map(|((number, file), agent)| begin(agent, number, file));
    futures_joined(begun).await;
    screen.wait_until("every task, lock and status is on the screen", |screen| {
        let shown = screen.contents();
        let numbers = 1..=FILES.len();
        FILES.iter().all(|file| shown.contains(file))
            && numbers.clone().all(|number| shown.contains(&id(number)))
            && shown.matches("in_progress").count() >= FILES.len()
    });

    let before = screen.look(|screen| seconds_left(screen, FILES[0])).unwrap();
    screen.wait_until("the time to live falls", |screen| {
        seconds_left(screen, FILES[0]).is_some_and(|left| left < before)
    });

    // The person picks the lock by its name, is asked, and says yes.
    screen.send("1/auth.ts\r");
    screen.wait_until("only one lock is shown", |screen| {
        !screen.contents().contains("Locks 4")
    });
    screen.send("x");
    screen.wait_until("the question names the lock and its holder", |screen| {
        let shown = screen.contents();
        shown.contains("Expire") && shown.contains("lock:src/auth/auth.ts") && shown.contains("impl-1")
    });
    let lock = "lock:src/auth/auth.ts";
    assert!(
        implementers[0].get(lock).await.is_some(),
        "a question changes nothing"
    );
    screen.send("y");
    screen.wait_until("the lock is gone", |screen| {
        seconds_left(screen, FILES[0]).is_none()
    });
    assert_eq!(
        implementers[0].get(lock).await,
        None,
        "the holder sees that it has lost the lock"
    );
    implementers[1]
        .set(lock, &json!({"lockedBy": name(2)}), 300)
        .await;
    screen.send("/\u{1b}");

    let finished = (1..)
        .zip(FILES)
        .zip(&implementers)
        .map(|((number, file), agent)| finish(agent, number, file));
    futures_joined(finished).await;
    let statuses = manager
        .call("listKeys", json!({"pattern": "status:*", "values": true}))
        .await;
    let rows = statuses["keys"].as_array().unwrap();
    let completed = rows
        .iter()
        .filter(|row| row["value"].as_str().unwrap().contains("completed"))
        .count();
    assert_eq!(completed, FILES.len());
    let progress = json!({"totalTasks": FILES.len(), "completed": completed});
    manager.set("progress:global", &progress, 60).await;
    screen.wait_until("everything is completed", |screen| {
        screen.contents().matches("completed").count() >= FILES.len()
    });

    // Also while agents are attached.
    screen.send("qe");
    let status = screen.wait_end();
    assert!(status.success(), "{status:?}");
    assert!(!screen.look(Screen::alternate_screen), "the screen is given back");
    assert!(!socket.exists(), "the socket is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_board_comes_back_under_its_agents_with_higher_revisions() {
    let mut board = BoardProcess::start();
    let agent = Agent::attach(&board.socket(), "impl-1").await;
    agent.set("task:1", &json!({"round": 1}), 300).await;
    let before = revision(&agent).await;

    board.restart(Signal::KILL);

    agent.set("task:2", &json!({"round": 2}), 300).await;
    assert_eq!(
        agent.get("task:2").await,
        Some(json!({"round": 2})),
        "the bridge found the new board"
    );
    assert!(
        revision(&agent).await > before,
        "a fence of the old board can never match one of the new"
    );
}

fn dashboard(dir: &Path, socket: &Path) -> Pty {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_callboard"));
    command.env("CALLBOARD_SOCKET", socket);
    command.env("XDG_RUNTIME_DIR", dir);
    command.env_remove("NO_COLOR");
    command.cwd(dir);
    Pty::start(command, 40, 120)
}

/// What an implementer does first: read its task, look whether the file is free, lock it, say so.
async fn begin(agent: &Agent, number: usize, file: &str) {
    let task = agent.get(&format!("task:{}", id(number))).await.unwrap();
    assert_eq!(task["agentId"], json!(name(number)));
    assert_eq!(agent.get(&lock(file)).await, None);
    let held = json!({"lockedBy": name(number), "taskId": id(number)});
    agent.set(&lock(file), &held, 300).await;
    let status = json!({"status": "in_progress", "progress": 10});
    agent.set(&status_key(number), &status, 3_600).await;
}

/// What it does last. The lock may have been expired and taken by somebody else; then it is not its to release.
async fn finish(agent: &Agent, number: usize, file: &str) {
    let status = json!({"status": "completed", "progress": 100, "filesModified": [file]});
    agent.set(&status_key(number), &status, 3_600).await;
    let mine = agent
        .get(&lock(file))
        .await
        .is_some_and(|held| held["lockedBy"] == json!(name(number)));
    assert_eq!(mine, number != 1, "the expired lock has a new holder");
    if mine {
        agent.set(&lock(file), &json!({"released": true}), 10).await;
        assert_eq!(agent.get(&lock(file)).await, None);
    }
}

async fn futures_joined(works: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut works: Vec<_> = works.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        works.retain_mut(|work| work.as_mut().poll(context).is_pending());
        if works.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

async fn revision(agent: &Agent) -> u64 {
    let listed: Value = agent.call("listKeys", json!({"pattern": "*"})).await;
    listed["rev"].as_u64().unwrap()
}

/// Returns the time to live that the screen shows beside a lock.
fn seconds_left(screen: &Screen, file: &str) -> Option<u64> {
    let shown = screen.contents();
    let row = shown
        .lines()
        .find(|line| line.contains(file) && line.contains('━'))?;
    let clock = row
        .split_whitespace()
        .find(|word| word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit()))?;
    let (minutes, seconds) = clock.split_once(':')?;
    Some(minutes.parse::<u64>().ok()? * 60 + seconds.parse::<u64>().ok()?)
}

fn name(number: usize) -> String {
    format!("impl-{number}")
}

fn id(number: usize) -> String {
    format!("3.{number}")
}

fn status_key(number: usize) -> String {
    format!("status:{}:{}", name(number), id(number))
}

/// Brackets are written as `%5B` and `%5D`, since a key cannot hold them.
fn lock(file: &str) -> String {
    format!("lock:{}", file.replace('[', "%5B").replace(']', "%5D"))
}
