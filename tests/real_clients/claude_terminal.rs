//! Claude Code in a terminal, and what a person does there. Not a test: those are beside it, one file for each idea.

use portable_pty::CommandBuilder;
use serde_json::json;

use crate::claude::{KEY, claude};
use crate::stage::Stage;
use crate::support::pty::Pty;

/// The size of the terminal. Nothing that is waited for is broken in two lines there.
const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
/// The key that ends what the agent is at.
const ESCAPE: &str = "\x1b";

/// A session in a terminal. Dropping it kills it.
pub(crate) struct Terminal(Pty);

impl Terminal {
    /// Starts a session with the task `task`, of a person who has answered before what is asked once.
    pub(crate) fn open(stage: &Stage, task: &str, options: &[&str]) -> Self {
        let project = stage.project().display().to_string();
        let answered = json!({
            "hasCompletedOnboarding": true,
            "theme": "dark",
            "customApiKeyResponses": { "approved": [KEY], "rejected": [] },
            "projects": { project: {
                "hasTrustDialogAccepted": true,
                "enabledMcpjsonServers": ["callboard"],
            } },
        });
        stage.put_at_home(".claude.json", &answered.to_string());
        let mut claude = claude(stage);
        claude
            .args([task, "--permission-mode", "acceptEdits"])
            .args(["--allowedTools", "mcp__callboard"])
            .args(options);
        let mut command = CommandBuilder::new(claude.get_program());
        command.args(claude.get_args());
        command.cwd(stage.project());
        command.env_clear();
        for (name, value) in claude.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        Self(Pty::start(command, ROWS, COLUMNS))
    }

    /// Waits until the screen shows `text`.
    pub(crate) fn shows(&self, text: &str) {
        self.0.wait_for(text);
    }

    /// Types `line` and hands it in.
    pub(crate) fn enter(&mut self, line: &str) {
        self.0.send(line);
        // What comes in one piece with its end is taken for something that was pasted.
        self.0.wait_for(line);
        self.0.send("\r");
    }

    /// Interrupts the agent at its work.
    pub(crate) fn interrupt(&mut self) {
        self.0.send(ESCAPE);
        self.0.wait_for("Interrupted");
    }

    /// Ends the session as a person does.
    pub(crate) fn leave(mut self) {
        self.enter("/exit");
        let ended = self.0.wait_end();
        assert!(ended.success(), "{ended:?}");
    }
}
