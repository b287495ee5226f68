//! What clients' hooks send and get: one file for each client.
//!
//! A client starts a hook when something happens in one of its agents, hands it JSON and obeys the JSON that
//! comes back. Here both become one pair of types for all clients: what happened is an [`Occasion`], what
//! follows is a [`Verdict`]. Not for what follows from what: the rules are the server's, so that the process
//! of a hook stays small.
//!
//! Invariants:
//!
//! - Nothing here talks to anybody: text comes in, types go out, and the other way round.
//! - What a client sends beyond what is needed is ignored; what is needed and cannot be read is an error.
//! - No verdict ever allows anything: what is not denied is left to the client's own permissions.

mod claude;
mod codex;
mod gemini;
pub mod open;
mod opencode;
mod patch;
mod shell;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The clients whose hooks are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode, by its plugin.
    Opencode,
}

/// When in an agent's work something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// It begins to work, or goes on in a new session.
    Start,
    /// It is asked for something new, so what it did before is over, also if nobody told of the end.
    Turn,
    /// It is about to use a tool.
    Before,
    /// It has used a tool, or did something else that shows that it is at work.
    #[default]
    After,
    /// It is about to read what came of the tools that it used: it can be told something.
    Between,
    /// It wants to stop; a sub-agent is done then.
    Stop,
    /// Its session ends.
    End,
    /// Somebody is about to commit files.
    Commit,
}

/// An agent inside another one's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubAgent {
    /// What it is, or what it is called.
    pub kind: String,
    /// What tells it from others of its kind.
    pub id: String,
}

/// Who is at work no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Over {
    /// Nobody of whom this is known.
    #[default]
    Nobody,
    /// The sub-agent with this id.
    One(String),
    /// All of them.
    All,
}

/// What happened, in whichever client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Occasion {
    /// When in the agent's work.
    pub moment: Moment,
    /// Which agent inside the client's process; `None` is the one that the process was started for.
    pub agent: Option<SubAgent>,
    /// The thread of the agent that the client was started for, for clients that name threads in their calls too. The
    /// thread of a sub-agent is its id.
    pub thread: Option<String>,
    /// The client's name for the use of the tool.
    pub call: Option<String>,
    /// The files that the tool writes.
    pub writes: Vec<String>,
    /// Whether the tool runs a command, which may write files that nobody can foresee.
    pub is_command: bool,
    /// The files and directories whose content the tool puts back or throws away.
    pub overwrites: Vec<String>,
    /// Whether the agent was held back from stopping a moment ago.
    pub held_back: bool,
    /// Which of the client's sub-agents are at work no more, without a hook of their own that says so.
    pub over: Over,
    /// The directory in which relative paths begin.
    pub cwd: Option<PathBuf>,
    /// The client's process if that is known, else the processes around the hook, the nearest first.
    pub processes: Vec<u32>,
    /// How that begins what the client's program calls itself, where `processes` may be those of another client too.
    pub program: Option<String>,
    /// Whether free files that are to be written are to be locked.
    pub auto_lock: bool,
}

/// What follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "camelCase")]
pub enum Verdict {
    /// Nothing: the client does what it would do without a hook.
    #[default]
    Pass,
    /// The agent is told something.
    Tell {
        /// What.
        context: String,
    },
    /// The person is told something.
    Warn {
        /// What.
        warning: String,
    },
    /// The tool is not used.
    Deny {
        /// Why, and what the agent can do instead.
        reason: String,
    },
    /// The agent goes on.
    HoldBack {
        /// Why, and what it has to do first.
        reason: String,
    },
}

/// What happens to an edit that no board can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforce {
    /// It passes, with a warning for the person.
    Open,
    /// It is denied.
    Closed,
}

/// A hook's input, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The client's name for what happened; its answer repeats it.
    pub event: String,
    /// What happened.
    pub occasion: Occasion,
}

/// Why a hook's input cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It is not the JSON that this client sends.
    #[error("the hook's input cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It lacks what the tool is about.
    #[error("the input of {tool} names no {what}")]
    Missing {
        /// The tool.
        tool: String,
        /// What is missing.
        what: &'static str,
    },
}

impl Enforce {
    /// Tells whether edits are denied that cannot be judged. Who has not chosen is stopped where a board runs, and
    /// not where there is none.
    pub fn is_closed(chosen: Option<Self>, board_runs: bool) -> bool {
        chosen.map_or(board_runs, |chosen| chosen == Self::Closed)
    }
}

impl Verdict {
    /// Returns what follows from `occasion` when no board can say it because of `problem`.
    pub fn unjudged(occasion: &Occasion, is_closed: bool, problem: &str) -> Self {
        let is_edit = !(occasion.writes.is_empty() && occasion.overwrites.is_empty());
        if is_edit && is_closed {
            let reason =
                format!("Nothing was written, because callboard cannot tell who holds the file: {problem}.");
            return Self::Deny { reason };
        }
        if is_edit || occasion.moment == Moment::Start {
            let warning =
                format!("callboard: {problem}. Until then nothing keeps agents from each other's files.");
            return Self::Warn { warning };
        }
        Self::Pass
    }
}

impl Client {
    /// Returns how that begins what the client's program calls itself when it connects.
    pub fn program(self) -> &'static str {
        match self {
            Self::Claude => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini-cli",
            Self::Opencode => "opencode",
        }
    }

    /// Returns what happened, as the client's hook was told on stdin.
    pub fn read(self, input: &[u8]) -> Result<Heard, HookError> {
        match self {
            Self::Claude => claude::read(input),
            Self::Codex => codex::read(input),
            Self::Gemini => gemini::read(input),
            Self::Opencode => opencode::read(input),
        }
    }

    /// Returns what the hook has to print for the client to do what `verdict` says at `event`, `None` when that
    /// is nothing.
    pub fn answer(self, event: &str, verdict: &Verdict) -> Option<String> {
        let answer = match self {
            Self::Claude => claude::answer(event, verdict),
            Self::Codex => codex::answer(event, verdict),
            Self::Gemini => gemini::answer(event, verdict),
            Self::Opencode => opencode::answer(verdict),
        };
        answer.map(|json| json.to_string())
    }
}
