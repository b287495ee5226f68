//! The tools beyond the original pair: lists, batches, waits, and help for wrong names.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

mod support;

use std::time::Duration;

use callboard::board::{MAX_VALUE_CHARS, Revision};
use callboard::mcp::Handler;
use serde_json::{Value, json};
use support::raw::Raw;
use support::served::{Served, serve};
use tokio::io::DuplexStream;

type Agent = Raw<DuplexStream>;

/// Returns the body of an answer after checking that text and structured part say the same.
async fn body(agent: &mut Agent, tool: &str, arguments: Value) -> Value {
    let result = agent.call(tool, arguments).await;
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"]);
    let refused = ["INVALID", "FULL", "NOT_FOUND", "UNAVAILABLE"].map(Value::from);
    assert_eq!(result["isError"], refused.contains(&text["error"]), "{text}");
    text
}

async fn set(agent: &mut Agent, key: &str, value: &str) {
    let result = agent
        .call("setStorage", json!({ "key": key, "value": value }))
        .await;
    assert_eq!(result["isError"], false, "{key}: {result}");
}

async fn invalid(agent: &mut Agent, tool: &str, arguments: Value, field: &str) {
    let body = body(agent, tool, arguments.clone()).await;
    assert_eq!(
        (&body["error"], &body["field"]),
        (&json!("INVALID"), &json!(field)),
        "{arguments}: {body}"
    );
    assert!(!body["hint"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_list_shows_revisions_remaining_time_and_holders() {
    let served = Served::new();
    let mut agent = served.agent("impl-1");
    set(&mut agent, "task:1", "one").await;
    set(&mut agent, "lock:src/a.rs", "{}").await;
    served.advance(Duration::from_millis(500));
    assert_eq!(
        body(&mut agent, "listKeys", json!({ "pattern": "*" })).await,
        json!({
            "success": true,
            "keys": [
                { "key": "lock:src/a.rs", "rev": 2, "expiresInMs": 3_599_500, "heldBy": "impl-1" },
                { "key": "task:1", "rev": 1, "expiresInMs": 3_599_500 },
            ],
            "rev": 2,
        })
    );
    let listed = body(
        &mut agent,
        "listKeys",
        json!({ "pattern": "task:*", "values": true }),
    )
    .await;
    assert_eq!(listed["keys"][0]["value"], "one");
    let listed = body(&mut agent, "listKeys", json!({ "pattern": "nothing:*" })).await;
    assert_eq!(listed, json!({ "success": true, "keys": [], "rev": 2 }));
}

#[tokio::test]
async fn pages_join_without_gap_by_count_and_by_size() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for n in 10..30 {
        set(&mut agent, &format!("k:{n}"), &"v".repeat(100_000)).await;
    }
    for (arguments, most) in [
        (json!({ "pattern": "k:*", "limit": 7 }), 7),
        (json!({ "pattern": "k:*", "values": true }), 2),
        (json!({ "pattern": "k:*" }), 20),
    ] {
        let mut arguments = arguments;
        let mut seen = Vec::new();
        loop {
            let page = body(&mut agent, "listKeys", arguments.clone()).await;
            let rows = page["keys"].as_array().unwrap();
            assert!(
                !rows.is_empty() && rows.len() <= most,
                "{arguments}: {}",
                rows.len()
            );
            seen.extend(rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()));
            match page.get("cursor") {
                Some(cursor) => arguments["cursor"] = cursor.clone(),
                None => break,
            }
        }
        let expected: Vec<_> = (10..30).map(|n| format!("k:{n}")).collect();
        assert_eq!(seen, expected, "{arguments}");
    }
}

#[tokio::test]
async fn wrong_arguments_of_a_list_are_named() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for (arguments, field) in [
        (json!({}), "pattern"),
        (json!({ "pattern": 1 }), "pattern"),
        (json!({ "pattern": "a b" }), "pattern"),
        (json!({ "pattern": "*", "values": "yes" }), "values"),
        (json!({ "pattern": "*", "limit": 0 }), "limit"),
        (json!({ "pattern": "*", "limit": 501 }), "limit"),
        (json!({ "pattern": "*", "limit": 1.5 }), "limit"),
        (json!({ "pattern": "*", "cursor": 1 }), "cursor"),
        (json!({ "pattern": "*", "prefix": "lock:" }), "prefix"),
    ] {
        invalid(&mut agent, "listKeys", arguments, field).await;
    }
}

#[tokio::test]
async fn a_batch_is_written_whole_with_one_revision() {
    let served = Served::new();
    let mut agent = served.agent("a");
    set(&mut agent, "old", "v").await;
    let ops = json!([
        { "key": "task:1", "value": "one", "ifRev": 0 },
        { "key": "status:a:1", "value": "pending", "ttl": 10 },
        { "key": "old", "delete": true, "ifValue": "v" },
        { "key": "absent", "ifRev": 0 },
    ]);
    assert_eq!(
        body(&mut agent, "updateStorage", json!({ "ops": ops })).await,
        json!({ "success": true, "rev": 2 })
    );
    let listed = body(&mut agent, "listKeys", json!({ "pattern": "*" })).await;
    assert_eq!(
        listed["keys"],
        json!([
            { "key": "status:a:1", "rev": 2, "expiresInMs": 10_000 },
            { "key": "task:1", "rev": 2, "expiresInMs": 3_600_000 },
        ])
    );
}

