//! What an agent is told that lost a lock and is about to write what it was on.

use serde_json::json;

use super::hook_rules::{ONE, TWO, attach, denied, edit, expire, holders, hook, passes};
use crate::support::socket::SocketServer;

#[tokio::test]
async fn who_lost_a_lock_is_told_once_before_it_writes_again() {
    let server = SocketServer::start();
    let (_one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    passes(&edit(&server, ONE, "a.rs").await);
    expire(&server, "lock:a.rs");
    let told = hook(&server, "between", ONE, json!({})).await;
    assert!(told["context"].as_str().unwrap().contains("a.rs"), "{told}");
    let reason = denied(&edit(&server, ONE, "a.rs").await);
    assert!(reason.contains("ended by the person at the board"), "{reason}");
    assert!(reason.contains("read it again"), "{reason}");
    assert_eq!(
        holders(&server, "lock:a.rs"),
        ["one"],
        "it is locked for the next try"
    );
    passes(&edit(&server, ONE, "a.rs").await);
    passes(&hook(&server, "between", ONE, json!({})).await);
}

#[tokio::test]
async fn a_directory_that_was_lost_is_told_of_once_for_each_file() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    let lock = one.body("acquireLock", json!({ "targets": ["src"] })).await;
    expire(&server, "lock:src");
    let reason = denied(&edit(&server, ONE, "src/b.rs").await);
    let way_out = format!(
        "acquireLock it again, or releaseLock with fence {}.",
        lock["fence"]
    );
    for part in ["read it again", &way_out] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    passes(&edit(&server, ONE, "src/b.rs").await);
    // Nor in the turns that follow.
    passes(&hook(&server, "stop", ONE, json!({})).await);
    passes(&edit(&server, ONE, "src/b.rs").await);
    denied(&edit(&server, ONE, "src/c.rs").await);
    one.body("releaseLock", json!({ "fence": lock["fence"] })).await;
    passes(&edit(&server, ONE, "src/d.rs").await);
}

#[tokio::test]
async fn without_automatic_locks_a_directory_that_was_lost_is_told_of_once() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    let without = json!({ "writes": ["src/a.rs"], "autoLock": false });
    one.body("acquireLock", json!({ "targets": ["src"] })).await;
    expire(&server, "lock:src");
    assert!(denied(&hook(&server, "before", ONE, without.clone()).await).contains("acquireLock it again"));
    passes(&hook(&server, "before", ONE, without).await);
}
