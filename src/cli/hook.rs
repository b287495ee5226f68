//! `callboard hook`: carries what a client's hook was told to the board, and the board's verdict back.
//!
//! Responsible for what happens when there is no board, or none that answers. What follows from an event is for
//! the board to say. It runs at every edit of every agent, so it needs neither a runtime nor a second look.

use std::io::{self, Read as _};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::args::Place;
use super::client::Client;
use super::output::Output;
use super::{CliError, Ending, place, processes};
use crate::hook::{self, Heard, Occasion, Verdict};
use crate::net::project::Project;

/// How long the board may take. The client waits, and so does its model.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an idle agent can be woken: longer than any client lets a hook run.
const LONGEST_WAIT: Duration = Duration::from_hours(24);
/// The longest input: a tool may write a whole file.
const MAX_INPUT: u64 = 64 << 20;
/// Where Claude Code says what its own process is, and where its project is.
const CLIENT_PROCESS: &str = "CLAUDE_PID";
const CLIENT_PROJECT: &str = "CLAUDE_PROJECT_DIR";
/// Where Claude Code says what it was started as, and what it says in a terminal: anywhere else it waits for its
/// hooks to end before it goes on.
const STARTED_AS: (&str, &str) = ("CLAUDE_CODE_ENTRYPOINT", "cli");

/// How a hook is run.
#[derive(Args, Debug)]
pub(super) struct HookOptions {
    /// The client whose hook this is.
    client: Kind,
    /// What happens to an edit that the board cannot judge: let it pass with a warning, or deny it. When absent,
    /// it passes if no board runs, and is denied if one runs that does not answer.
    #[arg(long, value_name = "HOW")]
    enforce: Option<Enforce>,
    /// Do not lock the files that an agent edits.
    #[arg(long)]
    no_auto_lock: bool,
    /// Wait until there is something for the agent, which is idle: say on stderr what, and exit with 2. Otherwise
    /// exit with 0 when its session ends, or another of its processes waits.
    #[arg(long, conflicts_with_all = ["enforce", "no_auto_lock"])]
    wake: bool,
}

/// A program with hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Claude Code.
    Claude,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode, by its plugin.
    Opencode,
}

impl From<Kind> for hook::Client {
    fn from(client: Kind) -> Self {
        match client {
            Kind::Claude => Self::Claude,
            Kind::Codex => Self::Codex,
            Kind::Gemini => Self::Gemini,
            Kind::Opencode => Self::Opencode,
        }
    }
}

/// What happens to an edit that the board cannot judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Enforce {
    /// It passes, with a warning for the person.
    Open,
    /// It is denied.
    Closed,
}

impl From<Enforce> for hook::Enforce {
    fn from(enforce: Enforce) -> Self {
        match enforce {
            Enforce::Open => Self::Open,
            Enforce::Closed => Self::Closed,
        }
    }
}

/// Asks the board what follows from the event on stdin, and says it in the client's words.
pub(super) fn run(options: &HookOptions, place: &Place, output: &mut Output<'_>) -> Result<Ending, CliError> {
    let client = hook::Client::from(options.client);
    if options.wake {
        return wake(client, place, output);
    }
    judge(client, options, place, output).map(|()| Ending::Done)
}

fn judge(
    client: hook::Client,
    options: &HookOptions,
    place: &Place,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let heard = match read(client) {
        Ok(heard) => heard,
        Err(problem) => return unreadable(client, options.enforce.map(From::from), &problem, place, output),
    };
    let Heard { event, occasion } = heard;
    let occasion = Occasion {
        auto_lock: !options.no_auto_lock,
        ..of_client(client, occasion)
    };
    let verdict = project(place).and_then(|project| ask(&occasion, &project, place));
    let enforce = options.enforce.map(hook::Enforce::from);
    let verdict = verdict.unwrap_or_else(|error| {
        let board_runs = !matches!(error, CliError::NoBoard { .. });
        let is_closed = hook::Enforce::is_closed(enforce, board_runs);
        Verdict::unjudged(&occasion, is_closed, &with_hint(&error))
    });
    match client.answer(&event, &verdict) {
        Some(answer) => output.line(answer),
        None => Ok(()),
    }
}

