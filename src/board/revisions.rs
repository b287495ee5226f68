//! Revisions: the one counter of the board, which never goes back.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The board's counter at a committed batch: compare handle, fence and watch cursor in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// Before all revisions; as a condition it means that the key must not exist.
    pub const ZERO: Self = Self(0);

    /// Returns the revision after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many revisions are set aside at once: one fsync for a million changes.
const BLOCK: u64 = 1_000_000;
/// The most revisions that one command can use: its own, one for each entry that it finds run out, and one for
/// each request that it serves.
pub(crate) const MARGIN: u64 = 100_000;

/// Beyond it revisions could be confused: many clients read JSON numbers as doubles.
pub(crate) const MAX_START: u64 = 1 << 52;

/// The file that remembers which revisions may have been handed out.
///
/// A block is written and synced before the first revision of it is used, so a board that was killed
/// starts after everything it may have said.
#[derive(Debug)]
pub struct RevisionFile {
    path: Option<PathBuf>,
    reserved: u64,
}

impl RevisionFile {
    /// Returns a counter that remembers nothing, for boards that nobody survives.
    pub fn in_memory() -> Self {
        Self {
            path: None,
            reserved: 0,
        }
    }

    /// Opens the file at `path`, which need not exist, and returns it with the revision to start from.
    ///
    /// Fails when the file cannot be read or does not hold a number: guessing could repeat a fence.
    pub fn open(path: PathBuf) -> io::Result<(Self, Revision)> {
        let reserved = match std::fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(reserved) if reserved <= MAX_START => reserved,
                _ => {
                    let path = path.display();
                    let text = format!("{path} does not hold a revision; delete it if no agent runs");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok((
            Self {
                path: Some(path),
                reserved,
            },
            Revision(reserved),
        ))
    }

    /// Makes sure that a command which starts at `current` finds enough revisions set aside.
    pub(crate) fn reserve_after(&mut self, current: Revision) -> io::Result<()> {
        if current.0 + MARGIN <= self.reserved {
            return Ok(());
        }
        let reserved = current.0 + BLOCK;
        self.write(reserved)?;
        self.reserved = reserved;
        Ok(())
    }

    /// Gives back what was set aside beyond `current`, so that numbers stay short over clean restarts.
    pub(crate) fn settle(&mut self, current: Revision) -> io::Result<()> {
        self.write(current.0)?;
        self.reserved = current.0;
        Ok(())
    }

    fn write(&self, reserved: u64) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let new = path.with_extension("new");
        // What an earlier process left there, or anybody else put there, is not written through.
        if let Err(error) = std::fs::remove_file(&new)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        writeln!(file, "{reserved}")?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        match path.parent() {
            Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_killed_board_starts_after_everything_it_may_have_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("revision");
        let (mut file, start) = RevisionFile::open(path.clone()).unwrap();
        assert_eq!(start, Revision::ZERO);
        file.reserve_after(start).unwrap();
        drop(file);
        let (mut file, start) = RevisionFile::open(path.clone()).unwrap();
        assert_eq!(start, Revision(BLOCK));
        file.reserve_after(start).unwrap();
        file.settle(Revision(BLOCK + 5)).unwrap();
        assert_eq!(RevisionFile::open(path).unwrap().1, Revision(BLOCK + 5));
    }

    #[test]
    fn a_block_is_reserved_before_it_is_needed_and_only_then() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("revision");
        let (mut file, start) = RevisionFile::open(path.clone()).unwrap();
        file.reserve_after(start).unwrap();
        file.reserve_after(Revision(BLOCK - MARGIN)).unwrap();
        assert_eq!(RevisionFile::open(path.clone()).unwrap().1, Revision(BLOCK));
        file.reserve_after(Revision(BLOCK - MARGIN + 1)).unwrap();
        assert_eq!(
            RevisionFile::open(path).unwrap().1,
            Revision(2 * BLOCK - MARGIN + 1)
        );
    }

    #[test]
    fn nothing_is_written_through_a_link_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (path, precious) = (dir.path().join("revision"), dir.path().join("precious"));
        std::fs::write(&precious, "precious").unwrap();
        symlink(&precious, dir.path().join("revision.new")).unwrap();
        let (mut file, start) = RevisionFile::open(path.clone()).unwrap();
        file.reserve_after(start).unwrap();
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_refused_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("revision");
        for damaged in ["soon", "", "-1", "18446744073709551615"] {
            std::fs::write(&path, damaged).unwrap();
            let error = RevisionFile::open(path.clone()).unwrap_err().to_string();
            assert!(error.contains("revision does not hold a revision"), "{error}");
        }
    }
}
