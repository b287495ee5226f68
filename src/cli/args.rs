//! What can be said on the command line: subcommands, options, and the help that people read.
//!
//! Only types and words; what each subcommand does is in its own file.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use tracing::level_filters::LevelFilter;

use super::git_hook::GitHookAction;
use super::hook::HookOptions;
use super::host::{Plan, Start};
use super::setup::clients::Client;
use super::setup::options::SetupOptions;
use crate::board::{Limits, Namespace};
use crate::mcp::Toolset;

const EXAMPLES: &str = "\
Without a command it runs the board of this project: an MCP server on a local socket, with a live \
dashboard when there is a terminal. Agents attach with `callboard bridge`.

Examples:
  callboard                            the board of this project, with the dashboard
  callboard setup                      attach the agents of your clients to it
  callboard doctor                     is everything in order?
  callboard demo                       watch four agents at work on a board of their own
  callboard --no-tui 2>board.log &     the board without a screen
  callboard ls 'lock:*'                who holds what
  callboard expire lock:src/main.rs    take a stuck lock away
  callboard stop                       end the board of this project

Exit codes:
  0  it worked                         3  no board runs for this project
  1  it failed or was refused          4  the key does not exist (get, expire)
  2  the command line is wrong         128 + n  ended by signal n";

/// How many seconds a board without a dashboard waits for somebody.
const LINGER: u64 = 600;

/// Where the options stand in a command's help that every command has: behind its own.
const GLOBAL: usize = 100;

/// The board backstage where coding agents coordinate.
#[derive(Debug, Parser)]
#[command(name = "callboard", version, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) place: Place,
    /// Print JSON, one value a line; so it is anyway when the output is no terminal.
    #[arg(long, global = true, display_order = GLOBAL + 2)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) serve: ServeOptions,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Which board, and which part of it.
#[derive(Args, Clone, Debug)]
pub(super) struct Place {
    /// The board's socket, instead of that of the project around the current directory.
    #[arg(
        long,
        value_name = "PATH",
        env = "CALLBOARD_SOCKET",
        hide_env_values = true,
        global = true
    )]
    #[arg(display_order = GLOBAL)]
    pub(super) socket: Option<PathBuf>,
    /// The namespace to work in; the dashboard shows it first.
    #[arg(
        long,
        value_name = "NAME",
        env = "CALLBOARD_NAMESPACE",
        hide_env_values = true,
        global = true
    )]
    #[arg(display_order = GLOBAL + 1, default_value_t = Namespace::default())]
    pub(super) namespace: Namespace,
}

/// How the board is to be run.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[command(next_help_heading = "Options of the board")]
pub(super) struct ServeOptions {
    /// Run without the dashboard and log to stderr.
    #[arg(long)]
    pub(super) no_tui: bool,
    /// Leave the mouse to the terminal, whose own selection then works.
    #[arg(long)]
    pub(super) no_mouse: bool,
    /// Do not watch the files that are locked for changes by others than their holders.
    #[arg(long)]
    no_watch: bool,
    /// Which tools agents get.
    #[arg(long, value_name = "SET", value_enum, default_value_t = Tools::All)]
    pub(super) tools: Tools,
    /// The most keys in a namespace.
    #[arg(long, value_name = "N", default_value_t = Limits::default().keys)]
    max_keys: usize,
    /// The most bytes of values in a namespace.
    #[arg(long, value_name = "N", default_value_t = Limits::default().bytes)]
    max_bytes: usize,
    /// The most locks in a namespace.
    #[arg(long, value_name = "N", default_value_t = Limits::default().locks)]
    max_locks: usize,
    /// How long an attached agent may be silent, in seconds, before what it holds is no longer renewed.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().idle.as_secs())]
    idle_limit: u64,
    /// Without the dashboard: end after so many seconds in which nobody was connected; 0 is never. What the
    /// board holds then waits for the next one.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "CALLBOARD_LINGER",
        hide_env_values = true
    )]
    #[arg(default_value_t = LINGER)]
    pub(super) linger: u64,
    /// A process of its own, started by nobody's terminal: a bridge's way to have a board.
    #[arg(long, hide = true, requires = "no_tui")]
    pub(super) detached: bool,
    /// Ask the dashboard that started it for its board.
    #[arg(long, hide = true, requires = "detached")]
    pub(super) take_over: bool,
    /// Begin with an empty board, also when the last one did not end in good order.
    #[arg(long, conflicts_with = "restore")]
    fresh: bool,
    /// Begin with what a file says that `callboard snapshot` wrote.
    #[arg(long, value_name = "FILE")]
    restore: Option<PathBuf>,
    /// What to log: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", env = "CALLBOARD_LOG", hide_env_values = true)]
    #[arg(default_value_t = LevelFilter::INFO)]
    pub(super) log: LevelFilter,
}

