//! Claude Code: `.mcp.json` and hooks in its settings.

use super::{Facts, Files, Form, Hooks, Moved, Occasion, Scope, Waking};

pub(super) const FACTS: Facts = Facts {
    name: "Claude Code",
    program: "claude",
    home: ".claude",
    // The file that is beside it is then in it, too.
    moved_by: Some(Moved {
        variable: "CLAUDE_CONFIG_DIR",
        home: ".claude",
    }),
    servers: Files {
        project: ".mcp.json",
        user: Some(".claude.json"),
    },
    reads_jsonc: false,
    form: Form::Separate {
        table: "mcpServers",
        before: r#""type": "stdio", "#,
        after: "",
    },
    advised: Scope::Project,
    command: |bridge| Some(format!("claude mcp add callboard -- {}", bridge.shell())),
    hooks: Some(Hooks {
        files: Files {
            project: ".claude/settings.json",
            user: Some(".claude/settings.json"),
        },
        occasions: OCCASIONS,
        time_out: 5,
        named: false,
        // Earlier ones know such calls too, but let an edit pass when one fails.
        on_bridge_from: Some([2, 1, 328]),
        waking: Waking {
            events: &["SessionStart", "Stop"],
            limit: WAKING,
        },
    }),
    plugin: None,
    remark: |scope| match scope {
        Scope::Project => Some(
            "Claude Code asks once whether to use the servers of this project. Whoever works on it with Claude \
             Code needs callboard: where it is missing, or the server is not allowed, the hook refuses edits.",
        ),
        Scope::User => None,
    },
};

/// How long an agent that is idle can be woken after its last turn: a working day, in seconds.
const WAKING: u32 = 12 * 3_600;

/// Our own tools are among them because only a hook knows which sub-agent calls. A failure closes the way for edits
/// alone: an agent that cannot even run a command could not repair anything. When a session starts, its servers are
/// not connected yet, and perhaps not at its first prompt; when it ends, they may be gone.
///
/// `PostToolBatch` is the youngest of these events: a version that knows it knows them all.
const OCCASIONS: &[Occasion] = &[
    by_process("SessionStart"),
    by_process("UserPromptSubmit"),
    on("SubagentStart", None),
    Occasion {
        fails_closed: true,
        ..on("PreToolUse", Some("Write|Edit|NotebookEdit"))
    },
    on("PreToolUse", Some("^(Bash|mcp__callboard__.*)$")),
    on("PostToolUse", None),
    on("PostToolUseFailure", None),
    on("PostToolBatch", None),
    on("Stop", None),
    on("StopFailure", None),
    on("SubagentStop", None),
    by_process("SessionEnd"),
];

const fn on(event: &'static str, matcher: Option<&'static str>) -> Occasion {
    Occasion {
        event,
        matcher,
        fails_closed: false,
        on_bridge: true,
    }
}

const fn by_process(event: &'static str) -> Occasion {
    Occasion {
        on_bridge: false,
        ..on(event, None)
    }
}
