//! The real program, started headless on a socket in a folder of its own.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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

    /// Kills the process as a crash would, and starts another on the same socket.
    pub(crate) fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(self.dir.path());
        self.wait_until_it_listens();
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
    let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
    hermetic(&mut command, dir);
    command
        .arg("--no-tui")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// Gives `command` an environment in which nothing of the machine's user is found.
fn hermetic(command: &mut Command, dir: &Path) {
    let kept = std::env::vars().filter(|(name, _)| !name.starts_with("CALLBOARD_") && name != "NO_COLOR");
    command
        .env_clear()
        .envs(kept)
        .env("XDG_RUNTIME_DIR", dir)
        .env("CALLBOARD_SOCKET", dir.join("s"))
        .current_dir(dir);
}
