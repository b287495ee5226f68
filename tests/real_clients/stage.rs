//! Where a real client is at work: a person's home, a repository, a board that runs for it, and callboard and the
//! client on the `PATH`. Nothing of the machine's own user is found there.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::model::{Model, PATIENCE};
use crate::support::plain::Plain;
use crate::support::program::{Lines, Ran, run};
use crate::support::wait::until;

/// The file that everybody wants to edit, and its lock.
pub(crate) const FILE: &str = "src/f.rs";
pub(crate) const LOCK: &str = "lock:src/f.rs";
pub(crate) const BEFORE: &str = "one\ntwo\n";

/// Keeps clients from the network, which some look at as soon as they start: they learn at once that nobody is there.
const ALONE: [(&str, &str); 5] = [
    ("HTTP_PROXY", "http://127.0.0.1:9"),
    ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ("NO_PROXY", "127.0.0.1,localhost"),
    ("npm_config_registry", "http://127.0.0.1:9"),
    ("npm_config_fetch_retries", "0"),
];

/// A client that these tests know.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// What a shell and `callboard setup` call it.
    pub(crate) program: &'static str,
    /// Where it is in the folder of clients; `{platform}` is what npm calls the machine. Some packages bring a program
    /// for each platform, and the one in `.bin` does nothing until an install script has run, which npm may not allow.
    pub(crate) place: &'static str,
}

/// The stage of one test. Dropping it ends everything on it.
pub(crate) struct Stage {
    board: Running,
    pub(crate) model: Model,
    dir: tempfile::TempDir,
}

/// A process with what it says. Dropping it ends it, and all that it has started.
pub(crate) struct Running {
    child: Child,
    says: Lines,
}

impl Stage {
    /// Opens a stage on which `client` is set up by `callboard setup`, `None` where it is not installed.
    pub(crate) fn set_up(client: Client) -> Option<Self> {
        let stage = Self::open(client)?;
        stage.callboard(&["setup", client.program, "--project", "--yes"]);
        Some(stage)
    }

    /// Opens a stage on which nothing is set up, `None` where the client is not installed.
    pub(crate) fn open(client: Client) -> Option<Self> {
        let program = clients().join(client.place.replace("{platform}", &platform()));
        if !program.exists() {
            // Past what a test prints, which is only shown when it fails.
            let skipped = format!(
                "skipped: {} is not installed; tests/real_clients.sh installs it",
                client.name
            );
            let mut stderr = io::stderr();
            writeln!(stderr, "{skipped}").unwrap();
            return None;
        }
        let dir = tempfile::Builder::new().prefix("cb").tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for part in ["home", "bin", "run", "project/src"] {
            fs::create_dir_all(base.join(part)).unwrap();
        }
        fs::write(base.join("project").join(FILE), BEFORE).unwrap();
        symlink(env!("CARGO_BIN_EXE_callboard"), base.join("bin/callboard")).unwrap();
        symlink(program, base.join("bin").join(client.program)).unwrap();
        done(
            Command::new("git")
                .args(["init", "--quiet"])
                .arg(base.join("project")),
        );
        let mut board = command(&base, "callboard");
        let board = Running::start(board.arg("--no-tui").stdout(Stdio::null()));
        board.says("the board is open");
        Some(Self {
            board,
            model: Model::start(),
            dir,
        })
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.base().join("home")
    }

    /// Writes `text` into the file `name` of the person's home.
    pub(crate) fn put_at_home(&self, name: &str, text: &str) {
        let path = self.home().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.base().join("project")
    }

    /// Returns the file that everybody wants to edit, as models name it.
    pub(crate) fn file(&self) -> String {
        self.project().join(FILE).display().to_string()
    }

    /// Returns what stands in that file.
    pub(crate) fn content(&self) -> String {
        fs::read_to_string(self.project().join(FILE)).unwrap()
    }

    /// Returns a command in the project.
    pub(crate) fn command(&self, program: &str) -> Command {
        command(&self.base(), program)
    }

