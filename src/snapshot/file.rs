//! Files that are whole or not there.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Stays,
    /// The new one takes its place.
    IsReplaced,
}

/// Writes the file at `path` by `fill`, for its owner alone. A failure leaves what was there.
///
/// Nobody else may write the same file at the same time: what an earlier attempt left behind is removed.
pub(super) fn write<T>(
    path: &Path,
    existing: Existing,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> io::Result<T> {
    write_by(&beside(path, ".new"), path, existing, fill)
}

/// Copies the file `from`, which is replaced and never changed, to `to`, whole or not at all.
pub fn copy(from: &Path, to: &Path, existing: Existing) -> io::Result<()> {
    let mut from = File::open(from)?;
    // Whoever chose the place may have files beside it, and somebody may copy to it at the same time.
    let new = beside(to, &format!(".{}.new", std::process::id()));
    write_by(&new, to, existing, |writer| {
        io::copy(&mut from, writer).map(|_| ())
    })
}

fn write_by<T>(
    new: &Path,
    path: &Path,
    existing: Existing,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> io::Result<T> {
    remove(new)?;
    let written = write_new(new, path, existing, fill);
    if written.is_err() {
        // What is told is why it could not be written.
        let _ = remove(new);
    }
    written
}

fn write_new<T>(
    new: &Path,
    path: &Path,
    existing: Existing,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> io::Result<T> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(new)?;
    let mut writer = BufWriter::new(file);
    let filled = fill(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    match existing {
        Existing::IsReplaced => fs::rename(new, path)?,
        // A link never takes another file's place, not even one that appeared just now.
        Existing::Stays => {
            fs::hard_link(new, path)?;
            remove(new)?;
        }
    }
    sync_directory_of(path)?;
    Ok(filled)
}

/// Removes the file at `path` and what an attempt to write it has left.
pub(super) fn remove_whole(path: &Path) -> io::Result<()> {
    remove(&beside(path, ".new"))?;
    remove(path)?;
    sync_directory_of(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(dir: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        for text in ["one", "two"] {
            write(&path, Existing::IsReplaced, |file| {
                file.write_all(text.as_bytes())
            })
            .unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(dir.path()), ["s"]);
    }

    #[test]
    fn a_failure_leaves_what_was_there_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(&path, "old").unwrap();
        let failed = write(&path, Existing::IsReplaced, |file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(dir.path()), ["s"]);
    }

    #[test]
    fn what_is_to_stay_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        write(&path, Existing::Stays, |file| file.write_all(b"old")).unwrap();
        let refused = write(&path, Existing::Stays, |file| file.write_all(b"new"));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(dir.path()), ["s"]);
    }

    #[test]
    fn half_a_file_of_an_earlier_process_is_no_hindrance_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        fs::write(dir.path().join("s.new"), "half").unwrap();
        write(&path, Existing::IsReplaced, |file| file.write_all(b"whole")).unwrap();
        assert_eq!(names(dir.path()), ["s"]);
        fs::write(dir.path().join("s.new"), "half").unwrap();
        remove_whole(&path).unwrap();
        remove_whole(&path).unwrap();
        assert!(names(dir.path()).is_empty());
    }
}
