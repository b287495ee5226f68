//! What the lock file says of the process that holds it, for people and for `callboard ls --all`.
//!
//! The text is only information: the lock itself decides, and a killed server leaves its text behind.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::project::Project;

/// Who serves, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) pid: u32,
    /// Last in the file, because a path may contain anything but a zero byte.
    pub(super) root: PathBuf,
}

impl Holder {
    /// Returns that this process serves `project`.
    pub(super) fn of(project: &Project) -> Self {
        Self {
            pid: std::process::id(),
            root: project.root.clone(),
        }
    }

    /// Returns what the lock file at `path` says, `None` when it says nothing readable.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = fs::read(path).ok()?;
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let pid = std::str::from_utf8(text.get(..end)?).ok()?.parse().ok()?;
        let root = text.get(end + 1..)?.strip_suffix(b"\n")?;
        Some(Self {
            pid,
            root: OsStr::from_bytes(root).into(),
        })
    }

    /// Writes it into the lock file, which the caller holds.
    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        let mut text = format!("{}\n", self.pid).into_bytes();
        text.extend_from_slice(self.root.as_os_str().as_bytes());
        text.push(b'\n');
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_survives_the_file_and_half_a_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let file = File::create(&path).unwrap();
        let holder = Holder {
            pid: 41,
            root: "/home/me/odd\nname".into(),
        };
        holder.write(&file).unwrap();
        holder.write(&file).unwrap();
        assert_eq!(Holder::read(&path), Some(holder));
        for text in ["", "41", "41\n/home", "x\n/home\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(Holder::read(&path), None, "{text:?}");
        }
    }
}