/// Which tools agents get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Tools {
    /// All of them.
    All,
    /// The seven without which agents cannot share work safely.
    Core,
}

impl From<Tools> for Toolset {
    fn from(tools: Tools) -> Self {
        match tools {
            Tools::All => Self::All,
            Tools::Core => Self::Core,
        }
    }
}

/// The options that make sense only without a subcommand.
const SERVE_OPTIONS: [&str; 14] = [
    "no_tui",
    "no_mouse",
    "no_watch",
    "tools",
    "max_keys",
    "max_bytes",
    "max_locks",
    "idle_limit",
    "linger",
    "detached",
    "take_over",
    "fresh",
    "restore",
    "log",
];

/// The subcommands, in the order in which people meet them.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Attach an agent: an MCP server on stdin and stdout, for clients to start.
    #[command(after_help = "\
Examples:
  claude mcp add callboard -- callboard bridge
  callboard bridge --agent reviewer --namespace release

When no board runs, it starts one without a screen; `callboard` shows it, `callboard stop` ends it.")]
    Bridge(BridgeOptions),
    /// Attach the agents of your clients: write into their configuration what they need.
    #[command(after_help = "\
Examples:
  callboard setup                      every client that is here, for this project
  callboard setup claude --user        Claude Code, in all your projects
  callboard setup claude --wake        and wake its agents when there is something for them
  callboard setup --dry-run            show the changes and write nothing
  callboard setup --remove             take out what setup has written

Each change is shown as a diff and asked about. What is there keeps its bytes, its comments and its order.")]
    Setup(SetupOptions),
    /// Find out whether everything is in order, and how to mend what is not.
    #[command(after_help = "\
Examples:
  callboard doctor
  callboard doctor --json | jq 'select(.level == \"fail\")'

Exits with 1 when something failed; warnings do not count.")]
    Doctor,
    /// Print what to put into a client's configuration.
    #[command(after_help = "\
Examples:
  callboard config                     for all clients
  callboard config claude > .mcp.json  only the snippet goes to stdout")]
    Config {
        /// The client; all when absent.
        client: Option<Client>,
    },
    /// Print the value of a key.
    #[command(after_help = "\
Examples:
  callboard get progress:global
  callboard get --raw status:agent-1:3.1 | jq .progress

Exits with 4 when the key does not exist.")]
    Get {
        /// The key.
        key: String,
        /// Print the value alone, byte for byte.
        #[arg(long, conflicts_with = "json")]
        raw: bool,
    },
    /// Write a value.
    #[command(after_help = "\
Examples:
  callboard set task:7 '{\"taskId\":\"7\",\"description\":\"tidy up\"}'
  callboard set --ttl 86400 note:plan - < plan.md")]
    Set {
        /// The key.
        key: String,
        /// The value; `-` reads it from stdin, as it is.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Seconds until it expires, 1 to 86400; an hour when absent.
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<f64>,
    },
    /// Remove a key.
    #[command(after_help = "\
Examples:
  callboard del task:7

