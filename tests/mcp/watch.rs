//! `watchStorage`: what happened, and waiting for it.

use std::time::Duration;

use crate::support::served::Served;
use callboard::board::MAX_VALUE_CHARS;
use serde_json::json;

#[tokio::test]
async fn a_watch_tells_what_happened_after_a_revision() {
    let served = Served::new();
    let mut agent = served.agent("impl-1");
    agent.set("a:1", "one").await;
    agent
        .call("setStorage", json!({ "key": "a:2", "value": "two", "ttl": 1 }))
        .await;
    agent.set("b:1", "other").await;
    agent.call("deleteStorage", json!({ "key": "a:1" })).await;
    served.advance(Duration::from_secs(1));
    let seen = agent
        .body("watchStorage", json!({ "pattern": "a:*", "since": 1 }))
        .await;
    assert_eq!(
        seen,
        json!({
            "success": true,
            "events": [
                { "rev": 2, "key": "a:2", "kind": "set", "by": "impl-1", "value": "two" },
                { "rev": 4, "key": "a:1", "kind": "delete", "by": "impl-1" },
                { "rev": 5, "key": "a:2", "kind": "expire", "by": "impl-1" },
            ],
            "rev": 5,
        })
    );
    let none = agent.body("watchStorage", json!({ "pattern": "a:*" })).await;
    assert_eq!(none, json!({ "success": true, "events": [], "rev": 5 }));
}

#[tokio::test]
async fn a_long_value_is_left_out_of_its_event_and_its_length_told() {
    let served = Served::new();
    let mut agent = served.agent("a");
    agent.set("big", &"x".repeat(20_000)).await;
    let seen = agent
        .body("watchStorage", json!({ "pattern": "*", "since": 0 }))
        .await;
    assert_eq!(
        seen["events"],
        json!([{ "rev": 1, "key": "big", "kind": "set", "by": "a", "bytes": 20_000 }])
    );
}

#[tokio::test]
async fn a_waiting_watch_ends_with_the_first_event() {
    let served = Served::new();
    let (mut watcher, mut writer) = (served.agent("w"), served.agent("a"));
    let arguments = json!({ "pattern": "task:*", "since": 0, "waitMs": 50_000 });
    let id = watcher
        .ask(
            "tools/call",
            json!({ "name": "watchStorage", "arguments": arguments }),
        )
        .await;
    writer.set("other", "x").await;
    writer.set("task:1", "x").await;
    let answer = watcher.answer(&id).await;
    assert_eq!(
        answer["result"]["structuredContent"]["events"][0]["key"],
        "task:1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_waiting_watch_says_every_ten_seconds_that_it_waits() {
    let served = Served::new();
    let mut watcher = served.agent("w");
    let params = json!({
        "name": "watchStorage",
        "arguments": { "pattern": "task:*", "waitMs": 35_000 },
        "_meta": { "progressToken": "p" },
    });
    let id = watcher.ask("tools/call", params).await;
    for progress in [10.0, 20.0, 30.0] {
        let message = watcher.receive().await;
        assert_eq!(message["method"], "notifications/progress");
        assert_eq!(message["params"]["progressToken"], "p");
        assert_eq!(message["params"]["progress"], progress);
    }
    let answer = watcher.answer(&id).await;
    assert_eq!(answer["result"]["structuredContent"]["events"], json!([]));
}

#[tokio::test]
async fn a_waiting_watch_is_answered_when_the_server_stops() {
    let served = Served::new();
    let mut watcher = served.agent("w");
    let arguments = json!({ "pattern": "*", "since": 0, "waitMs": 50_000 });
    let id = watcher
        .ask(
            "tools/call",
            json!({ "name": "watchStorage", "arguments": arguments }),
        )
        .await;
    watcher.call("getStorage", json!({ "key": "a" })).await;
    served.stop.cancel();
    let answer = watcher.answer(&id).await;
    assert_eq!(
        answer["result"]["structuredContent"],
        json!({ "success": true, "events": [], "rev": 0 })
    );
}

#[tokio::test]
async fn a_cancelled_watch_is_not_answered_and_others_are() {
    let served = Served::new();
    let mut watcher = served.agent("w");
    let arguments = json!({ "pattern": "*", "waitMs": 50_000 });
    let id = watcher
        .ask(
            "tools/call",
            json!({ "name": "watchStorage", "arguments": arguments }),
        )
        .await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    watcher.send(&cancel.to_string()).await;
    watcher.set("a", "v").await;
    let next = watcher
        .ask(
            "tools/call",
            json!({ "name": "getStorage", "arguments": { "key": "a" } }),
        )
        .await;
    assert_eq!(
        watcher.receive().await["id"],
        next,
        "the cancelled call was answered"
    );
}

#[tokio::test]
async fn a_watch_from_a_forgotten_or_future_revision_says_so() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for _ in 0..8 {
        agent.set("big", &"x".repeat(MAX_VALUE_CHARS)).await;
    }
    let answer = agent
        .body("watchStorage", json!({ "pattern": "*", "since": 1 }))
        .await;
    assert_eq!(
        (&answer["error"], &answer["rev"]),
        (&json!("COMPACTED"), &json!(8))
    );
    assert!(answer["oldest"].as_u64().unwrap() > 2, "{answer}");
    for (arguments, field) in [
        (json!({ "pattern": "*", "since": 9 }), "since"),
        (json!({ "pattern": "*", "since": "1" }), "since"),
        (json!({ "pattern": "*", "waitMs": 50_001 }), "waitMs"),
        (json!({ "since": 1 }), "pattern"),
        (json!({ "pattern": "*", "timeout": 1 }), "timeout"),
    ] {
        agent.refused("watchStorage", arguments, field).await;
    }
}
