//! Gemini CLI: servers and hooks in one file of settings.

use super::{Facts, Files, Form, Hooks, Occasion, Scope, Waking};

const SETTINGS: Files = Files {
    project: ".gemini/settings.json",
    user: Some(".gemini/settings.json"),
};

pub(super) const FACTS: Facts = Facts {
    name: "Gemini CLI",
    program: "gemini",
    home: ".gemini",
    moved_by: None,
    servers: SETTINGS,
    reads_jsonc: false,
    form: Form::Separate {
        table: "mcpServers",
        before: "",
        after: r#", "timeout": 60000"#,
    },
    advised: Scope::Project,
    command: |bridge| {
        // Gemini would take the bridge's options for its own.
        let plain = bridge.arguments.len() == 1;
        plain.then(|| format!("gemini mcp add callboard {}", bridge.shell()))
    },
    hooks: Some(Hooks {
        files: SETTINGS,
        occasions: OCCASIONS,
        // In milliseconds, unlike those of the others.
        time_out: 5_000,
        named: true,
        on_bridge_from: None,
        waking: Waking::NONE,
    }),
    plugin: None,
    remark: |_| Some("Gemini CLI disables all servers in a folder that it does not trust."),
};

const OCCASIONS: &[Occasion] = &[
    on("SessionStart", None),
    on("BeforeTool", Some("write_file|replace|run_shell_command")),
    on("AfterTool", None),
    on("AfterAgent", None),
    on("SessionEnd", None),
];

const fn on(event: &'static str, matcher: Option<&'static str>) -> Occasion {
    Occasion {
        event,
        matcher,
        fails_closed: false,
        on_bridge: false,
    }
}
