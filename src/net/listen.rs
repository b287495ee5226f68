//! Who serves: the claim on a project, and the socket that it entitles to.
//!
//! Responsible for the lock, for replacing a socket that a killed server left, and for removing our own.
//! Not for who connects: that is [`super::server`].

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::net;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use super::foothold::{Foothold, Identity, identity};
use super::holder::Holder;
use super::project::{Project, ProjectError};

/// The right to serve a project, held until it is dropped, and by the system until this process ends.
#[derive(Debug)]
pub struct Claim {
    lock: File,
    socket: PathBuf,
    /// Whether it is ours, and not given away.
    ours: bool,
}

/// A socket that accepts. Dropping it removes the socket and gives up the claim.
#[derive(Debug)]
pub struct Listening {
    /// Goes before the listener does: a socket that refuses is one whose server has died, and bridges start another.
    file: SocketFile,
    listener: UnixListener,
    claim: Claim,
}

/// Our socket in the file system, which goes when this does.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Which it is, so that nobody else's socket is ever removed; none when it is not ours any more.
    identity: Option<Identity>,
}

/// Why this process cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The project's places cannot be used.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// Another server holds the project.
    #[error(
        "a board already serves {}{}; stop it first, or start another with --socket PATH",
        .socket.display(), .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    Taken {
        /// Its process, when it has said so.
        pid: Option<u32>,
        /// The socket that it serves.
        socket: PathBuf,
    },
    /// Something that is not ours is in the socket's place.
    #[error("{} {problem}, so it was left alone; remove it, or choose another place with --socket PATH", .path.display())]
    Foreign {
        /// The socket's path.
        path: PathBuf,
        /// What is there.
        problem: &'static str,
    },
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

