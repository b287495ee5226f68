//! What callboard knows of each program that agents run in: one file for each, with nothing but facts.
//!
//! `callboard config`, `setup` and `doctor` all take them from here.

mod claude;
mod codex;
mod cursor;
mod gemini;
mod opencode;
mod vscode;

use clap::ValueEnum;
use serde_json::Value;

use super::detect::Root;
use super::handler::Way;
use super::program::Bridge;
use super::version::Version;

/// The name of our server in every configuration.
pub(in crate::cli) const SERVER: &str = "callboard";

/// A program that agents run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Client {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    Vscode,
}

/// For whom a configuration counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Scope {
    /// Everybody who works on the project.
    Project,
    /// The user, in all projects.
    User,
}

/// What is known of a client.
pub(in crate::cli) struct Facts {
    /// What people call it.
    pub(in crate::cli) name: &'static str,
    /// The program whose presence tells that it is installed.
    pub(in crate::cli) program: &'static str,
    /// The directory in the user's home that tells it as well.
    pub(in crate::cli) home: &'static str,
    /// By what that directory can be elsewhere.
    pub(in crate::cli) moved_by: Option<Moved>,
    /// Where it looks for servers.
    pub(in crate::cli) servers: Files,
    /// Whether it reads a file under the same name with a `c` at its end, too, which then counts more.
    pub(in crate::cli) reads_jsonc: bool,
    /// How a server is written there.
    pub(in crate::cli) form: Form,
    /// The scope that `callboard config` advises.
    pub(in crate::cli) advised: Scope,
    /// The command of its own that adds a server, where it has one that takes ours.
    pub(in crate::cli) command: fn(&Bridge) -> Option<String>,
    /// What it calls before and after what its agents do.
    pub(in crate::cli) hooks: Option<Hooks>,
    /// A file of ours that it loads.
    pub(in crate::cli) plugin: Option<Plugin>,
    /// What people need to know once it is set up in a scope.
    pub(in crate::cli) remark: fn(Scope) -> Option<&'static str>,
}

/// A variable that names the directory which is used in the place of one in the user's home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Moved {
    pub(in crate::cli) variable: &'static str,
    pub(in crate::cli) home: &'static str,
}

/// A file in each scope: below the top of the project, and below the user's home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Files {
    pub(in crate::cli) project: &'static str,
    /// `None` when it is not known where it is.
    pub(in crate::cli) user: Option<&'static str>,
}

/// How a server is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Form {
    /// JSON: `command` is the program, `args` are its arguments, between the fixed `before` and `after`.
    Separate {
        table: &'static str,
        before: &'static str,
        after: &'static str,
    },
    /// JSON: `command` is the program with its arguments.
    Joined {
        table: &'static str,
        before: &'static str,
        after: &'static str,
    },
    /// TOML: a table of its own, with these lines besides `command` and `args`.
    Toml { lines: &'static [&'static str] },
}

/// What a client calls, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Hooks {
    pub(in crate::cli) files: Files,
    pub(in crate::cli) occasions: &'static [Occasion],
    /// How long a call may take, in the client's own unit.
    pub(in crate::cli) time_out: u32,
    /// Whether a call has a name.
    pub(in crate::cli) named: bool,
    /// The version from which a call over an open connection can stop an edit when it fails.
    pub(in crate::cli) on_bridge_from: Option<Version>,
    pub(in crate::cli) waking: Waking,
}

/// How an agent that is idle can be woken: by a process that waits and then ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Waking {
    /// The events at which it begins to wait, none where it cannot be done.
    pub(in crate::cli) events: &'static [&'static str],
    /// How long it may wait, in the client's own unit.
    pub(in crate::cli) limit: u32,
}

impl Waking {
    /// Of a client that wakes nobody.
    const NONE: Self = Self {
        events: &[],
        limit: 0,
    };
}

/// An event on which a client calls, for some tools only or for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Occasion {
    pub(in crate::cli) event: &'static str,
    pub(in crate::cli) matcher: Option<&'static str>,
    /// Whether the tool is not used when the call fails.
    pub(in crate::cli) fails_closed: bool,
    /// Whether the connection of the client's agents is open then.
    pub(in crate::cli) on_bridge: bool,
}

/// A file of ours in a client's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Plugin {
    pub(in crate::cli) files: Files,
    pub(in crate::cli) text: &'static str,
    /// How its first line begins, whichever the version.
    pub(in crate::cli) mark: &'static str,
    /// The text in it that stands for the program, quoted.
    pub(in crate::cli) program: &'static str,
    /// The text in it that stands for the program's arguments.
    pub(in crate::cli) arguments: &'static str,
}

