//! Starting a board in a process of its own, which no terminal and no client ends.
//!
//! Responsible for what that process is given, for its log, and for its being the only one that starts. Not for
//! when a board is started: that is [`super::bridge`]'s to decide.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use super::project::{Project, ProjectError};

/// How much of a log's end is looked at, and how many of its lines tell why a board failed.
const TAIL: (u64, usize) = (2_048, 3);
/// What waiting for a process takes.
const STACK: usize = 64 * 1024;

/// How a project's board is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program and what it is told.
    pub program: PathBuf,
    /// Its arguments; with them it detaches itself and serves without a screen.
    pub arguments: Vec<OsString>,
    /// All of its environment: that of a client holds secrets which are not the board's.
    pub environment: Vec<(OsString, OsString)>,
    /// The directory in which it finds the same project.
    pub directory: PathBuf,
    /// The project that it serves.
    pub project: Project,
}

/// A board that was started and may not serve yet.
#[derive(Debug)]
pub struct Launched {
    process: u32,
    ended: Receiver<io::Result<ExitStatus>>,
    log: PathBuf,
}

/// How a board ended that never served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miscarried {
    /// It left the project to another one.
    Gave,
    /// It could not serve, and this is why.
    Failed(String),
}

/// Why no board was started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The project's places cannot be used.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The system refuses.
    #[error("cannot {doing} {}: {source}", .path.display())]
    System {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Launch {
    /// Starts a board; `None` when one that was started before lives, and will serve or end.
    pub fn start(&self) -> Result<Option<Launched>, LaunchError> {
        self.project.prepare()?;
        let path = self.project.log_file();
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| LaunchError::System { doing, path, source }
        };
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed("open the log", &path))?;
        // The board inherits the lock with the file, and so holds it until its end.
        match log.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
        }
        log.set_len(0).map_err(failed("clear", &path))?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed("start", &self.program))?;
        let process = child.id();
        tracing::debug!(process, "started a board");
        let (tell, ended) = channel();
        thread::Builder::new()
            .name("board's end".to_owned())
            .stack_size(STACK)
            // Somebody must take note of the end; whether anybody asks for it is another thing.
            .spawn(move || tell.send(child.wait()))
            .map_err(failed("watch", &self.program))?;
        Ok(Some(Launched {
            process,
            ended,
            log: path,
        }))
    }
}

impl Launched {
    /// Returns its process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Returns how it ended, if it has.
    pub fn ended(&self) -> Option<Miscarried> {
        match self.ended.try_recv() {
            Err(TryRecvError::Empty) => None,
            Ok(Ok(status)) if status.success() => Some(Miscarried::Gave),
            Ok(Ok(status)) => Some(Miscarried::Failed(
                self.reason(&format!("it ended with {status}")),
            )),
            Ok(Err(_)) | Err(TryRecvError::Disconnected) => {
                Some(Miscarried::Failed(self.reason("it ended, nobody knows how")))
            }
        }
    }

    /// Returns the last words of the log, or `otherwise` when it has none.
    fn reason(&self, otherwise: &str) -> String {
        let text = tail(&self.log).unwrap_or_default();
        let mut lines: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        lines.drain(..lines.len().saturating_sub(TAIL.1));
        if lines.is_empty() {
            return otherwise.to_owned();
        }
        lines.join("; ").replace(char::is_control, " ")
    }
}

/// Returns the end of the file at `path`.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL.0);
    file.seek(SeekFrom::Start(start))?;
    let mut text = Vec::new();
    file.take(TAIL.0).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use super::*;

    /// Returns how a shell that runs `script` is started in place of a board.
    fn shell(dir: &Path, script: &str) -> Launch {
        Launch {
            program: "/bin/sh".into(),
            arguments: ["-c", script].map(OsString::from).into(),
            environment: vec![("ONLY".into(), "this".into())],
            directory: dir.to_owned(),
            project: Project::locate(dir, None, Some(dir)).unwrap(),
        }
    }

    fn end(launched: &Launched) -> Miscarried {
        let status = launched.ended.recv_timeout(Duration::from_secs(20)).unwrap();
        let (tell, ended) = channel();
        tell.send(status).unwrap();
        let log = launched.log.clone();
        let process = launched.process;
        Launched { process, ended, log }.ended().unwrap()
    }

    #[test]
    fn the_last_words_of_a_board_that_fails_are_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let failed = |script| end(&shell(dir.path(), script).start().unwrap().unwrap());
        let script = "for word in a b c d; do printf '%s\\t\\n\\n' $word >&2; done; exit 1";
        assert_eq!(failed(script), Miscarried::Failed("b; c; d".to_owned()));
        let silent = Miscarried::Failed("it ended with exit status: 7".to_owned());
        assert_eq!(failed("exit 7"), silent, "an older log is no reason");
        assert_eq!(failed("echo never mind >&2"), Miscarried::Gave);
    }

    #[test]
    fn it_gets_nothing_of_the_client_and_its_log_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let launch = shell(dir.path(), "env >&2; cat; pwd >&2; exit 1");
        let launched = launch.start().unwrap().unwrap();
        end(&launched);
        let log = std::fs::read_to_string(launch.project.log_file()).unwrap();
        assert!(log.contains("ONLY=this\n"), "{log}");
        assert!(!log.contains("PATH=/") && !log.contains("HOME="), "{log}");
        assert!(
            log.ends_with(&format!("{}\n", dir.path().canonicalize().unwrap().display())),
            "{log}"
        );
        let mode = std::fs::metadata(launch.project.log_file())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn only_one_starts_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let made = Command::new("mkfifo").arg(dir.path().join("go")).status();
        assert!(made.unwrap().success());
        let launch = shell(dir.path(), "read word < go");
        let first = launch.start().unwrap().unwrap();
        assert!(launch.start().unwrap().is_none());
        assert_eq!(first.ended(), None);
        std::fs::write(dir.path().join("go"), "on\n").unwrap();
        assert_eq!(end(&first), Miscarried::Gave);
        assert!(launch.start().unwrap().is_some());
        std::fs::write(dir.path().join("go"), "on\n").unwrap();
    }

    #[test]
    fn a_program_that_is_gone_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let launch = Launch {
            program: "/nowhere/callboard".into(),
            ..shell(dir.path(), "")
        };
        let error = launch.start().unwrap_err().to_string();
        assert!(error.starts_with("cannot start /nowhere/callboard: "), "{error}");
        // What was tried in vain keeps nobody from trying again.
        assert!(shell(dir.path(), "").start().unwrap().is_some());
    }
}
