//! The real program, started headless on a socket in a folder of its own.

#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait::until;

/// How long a process may take to reach a state on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running board. Dropping it kills the process and removes its folder.
pub(crate) struct BoardProcess {
    dir: tempfile::TempDir,
    child: Child,
}

impl BoardProcess {
    /// Starts a board and waits until it answers on its socket.
    pub(crate) fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("cb").tempdir().unwrap();
        let child = spawn(dir.path());
        let board = Self { dir, child };
        board.wait_until_it_listens();
        board
    }

    /// Returns the socket's path.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Returns the number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the board by `signal` and starts another in its place.
    pub(crate) fn restart(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap();
        self.child = spawn(self.dir.path());
    }

    /// Returns a command that runs the program against this board.
    pub(crate) fn command(&self) -> Command {
        program(self.dir.path())
    }

    fn wait_until_it_listens(&self) {
        until("the board listens", PATIENCE, || {
            UnixStream::connect(self.socket()).ok()
        });
    }
}

impl Drop for BoardProcess {
    fn drop(&mut self) {
        // It may have ended already; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(dir: &Path) -> Child {
    let mut command = program(dir);
    command
        .arg("--no-tui")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Returns a command in an environment in which nothing of the machine's user is found.
pub(crate) fn program(dir: &Path) -> Command {
    let kept = std::env::vars().filter(|(name, _)| !name.starts_with("CALLBOARD_") && name != "NO_COLOR");
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    command
        .env_clear()
        .envs(kept)
        .env("XDG_RUNTIME_DIR", dir)
        .env("CALLBOARD_SOCKET", dir.join("s"))
        // The boards are the test's own, also those that follow killed ones.
        .env("CALLBOARD_NO_SPAWN", "1")
        .current_dir(dir);
    command
}
