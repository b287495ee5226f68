//! Which project a directory belongs to, read from git's own files and without a git process.
//!
//! Responsible for finding what all worktrees of a repository share. Not for sockets: that is
//! [`super::project`].

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What identifies a project, and where its files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// The directory that all its worktrees share; the directory itself when there is no repository.
    pub(super) common: PathBuf,
    /// The top of the main worktree, so that whoever starts the server means the same by a relative path.
    pub(super) root: PathBuf,
}

impl Repository {
    /// Returns the repository around `directory`, which is canonical, or that directory by itself.
    pub(super) fn around(directory: &Path) -> Self {
        let mut ancestors = directory.ancestors();
        ancestors.find_map(Self::at).unwrap_or_else(|| Self {
            common: directory.to_owned(),
            root: directory.to_owned(),
        })
    }

    fn at(top: &Path) -> Option<Self> {
        let own = git_directory(top)?;
        let Some(shared) = pointer(&own.join("commondir"), b"") else {
            return Some(Self {
                common: own,
                root: top.to_owned(),
            });
        };
        let common = own.join(shared).canonicalize().ok()?;
        let root = common.parent().unwrap_or(&common).to_owned();
        Some(Self { common, root })
    }
}

/// Returns the canonical git directory of the worktree whose top is `top`: `.git`, or where that points.
fn git_directory(top: &Path) -> Option<PathBuf> {
    let dot_git = top.join(".git");
    let own = if dot_git.is_dir() {
        dot_git
    } else {
        top.join(pointer(&dot_git, b"gitdir:")?)
    };
    // A stray directory called `.git` is no repository, and git looks further up past it too.
    own.join("HEAD").exists().then(|| own.canonicalize().ok())?
}

/// Returns the path that the one-line file `file` holds after `label`.
fn pointer(file: &Path, label: &[u8]) -> Option<PathBuf> {
    let text = fs::read(file).ok()?;
    let path = text.strip_prefix(label)?.trim_ascii();
    (!path.is_empty()).then(|| PathBuf::from(std::ffi::OsStr::from_bytes(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let file = dir.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let top = dir.path().canonicalize().unwrap();
        (dir, top)
    }

    #[test]
    fn worktrees_share_the_main_repository() {
        let (_dir, top) = make(&[
            ("main/.git/HEAD", "ref: refs/heads/main\n"),
            ("main/src/a.rs", ""),
            ("main/.git/worktrees/feat/HEAD", "ref: refs/heads/feat\n"),
            ("main/.git/worktrees/feat/commondir", "../..\n"),
            ("feat/.git", "gitdir: ../main/.git/worktrees/feat\n"),
            ("feat/src/a.rs", ""),
        ]);
        let main = Repository::around(&top.join("main/src"));
        assert_eq!(main, Repository::around(&top.join("feat/src")));
        assert_eq!(
            (main.root, main.common),
            (top.join("main"), top.join("main/.git"))
        );
    }

    #[test]
    fn a_submodule_is_a_project_of_its_own() {
        let (_dir, top) = make(&[
            (".git/HEAD", ""),
            (".git/modules/lib/HEAD", ""),
            ("lib/.git", "gitdir: ../.git/modules/lib\n"),
        ]);
        let library = Repository::around(&top.join("lib"));
        assert_eq!(library.root, top.join("lib"));
        assert_eq!(library.common, top.join(".git/modules/lib"));
    }

    #[test]
    fn without_a_repository_the_directory_is_the_project() {
        let (_dir, top) = make(&[("plain/.git/stray", ""), ("plain/sub/a", "")]);
        let directory = top.join("plain/sub");
        let alone = Repository::around(&directory);
        assert_eq!((alone.root, alone.common), (directory.clone(), directory));
    }
}