impl Claim {
    /// Takes the project for this process, or says who has it.
    pub fn take(project: &Project) -> Result<Self, ListenError> {
        project.prepare()?;
        let path = project.lock_file();
        let failed = |doing| {
            let path = path.clone();
            move |source| ListenError::System { doing, path, source }
        };
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(failed("open the lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(ListenError::Taken {
                    pid: Holder::read(&path).map(|holder| holder.pid),
                    socket: project.socket.clone(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        Holder::of(project)
            .write(&lock)
            .map_err(failed("write the lock file"))?;
        Ok(Self {
            lock,
            socket: project.socket.clone(),
            ours: true,
        })
    }

    /// Opens the socket, in place of one that nobody serves any more. Needs a tokio runtime around it.
    pub fn listen(self) -> Result<Listening, ListenError> {
        let path = &self.socket;
        let failed = |doing| {
            let path = path.clone();
            move |source| ListenError::System { doing, path, source }
        };
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(failed("open the socket"))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed("protect the socket"))?;
        let identity = identity(path).map_err(failed("look at the socket"))?;
        let path = path.clone();
        Ok(Listening {
            listener,
            file: SocketFile {
                path,
                identity: Some(identity),
            },
            claim: self,
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = self.lock.set_len(0)
        {
            tracing::warn!(%error, "the lock file still names this process");
        }
    }
}

impl Listening {
    /// Returns the path of the socket.
    pub fn socket(&self) -> &Path {
        &self.file.path
    }

    /// Returns what tells whether the lock and the socket are still in their places.
    pub fn foothold(&self, project: &Project) -> io::Result<Foothold> {
        let lock = self.claim.lock.metadata()?;
        let socket = self.file.identity.map_or_else(|| identity(&self.file.path), Ok)?;
        Ok(Foothold {
            lock: (project.lock_file(), (lock.dev(), lock.ino())),
            socket: (self.file.path.clone(), socket),
        })
    }

    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    /// Returns a socket that accepts, and the lock with it, of the process that serves `project` and may let go of
    /// both. Dropping it changes nothing. Needs a tokio runtime around it.
    pub(super) fn offered(lock: OwnedFd, listener: OwnedFd, project: &Project) -> Result<Self, ListenError> {
        let path = &project.socket;
        let failed = |doing| {
            let path = path.clone();
            move |source| ListenError::System { doing, path, source }
        };
        // It was made non-blocking by whoever opened it, and that goes with it.
        let listener = UnixListener::from_std(listener.into()).map_err(failed("go on with the socket"))?;
        Ok(Self {
            listener,
            file: SocketFile {
                path: path.clone(),
                identity: None,
            },
            claim: Claim {
                lock: lock.into(),
                socket: path.clone(),
                ours: false,
            },
        })
    }

    /// Keeps what was offered: from now on this process serves `project`.
    pub(super) fn keep(&mut self, project: &Project) {
        self.claim.ours = true;
        if let Err(error) = Holder::of(project).write(&self.claim.lock) {
            tracing::warn!(%error, "the lock file does not name this process");
        }
        match identity(&self.file.path) {
            Ok(identity) => self.file.identity = Some(identity),
            Err(error) => tracing::warn!(%error, "the socket cannot be looked at, and will not be removed"),
        }
    }

    /// Returns what another process needs to go on with it: the lock and the socket.
    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.claim.lock.as_fd(), self.listener.as_fd()]
    }

    /// Leaves all of it to the process that has the descriptors.
    pub(super) fn leave(mut self) {
        self.claim.ours = false;
        self.file.identity = None;
    }

    /// Stops accepting and leaves the socket where it is, as a process that dies does: who finds it knows that nobody
    /// has ended the board.
    pub fn abandon(mut self) {
        self.file.identity = None;
    }

    /// Stops accepting and removes the socket, but keeps others from serving until the claim is dropped.
    pub fn close(self) -> Claim {
        self.claim
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some()
            && identity(&self.path).ok() == self.identity
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(socket = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Removes a socket that nobody serves from `path`; refuses to touch anything else.
fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let foreign = |problem| {
        Err(ListenError::Foreign {
            path: path.to_owned(),
            problem,
        })
    };
    let failed = |doing| {
        move |source| ListenError::System {
            doing,
            path: path.to_owned(),
            source,
        }
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("look at")(source)),
        Ok(found) if !found.file_type().is_socket() => return foreign("is not a socket"),
        Ok(_) => {}
    }
    match net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("replace the stale socket"))
        }
        Ok(_) => foreign("is served by a program that does not hold the board's lock"),
        Err(source) => Err(failed("ask the socket")(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(dir: &tempfile::TempDir) -> Project {
        Project::locate(dir.path(), None, Some(dir.path())).unwrap()
    }

    #[tokio::test]
    async fn the_second_is_told_who_serves_and_may_after_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(&dir);
        let first = Claim::take(&project).unwrap().listen().unwrap();
        let error = Claim::take(&project).unwrap_err();
        let own = std::process::id();
        assert!(matches!(error, ListenError::Taken { pid: Some(pid), .. } if pid == own));
        assert!(error.to_string().contains(&format!("process {own}")), "{error}");
        assert_eq!(
            fs::metadata(first.socket()).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(first);
        assert!(!project.socket.exists());
        assert_eq!(fs::read(project.lock_file()).unwrap(), b"");
        Claim::take(&project).unwrap().listen().unwrap();
    }

    #[tokio::test]
    async fn a_socket_of_a_killed_server_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(&dir);
        project.prepare().unwrap();
        drop(net::UnixListener::bind(&project.socket).unwrap());
        assert!(project.socket.exists());
        let listening = Claim::take(&project).unwrap().listen().unwrap();
        net::UnixStream::connect(listening.socket()).unwrap();
    }

    #[tokio::test]
    async fn what_is_not_ours_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(&dir);
        project.prepare().unwrap();
        fs::write(&project.socket, "precious").unwrap();
        let error = Claim::take(&project).unwrap().listen().unwrap_err();
        assert!(matches!(error, ListenError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&project.socket).unwrap(), b"precious");

        fs::remove_file(&project.socket).unwrap();
        let _served = net::UnixListener::bind(&project.socket).unwrap();
        let error = Claim::take(&project).unwrap().listen().unwrap_err();
        assert!(matches!(error, ListenError::Foreign { .. }), "{error}");
        net::UnixStream::connect(&project.socket).unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_took_our_place_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(&dir);
        let listening = Claim::take(&project).unwrap().listen().unwrap();
        fs::rename(&project.socket, dir.path().join("moved")).unwrap();
        let _other = net::UnixListener::bind(&project.socket).unwrap();
        drop(listening);
        net::UnixStream::connect(&project.socket).unwrap();
    }
}
