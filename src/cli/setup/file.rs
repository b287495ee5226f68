//! A configuration file on disk: followed to where it really is, read, and written whole or not at all.
//!
//! A link is kept and what it leads to is written, as long as that stays in the directory that setup was asked to
//! work in: a project that somebody else wrote must not aim a link at the user's own files.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::SetupError;

/// A configuration file, which need not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct ConfigFile {
    /// As it is called.
    pub(in crate::cli) path: PathBuf,
    /// Where it really is.
    target: PathBuf,
}

impl ConfigFile {
    /// Finds the file at `path`, which links must lead to below one of the `bases`; the last is the widest.
    pub(in crate::cli) fn find(path: PathBuf, bases: &[&Path]) -> Result<Self, SetupError> {
        let system = |doing, source| SetupError::System {
            doing,
            file: path.clone(),
            source,
        };
        let real_bases = bases.iter().map(|base| match base.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => resolved_parent(base),
            resolved => resolved,
        });
        let real_bases: Vec<_> = real_bases
            .collect::<Result<_, _>>()
            .map_err(|source| system("find", source))?;
        let target = match path.canonicalize() {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(&path).is_ok() {
                    let what = "a link that leads to nothing";
                    return Err(SetupError::NoFile { file: path, what });
                }
                resolved_parent(&path).map_err(|source| system("find", source))?
            }
            Err(source) => return Err(system("find", source)),
        };
        if !real_bases.iter().any(|base| target.starts_with(base)) {
            return Err(SetupError::Leaves {
                file: path,
                target,
                base: real_bases.into_iter().next_back().unwrap_or_default(),
            });
        }
        if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
            let what = "not a file";
            return Err(SetupError::NoFile { file: path, what });
        }
        Ok(Self { path, target })
    }

    /// Returns what is in it, `None` when there is none.
    pub(in crate::cli) fn read(&self) -> Result<Option<String>, SetupError> {
        match fs::read(&self.target) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(SetupError::NoText(self.path.clone())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(self.system("read", source)),
        }
    }

    /// Changes the content from `before` to `after`, where `None` is no file. Refuses when it is not `before` any
    /// more.
    pub(super) fn change(&self, before: Option<&str>, after: Option<&str>) -> Result<(), SetupError> {
        if self.read()?.as_deref() != before {
            return Err(SetupError::Meddled(self.path.clone()));
        }
        match after {
            Some(text) => self.write(text),
            None => fs::remove_file(&self.target).map_err(|source| self.system("remove", source)),
        }
    }

    /// Removes the directories that hold nothing any more, up to `base`, which stays.
    pub(super) fn tidy(&self, base: &Path) {
        let below = |directory: &&Path| directory.starts_with(base) && *directory != base;
        for directory in self.path.ancestors().skip(1).take_while(below) {
            // One that holds something else refuses to go, and so do those above it.
            if fs::remove_dir(directory).is_err() {
                return;
            }
        }
    }

    fn write(&self, text: &str) -> Result<(), SetupError> {
        replace(&self.target, text, None).map_err(|source| self.system("write", source))
    }

    fn system(&self, doing: &'static str, source: io::Error) -> SetupError {
        SetupError::System {
            doing,
            file: self.path.clone(),
            source,
        }
    }
}

/// Writes `target` whole or not at all. It keeps its mode, its owner and its group; `mode` is for one that is not there
/// yet, and by custom when absent.
pub(in crate::cli) fn replace(target: &Path, text: &str, mode: Option<u32>) -> io::Result<()> {
    let directory = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(directory)?;
    let mut name = OsString::from(".callboard-setup-");
    name.push(std::process::id().to_string());
    let draft = directory.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
    let written = made_like(target, &file, mode)
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&draft, target));
    if written.is_err() {
        // What is left of a draft helps nobody; the error that counts is the first.
        let _ = fs::remove_file(&draft);
    }
    written?;
    File::open(directory)?.sync_all()
}

/// Gives `draft` the owner, the group and the mode of `target`, or `mode` when that is not there.
fn made_like(target: &Path, draft: &File, mode: Option<u32>) -> io::Result<()> {
    let old = match fs::metadata(target) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(old) = &old {
        let new = draft.metadata()?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            fchown(draft, Some(old.uid()), Some(old.gid())).map_err(|error| {
                let problem = format!("its owner and group cannot be kept: {error}");
                io::Error::new(error.kind(), problem)
            })?;
        }
    }
    match old.map(|old| old.mode()).or(mode) {
        Some(mode) => draft.set_permissions(Permissions::from_mode(mode & 0o7777)),
        None => Ok(()),
    }
}

/// Returns `path`, which does not exist, with links resolved in the part that does.
fn resolved_parent(path: &Path) -> io::Result<PathBuf> {
    for ancestor in path.ancestors().skip(1) {
        match ancestor.canonicalize() {
            Ok(real) => return Ok(real.join(path.strip_prefix(ancestor).unwrap_or(path))),
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(ancestor).is_err() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn found(base: &Path, name: &str) -> Result<ConfigFile, SetupError> {
        ConfigFile::find(base.join(name), &[base])
    }

    #[test]
    fn a_file_is_changed_only_from_what_was_shown_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let file = found(dir.path(), "a/b.json").unwrap();
        assert_eq!(file.read().unwrap(), None);
        file.change(None, Some("one")).unwrap();
        let path = dir.path().join("a/b.json");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let error = file.change(Some("other"), Some("two")).unwrap_err();
        assert!(matches!(error, SetupError::Meddled(_)), "{error}");
        file.change(Some("one"), Some("two")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(dir.path().join("a")).unwrap().count(),
            1,
            "no draft is left"
        );
        file.change(Some("two"), None).unwrap();
        file.tidy(dir.path());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn links_are_followed_inside_and_refused_outside() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        let project = top.join("project");
        fs::create_dir_all(project.join("real")).unwrap();
        fs::write(project.join("real/file"), "x").unwrap();
        fs::write(top.join("secret"), "x").unwrap();
        symlink("real/file", project.join("link")).unwrap();
        symlink("real", project.join("folder")).unwrap();
        symlink("../secret", project.join("out")).unwrap();
        symlink("..", project.join("up")).unwrap();
        symlink("nowhere", project.join("dangling")).unwrap();

        let file = found(&project, "link").unwrap();
        file.change(Some("x"), Some("y")).unwrap();
        assert!(project.join("link").is_symlink());
        assert_eq!(fs::read_to_string(project.join("real/file")).unwrap(), "y");
        let new = found(&project, "folder/new/file").unwrap();
        assert_eq!(new.target, project.join("real/new/file"));
        for name in ["out", "up/secret", "up/new", "up/new/deeper"] {
            let error = found(&project, name).unwrap_err();
            assert!(matches!(error, SetupError::Leaves { .. }), "{name}: {error}");
        }
        for name in ["dangling", "real"] {
            let error = found(&project, name).unwrap_err();
            assert!(matches!(error, SetupError::NoFile { .. }), "{name}: {error}");
        }
    }
}
