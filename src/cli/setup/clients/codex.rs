//! Codex: a table in `config.toml`, and hooks in a file of their own.

use super::{Facts, Files, Form, Hooks, Moved, Occasion, Scope, Waking};

pub(super) const FACTS: Facts = Facts {
    name: "Codex",
    program: "codex",
    home: ".codex",
    moved_by: Some(Moved {
        variable: "CODEX_HOME",
        home: ".codex",
    }),
    servers: Files {
        project: ".codex/config.toml",
        user: Some(".codex/config.toml"),
    },
    reads_jsonc: false,
    // Codex starts servers with few variables, and the socket's place hangs on one that is not among them.
    form: Form::Toml {
        lines: &[r#"env_vars = ["XDG_RUNTIME_DIR"]"#, "tool_timeout_sec = 120"],
    },
    advised: Scope::User,
    command: |bridge| {
        let start = bridge.shell();
        Some(format!(
            "codex mcp add callboard --env XDG_RUNTIME_DIR=\"$XDG_RUNTIME_DIR\" -- {start}"
        ))
    },
    hooks: Some(Hooks {
        files: Files {
            project: ".codex/hooks.json",
            user: Some(".codex/hooks.json"),
        },
        occasions: OCCASIONS,
        time_out: 10,
        named: false,
        on_bridge_from: None,
        waking: Waking::NONE,
    }),
    plugin: None,
    remark: |scope| {
        Some(match scope {
            Scope::Project => {
                "Codex reads these files only in a project that you trust, and skips hooks without a word until \
                 you trust them too."
            }
            Scope::User => "Codex skips hooks without a word until you trust them.",
        })
    },
};

const OCCASIONS: &[Occasion] = &[
    on("SessionStart", None),
    on("SubagentStart", None),
    on("UserPromptSubmit", None),
    on("PreToolUse", Some("apply_patch|Bash")),
    on("PostToolUse", None),
    on("Stop", None),
    on("SubagentStop", None),
];

const fn on(event: &'static str, matcher: Option<&'static str>) -> Occasion {
    Occasion {
        event,
        matcher,
        fails_closed: false,
        on_bridge: false,
    }
}
