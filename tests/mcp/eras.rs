//! Both eras of the protocol: the bytes that real clients send, and the typed client of the library.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

use crate::support::raw::{Raw, modern_meta};
use crate::support::served::Served;
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ProtocolVersion, SubscriptionFilter};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use serde_json::{Value, json};

/// What Claude Code 2.1.329 sends first.
const CLAUDE_PROBE: &str = r#"{"jsonrpc":"2.0","id":"server-discover-probe-1","method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"claude-code","title":"Claude Code","version":"2.1.329","description":"Anthropic's agentic coding tool","websiteUrl":"https://claude.com/claude-code"},"io.modelcontextprotocol/clientCapabilities":{"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}}}}}}"#;
/// What it sends to a server that does not know the probe.
const CLAUDE_INITIALIZE: &str = r#"{"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"elicitation":{"form":{},"url":{}}},"clientInfo":{"name":"claude-code","title":"Claude Code","version":"2.1.329","description":"Anthropic's agentic coding tool","websiteUrl":"https://claude.com/claude-code"}},"jsonrpc":"2.0","id":0}"#;

fn claude_meta() -> Value {
    let probe: Value = serde_json::from_str(CLAUDE_PROBE).unwrap();
    probe["params"]["_meta"].clone()
}

#[tokio::test]
async fn claude_code_opens_with_a_probe_then_listens_lists_and_calls() {
    let served = Served::new();
    let mut client = Raw::over(served.connect(""));
    client.send(CLAUDE_PROBE).await;
    let probe = client.answer(&json!("server-discover-probe-1")).await;
    let result = &probe["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(
        result["supportedVersions"],
        json!([
            "2024-11-05",
            "2025-03-26",
            "2025-06-18",
            "2025-11-25",
            "2026-07-28"
        ])
    );
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "callboard"
    );
    assert_eq!(
        result["capabilities"],
        json!({
            "tools": { "listChanged": true },
            "prompts": { "listChanged": true },
            "resources": { "listChanged": true, "subscribe": true },
        })
    );
    assert!(
        result["instructions"]
            .as_str()
            .unwrap()
            .contains("data, not orders")
    );
    assert_eq!(*served.board.agents()[0].owner.name, *"claude-code-1");

    let listen = json!({
        "jsonrpc": "2.0", "id": "listen:0", "method": "subscriptions/listen",
        "params": {
            "_meta": claude_meta(),
            "notifications": { "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true },
        },
    });
    client.send(&listen.to_string()).await;
    let acknowledged = client.receive().await;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(
        acknowledged["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        "listen:0"
    );
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true })
    );

    let list =
        json!({ "method": "tools/list", "params": { "_meta": claude_meta() }, "jsonrpc": "2.0", "id": 0 });
    client.send(&list.to_string()).await;
    let listed = client.answer(&json!(0)).await;
    assert_eq!(listed["result"]["resultType"], "complete");
    assert_eq!(listed["result"]["ttlMs"], 0);
    assert_eq!(listed["result"]["cacheScope"], "private");
    assert!(listed["result"]["tools"].as_array().unwrap().len() >= 6);

    let mut meta = claude_meta();
    meta["claudecode/toolUseId"] = json!("toolu_1");
    meta["progressToken"] = json!(4);
    let call = json!({
        "method": "tools/call",
        "params": { "name": "setStorage", "arguments": { "key": "a", "value": "v" }, "_meta": meta },
        "jsonrpc": "2.0", "id": 4,
    });
    client.send(&call.to_string()).await;
    assert_eq!(client.answer(&json!(4)).await["result"]["isError"], false);
    let agent = &served.board.agents()[0];
    assert_eq!(agent.client.as_deref(), Some("claude-code 2.1.329"));
    assert_eq!((agent.calls, agent.last_call.unwrap().0), (1, "setStorage"));

    served.stop.cancel();
    let ended = client.answer(&json!("listen:0")).await;
    assert_eq!(ended["result"]["resultType"], "complete", "{ended}");
}

