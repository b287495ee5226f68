//! Visual Studio Code: an entry in the project's `mcp.json`. Where the user's own lies hangs on the profile.

use serde_json::json;

use super::super::program::quoted;
use super::{Facts, Files, Form, Scope};

pub(super) const FACTS: Facts = Facts {
    name: "VS Code",
    program: "code",
    home: ".vscode",
    moved_by: None,
    servers: Files {
        project: ".vscode/mcp.json",
        user: None,
    },
    reads_jsonc: false,
    form: Form::Separate {
        table: "servers",
        before: r#""type": "stdio", "#,
        after: "",
    },
    advised: Scope::Project,
    command: |bridge| {
        let server = json!({ "name": "callboard", "command": bridge.program, "args": bridge.arguments });
        Some(format!("code --add-mcp {}", quoted(&server.to_string())))
    },
    hooks: None,
    plugin: None,
    remark: |_| None,
};
