//! The plugin for Claude Code: that its files fit each other and the program.

use std::fs;
use std::path::Path;

use callboard::hook::{Client, Moment};
use serde_json::{Value, json};

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn read(path: &str) -> Value {
    serde_json::from_str(&text(path)).unwrap()
}

#[test]
fn versions_and_names_are_those_of_the_program() {
    let plugin = read("assets/claude-plugin/.claude-plugin/plugin.json");
    let market = read(".claude-plugin/marketplace.json");
    let listed = &market["plugins"][0];
    for one in [&plugin, listed] {
        assert_eq!(one["version"], env!("CARGO_PKG_VERSION"), "{one}");
        assert_eq!(one["name"], "callboard");
    }
    assert_eq!(listed["source"], "./assets/claude-plugin");
    let server = &read("assets/claude-plugin/.mcp.json")["mcpServers"]["callboard"];
    assert_eq!(*server, json!({ "command": "callboard", "args": ["bridge"] }));
}

#[test]
fn every_hook_is_one_that_the_program_understands_and_edits_are_blocked_when_it_fails() {
    let hooks = read("assets/claude-plugin/hooks/hooks.json");
    for (event, groups) in hooks["hooks"].as_object().unwrap() {
        for group in groups.as_array().unwrap() {
            let hook = &group["hooks"][0];
            assert_eq!(hook["command"], "callboard", "{event}");
            assert_eq!(hook["args"], json!(["hook", "claude"]), "{event}");
            let is_edit = group["matcher"] == "Write|Edit|NotebookEdit";
            assert_eq!(hook["onFailure"] == "block", is_edit, "{event}");
        }
        let input = json!({ "hook_event_name": event }).to_string();
        let moment = Client::Claude.read(input.as_bytes()).unwrap().occasion.moment;
        assert_eq!(
            moment == Moment::After,
            event.starts_with("PostToolUse"),
            "{event}"
        );
    }
}

#[test]
fn skill_and_commands_say_what_they_are_for() {
    for file in [
        "skills/callboard/SKILL.md",
        "commands/status.md",
        "commands/plan.md",
    ] {
        let text = text(&format!("assets/claude-plugin/{file}"));
        let head = text
            .strip_prefix("---\n")
            .and_then(|text| text.split_once("\n---\n"));
        assert!(
            head.is_some_and(|(head, _)| head.contains("description: ")),
            "{file}"
        );
    }
}
