//! What a peer may send over the real socket: openings of both eras, and everything that is wrong.

use crate::support::raw::{Raw, modern_meta};
use crate::support::socket::SocketServer;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

const PING: &str = r#"{"jsonrpc":"2.0","id":"still","method":"ping"}"#;
/// The longest line that is served.
const MAX_LINE: usize = callboard::net::MAX_LINE;

/// Checks that the connection is served as if nothing had happened.
async fn still_served(raw: &mut Raw<UnixStream>) {
    raw.send(PING).await;
    assert_eq!(raw.answer(&json!("still")).await["result"], json!({}));
}

async fn refused(raw: &mut Raw<UnixStream>, line: &str) -> (Value, i64) {
    raw.send(line).await;
    let answer = raw.receive().await;
    (
        answer["id"].clone(),
        answer["error"]["code"].as_i64().unwrap_or_default(),
    )
}

#[tokio::test]
async fn bad_lines_are_answered_and_the_connection_goes_on() {
    let server = SocketServer::start();
    let mut raw = server.raw().await;
    for (line, id, code) in [
        ("rubbish", Value::Null, -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"#, Value::Null, -32700),
        ("[]", Value::Null, -32600),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            Value::Null,
            -32600,
        ),
        ("42", Value::Null, -32600),
        ("{}", Value::Null, -32600),
        (
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
            Value::Null,
            -32600,
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":2}"#, json!(1), -32600),
        (r#"{"id":1,"method":"ping"}"#, json!(1), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#, json!(1), -32601),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call"}"#,
            json!("a"),
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":7}"#,
            json!(1),
            -32602,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#,
            json!(1),
            -32602,
        ),
    ] {
        assert_eq!(refused(&mut raw, line).await, (id, code), "{line}");
        still_served(&mut raw).await;
    }
    assert_eq!(server.traffic.panics(), 0);
}

#[tokio::test]
async fn binary_empty_and_carriage_return_lines_do_no_harm() {
    let server = SocketServer::start();
    let mut stream = server.stream().await;
    let mut bytes = vec![b'\n', b'\r', b'\n'];
    bytes.extend((0..=255).filter(|byte| *byte != b'\n'));
    bytes.extend_from_slice(b"\n\xff\xfe\n");
    bytes.extend_from_slice(PING.as_bytes());
    bytes.extend_from_slice(b"\r\n");
    stream.write_all(&bytes).await.unwrap();
    let mut raw = Raw::over(stream);
    for _ in 0..2 {
        assert_eq!(raw.receive().await["error"]["code"], -32700);
    }
    assert_eq!(raw.receive().await["id"], "still");
}

#[tokio::test]
async fn a_half_line_at_the_end_is_dropped_and_what_came_before_is_answered() {
    let server = SocketServer::start();
    let mut stream = server.stream().await;
    stream
        .write_all(format!("{PING}\n{{\"jsonrpc\":").as_bytes())
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut raw = Raw::over(stream);
    assert_eq!(raw.receive().await["id"], "still");
    assert_eq!(raw.line().await, None);
    server
        .until("the connection is gone", |server| server.traffic.open() == 0)
        .await;
}

#[tokio::test]
async fn a_line_one_byte_at_a_time_is_a_line() {
    let server = SocketServer::start();
    let mut stream = server.stream().await;
    for byte in format!("{PING}\n").bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(Raw::over(stream).receive().await["id"], "still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_over_the_limit_is_named_and_skipped() {
    let server = SocketServer::start();
    let stream = server.stream().await;
    let (reader, mut writer) = tokio::io::split(stream);
    let sent = tokio::spawn(async move {
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..=MAX_LINE >> 20 {
            writer.write_all(&chunk).await.unwrap();
        }
        writer.write_all(format!("\n{PING}\n").as_bytes()).await.unwrap();
        writer
    });
    let mut raw = Raw::over(tokio::io::join(reader, tokio::io::sink()));
    let error = raw.receive().await;
    assert_eq!(
        (&error["id"], &error["error"]["code"]),
        (&Value::Null, &json!(-32600))
    );
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains(&MAX_LINE.to_string()),
        "{error}"
    );
    assert_eq!(raw.receive().await["id"], "still");
    sent.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_mebibytes_of_quotes_pass_both_ways() {
    let server = SocketServer::start();
    let mut agent = server.agent().await;
    let value = "\"".repeat(10 << 20);
    let set = agent
        .call("setStorage", json!({ "key": "quotes", "value": value }))
        .await;
    assert_eq!(
        set["structuredContent"]["success"],
        json!(true),
        "{}",
        set["content"]
    );
    let got = agent.call("getStorage", json!({ "key": "quotes" })).await;
    let body: Value = serde_json::from_str(got["content"][0]["text"].as_str().unwrap()).unwrap();
    assert!(body["value"] == value);
}

#[tokio::test]
async fn the_stateless_opening_is_served_as_claude_code_sends_it() {
    let server = SocketServer::start();
    let mut raw = server.raw().await;
    let meta = modern_meta("claude-code", "2.1.329");
    let probe = json!({
        "jsonrpc": "2.0", "id": "server-discover-probe-1", "method": "server/discover",
        "params": { "_meta": meta },
    });
    raw.send(&probe.to_string()).await;
    let found = raw.receive().await;
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!("2026-07-28")), "{found}");

    let listen = json!({
        "jsonrpc": "2.0", "id": "listen:0", "method": "subscriptions/listen",
        "params": { "_meta": meta, "notifications": { "toolsListChanged": true } },
    });
    raw.send(&listen.to_string()).await;
    let acknowledged = raw.receive().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    let id = &acknowledged["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    assert_eq!(id, "listen:0");

    let list = json!({ "method": "tools/list", "params": { "_meta": meta }, "jsonrpc": "2.0", "id": 0 });
    raw.send(&list.to_string()).await;
    let listed = raw.answer(&json!(0)).await;
    assert_eq!(listed["result"]["resultType"], "complete", "{listed}");
    assert!(listed["result"]["ttlMs"].is_number());
    server
        .until("the agent has a name", |server| {
            server
                .board
                .agents()
                .iter()
                .any(|agent| &*agent.owner.name == "claude-code-1")
        })
        .await;
}

#[tokio::test]
async fn the_handshake_is_served_in_each_version_and_never_in_the_stateless_one() {
    let server = SocketServer::start();
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let mut raw = server.raw().await;
        let answer = raw.initialize(asked).await;
        assert_eq!(answer["result"]["protocolVersion"], answered, "{answer}");
        raw.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            .await;
        let listed = raw.request("tools/list", json!({})).await;
        assert!(listed["result"]["tools"].is_array(), "{listed}");
        assert!(listed["result"]["resultType"].is_null(), "{asked}");
    }
}

