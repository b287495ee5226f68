//! Calls that wait for locks, tasks and messages: who ends them, and what the others are told meanwhile.

use crate::support::served::Served;
use crate::support::socket::SocketServer;
use serde_json::{Value, json};

#[tokio::test]
async fn readers_share_and_a_writer_waits_for_all_of_them() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    let mut cid = server.named("cid").await;
    let shared = json!({ "targets": ["docs"], "mode": "shared" });
    for reader in [&mut ann, &mut bob] {
        assert_eq!(reader.body("acquireLock", shared.clone()).await["success"], true);
    }
    let id = cid
        .start("acquireLock", json!({ "targets": ["docs"], "waitMs": 50_000 }))
        .await;
    server
        .until("cid stands in line", |server| server.in_line() == 1)
        .await;
    for reader in [&mut ann, &mut bob] {
        let released = reader.body("releaseLock", json!({})).await;
        assert_eq!(released["released"], json!(["docs"]));
    }
    let granted = cid.answer(&id).await;
    assert_eq!(granted["result"]["structuredContent"]["success"], true);
}

#[tokio::test]
async fn a_call_that_comes_again_waits_no_longer_than_it_would_have() {
    let server = SocketServer::start();
    let mut ann = server.named("ann").await;
    ann.body("acquireLock", json!({ "targets": ["a"] })).await;
    let mut bob = server.agent().await;
    let hello = json!({ "callboard/hello": {
        "name": "bob", "secret": "b", "repeats": [1, 2], "waited_ms": [60_000],
    } });
    bob.send(&hello.to_string()).await;
    let wait = json!({ "targets": ["a"], "waitMs": 50_000 });
    // Its client would have given it up: what is answered at once is still heard.
    let held = bob.body("acquireLock", wait.clone()).await;
    assert_eq!(held["error"], "HELD", "{held}");
    let id = bob.start("acquireLock", wait).await;
    server
        .until("the other one stands in line", |server| server.in_line() == 1)
        .await;
    ann.body("releaseLock", json!({})).await;
    assert_eq!(bob.end(&id).await["success"], true);
}

#[tokio::test]
async fn a_cancelled_wait_leaves_nothing_and_is_not_answered() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    ann.body("acquireLock", json!({ "targets": ["a"] })).await;
    let wait = json!({ "targets": ["a", "b"], "waitMs": 50_000 });
    let id = bob.start("acquireLock", wait).await;
    server
        .until("bob stands in line", |server| server.in_line() == 1)
        .await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    bob.send(&cancel.to_string()).await;
    server
        .until("nobody stands in line", |server| server.in_line() == 0)
        .await;
    ann.body("releaseLock", json!({})).await;
    let next = bob.start("getStorage", json!({ "key": "a" })).await;
    assert_eq!(bob.receive().await["id"], next, "the cancelled call was answered");
    assert_eq!(server.holder("lock:a"), None);
    let free = ann.body("acquireLock", json!({ "targets": ["a", "b"] })).await;
    assert_eq!(free["success"], true);
}

#[tokio::test]
async fn waiting_calls_are_answered_at_once_when_the_server_stops() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    ann.body("acquireLock", json!({ "targets": ["a"] })).await;
    let wait = |more: Value| {
        let mut arguments = json!({ "waitMs": 50_000 });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        arguments
    };
    let lock = bob.start("acquireLock", wait(json!({ "targets": ["a"] }))).await;
    let task = bob.start("claimTask", wait(json!({}))).await;
    let message = bob.start("receiveMessages", wait(json!({}))).await;
    server
        .until("bob stands in line", |server| server.in_line() == 1)
        .await;
    bob.call("getStorage", json!({ "key": "a" })).await;
    server.stop.gently.cancel();
    let held = bob.end(&lock).await;
    assert_eq!((&held["error"], &held["heldBy"]), (&json!("HELD"), &json!("ann")));
    let nothing = bob.end(&task).await;
    assert_eq!(
        (&nothing["success"], &nothing["key"]),
        (&json!(true), &Value::Null)
    );
    let none = bob.end(&message).await;
    assert_eq!(none["messages"], json!([]));
}

/// A paused clock turns to the next timer by itself, so this takes no time.
#[tokio::test(start_paused = true)]
async fn a_wait_for_a_lock_says_that_it_waits_and_ends_when_its_time_is_up() {
    let served = Served::new();
    let (mut ann, mut bob) = (served.agent("ann"), served.agent("bob"));
    ann.body("acquireLock", json!({ "targets": ["a"] })).await;
    let params = json!({
        "name": "acquireLock",
        "arguments": { "targets": ["a"], "waitMs": 15_000 },
        "_meta": { "progressToken": "p" },
    });
    let id = bob.ask("tools/call", params).await;
    let progress = bob.receive().await;
    assert_eq!(progress["params"]["message"], "waiting for locks");
    let held = bob.answer(&id).await;
    assert_eq!(held["result"]["structuredContent"]["error"], "HELD");
}

#[tokio::test]
async fn notices_stand_in_the_body_or_beside_that_of_the_original_tools() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    ann.body("acquireLock", json!({ "targets": ["a"] })).await;
    let id = bob
        .start("acquireLock", json!({ "targets": ["a"], "waitMs": 50_000 }))
        .await;
    server
        .until("bob stands in line", |server| server.in_line() == 1)
        .await;
    let listed = ann.body("listKeys", json!({ "pattern": "lock:*" })).await;
    assert_eq!(listed["notices"]["wanted"][0]["by"], "bob");
    for (tool, arguments) in [
        ("setStorage", json!({ "key": "k", "value": "v" })),
        ("getStorage", json!({ "key": "k" })),
        ("deleteStorage", json!({ "key": "k" })),
        ("setStorage", json!({ "key": "a b", "value": "v" })),
    ] {
        let result = ann.call(tool, arguments).await;
        assert!(result["structuredContent"].is_null(), "{tool}: {result}");
        let body = result["content"][0]["text"].as_str().unwrap();
        assert!(!body.contains("notices"), "{tool}: {body}");
        let beside: Value = serde_json::from_str(result["content"][1]["text"].as_str().unwrap()).unwrap();
        assert_eq!(beside["notices"]["wanted"][0]["by"], "bob", "{tool}");
    }
    let released = ann.body("releaseLock", json!({})).await;
    assert_eq!(released, json!({ "success": true, "released": ["a"] }));
    assert_eq!(
        bob.answer(&id).await["result"]["structuredContent"]["success"],
        true
    );
    let quiet = ann.call("getStorage", json!({ "key": "k" })).await;
    assert_eq!(quiet["content"].as_array().unwrap().len(), 1);
    assert!(!quiet["structuredContent"].is_null());
}