Succeeds also when there is no such key, and says so.")]
    Del {
        /// The key.
        key: String,
    },
    /// List keys, or all boards that run.
    #[command(after_help = "\
Examples:
  callboard ls                         every key
  callboard ls 'status:*' --values
  callboard ls --all                   the boards of all projects")]
    Ls {
        /// Which keys: `*` stands for any run of characters.
        #[arg(default_value = "*")]
        pattern: String,
        /// Print the values too.
        #[arg(long)]
        values: bool,
        /// List the running boards of all projects instead, but for those at a socket of their own.
        #[arg(long, conflicts_with_all = ["pattern", "values", "socket"])]
        all: bool,
    },
    /// Follow what happens, one line for each event, until Ctrl-C.
    #[command(after_help = "\
Examples:
  callboard watch                      from now on
  callboard watch 'lock:*' --since 0   with all that the board still remembers
  callboard watch 'msg:me:*' --json | while read -r event; do …; done")]
    Watch {
        /// Which keys: `*` stands for any run of characters.
        #[arg(default_value = "*")]
        pattern: String,
        /// Begin after this revision instead of now.
        #[arg(long, value_name = "REV")]
        since: Option<u64>,
    },
    /// End a key or a lock at once, whoever holds it.
    #[command(after_help = "\
Examples:
  callboard expire lock:src/main.rs
  callboard expire lock:src/main.rs --rev 1207

Asks nothing; says from whom it was taken. With --rev nothing happens if the key has changed since.")]
    Expire {
        /// The key.
        key: String,
        /// Only if the key still has this revision; `ls --json` shows it.
        #[arg(long, value_name = "REV")]
        rev: Option<u64>,
    },
    /// Print the board in numbers.
    #[command(after_help = "\
Examples:
  callboard stats
  callboard stats --json")]
    Stats,
    /// End the board of this project, with or without a dashboard.
    #[command(after_help = "\
Examples:
  callboard stop
  callboard stop --json | jq .agents   who was attached

What is under way is answered first. What the board holds goes with it; `callboard snapshot` keeps a copy. Agents \
that are attached do not start another board; those that attach from now on do.")]
    Stop,
    /// Write all that the board knows to a file.
    #[command(after_help = "\
Examples:
  callboard snapshot before-the-merge.jsonl
  callboard --restore before-the-merge.jsonl
                                       begin a board with it

