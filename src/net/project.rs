//! Where a project's socket is: one directory for each project, which all its worktrees share.
//!
//! Responsible for names, owners and modes of these places, and for listing the boards that run. Not for
//! who may serve: that is [`super::listen`]. Reads no environment; its caller passes what it says.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::holder::Holder;
use super::repository::Repository;

/// The longest path that a socket's address can hold.
pub const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How much of a project's name goes into its directory's name, so that the path stays short.
const NAME_CHARS: usize = 32;

/// A project and the places of its board. Finding one creates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// The top of the project's main worktree; lock targets are relative to it.
    pub root: PathBuf,
    /// What people call it: the last part of the root.
    pub name: String,
    /// The socket of its board.
    pub socket: PathBuf,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In a directory of ours, below one that holds those of all projects.
    Own { base: PathBuf, directory: PathBuf },
    /// Where the user said; the other files are its siblings.
    Chosen,
}

/// A board that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// What people call the project.
    pub name: String,
    /// The top of the project.
    pub root: PathBuf,
    /// The socket that it serves.
    pub socket: PathBuf,
    /// The process that serves it.
    pub pid: u32,
}

/// Why a project's places cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The current directory is gone or closed.
    #[error("cannot resolve the directory {}: {source}", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A socket's address is short.
    #[error(
        "the socket path {} is longer than {MAX_SOCKET_PATH} bytes; choose a shorter one with --socket PATH, \
         the same for the board and its bridges", .path.display()
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Someone else could read the board or pose as it.
    #[error("{} {problem}; {fix}, or choose another place with --socket PATH", .path.display())]
    Unsafe {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// What to do about it.
        fix: String,
    },
    /// The place cannot be made or looked at.
    #[error("cannot use the directory {}: {source}", .path.display())]
    Place {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Project {
    /// Finds the project around `cwd`, whose socket is `socket` when the user chose one.
    ///
    /// `runtime_dir` is what `XDG_RUNTIME_DIR` says; it is not used when it is not a directory of ours.
    pub fn locate(
        cwd: &Path,
        socket: Option<&Path>,
        runtime_dir: Option<&Path>,
    ) -> Result<Self, ProjectError> {
        let cwd = cwd.canonicalize().map_err(|source| ProjectError::Directory {
            path: cwd.to_owned(),
            source,
        })?;
        let Repository { common, root } = Repository::around(&cwd);
        let name = plain_name(&root);
        let (socket, place) = if let Some(chosen) = socket {
            (cwd.join(chosen), Place::Chosen)
        } else {
            let base = base_directory(runtime_dir);
            let directory = base.join(format!("{name}-{}", short_hash(&common)));
            (directory.join("socket"), Place::Own { base, directory })
        };
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            return Err(ProjectError::TooLong { path: socket });
        }
        Ok(Self {
            root,
            name,
            socket,
            place,
        })
    }

    /// Returns the file whose lock decides who serves.
    pub fn lock_file(&self) -> PathBuf {
        self.beside("lock")
    }

    /// Returns the file that remembers which revisions were handed out.
    pub fn revision_file(&self) -> PathBuf {
        self.beside("revision")
    }

    /// Returns the file in which a running board is saved.
    pub fn snapshot_file(&self) -> PathBuf {
        self.beside("snapshot")
    }

    /// Returns the file that a board which nobody watches logs to.
    pub fn log_file(&self) -> PathBuf {
        self.beside("board.log")
    }

    /// Returns the process that says it serves the project. One that was killed says so still.
    pub fn server(&self) -> Option<u32> {
        Holder::read(&self.lock_file()).map(|holder| holder.pid)
    }

    /// Makes the project's directory and checks it. Where the user chose the socket's place, others may be allowed to
    /// write there, so the files are checked instead: a board must not go on with what somebody else has put there.
    pub fn prepare(&self) -> Result<(), ProjectError> {
        let Place::Own { base, directory } = &self.place else {
            let files = [
                self.lock_file(),
                self.revision_file(),
                self.snapshot_file(),
                self.log_file(),
            ];
            return files.iter().try_for_each(|path| check(path, Wanted::File));
        };
        for path in [base, directory] {
            match DirBuilder::new().mode(0o700).create(path) {
                Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(ProjectError::Place {
                        path: path.clone(),
                        source,
                    });
                }
                _ => check(path, Wanted::Directory)?,
            }
        }
        Ok(())
    }

    /// Checks that nobody else can pose as the project's board; a place that does not exist is fine.
    pub fn check(&self) -> Result<(), ProjectError> {
        match &self.place {
            Place::Own { base, directory } => [base, directory]
                .into_iter()
                .try_for_each(|path| check(path, Wanted::Directory)),
            Place::Chosen => Ok(()),
        }
    }

    /// Returns the boards of this user that answer, by name; those at a chosen socket are not known.
    pub fn all(runtime_dir: Option<&Path>) -> Result<Vec<Running>, ProjectError> {
        let base = base_directory(runtime_dir);
        check(&base, Wanted::Directory)?;
        let failed = |source| ProjectError::Place {
            path: base.clone(),
            source,
        };
        let entries = match fs::read_dir(&base) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut running = Vec::new();
        for entry in entries {
            running.extend(look(&entry.map_err(failed)?.path()));
        }
        running.sort_by(|a, b| (&a.name, &a.root).cmp(&(&b.name, &b.root)));
        Ok(running)
    }

    fn beside(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Own { directory, .. } => directory.join(name),
            Place::Chosen => {
                let mut path = self.socket.clone().into_os_string();
                path.push(".");
                path.push(name);
                path.into()
            }
        }
    }
}

