//! What the tools cost every model that sees them, in tokens: a budget that a new word must be worth.

use crate::support::served::Served;
use callboard::board::Limits;
use callboard::mcp::Toolset;
use serde_json::{Value, json};

/// Counts names, descriptions and schemas with a published tokenizer; those of other models differ by a few
/// per cent.
async fn tokens(tools: Toolset) -> Vec<(String, usize)> {
    let served = Served::offering(tools, Limits::default());
    let listed = served.agent("a").request("tools/list", json!({})).await;
    let tokenizer = tiktoken_rs::o200k_base().unwrap();
    let count = |tool: &Value| {
        let shown = json!({
            "name": tool["name"],
            "description": tool["description"],
            "inputSchema": tool["inputSchema"],
        });
        tokenizer.encode_ordinary(&shown.to_string()).len()
    };
    let tools = listed["result"]["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| (tool["name"].as_str().unwrap().to_owned(), count(tool)))
        .collect()
}

#[tokio::test]
async fn the_tools_keep_their_budget() {
    for (tools, many, budget) in [(Toolset::All, 13, 1_500), (Toolset::Core, 7, 800)] {
        let counted = tokens(tools).await;
        let sum: usize = counted.iter().map(|(_, tokens)| tokens).sum();
        assert_eq!(counted.len(), many, "{tools:?}");
        assert!(sum <= budget, "{tools:?} cost {sum} tokens: {counted:?}");
    }
}