/// Returns `occasion` with what tells whose it is. The processes around this one may be those of several clients, one
/// inside the other.
fn of_client(client: hook::Client, occasion: Occasion) -> Occasion {
    let own = std::env::var(CLIENT_PROCESS).ok();
    let own = own.filter(|_| client == hook::Client::Claude);
    match own.and_then(|pid| pid.parse().ok()) {
        Some(process) => Occasion {
            processes: vec![process],
            ..occasion
        },
        None => Occasion {
            processes: processes::above(),
            program: Some(client.program().to_owned()),
            ..occasion
        },
    }
}

/// Waits until there is something for the agent to go on with. A board that is not there, or goes, wakes nobody, and
/// who is not at a terminal is never idle.
fn wake(client: hook::Client, place: &Place, output: &mut Output<'_>) -> Result<Ending, CliError> {
    let (variable, at_terminal) = STARTED_AS;
    if std::env::var_os(variable).is_none_or(|kind| kind != at_terminal) {
        return Ok(Ending::Done);
    }
    let occasion = of_client(client, Occasion::default());
    let woken = project(place).and_then(|project| {
        let mut board = Client::attach_aside(&project, place)?;
        board.ask_in("callboard/wake", params(&occasion)?, LONGEST_WAIT)
    });
    match woken {
        Ok(woken) => match woken["reason"].as_str() {
            Some(reason) => output.remark(reason).map(|()| Ending::Woken),
            None => Ok(Ending::Done),
        },
        Err(CliError::NoBoard { .. } | CliError::Gone(_) | CliError::Silent(_)) => Ok(Ending::Done),
        Err(error) => Err(error),
    }
}

/// Asks the board of `project` what follows from `occasion`.
pub(super) fn ask(occasion: &Occasion, project: &Project, place: &Place) -> Result<Verdict, CliError> {
    let mut board = Client::attach_aside(project, place)?;
    let verdict = board.ask_in("callboard/hook", params(occasion)?, PATIENCE)?;
    serde_json::from_value(verdict).map_err(|error| board_says_nonsense(&error))
}

fn params(occasion: &Occasion) -> Result<serde_json::Value, CliError> {
    serde_json::to_value(occasion).map_err(|error| board_says_nonsense(&error))
}

/// Returns the project that the client was started for; a hook is started where its model is, which may be in
/// another one by now.
fn project(place: &Place) -> Result<Project, CliError> {
    match std::env::var_os(CLIENT_PROJECT) {
        Some(directory) => place::project_around(directory.as_ref(), place),
        None => place::project(place),
    }
}

fn board_says_nonsense(error: &serde_json::Error) -> CliError {
    CliError::Refused {
        code: format!("its verdict cannot be read ({error})"),
        hint: Some("run the same version of callboard on both sides".to_owned()),
    }
}

fn read(client: hook::Client) -> Result<Heard, String> {
    let mut input = Vec::new();
    let read = io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut input);
    read.map_err(|error| format!("the hook's input cannot be read: {error}"))?;
    if input.len() as u64 > MAX_INPUT {
        return Err(format!("the hook's input has more than {MAX_INPUT} bytes"));
    }
    client.read(&input).map_err(|error| error.to_string())
}

/// What happened is not known, so it may have been an edit.
fn unreadable(
    client: hook::Client,
    enforce: Option<hook::Enforce>,
    problem: &str,
    place: &Place,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let connected = || project(place).and_then(|project| Client::attach_aside(&project, place));
    let board_runs = enforce.is_none() && !matches!(connected(), Err(CliError::NoBoard { .. }));
    if hook::Enforce::is_closed(enforce, board_runs) {
        return Err(CliError::Hook(problem.to_owned()));
    }
    let warning = format!("callboard: {problem}. Locks are not looked at.");
    match client.answer("", &Verdict::Warn { warning }) {
        Some(answer) => output.line(answer),
        None => Ok(()),
    }
}

fn with_hint(error: &CliError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
