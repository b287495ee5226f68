//! The tools beyond the original pair: lists and batches, help for wrong names, and what there is without a board.

use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::served::{Served, serve};
use callboard::board::Revision;
use callboard::mcp::Handler;
use serde_json::{Value, json};

#[tokio::test]
async fn a_list_shows_revisions_remaining_time_and_holders() {
    let served = Served::new();
    let mut agent = served.agent("impl-1");
    agent.set("task:1", "one").await;
    agent.set("lock:src/a.rs", "{}").await;
    served.advance(Duration::from_millis(500));
    assert_eq!(
        agent.body("listKeys", json!({ "pattern": "*" })).await,
        json!({
            "success": true,
            "keys": [
                { "key": "lock:src/a.rs", "rev": 2, "expiresInMs": 3_599_500, "heldBy": "impl-1" },
                { "key": "task:1", "rev": 1, "expiresInMs": 3_599_500 },
            ],
            "rev": 2,
        })
    );
    let listed = agent
        .body("listKeys", json!({ "pattern": "task:*", "values": true }))
        .await;
    assert_eq!(listed["keys"][0]["value"], "one");
    let listed = agent.body("listKeys", json!({ "pattern": "nothing:*" })).await;
    assert_eq!(listed, json!({ "success": true, "keys": [], "rev": 2 }));
}

#[tokio::test]
async fn pages_join_without_gap_by_count_and_by_size() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for n in 10..30 {
        agent.set(&format!("k:{n}"), &"v".repeat(100_000)).await;
    }
    for (arguments, most) in [
        (json!({ "pattern": "k:*", "limit": 7 }), 7),
        (json!({ "pattern": "k:*", "values": true }), 2),
        (json!({ "pattern": "k:*" }), 20),
    ] {
        let mut arguments = arguments;
        let mut seen = Vec::new();
        loop {
            let page = agent.body("listKeys", arguments.clone()).await;
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
        agent.refused("listKeys", arguments, field).await;
    }
}

#[tokio::test]
async fn a_batch_is_written_whole_with_one_revision() {
    let served = Served::new();
    let mut agent = served.agent("a");
    agent.set("old", "v").await;
    let ops = json!([
        { "key": "task:1", "value": "one", "ifRev": 0 },
        { "key": "status:a:1", "value": "pending", "ttl": 10 },
        { "key": "old", "delete": true, "ifValue": "v" },
        { "key": "absent", "ifRev": 0 },
    ]);
    assert_eq!(
        agent.body("updateStorage", json!({ "ops": ops })).await,
        json!({ "success": true, "rev": 2 })
    );
    let listed = agent.body("listKeys", json!({ "pattern": "*" })).await;
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
    agent.set("counter", "1").await;
    for condition in [
        json!({ "ifRev": 0 }),
        json!({ "ifRev": 7 }),
        json!({ "ifValue": "2" }),
    ] {
        let mut op = json!({ "key": "counter", "value": "2" });
        op.as_object_mut()
            .unwrap()
            .extend(condition.as_object().unwrap().clone());
        let answer = agent
            .body(
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
    let answer = agent
        .body(
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
    holder.set("lock:a", "{}").await;
    let fenced = json!({ "ops": [{ "key": "out", "value": "x" }], "ifFence": 1 });
    let answer = rival.body("updateStorage", fenced.clone()).await;
    assert_eq!((&answer["error"], &answer["fence"]), (&json!("LOST"), &json!(1)));
    assert_eq!(
        holder.body("updateStorage", fenced.clone()).await["success"],
        true
    );
    let answer = rival
        .body(
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
    assert_eq!(holder.body("updateStorage", fenced).await["error"], "LOST");
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
        agent.refused("updateStorage", json!({ "ops": ops }), field).await;
    }
    assert_eq!(served.board.rev(), Revision::ZERO);
}

#[tokio::test]
async fn an_unknown_tool_is_an_answer_that_names_the_nearest() {
    let served = Served::new();
    let mut agent = served.agent("a");
    let answer = agent.body("set_storage", json!({ "key": "a" })).await;
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
    let answer = agent.body(&"x".repeat(100_000), json!({})).await;
    assert_eq!(answer["nearest"], json!([]));
    assert!(answer["hint"].as_str().unwrap().len() < 300);
}

#[tokio::test]
async fn without_a_board_openings_and_lists_are_answered_and_calls_say_how_to_get_one() {
    let served = Served::new();
    let hint = "no board runs here; start the board: run `callboard` in a terminal pane of /project";
    let mut away = Raw::over(serve(Handler::away(hint), served.stop.child_token()));
    let mut here = Raw::over(served.connect("a"));
    let meta = json!({ "_meta": crate::support::raw::modern_meta("raw-client", "1.0") });
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
        let answer = away.body(tool, json!({ "key": "a", "value": "v" })).await;
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
    holder.set("lock:a", "{}").await;
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
    let seen = holder
        .body("watchStorage", json!({ "pattern": "lock:*", "since": 1 }))
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