#[tokio::test]
async fn an_unexpected_first_message_closes_nothing() {
    let server = SocketServer::start();
    for first in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9}}"#,
        r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
    ] {
        let mut raw = server.raw().await;
        raw.send(first).await;
        let answer = raw
            .request(
                "tools/call",
                json!({ "name": "getStorage", "arguments": { "key": "a" } }),
            )
            .await;
        assert_eq!(
            answer["result"]["structuredContent"]["exists"],
            json!(false),
            "{first}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_stateless_client_must_say_what_it_speaks() {
    let server = SocketServer::start();
    let list = |meta: Value| json!({ "_meta": meta });
    let mut raw = server.raw().await;
    let half = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    assert_eq!(
        raw.request("tools/list", list(half)).await["error"]["code"],
        -32602
    );
    assert_eq!(
        raw.request("server/discover", json!({})).await["error"]["code"],
        -32602
    );

    let mut unknown = modern_meta("x", "1");
    unknown["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let error = &raw.request("tools/list", list(unknown)).await["error"];
    assert_eq!(
        (&error["code"], &error["data"]["requested"]),
        (&json!(-32022), &json!("2099-01-01"))
    );

    assert!(raw.request("tools/list", list(modern_meta("x", "1"))).await["result"].is_object());
    let error = &raw.request("tools/list", json!({})).await["error"];
    assert_eq!(error["code"], -32602);
    assert!(
        error["message"].as_str().unwrap().contains("clientCapabilities"),
        "{error}"
    );
    assert_eq!(
        raw.initialize("2025-11-25").await["result"]["protocolVersion"],
        "2025-11-25"
    );
    assert!(raw.request("tools/list", json!({})).await["result"].is_object());
}
