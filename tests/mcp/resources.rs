//! What can be listed, read and followed: resources, prompts, subscriptions.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::served::Served;
use serde_json::{Value, json};
use tokio::io::DuplexStream;

type Agent = Raw<DuplexStream>;

async fn read(agent: &mut Agent, uri: &str) -> Value {
    let answer = agent.request("resources/read", json!({ "uri": uri })).await;
    let contents = &answer["result"]["contents"];
    assert_eq!(contents[0]["uri"], uri, "{answer}");
    contents[0].clone()
}

async fn read_json(agent: &mut Agent, uri: &str) -> Value {
    let contents = read(agent, uri).await;
    assert_eq!(contents["mimeType"], "application/json");
    serde_json::from_str(contents["text"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn the_lists_are_what_was_agreed() {
    let served = Served::new();
    let mut agent = Raw::legacy(served.connect("a")).await;
    for (method, member) in [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let answer = agent.request(method, json!({})).await;
        let pretty = serde_json::to_string_pretty(&answer["result"][member]).unwrap();
        insta::assert_snapshot!(member, pretty);
    }
}

#[tokio::test]
async fn the_board_is_one_read() {
    let served = Served::new();
    let mut agent = served.agent("impl-1");
    agent.set("task:1", r#"{"taskId":"1"}"#).await;
    agent.set("status:impl-1:1", "in_progress").await;
    agent.set("progress:global", &"x".repeat(600)).await;
    agent.set("lock:app/%5Bslug%5D.tsx", "{}").await;
    served.advance(Duration::from_secs(1));
    let board = read_json(&mut agent, "callboard://board").await;
    assert_eq!(board["stats"]["keys"], 4);
    assert_eq!(board["agents"][0]["name"], "impl-1");
    assert_eq!(board["agents"][0]["client"], "raw-client 1.0");
    assert_eq!(board["agents"][0]["lastTool"], "setStorage");
    assert_eq!(
        board["tasks"]["rows"],
        json!([{
            "key": "task:1", "rev": 1, "by": "impl-1", "expiresInMs": 3_599_000, "value": r#"{"taskId":"1"}"#,
            "state": "pending", "attempts": 0,
        }])
    );
    assert_eq!(board["status"]["rows"][0]["value"], "in_progress");
    assert_eq!(board["progress"]["rows"][0]["bytes"], 600);
    let lock = json!({
        "key": "lock:app/%5Bslug%5D.tsx", "target": "app/[slug].tsx", "rev": 4, "by": "impl-1", "value": "{}",
        "heldBy": "impl-1", "heldForMs": 1_000, "idleForMs": 1_000, "expiresInMs": 3_599_000, "fence": 4,
        "why": null, "orphaned": false, "waiters": [],
    });
    assert_eq!(board["locks"]["rows"], json!([lock]));
    let locks = read_json(&mut agent, "callboard://locks").await;
    assert_eq!(
        locks,
        json!({ "rev": 4, "locks": { "rows": [lock], "cursor": null }, "waiting": [], "waitingMore": null })
    );
}

#[tokio::test]
async fn a_long_board_says_where_it_goes_on() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for n in 100..250 {
        agent.set(&format!("task:{n}"), "x").await;
    }
    let board = read_json(&mut agent, "callboard://board").await;
    assert_eq!(board["tasks"]["rows"].as_array().unwrap().len(), 100);
    let cursor = &board["tasks"]["cursor"];
    let rest = agent
        .call(
            "listKeys",
            json!({ "pattern": "task:*", "limit": 500, "cursor": cursor }),
        )
        .await;
    assert_eq!(rest["structuredContent"]["keys"].as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn a_value_is_read_as_it_was_stored_and_the_version_is_known() {
    let served = Served::new();
    let mut agent = served.agent("a");
    agent.set("lock:app/%5Bslug%5D.tsx", "as \"it\" is").await;
    for uri in [
        "storage://lock:app/%5Bslug%5D.tsx",
        "storage://lock%3Aapp%2F%255Bslug%255D.tsx",
    ] {
        let contents = read(&mut agent, uri).await;
        assert_eq!(
            (&contents["text"], &contents["mimeType"]),
            (&json!("as \"it\" is"), &json!("text/plain"))
        );
    }
    assert_eq!(
        read_json(&mut agent, "server://version").await,
        json!({ "name": "callboard", "version": env!("CARGO_PKG_VERSION") })
    );
}

#[tokio::test]
async fn an_address_without_anything_is_an_error_of_its_era() {
    let served = Served::new();
    let (modern, legacy) = (served.agent("m"), Raw::legacy(served.connect("l")).await);
    for (mut agent, code) in [(modern, -32602), (legacy, -32002)] {
        for uri in [
            "storage://absent",
            "storage://a b",
            "file:///etc/passwd",
            "callboard://nothing",
        ] {
            let answer = agent.request("resources/read", json!({ "uri": uri })).await;
            assert_eq!(answer["error"]["code"], code, "{answer}");
            assert_eq!(answer["error"]["data"]["uri"], uri);
        }
    }
}

#[tokio::test]
async fn prompts_are_filled_in_and_say_what_they_miss() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for (name, arguments, expected) in [
        (
            "manager",
            json!({ "goal": "ship it" }),
            vec!["ship it", "callboard://board"],
        ),
        (
            "manager",
            json!({ "goal": "ship it", "agents": "ann, bob" }),
            vec!["ann, bob"],
        ),
        (
            "implementer",
            json!({ "name": "impl-1" }),
            vec!["You are impl-1", "claimTask, waitMs"],
        ),
        (
            "implementer",
            json!({ "name": "impl-1", "task": "3.1" }),
            vec!["pattern task:3.1"],
        ),
    ] {
        let answer = agent
            .request("prompts/get", json!({ "name": name, "arguments": arguments }))
            .await;
        let message = &answer["result"]["messages"][0];
        assert_eq!(message["role"], "user");
        let text = message["content"]["text"].as_str().unwrap();
        for part in expected {
            assert!(text.contains(part), "{name} lacks {part}: {text}");
        }
    }
    for (params, part) in [
        (json!({ "name": "manager" }), "goal"),
        (
            json!({ "name": "implementer", "arguments": { "name": " " } }),
            "name",
        ),
        (
            json!({ "name": "implementer", "arguments": { "name": 1 } }),
            "string",
        ),
        (json!({ "name": "boss" }), "manager"),
    ] {
        let answer = agent.request("prompts/get", params).await;
        assert_eq!(answer["error"]["code"], -32602);
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(part),
            "{answer}"
        );
    }
}

/// Opens a subscription and returns its id once it is acknowledged.
async fn listen(agent: &mut Agent, uris: &[&str]) -> (Value, Value) {
    let notifications = json!({ "toolsListChanged": true, "resourceSubscriptions": uris });
    let id = agent
        .ask("subscriptions/listen", json!({ "notifications": notifications }))
        .await;
    let acknowledged = agent.receive().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    (
        id,
        acknowledged["params"]["notifications"]["resourceSubscriptions"].clone(),
    )
}

async fn next_update(agent: &mut Agent) -> String {
    let message = agent.receive().await;
    assert_eq!(message["method"], "notifications/resources/updated", "{message}");
    message["params"]["uri"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_subscription_tells_of_each_resource_that_changed_and_of_no_other() {
    let served = Served::new();
    let (mut reader, mut writer) = (served.agent("r"), served.agent("w"));
    let uris = [
        "storage://a",
        "callboard://locks",
        "server://version",
        "file:///x",
    ];
    let (id, accepted) = listen(&mut reader, &uris).await;
    assert_eq!(
        accepted,
        json!(["storage://a", "callboard://locks", "server://version"])
    );
    writer.set("other", "x").await;
    writer.set("lock:x", "{}").await;
    assert_eq!(next_update(&mut reader).await, "callboard://locks");
    writer.set("a", "1").await;
    let update = reader.receive().await;
    assert_eq!(update["params"]["uri"], "storage://a");
    assert_eq!(
        update["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        id
    );
    writer.call("deleteStorage", json!({ "key": "a" })).await;
    assert_eq!(next_update(&mut reader).await, "storage://a");
    served.advance(Duration::from_secs(3_600));
    assert_eq!(next_update(&mut reader).await, "callboard://locks");
}

#[tokio::test]
async fn a_burst_is_one_notification_and_a_change_at_once_after_the_acknowledgement_is_told() {
    let served = Served::new();
    let (mut reader, mut writer) = (served.agent("r"), served.agent("w"));
    listen(&mut reader, &["storage://a", "callboard://board"]).await;
    for n in 0..1_000 {
        writer.set("a", &n.to_string()).await;
    }
    let last = "storage://last";
    let (_, accepted) = {
        // Whatever the burst was told with is in line before this acknowledgement.
        let id = reader
            .ask(
                "subscriptions/listen",
                json!({ "notifications": { "resourceSubscriptions": [last] } }),
            )
            .await;
        let mut updates = 0;
        loop {
            let message = reader.receive().await;
            if message["method"] == "notifications/subscriptions/acknowledged" {
                assert!(
                    (1..100).contains(&updates),
                    "{updates} notifications for 1,000 changes"
                );
                break (
                    id,
                    message["params"]["notifications"]["resourceSubscriptions"].clone(),
                );
            }
            updates += 1;
        }
    };
    assert_eq!(accepted, json!([last]));
    writer.set("last", "x").await;
    while next_update(&mut reader).await != last {}
}

#[tokio::test]
async fn a_subscription_ends_when_it_is_cancelled() {
    let served = Served::new();
    let (mut reader, mut writer) = (served.agent("r"), served.agent("w"));
    let (id, _) = listen(&mut reader, &["storage://a"]).await;
    let cancel =
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    reader.send(&cancel.to_string()).await;
    reader.call("getStorage", json!({ "key": "a" })).await;
    writer.set("a", "1").await;
    let (second, _) = listen(&mut reader, &["storage://b"]).await;
    writer.set("b", "1").await;
    let update = reader.receive().await;
    assert_eq!(update["params"]["uri"], "storage://b");
    assert_eq!(
        update["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        second
    );
}

#[tokio::test]
async fn the_legacy_era_subscribes_to_one_resource_at_a_time() {
    let served = Served::new();
    let mut reader = Raw::legacy(served.connect("r")).await;
    let mut writer = served.agent("w");
    for uri in ["storage://a", "storage://b", "storage://a"] {
        let answer = reader.request("resources/subscribe", json!({ "uri": uri })).await;
        assert_eq!(answer["result"], json!({}), "{answer}");
    }
    let answer = reader
        .request("resources/unsubscribe", json!({ "uri": "storage://a" }))
        .await;
    assert_eq!(answer["result"], json!({}));
    writer.set("a", "1").await;
    writer.set("b", "1").await;
    assert_eq!(next_update(&mut reader).await, "storage://b");
    let answer = reader
        .request("resources/subscribe", json!({ "uri": "file:///x" }))
        .await;
    assert_eq!(answer["error"]["code"], -32002);
}

#[tokio::test]
async fn nobody_follows_more_than_the_limit() {
    let served = Served::new();
    let uris: Vec<_> = (0..100).map(|n| format!("storage://k:{n}")).collect();
    let uris: Vec<_> = uris.iter().map(String::as_str).collect();
    let (_, accepted) = listen(&mut served.agent("m"), &uris).await;
    assert_eq!(accepted.as_array().unwrap().len(), 64);
    let mut legacy = Raw::legacy(served.connect("l")).await;
    let mut granted = 0;
    for uri in uris {
        let answer = legacy.request("resources/subscribe", json!({ "uri": uri })).await;
        granted += usize::from(answer["error"].is_null());
    }
    assert_eq!(granted, 64);
}

#[tokio::test]
async fn who_comes_and_goes_changes_the_board() {
    let served = Served::new();
    let mut reader = served.agent("r");
    listen(&mut reader, &["callboard://board"]).await;
    let other = Raw::legacy(served.connect("other")).await;
    assert_eq!(next_update(&mut reader).await, "callboard://board");
    drop(other);
    assert_eq!(next_update(&mut reader).await, "callboard://board");
}