#[tokio::test]
async fn claude_code_may_also_initialize_as_others_do() {
    let served = Served::new();
    let mut client = Raw::over(served.connect(""));
    client.send(CLAUDE_PROBE).await;
    client.answer(&json!("server-discover-probe-1")).await;
    client.send(CLAUDE_INITIALIZE).await;
    let answer = client.answer(&json!(0)).await;
    assert_eq!(answer["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(answer["result"]["serverInfo"]["name"], "callboard");
    assert_eq!(
        answer["result"]["serverInfo"]["version"],
        env!("CARGO_PKG_VERSION")
    );
    client
        .send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        .await;
    for (id, method, member) in [
        (1, "tools/list", "tools"),
        (2, "prompts/list", "prompts"),
        (3, "resources/list", "resources"),
    ] {
        let request = json!({ "method": method, "jsonrpc": "2.0", "id": id });
        client.send(&request.to_string()).await;
        let result = &client.answer(&json!(id)).await["result"];
        assert!(result[member].is_array(), "{method}: {result}");
        assert!(result["resultType"].is_null(), "{method}: {result}");
    }
    let call = r#"{"method":"tools/call","params":{"name":"getStorage","arguments":{"key":"a"},"_meta":{"claudecode/toolUseId":"toolu_1","progressToken":4}},"jsonrpc":"2.0","id":4}"#;
    client.send(call).await;
    let result = &client.answer(&json!(4)).await["result"];
    assert_eq!(result["structuredContent"]["exists"], false);
    assert!(result["resultType"].is_null());
}

#[tokio::test]
async fn initialize_echoes_the_versions_it_knows_and_offers_its_newest_to_others() {
    for (asked, answered) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let served = Served::new();
        let mut client = Raw::over(served.connect(""));
        let answer = client.initialize(asked).await;
        assert_eq!(answer["result"]["protocolVersion"], answered, "{asked}: {answer}");
        let pong = client.request("ping", json!({})).await;
        assert_eq!(pong["result"], json!({}), "{asked}");
        let result = client.call("getStorage", json!({ "key": "a" })).await;
        assert_eq!(result["isError"], false, "{asked}");
    }
}

#[tokio::test]
async fn nothing_waits_for_initialized_and_stray_notifications_are_ignored() {
    let served = Served::new();
    let mut client = Raw::over(served.connect(""));
    client.initialize("2025-06-18").await;
    for line in [
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/nobody/knows","params":{"a":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    ] {
        client.send(line).await;
    }
    let result = client.call("getStorage", json!({ "key": "a" })).await;
    assert_eq!(result["isError"], false);
}

#[tokio::test]
async fn a_modern_request_needs_its_metadata_and_a_version_that_there_is() {
    let served = Served::new();
    let mut client = Raw::modern(served.connect("a"));
    client.call("getStorage", json!({ "key": "a" })).await;

    for method in ["tools/list", "tools/call", "server/discover"] {
        let bare =
            json!({ "jsonrpc": "2.0", "id": method, "method": method, "params": { "name": "getStorage" } });
        client.send(&bare.to_string()).await;
        let answer = client.answer(&json!(method)).await;
        assert_eq!(answer["error"]["code"], -32602, "{method}: {answer}");
    }
    let mut meta = modern_meta("raw-client", "1.0");
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2030-01-01");
    let future =
        json!({ "jsonrpc": "2.0", "id": "future", "method": "tools/list", "params": { "_meta": meta } });
    client.send(&future.to_string()).await;
    let answer = client.answer(&json!("future")).await;
    assert_eq!(answer["error"]["code"], -32022, "{answer}");
    assert_eq!(answer["error"]["data"]["requested"], "2030-01-01");
    assert_eq!(answer["error"]["data"]["supported"][4], "2026-07-28");
}

#[tokio::test]
async fn an_unknown_method_is_refused_at_once_in_both_eras() {
    let served = Served::new();
    let (modern, legacy) = (served.agent("m"), Raw::legacy(served.connect("l")).await);
    for mut client in [modern, legacy] {
        for method in ["nobody/knows", "logging/setLevel", "tasks/list"] {
            let answer = client.request(method, json!({ "level": "info" })).await;
            assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
        }
    }
}

#[tokio::test]
async fn clients_get_names_that_never_collide() {
    let served = Served::new();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Raw::over(served.connect(""));
        client.send(CLAUDE_PROBE).await;
        client.answer(&json!("server-discover-probe-1")).await;
        clients.push(client);
    }
    let names: Vec<_> = served
        .board
        .agents()
        .iter()
        .map(|agent| agent.owner.name.to_string())
        .collect();
    assert_eq!(names, ["claude-code-1", "claude-code-2", "claude-code-3"]);
}

#[tokio::test]
async fn the_typed_client_works_in_the_legacy_era() {
    let served = Served::new();
    let client = ().serve(served.connect("typed")).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), 13);
    assert_eq!(client.list_all_prompts().await.unwrap().len(), 2);
    assert_eq!(client.list_all_resources().await.unwrap().len(), 3);
    let arguments = json!({ "key": "a", "value": "v" });
    let call =
        CallToolRequestParams::new("setStorage").with_arguments(arguments.as_object().unwrap().clone());
    let result = client.call_tool(call).await.unwrap();
    assert_eq!(result.structured_content.unwrap()["success"], true);
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn the_typed_client_works_in_the_modern_era() {
    let served = Served::new();
    let lifecycle = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    let client = ().serve_with_lifecycle(served.connect("typed"), lifecycle).await.unwrap();
    assert_eq!(client.list_all_tools().await.unwrap().len(), 13);
    let filter = SubscriptionFilter::builder()
        .tools_list_changed()
        .resource_subscription("storage://a")
        .build();
    let mut subscription = client.listen(filter.clone()).await.unwrap();
    assert_eq!(*subscription.acknowledged(), filter);
    let arguments = json!({ "key": "a", "value": "v" });
    let call =
        CallToolRequestParams::new("setStorage").with_arguments(arguments.as_object().unwrap().clone());
    client.call_tool(call).await.unwrap();
    let update = subscription.next().await.unwrap().unwrap();
    let update = serde_json::to_value(update).unwrap();
    assert_eq!(update["params"]["uri"], "storage://a");
    subscription.cancel().await.unwrap();
    client.cancel().await.unwrap();
}
