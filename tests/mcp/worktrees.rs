//! One path in two worktrees of a repository: no lock blocks the other, and each agent is told of the other once.

use std::fs;

use crate::support::socket::SocketServer;
use serde_json::{Value, json};

/// A repository with a worktree inside it, where clients put those of their sub-agents.
fn server() -> SocketServer {
    let server = SocketServer::start();
    let root = server.dir.path();
    fs::create_dir_all(root.join(".git/worktrees/feat")).unwrap();
    fs::create_dir_all(root.join(".trees/feat")).unwrap();
    fs::write(root.join(".git/worktrees/feat/HEAD"), "").unwrap();
    fs::write(
        root.join(".trees/feat/.git"),
        "gitdir: ../../.git/worktrees/feat\n",
    )
    .unwrap();
    server
}

fn lock(target: &str) -> Value {
    json!({ "targets": [target] })
}

#[tokio::test]
async fn who_will_meet_at_the_merge_is_told_of_the_other_once() {
    let server = server();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    assert!(ann.body("acquireLock", lock("src")).await["notices"].is_null());
    let taken = bob.body("acquireLock", lock(".trees/feat/src/a.rs")).await;
    assert_eq!(
        taken["success"],
        json!(true),
        "worktrees do not block each other: {taken}"
    );
    let told = json!([{ "target": ".trees/feat/src/a.rs", "other": "src", "by": "ann" }]);
    assert_eq!(taken["notices"]["overlap"], told);
    assert!(
        taken["notices"]["hint"]
            .as_str()
            .unwrap()
            .contains("another worktree"),
        "{taken}"
    );
    let next = ann.body("heartbeat", json!({})).await;
    let told = json!([{ "target": "src", "other": ".trees/feat/src/a.rs", "by": "bob" }]);
    assert_eq!(next["notices"]["overlap"], told);
    for agent in [&mut ann, &mut bob] {
        assert!(agent.body("heartbeat", json!({})).await["notices"].is_null());
    }
}

#[tokio::test]
async fn what_was_given_back_or_lies_elsewhere_is_no_overlap() {
    let server = server();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    ann.body("acquireLock", lock("src/a.rs")).await;
    ann.body("releaseLock", json!({})).await;
    ann.body("acquireLock", lock("docs")).await;
    ann.body("acquireLock", lock("port:3000")).await;
    for target in [".trees/feat/src/a.rs", ".trees/feat/lib", "src"] {
        let taken = bob.body("acquireLock", lock(target)).await;
        assert!(taken["notices"].is_null(), "{taken}");
    }
}
