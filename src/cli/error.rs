//! What goes wrong on the command line, what to do about it, and the exit code that scripts see.

use std::io;
use std::path::PathBuf;

use tracing::subscriber::SetGlobalDefaultError;

use super::demo::DemoError;
use super::setup::SetupError;
use crate::board::Refusal;
use crate::net::bridge::BridgeError;
use crate::net::handover::HandoverError;
use crate::net::listen::ListenError;
use crate::net::project::ProjectError;
use crate::snapshot::{Problem, RestoreError};
use crate::tui::TuiError;

/// The exit codes, which scripts may rely on.
pub mod exit {
    /// It worked.
    pub const OK: u8 = 0;
    /// It failed, or the board refused it.
    pub const FAILURE: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// No board runs for this project.
    pub const NO_BOARD: u8 = 3;
    /// To the client whose hook this is: do not go on. It reads why on stderr.
    pub const BLOCK: u8 = 2;
    /// The key does not exist (`get`, `expire`).
    pub const NO_KEY: u8 = 4;
    /// Added to the number of the signal that ended the program.
    pub const BY_SIGNAL: u8 = 128;
}

/// Why a command did not do what it was told to. Texts are fragments that fit after `error: `.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line is wrong, or asks for help or the version.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The project's places cannot be used.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// This process cannot serve.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The board cannot be opened.
    #[error("cannot open the board: {0}")]
    Board(#[from] Refusal),
    /// The dashboard cannot go on.
    #[error(transparent)]
    Dashboard(#[from] TuiError),
    /// The bridge cannot go on.
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    /// The demo did not go as it should.
    #[error("the demo failed: {0}")]
    Demo(#[from] DemoError),
    /// A client was not set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Something is not in order, and what it is has been told.
    #[error("{failed} of {all} findings failed")]
    Unwell {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// Something else in this process logs already.
    #[error("cannot begin to log: {0}")]
    Log(#[from] SetGlobalDefaultError),
    /// Nothing serves the socket.
    #[error("no board runs at {}", .socket.display())]
    NoBoard {
        /// Where it would be.
        socket: PathBuf,
        /// Whether the user chose that place.
        chosen: bool,
    },
    /// Nothing serves the socket, and it was to be ended.
    #[error("no board runs at {}, so there is nothing to stop", .0.display())]
    NothingToStop(PathBuf),
    /// The board went while it was being asked or followed.
    #[error("the board at {} has gone", .0.display())]
    Gone(PathBuf),
    /// The board is there but says nothing.
    #[error("the board at {} does not answer", .0.display())]
    Silent(PathBuf),
    /// The board was told to end and is still there.
    #[error("process {process} was told to end its board and has not done so in time")]
    Lingering {
        /// The board's process.
        process: u32,
    },
    /// The board is of a version that understands something else.
    #[error("the board runs callboard {theirs}, this is callboard {ours}: {problem}")]
    Skew {
        /// The board's version.
        theirs: String,
        /// This program's version.
        ours: &'static str,
        /// What it did not understand.
        problem: String,
    },
    /// What came back is not what the protocol says.
    #[error("the board at {} answered nonsense: {problem}", .socket.display())]
    Garbled {
        /// The board's socket.
        socket: PathBuf,
        /// What is wrong with the answer.
        problem: String,
    },
    /// The board understood and said no.
    #[error("the board refused: {code}")]
    Refused {
        /// The text or the code that it refused with.
        code: String,
        /// What it advised.
        hint: Option<String>,
    },
    /// The key does not exist.
    #[error("no such key: {0}")]
    NoKey(String),
    /// The file that was to be written is there.
    #[error("{} exists already", .0.display())]
    FileExists(PathBuf),
    /// There is no board of a snapshot.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// What another process hands over is no board.
    #[error("cannot go on with the board that runs: {0}")]
    Inheritance(#[source] Problem),
    /// Another process serves the board and goes on doing so.
    #[error("a board runs already{}, and is not taken over: {source}", .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Handover {
        /// That process, if it says so.
        pid: Option<u32>,
        /// Why.
        source: HandoverError,
    },
    /// What a client's hook was told is not understood, so what the client is about to do is not to happen.
    #[error("{0}")]
    Hook(String),
    /// A commit holds what others work on.
    #[error("{0}")]
    Commit(String),
    /// Git's hook cannot be put in, or taken out, without touching what is somebody else's.
    #[error("{problem}")]
    GitHook {
        /// What is in the way.
        problem: String,
        /// What to do by hand.
        fix: String,
    },
    /// stdin cannot be read as text.
    #[error("cannot read the value from stdin: {0}")]
    Input(io::Error),
    /// The output cannot be written. A reader who has had enough is no error.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// The system refuses something.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl CliError {
    /// Returns the exit code; this is the only place that decides one for an error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(error) => u8::try_from(error.exit_code()).unwrap_or(exit::USAGE),
            Self::NoBoard { .. } | Self::NothingToStop(_) | Self::Gone(_) => exit::NO_BOARD,
            Self::NoKey(_) => exit::NO_KEY,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
            Self::Hook(_) => exit::BLOCK,
            Self::Project(_)
            | Self::Listen(_)
            | Self::Board(_)
            | Self::Dashboard(_)
            | Self::Bridge(_)
            | Self::Demo(_)
            | Self::Setup(_)
            | Self::Unwell { .. }
            | Self::Log(_)
            | Self::Silent(_)
            | Self::Lingering { .. }
            | Self::Skew { .. }
            | Self::Garbled { .. }
            | Self::Refused { .. }
            | Self::FileExists(_)
            | Self::Restore(_)
            | Self::Inheritance(_)
            | Self::Handover { .. }
            | Self::Commit(_)
            | Self::GitHook { .. }
            | Self::Input(_)
            | Self::Output(_)
            | Self::System { .. } => exit::FAILURE,
        }
    }

    /// Tells whether people are to read of it; a closed pipe is how `| head` says that it is done.
    pub fn is_worth_telling(&self) -> bool {
        self.exit_code() != exit::OK || matches!(self, Self::Usage(_))
    }

    /// Returns what the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoBoard { socket, chosen: true } => Some(format!(
                "start it in another terminal: callboard --socket {}",
                socket.display()
            )),
            Self::NoBoard { .. } => Some(
                "start it in another terminal with `callboard`; `callboard ls --all` lists the boards that run"
                    .to_owned(),
            ),
            Self::NothingToStop(_) => Some("`callboard ls --all` lists the boards that run".to_owned()),
            Self::Gone(_) => Some("start it again with `callboard`".to_owned()),
            Self::Silent(_) => Some(
                "see whether its process is stopped (Ctrl-Z) or the machine is overloaded, then try again"
                    .to_owned(),
            ),
            Self::Lingering { process } => Some(format!("force it: kill {process}")),
            Self::Skew { .. } => {
                Some("quit the board and start it again, so that both are of one version".to_owned())
            }
            Self::Garbled { .. } => Some("see whether another program serves that socket".to_owned()),
            Self::Refused { code, hint: None } if code == "Invalid key format" => Some(
                "a key is 1 to 255 of the characters A-Z a-z 0-9 : _ . / - and %HH for all others".to_owned(),
            ),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NoKey(_) => Some(
                "`callboard ls` lists the keys; that of a lock begins with `lock:`, that of a task with `task:`"
                    .to_owned(),
            ),
            Self::Demo(error) => error.hint().map(str::to_owned),
            Self::FileExists(_) => Some("choose another name, or replace it with --force".to_owned()),
            Self::Restore(_) => Some(
                "the file was left as it is; begin with an empty board by --fresh, or with another file by \
                 --restore FILE"
                    .to_owned(),
            ),
            Self::Handover {
                pid: Some(pid),
                source: HandoverError::Silent,
            } => Some(format!(
                "see whether that process is stopped (`kill -CONT {pid}` lets it go on) or overloaded; `kill -9 {pid}` ends \
                 it, and the next board goes on from its last snapshot"
            )),
            Self::Inheritance(_) | Self::Handover { .. } => Some(
                "it goes on as it is; `callboard stop` ends it, and --socket PATH runs another beside it".to_owned(),
            ),
            Self::Setup(error) => error.hint(),
            Self::Unwell { .. } => Some("each of them says above what to do".to_owned()),
            Self::Input(error) if error.kind() == io::ErrorKind::InvalidData => {
                Some("values are text in UTF-8; encode anything else, for example with base64".to_owned())
            }
            Self::Hook(_) => Some(
                "run a version of callboard that knows this client, or `callboard hook --enforce open`".to_owned(),
            ),
            Self::GitHook { fix, .. } => Some(fix.clone()),
            Self::Usage(_)
            | Self::Commit(_)
            | Self::Project(_)
            | Self::Listen(_)
            | Self::Board(_)
            | Self::Dashboard(_)
            | Self::Bridge(_)
            | Self::Log(_)
            | Self::Input(_)
            | Self::Output(_)
            | Self::System { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_has_had_enough_is_no_error() {
        let closed = CliError::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.exit_code(), exit::OK);
        assert!(!closed.is_worth_telling());
        let full = CliError::Output(io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit_code(), exit::FAILURE);
    }

    #[test]
    fn a_missing_board_names_the_command_that_starts_it() {
        let error = |chosen| CliError::NoBoard {
            socket: "/s".into(),
            chosen,
        };
        assert_eq!(error(true).exit_code(), exit::NO_BOARD);
        assert!(error(true).hint().unwrap().ends_with("callboard --socket /s"));
        assert!(error(false).hint().unwrap().contains("`callboard`"));
    }
}
