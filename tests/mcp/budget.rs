//! What the tools cost every model that sees them, in tokens: a budget that a new word must be worth.

use crate::support::raw::Raw;
use crate::support::served::Served;
use callboard::board::Limits;
use callboard::mcp::Toolset;
use serde_json::{Value, json};

/// Counts name, description and schema with a published tokenizer; those of other models differ by a few per cent.
fn count(tool: &Value) -> usize {
    let tokenizer = tiktoken_rs::o200k_base_singleton();
    let shown = json!({
        "name": tool["name"],
        "description": tool["description"],
        "inputSchema": tool["inputSchema"],
    });
    tokenizer.encode_ordinary(&shown.to_string()).len()
}

async fn tokens(tools: Toolset) -> Vec<(String, usize)> {
    let served = Served::offering(tools, Limits::default());
    let listed = served.agent("a").request("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| (tool["name"].as_str().unwrap().to_owned(), count(tool)))
        .collect()
}

/// Tells whether clients are told to show the tool to no model: what hooks call costs no model a token.
fn is_for_programs(tool: &Value) -> bool {
    tool["_meta"]["ui"]["visibility"] == json!(["app"])
}

#[tokio::test]
async fn the_tool_for_hooks_costs_little_where_a_client_shows_it_all_the_same() {
    let served = Served::new();
    let mut agent = Raw::modern_as("claude-code", served.connect("a"));
    let listed = agent.request("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let hidden: Vec<_> = tools.iter().filter(|tool| is_for_programs(tool)).collect();
    assert_eq!(hidden.len(), 1);
    assert!(count(hidden[0]) <= 30, "{}", count(hidden[0]));
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
