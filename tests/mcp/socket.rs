//! The protocol over the real socket: what depends on the server's own transport.

use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::socket::SocketServer;
use callboard::board::MAX_VALUE_CHARS;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_values_come_back_whatever_their_characters_cost_on_the_wire() {
    let server = SocketServer::start();
    let mut agent = server.agent().await;
    for character in ["\u{1}", "🎭"] {
        let value = character.repeat(MAX_VALUE_CHARS);
        agent.set("big", &value).await;
        let result = agent.call("getStorage", json!({ "key": "big" })).await;
        let body: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert!(body["value"] == value, "{character:?} came back changed");
    }
}

#[tokio::test]
async fn followers_of_both_eras_hear_of_a_change() {
    let server = SocketServer::start();
    let mut modern = server.agent().await;
    let mut legacy = Raw::legacy(server.stream().await).await;
    let wish = json!({ "notifications": { "resourceSubscriptions": ["storage://a"] } });
    let id = modern.ask("subscriptions/listen", wish).await;
    let acknowledged = modern.receive().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    let subscribed = legacy
        .request("resources/subscribe", json!({ "uri": "storage://a" }))
        .await;
    assert_eq!(subscribed["result"], json!({}));
    server.agent().await.set("a", "1").await;
    for reader in [&mut modern, &mut legacy] {
        let update = reader.receive().await;
        assert_eq!(update["method"], "notifications/resources/updated");
        assert_eq!(update["params"]["uri"], "storage://a");
    }
    server.stop.gently.cancel();
    assert_eq!(modern.answer(&id).await["result"]["resultType"], "complete");
}

#[tokio::test]
async fn a_waiting_call_is_answered_when_the_server_stops_and_others_while_it_waits() {
    let server = SocketServer::start();
    let mut agent = server.agent().await;
    let arguments = json!({ "pattern": "task:*", "waitMs": 50_000 });
    let id = agent
        .ask(
            "tools/call",
            json!({ "name": "watchStorage", "arguments": arguments }),
        )
        .await;
    agent.set("other", "x").await;
    server.stop.gently.cancel();
    let answer = agent.answer(&id).await;
    assert_eq!(answer["result"]["structuredContent"]["events"], json!([]));
}

#[tokio::test]
async fn a_repeat_whose_answer_found_no_room_is_told_so_and_messages_come_again() {
    let (server, clock, _guard) = SocketServer::guarded();
    let connect = async |repeats: Value| {
        let mut agent = server.agent().await;
        let hello = json!({ "name": "bob", "secret": "s1", "repeats": repeats });
        agent.send(&json!({ "callboard/hello": hello }).to_string()).await;
        agent
    };
    let mut sender = server.named("ann").await;
    let long = "m".repeat(300_000);
    for key in ["task:1", "task:2"] {
        sender.set(key, &long).await;
    }
    let mut bob = connect(json!([])).await;
    for body in [&*long, "short"] {
        let letter = json!({ "to": "bob", "body": body });
        assert_eq!(sender.body("sendMessage", letter).await["success"], true);
    }
    let bodies = |received: &Value| {
        let messages = received["messages"].as_array().unwrap().iter();
        let bodies = messages.map(|message| message["body"].as_str().unwrap().len());
        bodies.collect::<Vec<_>>()
    };
    let received = bob.body("receiveMessages", json!({})).await;
    let claimed = bob.body("claimTask", json!({})).await;
    assert_eq!(claimed["key"], "task:1");
    clock.manual.advance(Duration::from_secs(120));
    bob.set("later", "x").await;
    drop(bob);

    let mut back = connect(json!([1, 2, 3])).await;
    let again = back.body("receiveMessages", json!({})).await;
    assert_eq!(bodies(&again), bodies(&received));
    assert_eq!(again["messages"][1]["deliveries"], 2);
    let refused = back.call("claimTask", json!({})).await;
    assert_eq!(refused["structuredContent"]["error"], "REPEATED");
    back.set("later", "x").await;
    let held = back.body("heartbeat", json!({})).await["holds"].clone();
    assert_eq!(
        (&held[0]["key"], &held[0]["fence"]),
        (&claimed["key"], &claimed["token"])
    );
    let next = back.body("receiveMessages", json!({})).await;
    assert!(bodies(&next).is_empty(), "they have arrived: {next}");
}
