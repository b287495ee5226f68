//! What stands in a file, as far as two looks at it can be compared.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

/// Of a larger file only the size and the time of its last change are compared.
const MAX_READ: u64 = 4 << 20;

/// What stands in a file. Equal ones are taken for the same content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// There is nothing, or nothing whose content counts, such as a directory or a socket.
    Nothing,
    /// Bytes with this hash, or a link to a path with this hash.
    Hash([u8; 32]),
    /// More bytes than are read.
    Large {
        size: u64,
        modified: (i64, i64),
        inode: u64,
    },
}

impl Content {
    /// Reads what stands at `path`. It follows no link, and waits for no pipe.
    pub(super) fn of(path: &Path) -> Self {
        read(path).unwrap_or(Self::Nothing)
    }

    /// Returns what is known of a file of which only `found` was read.
    fn large(found: &Metadata) -> Self {
        Self::Large {
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            inode: found.ino(),
        }
    }
}

fn read(path: &Path) -> io::Result<Content> {
    let found = fs::symlink_metadata(path)?;
    if found.is_symlink() {
        let leads_to = fs::read_link(path)?;
        return Ok(Content::Hash(
            Sha256::digest(leads_to.as_os_str().as_bytes()).into(),
        ));
    }
    if !found.is_file() {
        return Ok(Content::Nothing);
    }
    if found.len() > MAX_READ {
        return Ok(Content::large(&found));
    }
    match hash(path) {
        Ok(hash) => Ok(Content::Hash(hash)),
        // Whoever may not read it still sees that it changed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Content::large(&found)),
        Err(error) => Err(error),
    }
}

fn hash(path: &Path) -> io::Result<[u8; 32]> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut hash)?;
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_and_a_touch_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert_eq!(Content::of(&path), Content::Nothing);
        fs::write(&path, "one").unwrap();
        let one = Content::of(&path);
        File::open(&path)
            .unwrap()
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(Content::of(&path), one);
        fs::write(&path, "two").unwrap();
        assert_ne!(Content::of(&path), one);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(Content::of(&path), Content::Nothing);
    }

    #[test]
    fn a_link_is_not_followed_and_a_large_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, link) = (dir.path().join("secret"), dir.path().join("link"));
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let before = Content::of(&link);
        fs::write(&secret, "one").unwrap();
        assert_eq!(Content::of(&link), before);
        let large = File::create(dir.path().join("large")).unwrap();
        large.set_len(MAX_READ + 1).unwrap();
        let content = Content::of(&dir.path().join("large"));
        assert!(matches!(content, Content::Large { .. }), "{content:?}");
    }
}
