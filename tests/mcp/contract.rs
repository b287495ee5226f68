//! The contract of the original design: each input, answer and error text of set, get and delete, to the byte.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::served::Served;
use callboard::board::{Limits, MAX_VALUE_CHARS};
use serde_json::{Value, json};
use tokio::io::DuplexStream;

/// What the clock of these tests reads.
const NOON: &str = "2025-10-15T12:00:00.000Z";

/// Returns the text of a result after checking that the structured part says the same.
fn text(result: &Value) -> String {
    let text = result["content"][0]["text"].as_str().unwrap().to_owned();
    let structured = &result["structuredContent"];
    if !structured.is_null() {
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *structured);
    }
    text
}

async fn error(agent: &mut Raw<DuplexStream>, tool: &str, arguments: Value) -> String {
    let shown: String = arguments.to_string().chars().take(200).collect();
    let result = agent.call(tool, arguments).await;
    assert_eq!(result["isError"], true, "{tool} {shown}");
    let text = text(&result);
    let body: Value = serde_json::from_str(&text).unwrap();
    let message = body["error"].as_str().unwrap().to_owned();
    assert_eq!(
        text,
        format!(r#"{{"success":false,"error":"{message}"}}"#),
        "{shown}"
    );
    message
}

#[tokio::test]
async fn set_get_and_delete_answer_to_the_byte() {
    let served = Served::new();
    let mut agent = served.agent("a");
    let value = r#"{"taskId":"1","files":["package.json"]}"#;

    let result = agent
        .call(
            "setStorage",
            json!({ "key": "task:1", "value": value, "ttl": 3600 }),
        )
        .await;
    assert_eq!(
        text(&result),
        format!(r#"{{"success":true,"key":"task:1","timestamp":"{NOON}"}}"#)
    );
    assert_eq!(result["isError"], false);
    assert_eq!(result["_meta"]["callboard/rev"], 1);

    let result = agent.call("getStorage", json!({ "key": "task:1" })).await;
    let quoted = serde_json::to_string(value).unwrap();
    assert_eq!(
        text(&result),
        format!(r#"{{"success":true,"key":"task:1","value":{quoted},"exists":true,"timestamp":"{NOON}"}}"#)
    );
    assert_eq!(result["_meta"]["callboard/rev"], 1);

    let result = agent.call("getStorage", json!({ "key": "task:999" })).await;
    assert_eq!(
        text(&result),
        format!(r#"{{"success":true,"key":"task:999","value":null,"exists":false,"timestamp":"{NOON}"}}"#)
    );
    assert_eq!(result["isError"], false);

    for deleted in [true, false] {
        let result = agent.call("deleteStorage", json!({ "key": "task:1" })).await;
        assert_eq!(
            text(&result),
            format!(r#"{{"success":true,"key":"task:1","deleted":{deleted},"timestamp":"{NOON}"}}"#)
        );
    }
}

#[tokio::test]
async fn the_timestamp_is_the_wall_clock_in_milliseconds() {
    let served = Served::new();
    let mut agent = served.agent("a");
    served.advance(Duration::from_micros(9_123_999));
    let result = agent.call("getStorage", json!({ "key": "a" })).await;
    assert!(text(&result).ends_with(r#""timestamp":"2025-10-15T12:00:09.123Z"}"#));
}

#[tokio::test]
async fn keys_are_judged_by_length_then_grammar() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for tool in ["setStorage", "getStorage", "deleteStorage"] {
        let arguments = |key: Value| json!({ "key": key, "value": "v" });
        let longest = agent.call(tool, arguments("k".repeat(255).into())).await;
        assert_eq!(longest["isError"], false, "{tool}");
        for long in ["k".repeat(256), " ".repeat(256), "é".repeat(256)] {
            assert_eq!(
                error(&mut agent, tool, arguments(long.into())).await,
                "Key exceeds 255 characters"
            );
        }
        let wrong = [
            json!(""),
            json!(null),
            json!(7),
            json!(true),
            json!(["a"]),
            json!({}),
            json!("é"),
            json!("a%5b"),
        ];
        for key in wrong {
            assert_eq!(
                error(&mut agent, tool, arguments(key)).await,
                "Invalid key format"
            );
        }
        assert_eq!(
            error(&mut agent, tool, json!({ "value": "v" })).await,
            "Invalid key format"
        );
        assert_eq!(error(&mut agent, tool, json!({})).await, "Invalid key format");
    }
}

#[tokio::test]
async fn every_ascii_character_is_in_the_grammar_or_refused() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for byte in 0_u8..128 {
        let key = format!("a{}b", char::from(byte));
        let allowed = byte.is_ascii_alphanumeric() || b":_./-".contains(&byte);
        if allowed {
            let result = agent
                .call("setStorage", json!({ "key": key, "value": "v" }))
                .await;
            assert_eq!(result["isError"], false, "{key:?}");
        } else {
            let message = error(&mut agent, "setStorage", json!({ "key": key, "value": "v" })).await;
            assert_eq!(message, "Invalid key format", "{key:?}");
        }
    }
}

#[tokio::test]
async fn a_call_may_leave_its_arguments_out() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for params in [
        json!({ "name": "getStorage" }),
        json!({ "name": "getStorage", "arguments": null }),
    ] {
        let answer = agent.request("tools/call", params.clone()).await;
        assert_eq!(
            answer["result"]["content"][0]["text"], r#"{"success":false,"error":"Invalid key format"}"#,
            "{params}: {answer}"
        );
    }
}

#[tokio::test]
async fn values_are_required_strings_and_empty_is_one() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for arguments in [json!({ "key": "a" }), json!({ "key": "a", "value": null })] {
        assert_eq!(error(&mut agent, "setStorage", arguments).await, "Value required");
    }
    for value in [json!(1), json!(false), json!({}), json!([])] {
        assert_eq!(
            error(&mut agent, "setStorage", json!({ "key": "a", "value": value })).await,
            "Value must be a string"
        );
    }
    let result = agent.call("setStorage", json!({ "key": "a", "value": "" })).await;
    assert_eq!(result["isError"], false);
    let result = agent.call("getStorage", json!({ "key": "a" })).await;
    assert!(text(&result).contains(r#""value":"","exists":true"#));
}

#[tokio::test]
async fn the_time_to_live_takes_its_edges_and_fractions() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for ttl in [
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(86_400),
        json!(86_399.999),
        json!(null),
    ] {
        let result = agent
            .call("setStorage", json!({ "key": "a", "value": "v", "ttl": ttl }))
            .await;
        assert_eq!(result["isError"], false, "{ttl}");
    }
    let wrong = [
        json!(0),
        json!(0.999),
        json!(-1),
        json!(86_400.001),
        json!(86_401),
        json!(1e300),
        json!("300"),
        json!(true),
        json!([]),
        json!({}),
    ];
    for ttl in wrong {
        let arguments = json!({ "key": "a", "value": "v", "ttl": ttl });
        assert_eq!(
            error(&mut agent, "setStorage", arguments).await,
            "TTL must be 1-86400 seconds"
        );
    }
}

#[tokio::test]
async fn entries_live_for_their_time_and_an_hour_by_default() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for (key, ttl) in [("short", json!(1.5)), ("default", json!(null))] {
        agent
            .call("setStorage", json!({ "key": key, "value": "v", "ttl": ttl }))
            .await;
    }
    let mut now = 0;
    for (key, at, exists) in [
        ("short", 1_499, true),
        ("short", 1_500, false),
        ("default", 3_599_999, true),
        ("default", 3_600_000, false),
    ] {
        served.advance(Duration::from_millis(at - now));
        now = at;
        let result = agent.call("getStorage", json!({ "key": key })).await;
        assert_eq!(result["structuredContent"]["exists"], exists, "{key} at {at}");
    }
}

#[tokio::test]
async fn the_checks_come_in_the_order_of_the_contract() {
    let served = Served::new();
    let mut agent = served.agent("a");
    let long = "v".repeat(MAX_VALUE_CHARS + 1);
    for (arguments, expected) in [
        (
            json!({ "key": " ".repeat(256), "ttl": 0 }),
            "Key exceeds 255 characters",
        ),
        (json!({ "key": " ", "ttl": 0 }), "Invalid key format"),
        (json!({ "key": "a", "ttl": 0 }), "Value required"),
        (
            json!({ "key": "a", "value": 1, "ttl": 0 }),
            "Value must be a string",
        ),
        (
            json!({ "key": "a", "value": long, "ttl": 0 }),
            "Value exceeds 10485760 characters",
        ),
        (
            json!({ "key": "a", "value": "v", "ttl": 0 }),
            "TTL must be 1-86400 seconds",
        ),
    ] {
        assert_eq!(error(&mut agent, "setStorage", arguments).await, expected);
    }
}

#[tokio::test]
async fn ten_mebi_characters_pass_and_one_more_does_not() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for character in ["x", "\"", "é", "🎭"] {
        let value = character.repeat(MAX_VALUE_CHARS);
        let result = agent
            .call("setStorage", json!({ "key": "big", "value": value }))
            .await;
        assert_eq!(result["isError"], false, "{character}");
        let result = agent.call("getStorage", json!({ "key": "big" })).await;
        let body: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert!(body["value"] == value, "{character} came back changed");
        let structured = &result["structuredContent"]["value"];
        assert!(
            *structured == value || (character == "🎭" && structured.is_null()),
            "{character}"
        );
        let more = value + character;
        let message = error(&mut agent, "setStorage", json!({ "key": "big", "value": more })).await;
        assert_eq!(message, "Value exceeds 10485760 characters");
    }
}

#[tokio::test]
async fn the_longest_answer_fits_into_a_line_of_64_mebibytes() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for character in ["\"", "🎭"] {
        let value = character.repeat(MAX_VALUE_CHARS);
        agent
            .call("setStorage", json!({ "key": "big", "value": value }))
            .await;
        agent
            .ask(
                "tools/call",
                json!({ "name": "getStorage", "arguments": { "key": "big" } }),
            )
            .await;
        let line = agent.line().await.unwrap();
        assert!(line.len() < 64 << 20, "{character}: {}", line.len());
    }
}

#[tokio::test]
async fn a_second_write_replaces_the_first_and_unknown_arguments_are_ignored() {
    let served = Served::new();
    let mut agent = served.agent("a");
    for value in ["one", "two", "two"] {
        let result = agent
            .call("setStorage", json!({ "key": "a", "value": value, "note": 1 }))
            .await;
        assert_eq!(result["isError"], false);
    }
    let result = agent.call("getStorage", json!({ "key": "a" })).await;
    assert_eq!(result["structuredContent"]["value"], "two");
    assert_eq!(result["_meta"]["callboard/rev"], 3);
}

#[tokio::test]
async fn a_held_lock_refuses_others_in_the_original_style_and_says_who_beside_it() {
    let served = Served::new();
    let (mut holder, mut rival) = (served.agent("impl-1"), served.agent("impl-2"));
    let lock = json!({ "key": "lock:src/auth/auth.ts", "value": r#"{"lockedBy":"impl-1"}"#, "ttl": 300 });
    assert_eq!(holder.call("setStorage", lock.clone()).await["isError"], false);
    served.advance(Duration::from_secs(7));
    for (tool, arguments) in [
        (
            "setStorage",
            json!({ "key": "lock:src/auth/auth.ts", "value": r#"{"lockedBy":"impl-2"}"# }),
        ),
        ("deleteStorage", json!({ "key": "lock:src/auth/auth.ts" })),
    ] {
        let result = rival.call(tool, arguments).await;
        assert_eq!(result["isError"], true);
        assert_eq!(
            result["content"][0]["text"],
            r#"{"success":false,"error":"Key is leased"}"#
        );
        assert_eq!(result["_meta"]["callboard/heldBy"], "impl-1");
        assert_eq!(result["_meta"]["callboard/expiresInMs"], 293_000);
        let advice = result["content"][1]["text"].as_str().unwrap();
        assert!(advice.contains("impl-1") && advice.contains("293 s"), "{advice}");
        assert!(result["structuredContent"].is_null(), "it would hide the advice");
    }
    let release = json!({ "key": "lock:src/auth/auth.ts", "value": r#"{"released":true}"#, "ttl": 10 });
    assert_eq!(holder.call("setStorage", release).await["isError"], false);
    let result = rival
        .call("getStorage", json!({ "key": "lock:src/auth/auth.ts" }))
        .await;
    assert_eq!(result["structuredContent"]["exists"], false);
    assert_eq!(rival.call("setStorage", lock).await["isError"], false);
}

#[tokio::test]
async fn a_full_board_says_so_and_drops_nothing() {
    let served = Served::with(Limits {
        keys: 2,
        ..Limits::default()
    });
    let mut agent = served.agent("a");
    for key in ["a", "b"] {
        agent
            .call("setStorage", json!({ "key": key, "value": "v" }))
            .await;
    }
    let result = agent
        .call("setStorage", json!({ "key": "c", "value": "v" }))
        .await;
    assert_eq!(
        result["content"][0]["text"],
        r#"{"success":false,"error":"Storage full"}"#
    );
    assert_eq!(result["_meta"]["callboard/which"], "keys");
    assert_eq!(result["_meta"]["callboard/limit"], 2);
    let result = agent
        .call("setStorage", json!({ "key": "a", "value": "w" }))
        .await;
    assert_eq!(result["isError"], false);
}