/// Returns the board whose directory is `directory`, when it answers. Asking the socket disturbs nobody,
/// while asking for the lock could get in the way of a server that starts.
fn look(directory: &Path) -> Option<Running> {
    let socket = directory.join("socket");
    UnixStream::connect(&socket).ok()?;
    let Holder { pid, root } = Holder::read(&directory.join("lock"))?;
    let name = plain_name(&root);
    Some(Running {
        name,
        root,
        socket,
        pid,
    })
}

/// Returns the directory that holds those of all projects.
fn base_directory(runtime_dir: Option<&Path>) -> PathBuf {
    let uid = own_uid();
    let usable = |path: &&Path| {
        path.is_absolute() && fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid)
    };
    match runtime_dir.filter(usable) {
        Some(runtime) => runtime.join("callboard"),
        None => PathBuf::from(format!("/tmp/callboard-{uid}")),
    }
}

/// What must stand at a path.
#[derive(Clone, Copy)]
enum Wanted {
    /// A directory that only we can enter.
    Directory,
    /// A file of ours.
    File,
}

/// Checks that what stands at `path`, if anything does, is what is `wanted`.
fn check(path: &Path, wanted: Wanted) -> Result<(), ProjectError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(ProjectError::Place {
                path: path.to_owned(),
                source,
            });
        }
    };
    let (is_wanted, otherwise, is_open) = match wanted {
        Wanted::Directory => (found.is_dir(), "is not a directory", found.mode() & 0o077 != 0),
        Wanted::File => (found.is_file(), "is not a file", false),
    };
    let (problem, fix) = if !is_wanted {
        (otherwise, format!("remove {}", path.display()))
    } else if found.uid() != own_uid() {
        ("belongs to another user", "ask them to remove it".to_owned())
    } else if is_open {
        (
            "is open to other users",
            format!("run `chmod 700 {}`", path.display()),
        )
    } else {
        return Ok(());
    };
    Err(ProjectError::Unsafe {
        path: path.to_owned(),
        problem,
        fix,
    })
}

/// Returns the last part of `path` with only characters that are plain in every shell.
fn plain_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(plain).take(NAME_CHARS).collect();
    if name.is_empty() { "root".to_owned() } else { name }
}

fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    let [a, b, c, d, ..]: [u8; 32] = digest.into();
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

/// Returns the user that this process acts as.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn project(dir: &Path) -> Project {
        let cwd = dir.join("my app");
        fs::create_dir_all(&cwd).unwrap();
        Project::locate(&cwd, None, Some(dir)).unwrap()
    }

    #[test]
    fn locating_creates_nothing_and_preparing_makes_a_private_directory() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let directory = project.socket.parent().unwrap();
        assert_eq!(project.name, "my-app");
        assert!(directory.starts_with(dir.path().join("callboard")));
        let tail = directory
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .strip_prefix("my-app-");
        assert!(tail.is_some_and(|hash| hash.len() == 8));
        assert!(!dir.path().join("callboard").exists());
        project.check().unwrap();
        project.prepare().unwrap();
        project.prepare().unwrap();
        assert_eq!(fs::metadata(directory).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused_with_the_fix() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        project.prepare().unwrap();
        let directory = project.socket.parent().unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        for error in [project.prepare(), project.check()].map(Result::unwrap_err) {
            assert!(error.to_string().contains("chmod 700"), "{error}");
        }
    }

    #[test]
    fn a_symlink_in_place_of_the_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        fs::create_dir(dir.path().join("elsewhere")).unwrap();
        symlink(dir.path().join("elsewhere"), dir.path().join("callboard")).unwrap();
        let error = project.prepare().unwrap_err();
        assert!(matches!(error, ProjectError::Unsafe { .. }), "{error}");
    }

    #[test]
    fn a_runtime_directory_that_is_not_ours_is_not_used() {
        let uid = own_uid();
        let shared = PathBuf::from(format!("/tmp/callboard-{uid}"));
        assert_eq!(base_directory(None), shared);
        assert_eq!(base_directory(Some(Path::new("run"))), shared);
        assert_eq!(base_directory(Some(Path::new("/nowhere/at/all"))), shared);
    }

    #[test]
    fn a_chosen_socket_has_its_files_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::locate(dir.path(), Some(Path::new("b.sock")), None).unwrap();
        let top = dir.path().canonicalize().unwrap();
        assert_eq!(project.socket, top.join("b.sock"));
        assert_eq!(project.lock_file(), top.join("b.sock.lock"));
        assert_eq!(project.revision_file(), top.join("b.sock.revision"));
    }

    #[test]
    fn a_path_that_fits_no_address_names_the_option() {
        let dir = tempfile::tempdir().unwrap();
        let long = "x".repeat(MAX_SOCKET_PATH);
        let error = Project::locate(dir.path(), Some(Path::new(&long)), None).unwrap_err();
        assert!(error.to_string().contains("--socket"), "{error}");
    }

    #[test]
    fn only_boards_that_answer_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Project::all(Some(dir.path())).unwrap(), []);
        let project = project(dir.path());
        project.prepare().unwrap();
        fs::write(project.lock_file(), "12\n/home/me/app\n").unwrap();
        assert_eq!(Project::all(Some(dir.path())).unwrap(), []);
        let _listener = std::os::unix::net::UnixListener::bind(&project.socket).unwrap();
        let running = Project::all(Some(dir.path())).unwrap();
        assert_eq!(
            running,
            [Running {
                name: "app".to_owned(),
                root: "/home/me/app".into(),
                socket: project.socket,
                pid: 12,
            }]
        );
    }
}
