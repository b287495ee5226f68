//! Whether what entitles a process to serve is still where others look for it.
//!
//! Directories for what runs are removed at a logout, and temporary ones are cleaned. Whoever serves keeps its lock and
//! its socket all the same, but nobody finds them there any more, and somebody else can take the place.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Device and inode: which file it is, whatever it is called.
pub(super) type Identity = (u64, u64);

/// The lock and the socket of a board that is served. As long as it is, no other files can have their identities.
#[derive(Clone, Debug)]
pub struct Foothold {
    pub(super) lock: (PathBuf, Identity),
    pub(super) socket: (PathBuf, Identity),
}

impl Foothold {
    /// Tells whether nobody else can serve.
    pub fn has_lock(&self) -> bool {
        is_there(&self.lock)
    }

    /// Tells whether, besides, everybody can connect.
    pub fn is_whole(&self) -> bool {
        self.has_lock() && is_there(&self.socket)
    }
}

fn is_there((path, own): &(PathBuf, Identity)) -> bool {
    identity(path).is_ok_and(|found| found == *own)
}

/// Returns which file stands at `path`; a link is one too.
pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
