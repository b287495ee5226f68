//! The stdio server that agents start: it carries lines between their pipes and the board's socket.
//!
//! Responsible for connections: it finds the board, has one started, waits for it, outlives its restarts
//! without the client noticing, and lets somebody answer while there is none. Not for tools: it reads of a
//! message only what it is and under which id.
//!
//! What a client may rely on: each request gets exactly one answer, and an answered one is never done again.

mod lines;
mod link;
mod message;
mod opening;
mod outbox;
mod pending;
mod pump;
mod relay;
mod skim;
mod spawn;
mod stand_in;
mod wire;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::os::unix::process::parent_id;
use std::path::PathBuf;

use stand_in::Hint;

use super::hello::Hello;
use super::launch::Launch;
use crate::board::Secret;

/// How many random bytes prove that a connection is this bridge's.
const SECRET_BYTES: usize = 16;

/// Whose bridge it is, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The board's socket.
    pub socket: PathBuf,
    /// Where to start a board, to be told while there is none.
    pub project_dir: PathBuf,
    /// How to start a board when there is none; absent when that is not wanted.
    pub launch: Option<Launch>,
    /// What the user says of the agent; the bridge adds its processes and its secret.
    pub hello: Hello,
}

/// Why a bridge ends before its client does.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// There is no randomness to prove with who reconnects.
    #[error("cannot read /dev/urandom: {0}")]
    Random(#[source] io::Error),
    /// The hello cannot be written.
    #[error("cannot write the hello: {0}")]
    Hello(#[from] serde_json::Error),
    /// The client's end cannot be read.
    #[error("cannot read from standard input: {0}")]
    Input(#[source] io::Error),
    /// The client's end cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
    /// The system does not let it wait.
    #[error("cannot wait for input: {0}")]
    Wait(#[source] io::Error),
}

/// Serves the client on standard input and output until it closes one of them.
pub fn run(options: Options) -> Result<(), BridgeError> {
    run_on(options, io::stdin(), io::stdout())
}

/// Serves the client on `input` and `output` until it closes one of them.
pub fn run_on(options: Options, input: impl AsFd, output: impl AsFd) -> Result<(), BridgeError> {
    let hint = Hint {
        project_dir: options.project_dir,
        problem: None,
    };
    let hello = Hello {
        pid: Some(std::process::id()),
        ppid: Some(parent_id()),
        secret: Some(secret().map_err(BridgeError::Random)?),
        ..options.hello
    };
    pump::Pump::new(input, output, options.socket, options.launch, hint, hello).run()
}

fn secret() -> io::Result<Secret> {
    let mut bytes = [0; SECRET_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut text = String::with_capacity(2 * SECRET_BYTES);
    for byte in bytes {
        // Writing to a string cannot fail.
        _ = write!(text, "{byte:02x}");
    }
    Ok(text.as_str().into())
}