#[tokio::test]
async fn a_failed_condition_changes_nothing_and_tells_what_is_there() {
    let served = Served::new();
    let mut agent = served.agent("a");
    set(&mut agent, "counter", "1").await;
    for condition in [
        json!({ "ifRev": 0 }),
        json!({ "ifRev": 7 }),
        json!({ "ifValue": "2" }),
    ] {
        let mut op = json!({ "key": "counter", "value": "2" });
        op.as_object_mut()
            .unwrap()
            .extend(condition.as_object().unwrap().clone());
        let answer = body(
            &mut agent,
            "updateStorage",
            json!({ "ops": [{ "key": "other", "value": "x" }, op] }),
        )
        .await;
        assert_eq!(answer["error"], "CONFLICT");
        assert_eq!(
            (&answer["key"], &answer["rev"], &answer["value"]),
            (&json!("counter"), &json!(1), &json!("1"))
        );
    }
    let answer = body(
        &mut agent,
        "updateStorage",
        json!({ "ops": [{ "key": "gone", "ifValue": "x" }] }),
    )
    .await;
    assert_eq!((&answer["rev"], &answer["value"]), (&json!(0), &Value::Null));
    assert_eq!(served.board.rev(), Revision(1));
}

#[tokio::test]
async fn a_fence_lets_only_its_holder_write() {
    let served = Served::new();
    let (mut holder, mut rival) = (served.agent("impl-1"), served.agent("impl-2"));
    set(&mut holder, "lock:a", "{}").await;
    let fenced = json!({ "ops": [{ "key": "out", "value": "x" }], "ifFence": 1 });
    let answer = body(&mut rival, "updateStorage", fenced.clone()).await;
    assert_eq!((&answer["error"], &answer["fence"]), (&json!("LOST"), &json!(1)));
    assert_eq!(
        body(&mut holder, "updateStorage", fenced.clone()).await["success"],
        true
    );
    let answer = body(
        &mut rival,
        "updateStorage",
        json!({ "ops": [{ "key": "lock:a", "delete": true }] }),
    )
    .await;
    assert_eq!(
        (&answer["error"], &answer["heldBy"]),
        (&json!("HELD"), &json!("impl-1"))
    );
    assert_eq!(answer["expiresInMs"], 3_600_000);
    holder.call("deleteStorage", json!({ "key": "lock:a" })).await;
    assert_eq!(body(&mut holder, "updateStorage", fenced).await["error"], "LOST");
}

#[tokio::test]
async fn wrong_arguments_of_a_batch_are_named_with_their_place() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for (ops, field) in [
        (json!(null), "ops"),
        (json!("[]"), "ops"),
        (json!([]), "ops"),
        (json!(["a"]), "ops[0]"),
        (json!([{ "key": "a" }, { "key": "b c" }]), "ops[1].key"),
        (json!([{ "value": "v" }]), "ops[0].key"),
        (json!([{ "key": "a", "value": 1 }]), "ops[0].value"),
        (json!([{ "key": "a", "value": "v", "ttl": 0 }]), "ops[0].ttl"),
        (
            json!([{ "key": "a", "value": "v", "delete": true }]),
            "ops[0].delete",
        ),
        (json!([{ "key": "a", "ifRev": -1 }]), "ops[0].ifRev"),
        (json!([{ "key": "a", "value": "v", "ifrev": 0 }]), "ops[0].ifrev"),
        (
            json!([{ "key": "a", "value": "v" }, { "key": "a", "delete": true }]),
            "ops",
        ),
    ] {
        invalid(&mut agent, "updateStorage", json!({ "ops": ops }), field).await;
    }
    assert_eq!(served.board.rev(), Revision::ZERO);
}

#[tokio::test]
async fn a_watch_tells_what_happened_after_a_revision() {
    let served = Served::new();
    let mut agent = served.agent("impl-1");
    set(&mut agent, "a:1", "one").await;
    agent
        .call("setStorage", json!({ "key": "a:2", "value": "two", "ttl": 1 }))
        .await;
    set(&mut agent, "b:1", "other").await;
    agent.call("deleteStorage", json!({ "key": "a:1" })).await;
    served.advance(Duration::from_secs(1));
    let seen = body(
        &mut agent,
        "watchStorage",
        json!({ "pattern": "a:*", "since": 1 }),
    )
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
    let none = body(&mut agent, "watchStorage", json!({ "pattern": "a:*" })).await;
    assert_eq!(none, json!({ "success": true, "events": [], "rev": 5 }));
}

