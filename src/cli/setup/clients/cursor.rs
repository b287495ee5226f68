//! Cursor: an entry in its `mcp.json`.

use super::{Facts, Files, Form, Scope};

pub(super) const FACTS: Facts = Facts {
    name: "Cursor",
    program: "cursor",
    home: ".cursor",
    moved_by: None,
    servers: Files {
        project: ".cursor/mcp.json",
        user: Some(".cursor/mcp.json"),
    },
    reads_jsonc: false,
    form: Form::Separate {
        table: "mcpServers",
        before: r#""type": "stdio", "#,
        after: "",
    },
    advised: Scope::Project,
    command: |_| None,
    hooks: None,
    plugin: None,
    remark: |_| None,
};
