//! An agent as clients make them: an rmcp client that talks to a real `callboard bridge` process.

use std::path::Path;

use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};

/// An attached agent.
pub(crate) struct Agent {
    client: RunningService<RoleClient, ()>,
}

impl Agent {
    /// Starts a bridge to the board at `socket` under `name` and opens the protocol.
    pub(crate) async fn attach(socket: &Path, name: &str) -> Self {
        let mut bridge = tokio::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
        bridge
            .arg("bridge")
            .args(["--agent", name])
            .env("CALLBOARD_SOCKET", socket)
            .env("CALLBOARD_NO_SPAWN", "1")
            .kill_on_drop(true);
        let client = ().serve(TokioChildProcess::new(bridge).unwrap()).await.unwrap();
        Self { client }
    }

    /// Calls a tool and returns its JSON body, having checked that both of its places say the same.
    pub(crate) async fn call(&self, tool: &'static str, arguments: Value) -> Value {
        let params = CallToolRequestParams::new(tool).with_arguments(arguments.as_object().unwrap().clone());
        let result = self.client.call_tool(params).await.unwrap();
        let text = &result.content[0].as_text().unwrap().text;
        let body: Value = serde_json::from_str(text).unwrap();
        // What stands beside a refusal would hide the advice that comes with it.
        assert_eq!(
            result.structured_content.unwrap_or_else(|| body.clone()),
            body,
            "{tool}"
        );
        body
    }

    /// Writes `value` as JSON text, the way the original design does, and expects success.
    pub(crate) async fn set(&self, key: &str, value: &Value, ttl: u32) {
        let answer = self.try_set(key, value, ttl).await;
        assert_eq!(answer["success"], json!(true), "{key}: {answer}");
    }

    /// Writes `value` as JSON text and returns the answer.
    pub(crate) async fn try_set(&self, key: &str, value: &Value, ttl: u32) -> Value {
        self.call(
            "setStorage",
            json!({"key": key, "value": value.to_string(), "ttl": ttl}),
        )
        .await
    }

    /// Reads `key` and returns its JSON value, `None` when it does not exist.
    pub(crate) async fn get(&self, key: &str) -> Option<Value> {
        let answer = self.call("getStorage", json!({"key": key})).await;
        assert_eq!(answer["success"], json!(true), "{answer}");
        assert_eq!(answer["exists"], json!(!answer["value"].is_null()), "{answer}");
        Some(serde_json::from_str(answer["value"].as_str()?).unwrap())
    }

    /// Returns the keys that match.
    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        let answer = self.call("listKeys", json!({"pattern": pattern})).await;
        let keys = answer["keys"].as_array().unwrap();
        keys.iter()
            .map(|row| row["key"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Ends the bridge.
    pub(crate) async fn leave(self) {
        self.client.cancel().await.unwrap();
    }
}