#[tokio::test]
async fn a_long_value_is_left_out_of_its_event_and_its_length_told() {
    let served = Served::new();
    let mut agent = served.agent("a");
    set(&mut agent, "big", &"x".repeat(20_000)).await;
    let seen = body(&mut agent, "watchStorage", json!({ "pattern": "*", "since": 0 })).await;
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
    set(&mut writer, "other", "x").await;
    set(&mut writer, "task:1", "x").await;
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
    set(&mut watcher, "a", "v").await;
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
        set(&mut agent, "big", &"x".repeat(MAX_VALUE_CHARS)).await;
    }
    let answer = body(&mut agent, "watchStorage", json!({ "pattern": "*", "since": 1 })).await;
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
        invalid(&mut agent, "watchStorage", arguments, field).await;
    }
}

#[tokio::test]
async fn an_unknown_tool_is_an_answer_that_names_the_nearest() {
    let served = Served::new();
    let mut agent = served.agent("a");
    let answer = body(&mut agent, "set_storage", json!({ "key": "a" })).await;
    assert_eq!(
        (&answer["error"], &answer["tool"]),
        (&json!("NOT_FOUND"), &json!("set_storage"))
    );
    assert_eq!(answer["nearest"][0], "setStorage");
    assert!(
        answer["hint"]
            .as_str()
            .unwrap()
            .contains("did you mean setStorage?")
    );
    let answer = body(&mut agent, &"x".repeat(100_000), json!({})).await;
    assert_eq!(answer["nearest"], json!([]));
    assert!(answer["hint"].as_str().unwrap().len() < 300);
}

#[tokio::test]
async fn without_a_board_openings_and_lists_are_answered_and_calls_say_how_to_get_one() {
    let served = Served::new();
    let hint = "no board runs here; start the board: run `callboard` in a terminal pane of /project";
    let mut away = Raw::over(serve(Handler::away(hint), served.stop.child_token()));
    let mut here = Raw::over(served.connect("a"));
    let meta = json!({ "_meta": support::raw::modern_meta("raw-client", "1.0") });
    for method in [
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    ] {
        let (there, here) = (
            away.request(method, meta.clone()).await,
            here.request(method, meta.clone()).await,
        );
        assert_eq!(there, here, "{method}");
    }
    let mut away = Raw::modern(serve(Handler::away(hint), served.stop.child_token()));
    for tool in ["setStorage", "getStorage", "listKeys", "watchStorage"] {
        let answer = body(&mut away, tool, json!({ "key": "a", "value": "v" })).await;
        assert_eq!(
            answer,
            json!({ "success": false, "error": "UNAVAILABLE", "hint": hint }),
            "{tool}"
        );
    }
    let answer = away
        .request("resources/read", json!({ "uri": "callboard://board" }))
        .await;
    assert_eq!(answer["error"]["message"], hint);
    let answer = away
        .request("resources/read", json!({ "uri": "server://version" }))
        .await;
    assert!(
        answer["result"]["contents"][0]["text"]
            .as_str()
            .unwrap()
            .contains("callboard")
    );
}

#[tokio::test]
async fn the_command_line_expires_as_the_person_and_reads_counts() {
    let served = Served::new();
    let (mut holder, mut person) = (served.agent("impl-1"), served.agent("cli"));
    set(&mut holder, "lock:a", "{}").await;
    let changed = person
        .request("callboard/expire", json!({ "key": "lock:a", "rev": 7 }))
        .await;
    assert_eq!(
        (&changed["result"]["error"], &changed["result"]["rev"]),
        (&json!("CONFLICT"), &json!(1))
    );
    let ended = person
        .request("callboard/expire", json!({ "key": "lock:a" }))
        .await;
    assert_eq!(
        ended["result"],
        json!({ "success": true, "key": "lock:a", "rev": 1, "by": "impl-1", "heldBy": "impl-1" })
    );
    for params in [json!({ "key": "lock:a" }), json!({ "key": "lock:a", "rev": 1 })] {
        let again = person.request("callboard/expire", params).await;
        assert_eq!(again["result"]["error"], "NOT_FOUND");
    }
    let wrong = person.request("callboard/expire", json!({ "key": "a b" })).await;
    assert_eq!(wrong["result"]["error"], "INVALID");
    let seen = body(
        &mut holder,
        "watchStorage",
        json!({ "pattern": "lock:*", "since": 1 }),
    )
    .await;
    assert_eq!(
        seen["events"],
        json!([{ "rev": 2, "key": "lock:a", "kind": "expire", "by": "human" }])
    );
    let stats = person.request("callboard/stats", json!({})).await;
    let stats = &stats["result"];
    assert_eq!(
        (&stats["sets"], &stats["expirations"], &stats["agents"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!((&stats["namespace"], &stats["keys"]), (&json!("main"), &json!(0)));
    assert_eq!(
        stats["kinds"]["lock"],
        json!({ "keys": 0, "bytes": 0, "keyBytes": 0 })
    );
}

#[test]
fn only_tools_that_write_are_said_to_change_the_board() {
    for (tool, changes) in [
        ("setStorage", true),
        ("deleteStorage", true),
        ("updateStorage", true),
        ("getStorage", false),
        ("listKeys", false),
        ("watchStorage", false),
        ("set_storage", false),
    ] {
        assert_eq!(callboard::mcp::changes(tool), changes, "{tool}");
    }
}
