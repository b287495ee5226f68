//! Automatic locks that agents of one client hand on to each other.

use serde_json::{Value, json};

use super::hook_rules::{ONE, TWO, attach, denied, edit, holders, hook, passes, sub_agent};
use crate::support::socket::SocketServer;

const SUB: &str = "general-purpose-c31c6cce";

fn of_sub(paths: &[&str]) -> Value {
    json!({ "agent": sub_agent("a54902da7c31c6cce"), "writes": paths })
}

#[tokio::test]
async fn who_starts_a_sub_agent_goes_on_with_its_own_files() {
    let server = SocketServer::start();
    let (_one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    passes(&edit(&server, ONE, "a.rs").await);
    let started = hook(&server, "start", ONE, of_sub(&[])).await;
    let context = started["context"].as_str().unwrap();
    assert!(!context.contains("a.rs"), "it is free for it: {context}");
    assert_eq!(holders(&server, "lock:a.rs"), ["one"]);
    denied(&edit(&server, TWO, "a.rs").await);
    passes(&edit(&server, ONE, "a.rs").await);
    // A sub-agent of the sub-agent's takes nothing from anybody either.
    let nested = json!({ "agent": sub_agent("b1111111ffff") });
    hook(&server, "start", ONE, nested).await;
    assert_eq!(holders(&server, "lock:a.rs"), ["one"]);
}

#[tokio::test]
async fn a_sub_agent_takes_over_what_it_edits_and_no_more() {
    let server = SocketServer::start();
    let (mut one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    one.body("acquireLock", json!({ "targets": ["own.rs"] })).await;
    let patch = json!({ "writes": ["a.rs", "b.rs"] });
    passes(&hook(&server, "before", ONE, patch).await);
    passes(&edit(&server, TWO, "theirs.rs").await);

    // Not for something that is denied all the same.
    for other in ["own.rs", "theirs.rs"] {
        denied(&hook(&server, "before", ONE, of_sub(&["a.rs", other])).await);
        assert_eq!(holders(&server, "lock:a.rs"), ["one"], "{other}");
    }
    passes(&hook(&server, "before", ONE, of_sub(&["a.rs"])).await);
    assert_eq!(holders(&server, "lock:a.rs"), [SUB]);
    assert_eq!(holders(&server, "lock:b.rs"), ["one"]);
    let reason = denied(&edit(&server, ONE, "a.rs").await);
    assert!(reason.contains(&format!("a.rs is locked by {SUB}")), "{reason}");
    passes(&hook(&server, "stop", ONE, of_sub(&[])).await);
    passes(&edit(&server, ONE, "a.rs").await);
}

#[tokio::test]
async fn a_turn_that_ended_without_a_word_keeps_no_file() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    one.body("acquireLock", json!({ "targets": ["own.rs"] })).await;
    passes(&edit(&server, ONE, "a.rs").await);
    passes(&hook(&server, "before", ONE, of_sub(&["b.rs"])).await);
    passes(&hook(&server, "turn", ONE, json!({})).await);
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
    assert_eq!(holders(&server, "lock:own.rs"), ["one"]);
    assert_eq!(holders(&server, "lock:b.rs"), [SUB], "it may be at work");
    passes(&hook(&server, "turn", 4_300_000, json!({})).await);
}
