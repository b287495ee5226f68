//! The real program run from a shell's point of view: a command line in, an exit code and two texts out.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};

use super::process::PATIENCE;
use super::wait::until;

/// A folder of a user's own: project, runtime directory and temporary directory in one.
pub(crate) struct Home(tempfile::TempDir);

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A board in a process. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    log: Lines,
}

/// What a process says, line by line, as it says it; none is waited for for ever.
pub(crate) struct Lines(Receiver<String>);

impl Home {
    /// Makes a folder whose paths are short enough for sockets.
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("cb").tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the program with `arguments`, in an environment where nothing of the machine's user is found.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
        command
            .args(arguments)
            .env_clear()
            .envs(self.environment())
            .current_dir(self.path());
        command
    }

    /// Returns the same for a terminal.
    pub(crate) fn in_terminal(&self, arguments: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_callboard"));
        command.args(arguments);
        command.env_clear();
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.cwd(self.path());
        command
    }

    /// Bridges start no board here: a test that wants one starts it, and has it end with the test.
    fn environment(&self) -> [(&'static str, PathBuf); 4] {
        let own = || self.path().to_owned();
        [
            ("XDG_RUNTIME_DIR", own()),
            ("TMPDIR", own()),
            ("HOME", own()),
            ("CALLBOARD_NO_SPAWN", "1".into()),
        ]
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    /// Runs the program to its end with `input` on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        run(self.command(arguments), input)
    }

    /// Starts the board without a screen and waits until it says that it is open.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        let mut child = self
            .command(&[&["--no-tui"], arguments].concat())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        let server = Server { child, log };
        server.wait_for_line("the board is open");
        server
    }
}

/// Runs `command` to its end with `input` on stdin.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    std::thread::scope(|scope| {
        // One that does not read its stdin may have ended already.
        scope.spawn(move || stdin.write_all(input));
        let (stdout, stderr) = (scope.spawn(|| read(stdout)), scope.spawn(|| read(stderr)));
        let status = wait_end(&mut child);
        Ran {
            code: status.code(),
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    })
}

/// Returns everything that comes out of `source`.
pub(crate) fn read(mut source: impl Read) -> String {
    let mut text = String::new();
    source.read_to_string(&mut text).unwrap();
    text
}

impl Lines {
    pub(crate) fn of(source: impl Read + Send + 'static) -> Self {
        let (said, lines) = channel();
        std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = String::new();
            while source.read_line(&mut line).is_ok_and(|count| count > 0) {
                // Whoever does not listen any more has heard enough, and the source is closed.
                if said.send(line.trim_end().to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self(lines)
    }

    /// Returns the next line, `None` at the end.
    pub(crate) fn next(&self) -> Option<String> {
        in_time(&self.0)
    }
}

/// Returns the first line that comes out of `source`, which is closed then.
pub(crate) fn first_line(source: impl Read + Send + 'static) -> String {
    let (said, heard) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let mut source = BufReader::new(source);
        if source.read_line(&mut line).is_ok() {
            drop(source);
            // It is not waited for any more when the test has failed.
            let _ = said.send(line);
        }
    });
    in_time(&heard).unwrap()
}

fn in_time(lines: &Receiver<String>) -> Option<String> {
    let line = lines.recv_timeout(PATIENCE);
    assert_ne!(
        line,
        Err(RecvTimeoutError::Timeout),
        "waited in vain for what a process says"
    );
    line.ok()
}

impl Ran {
    /// Returns what was printed, having checked that all went well and nothing was complained of.
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// Returns the JSON values that were printed, one a line.
    pub(crate) fn json(self) -> Vec<serde_json::Value> {
        let text = self.ok();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads the log up to a line that contains `text`.
    pub(crate) fn wait_for_line(&self, text: &str) {
        let mut seen = Vec::new();
        while !seen.last().is_some_and(|line: &String| line.contains(text)) {
            let line = self.log.next();
            assert!(
                line.is_some(),
                "the board ended without saying {text:?}: {seen:#?}"
            );
            seen.extend(line);
        }
    }

    pub(crate) fn send(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits until it has ended.
    pub(crate) fn wait_end(&mut self) -> ExitStatus {
        wait_end(&mut self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `signal` to a process that the test has started.
pub(crate) fn send(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// Waits until `child` has ended.
pub(crate) fn wait_end(child: &mut Child) -> ExitStatus {
    until("the process ends", PATIENCE, || child.try_wait().unwrap())
}

/// Returns the exit code that a shell would show.
pub(crate) fn shell_code(status: ExitStatus) -> i32 {
    let by_signal = || 128 + status.signal().unwrap();
    status.code().unwrap_or_else(by_signal)
}

/// Returns `text` with `from` replaced, for snapshots.
pub(crate) fn with(text: &str, from: impl AsRef<OsStr>, to: &str) -> String {
    text.replace(from.as_ref().to_str().unwrap(), to)
}
