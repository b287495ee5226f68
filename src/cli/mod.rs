//! The command line: what people and scripts say to callboard, and what it says back.
//!
//! Responsible for options, help, exit codes, the forms of output, and for putting the other modules
//! together into a running board. Not for any rule of the board and not for the protocol.
//!
//! Invariants:
//!
//! - Nothing here prints: results go to the streams that `main` hands in.
//! - This is the only module that reads the environment and the current directory.
//! - Every error says what to do next, and becomes an exit code in one place, [`CliError::exit_code`].
//! - Scripts and the bridge need no async runtime, so they start in a millisecond.

mod args;
mod bridge;
mod child;
mod client;
mod completions;
mod config;
mod dashboard;
mod del;
mod demo;
mod doctor;
mod error;
mod expire;
mod get;
mod git_hook;
mod hook;
mod host;
mod launch;
mod ls;
mod output;
mod place;
mod processes;
mod serve;
mod set;
mod setup;
mod signals;
mod snapshot;
mod stats;
mod stop;
mod text;
mod watch;

use std::ffi::OsString;

pub use demo::DemoError;
pub use error::{CliError, exit};
pub use output::Streams;
pub use setup::SetupError;

use args::{Arguments, Command};
use output::Output;

/// How the program came to its end when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It did what it was told to.
    Done,
    /// It was told to wake whoever waits for its end, and did.
    Woken,
    /// A signal with this number told it to stop, and it did so in good order.
    Signal(u8),
}

impl Ending {
    /// Returns the exit code, by the custom of shells.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => exit::OK,
            Self::Woken => exit::BLOCK,
            Self::Signal(number) => exit::BY_SIGNAL.saturating_add(number),
        }
    }
}

/// Does what the command line `line` says, whose first word is the program's name.
pub fn run(line: impl IntoIterator<Item = OsString>, streams: Streams<'_>) -> Result<Ending, CliError> {
    let arguments = Arguments::read(line)?;
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let interactive = streams.in_is_terminal && streams.out_is_terminal && !dumb;
    let mut output = Output::new(streams, arguments.json);
    let ended = obey(arguments, interactive, &mut output);
    let flushed = output.flush();
    let ending = ended?;
    flushed.map(|()| ending)
}

fn obey(arguments: Arguments, interactive: bool, output: &mut Output<'_>) -> Result<Ending, CliError> {
    let Arguments {
        place,
        serve: options,
        command,
        ..
    } = arguments;
    let place = &place;
    let Some(command) = command else {
        return serve::run(&options, place, interactive, output);
    };
    match command {
        Command::Bridge(options) => bridge::run(options, place, interactive, output)?,
        Command::Setup(options) => setup::run(&options, place, interactive, output)?,
        Command::Doctor => doctor::run(place, output)?,
        Command::Config { client } => config::run(client, place, output)?,
        Command::Get { key, raw } => get::run(key, raw, place, output)?,
        Command::Set { key, value, ttl } => set::run(&key, value, ttl, place, output)?,
        Command::Del { key } => del::run(&key, place, output)?,
        Command::Ls { all: true, .. } => ls::boards(output)?,
        Command::Ls { pattern, values, .. } => ls::keys(&pattern, values, place, output)?,
        Command::Watch { pattern, since } => watch::run(&pattern, since, place, output)?,
        Command::Expire { key, rev } => expire::run(&key, rev, place, output)?,
        Command::Hook(options) => return hook::run(&options, place, output),
        Command::GitHook { action } => git_hook::run(action, place, output)?,
        Command::Stats => stats::run(place, output)?,
        Command::Stop => stop::run(place, output)?,
        Command::Snapshot { file, force } => snapshot::run(&file, force, place, output)?,
        Command::Demo { fast } => return demo::run(fast, place, &options, interactive, output),
        Command::Completions { shell } => completions::run(shell, output)?,
    }
    Ok(Ending::Done)
}