    /// Runs callboard to its end and returns what it prints.
    pub(crate) fn callboard(&self, arguments: &[&str]) -> String {
        let mut callboard = self.command("callboard");
        done(callboard.args(arguments))
    }

    /// Returns the agent that holds the lock on the file, as the board has it.
    pub(crate) fn holder(&self) -> Option<String> {
        self.holder_of(LOCK)
    }

    /// Returns the agent that holds the lock under `key`.
    pub(crate) fn holder_of(&self, key: &str) -> Option<String> {
        let rows = self.callboard(&["ls", key, "--json"]);
        let row: Value = serde_json::from_str(rows.lines().next()?).unwrap();
        Some(row["heldBy"].as_str().unwrap().to_owned())
    }

    /// Has an agent called `somebody` hold the lock until it is dropped.
    pub(crate) fn hold(&self) -> Plain {
        let mut holder = Plain::through_bridge(self.command("callboard"), "somebody");
        let locked = holder.tool("acquireLock", &json!({ "targets": [FILE], "why": "a test" }));
        assert!(locked["fence"].is_number(), "{locked}");
        holder
    }

    /// Waits until somebody is attached.
    pub(crate) fn wait_until_attached(&self) {
        until("somebody is attached", PATIENCE, || {
            let stats: Value = serde_json::from_str(&self.callboard(&["stats", "--json"])).unwrap();
            // Who asks is one of them.
            (stats["agents"].as_u64() > Some(1)).then_some(())
        });
    }

    /// Waits until nobody holds the lock.
    pub(crate) fn wait_until_free(&self) {
        until("the lock is released", PATIENCE, || {
            self.holder().is_none().then_some(())
        });
    }

    fn base(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // In good order, or a bridge that is left would think that it has to start another board.
        let _ = kill_process_group(Pid::from_child(&self.board.child), Signal::TERM);
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| self.board.end()));
    }
}

/// Returns where the clients are installed.
fn clients() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let cache = || match variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(variable("HOME").unwrap_or_default()).join(".cache"),
    };
    let place = variable("CALLBOARD_CLIENTS").map(PathBuf::from);
    std::path::absolute(place.unwrap_or_else(|| cache().join("callboard-clients"))).unwrap()
}

/// Returns what npm calls this platform.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let processor = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{processor}")
}

fn command(base: &Path, program: &str) -> Command {
    let mut path = OsString::from(base.join("bin"));
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(base.join("bin").join(program));
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", base.join("home"))
        .env("XDG_RUNTIME_DIR", base.join("run"))
        .env("TMPDIR", base.join("run"))
        .envs(ALONE)
        .current_dir(base.join("project"));
    command
}

/// Runs `command` to its end, checks that all went well, and returns what it printed on stdout.
pub(crate) fn done(command: &mut Command) -> String {
    let program = format!("{command:?}");
    let Ran { code, stdout, stderr } = run(std::mem::replace(command, Command::new("")), b"");
    assert_eq!(code, Some(0), "{program}: {stdout}{stderr}");
    stdout
}

/// Runs a client's `command` to its end and returns what it said, on stdout and stderr.
pub(crate) fn said(command: &mut Command) -> String {
    let mut all = tempfile::tempfile().unwrap();
    command.stdin(Stdio::null());
    command
        .stdout(all.try_clone().unwrap())
        .stderr(all.try_clone().unwrap());
    let mut child = command.process_group(0).spawn().unwrap();
    let ended = until("the client ends", PATIENCE, || child.try_wait().unwrap());
    let mut text = String::new();
    all.rewind().unwrap();
    all.read_to_string(&mut text).unwrap();
    assert!(ended.success(), "{command:?}: {text}");
    text
}

impl Running {
    /// Starts `command` with nothing on stdin, and listens to what it says on stderr.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let says = Lines::of(child.stderr.take().unwrap());
        Self { child, says }
    }

    /// Waits until it says something with `text` in it.
    fn says(&self, text: &str) {
        while let Some(line) = self.says.next() {
            if line.contains(text) {
                return;
            }
        }
        panic!("it ended without saying {text:?}");
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        until("the process ends", PATIENCE, || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whatever has ended already is not there to be killed.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
