//! opencode: an entry in `opencode.json`, and a plugin in the place of hooks.

use super::{Facts, Files, Form, Moved, Plugin, Scope};

pub(super) const FACTS: Facts = Facts {
    name: "opencode",
    program: "opencode",
    home: ".config/opencode",
    moved_by: Some(Moved {
        variable: "XDG_CONFIG_HOME",
        home: ".config",
    }),
    servers: Files {
        project: "opencode.json",
        user: Some(".config/opencode/opencode.json"),
    },
    reads_jsonc: true,
    form: Form::Joined {
        table: "mcp",
        before: r#""type": "local", "#,
        after: r#", "enabled": true"#,
    },
    advised: Scope::Project,
    command: |_| None,
    hooks: None,
    plugin: Some(Plugin {
        files: Files {
            project: ".opencode/plugins/callboard.js",
            user: Some(".config/opencode/plugins/callboard.js"),
        },
        text: include_str!("../../../../assets/opencode/callboard.js"),
        mark: "// callboard's plugin for opencode",
        program: r#""callboard""#,
        arguments: r#"["hook", "opencode"]"#,
    }),
    remark: |_| None,
};