The file is written whole or not at all, and only you can read it. It holds every namespace. It is JSON, a \
line for each key.")]
    Snapshot {
        /// The file; it must not exist yet.
        file: PathBuf,
        /// Replace the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Judge what an agent is about to do: for the hooks of clients, with their JSON on stdin.
    #[command(after_help = "\
Examples:
  callboard hook claude                in the hooks of .claude/settings.json
  callboard hook codex --enforce closed
                                       no edit without a board
  callboard hook claude --wake         wait until there is something for an idle agent

An edit of what another agent has locked is denied. A free file is locked for the agent that edits it, until it \
stops. Files written by shell commands are seen afterwards only, except for git commands that throw changes away.")]
    Hook(HookOptions),
    /// Refuse commits of files that others have locked.
    #[command(after_help = "\
Examples:
  callboard git-hook install           in the repository around the current directory
  git commit --no-verify               commit all the same

A hook that is there already is kept: what is added to it stands between two marks.")]
    GitHook {
        /// What to do.
        action: GitHookAction,
    },
    /// Show the board at work: a manager and three implementers, as real MCP clients.
    #[command(after_help = "\
Examples:
  callboard demo                       on a board of its own, with the dashboard
  callboard demo --fast                as fast as it goes
  callboard demo --socket PATH         on a board that runs already

Without a terminal the workflow is run once, fast, and its steps are printed; the exit code tells whether \
every step was as it should be.")]
    Demo {
        /// Do not wait between the steps.
        #[arg(long)]
        fast: bool,
    },
    /// Print the completions for a shell.
    #[command(after_help = "\
Examples:
  callboard completions bash > ~/.local/share/bash-completion/completions/callboard
  callboard completions zsh > ~/.zfunc/_callboard
  callboard completions fish > ~/.config/fish/completions/callboard.fish")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// How an agent is attached.
#[derive(Args, Debug)]
pub(super) struct BridgeOptions {
    /// What the agent is called on the board; after its client when absent.
    #[arg(long, value_name = "NAME", env = "CALLBOARD_AGENT", hide_env_values = true)]
    pub(super) agent: Option<String>,
    /// Start no board when there is none; without this, one without a screen is started.
    #[arg(long, env = "CALLBOARD_NO_SPAWN", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(super) no_spawn: bool,
}

impl ServeOptions {
    /// Returns how long a board without a dashboard waits for somebody, if not for ever.
    pub(super) fn linger(&self) -> Option<Duration> {
        (self.linger > 0).then(|| Duration::from_secs(self.linger))
    }

    /// Returns what makes another process run the board as this one does, in place of this one.
    pub(super) fn of_successor(&self) -> Vec<OsString> {
        let tools = self.tools.to_possible_value();
        let tools = tools.map_or_else(String::new, |tools| tools.get_name().to_owned());
        let options = [
            ("--tools", tools),
            ("--max-keys", self.max_keys.to_string()),
            ("--max-bytes", self.max_bytes.to_string()),
            ("--max-locks", self.max_locks.to_string()),
            ("--idle-limit", self.idle_limit.to_string()),
            ("--linger", self.linger.to_string()),
            ("--log", self.log.to_string()),
        ];
        let options = options
            .into_iter()
            .flat_map(|(name, value)| [name.into(), value.into()]);
        let blind = self.no_watch.then_some("--no-watch".into());
        let flags = std::iter::once("--take-over".into()).chain(blind);
        flags.chain(options).collect()
    }

    /// Tells whether the board is to begin in another way than where the last one stopped.
    pub(super) fn begins_elsewhere(&self) -> bool {
        self.fresh || self.restore.is_some()
    }

    /// Returns how the board is to be run; at the end, what is in flight has `patience` to finish.
    pub(super) fn plan(&self, patience: Duration) -> Plan {
        let start = match &self.restore {
            Some(file) => Start::Restoring(file.clone()),
            None if self.fresh => Start::Fresh,
            None => Start::Recovering,
        };
        let limits = Limits {
            keys: self.max_keys,
            bytes: self.max_bytes,
            locks: self.max_locks,
            idle: Duration::from_secs(self.idle_limit),
        };
        Plan {
            start,
            limits,
            tools: self.tools.into(),
            watches: !self.no_watch,
            patience,
        }
    }
}

impl Arguments {
    /// Reads the command line `line`, whose first word is the program's name.
    pub(super) fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(line)?;
        if let Some((name, below)) = matches.subcommand() {
            if let Some(id) = SERVE_OPTIONS.iter().find(|id| is_given(&matches, id)) {
                let option = id.replace('_', "-");
                let text = format!("--{option} is an option of the board; it means nothing to `{name}`");
                return Err(command.error(ErrorKind::ArgumentConflict, text));
            }
            let mut arguments = Self::from_arg_matches(&matches)?;
            if name == "demo" && !is_given(below, "socket") {
                // Nobody wants the demo to play on the board they work with unless they say so.
                arguments.place.socket = None;
            }
            if let Some(Command::Setup(options)) = &mut arguments.command {
                options.names_namespace = below.value_source("namespace") != Some(ValueSource::DefaultValue);
            }
            return Ok(arguments);
        }
        if is_given(&matches, "json") {
            let text = "--json is for the commands that print something";
            return Err(command.error(ErrorKind::ArgumentConflict, text));
        }
        Self::from_arg_matches(&matches)
    }
}

/// Tells whether the argument `id` was typed, not taken from the environment or a default.
fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Returns the command line's description, for completions.
pub(super) fn description() -> clap::Command {
    Arguments::command()
}

#[cfg(test)]
mod tests;