impl Client {
    /// Returns what is known of it.
    pub(in crate::cli) fn facts(self) -> &'static Facts {
        match self {
            Self::Claude => &claude::FACTS,
            Self::Codex => &codex::FACTS,
            Self::Gemini => &gemini::FACTS,
            Self::Opencode => &opencode::FACTS,
            Self::Cursor => &cursor::FACTS,
            Self::Vscode => &vscode::FACTS,
        }
    }

    /// Returns how it is called on the command line.
    pub(in crate::cli) fn id(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
            Self::Cursor => "cursor",
            Self::Vscode => "vscode",
        }
    }

    /// Returns what goes into its configuration for servers, to be read before it is pasted.
    pub(in crate::cli) fn snippet(self, bridge: &Bridge) -> String {
        let form = self.facts().form;
        match form.table() {
            Some(table) => {
                let entry = form.entry(bridge);
                format!("{{\n  \"{table}\": {{\n    \"{SERVER}\": {entry}\n  }}\n}}\n")
            }
            None => format!("[mcp_servers.{SERVER}]\n{}\n", form.lines(bridge).join("\n")),
        }
    }
}

impl Facts {
    /// Returns how its hooks ask best where `version` of it is installed.
    pub(super) fn usual_way(&self, version: Option<Version>) -> Way {
        let from = self.hooks.as_ref().and_then(|hooks| hooks.on_bridge_from);
        let is_safe = from.zip(version).is_some_and(|(from, version)| version >= from);
        if is_safe { Way::Bridge } else { Way::Process }
    }

    /// Returns where its servers are below `root`, which is that of `scope`: the best file first, and the one that
    /// counts most last.
    pub(in crate::cli) fn servers_in(&self, root: &Root, scope: Scope) -> Vec<String> {
        let Some(name) = self.servers.of(scope) else {
            return Vec::new();
        };
        let commented = format!("{name}c");
        let is_there = |name: &str| root.path(name).symlink_metadata().is_ok();
        let mut all = vec![name.to_owned()];
        if self.reads_jsonc && is_there(&commented) {
            all.retain(|name| is_there(name));
            all.push(commented);
        }
        all
    }
}

impl Files {
    /// Returns the file of a scope.
    pub(in crate::cli) fn of(self, scope: Scope) -> Option<&'static str> {
        match scope {
            Scope::Project => Some(self.project),
            Scope::User => self.user,
        }
    }
}

impl Form {
    /// Returns the object that holds the servers, `None` for TOML.
    pub(in crate::cli) fn table(self) -> Option<&'static str> {
        match self {
            Self::Separate { table, .. } | Self::Joined { table, .. } => Some(table),
            Self::Toml { .. } => None,
        }
    }

    /// Returns the entry that starts `bridge`, in one line of JSON.
    ///
    /// Written by hand and not by a serialiser, because people read it.
    pub(in crate::cli) fn entry(self, bridge: &Bridge) -> String {
        let (before, after) = match self {
            Self::Separate { before, after, .. } | Self::Joined { before, after, .. } => (before, after),
            Self::Toml { .. } => ("", ""),
        };
        let values = self.values(bridge);
        let start: Vec<_> = values
            .iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{ {before}{}{after} }}", start.join(", "))
    }

    /// Returns the lines of the table that starts `bridge`, in TOML.
    pub(in crate::cli) fn lines(self, bridge: &Bridge) -> Vec<String> {
        // A basic string of TOML is escaped as serde_json escapes a string of JSON.
        let values = self.values(bridge).into_iter();
        let start = values.map(|(key, value)| format!("{key} = {value}"));
        let Self::Toml { lines } = self else {
            return start.collect();
        };
        start.chain(lines.iter().map(|line| (*line).to_owned())).collect()
    }

    /// Returns the keys that tell how the server is started, each with its value.
    pub(in crate::cli) fn values(self, bridge: &Bridge) -> Vec<(&'static str, String)> {
        let arguments = Value::from(bridge.arguments.clone());
        if let Self::Joined { .. } = self {
            let words: Value = bridge.words().collect();
            return vec![("command", words.to_string())];
        }
        let program = Value::from(bridge.program.as_str());
        vec![("command", program.to_string()), ("args", arguments.to_string())]
    }
}
