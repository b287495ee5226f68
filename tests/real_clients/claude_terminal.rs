//! Claude Code in a terminal, and what a person does there. Not a test: those are beside it, one file for each idea.

use portable_pty::CommandBuilder;
use serde_json::json;

use crate::claude::{KEY, claude};
use crate::model::PATIENCE;
use crate::stage::Stage;
use crate::support::pty::Pty;
use crate::support::wait::until;

/// The size of the terminal. Nothing that is waited for is broken in two lines there.
const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
/// The key that ends what the agent is at.
const ESCAPE: &str = "\x1b";
/// The key that goes on to the next row of the list below the prompt.
const DOWN: &str = "\x1b[B";

/// A session in a terminal. Dropping it kills it.
pub(crate) struct Terminal(Pty);

impl Terminal {
    /// Starts a session with `arguments`, the first of which is its task if it has one, for a person who has answered
    /// before what is asked once.
    pub(crate) fn open(stage: &Stage, arguments: &[&str]) -> Self {
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
        claude.args(arguments).args([
            "--permission-mode",
            "acceptEdits",
            "--allowedTools",
            "mcp__callboard",
        ]);
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
        self.wait(text, true);
    }

    /// Waits until the screen does not show `text` any more.
    pub(crate) fn hides(&self, text: &str) {
        self.wait(text, false);
    }

    /// Waits with the patience that the model has: a client is as slow to show a thing as it is to ask.
    fn wait(&self, text: &str, is_there: bool) {
        until(text, PATIENCE, || {
            let shown = self.0.contents().contains(text);
            (shown == is_there).then_some(())
        });
    }

    /// Types `line` and hands it in.
    pub(crate) fn enter(&mut self, line: &str) {
        self.0.send(line);
        // What comes in one piece with its end is taken for something that was pasted.
        self.shows(line);
        self.0.send("\r");
    }

    /// Interrupts the agent at its work.
    pub(crate) fn interrupt(&mut self) {
        self.0.send(ESCAPE);
        self.shows("Interrupted");
    }

    /// Stops the agent that is at work beside the one that is talked to.
    pub(crate) fn stop_agent(&mut self) {
        self.0.send(DOWN);
        self.shows("to select");
        self.0.send(DOWN);
        self.shows("x to stop");
        self.0.send("x");
        self.shows("was stopped by user");
    }

    /// Ends the session as a person does.
    pub(crate) fn leave(mut self) {
        self.enter("/exit");
        let ended = self.0.wait_end();
        assert!(ended.success(), "{ended:?}");
    }
}
