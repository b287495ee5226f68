//! From what an agent writes to what a lock is on: the only code that asks the file system what a path is.
//!
//! Responsible for names and paths as people write them, for links, for case, and for the worktrees of one
//! repository. Not for which targets are in each other's way: that is [`Target`], which is pure. Asking the
//! file system blocks, though only for as long as it takes to read a few links.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization as _;

use crate::board::Target;

/// The most bytes in what an agent writes for one target: the longest path that Linux takes.
pub const MAX_TARGET_BYTES: usize = 4_096;

/// The most links that one path may lead through, as on Linux.
const MAX_LINKS: usize = 40;

/// Words before a colon with which agents mean a path, though they would make it a named thing.
const PATH_WORDS: [&str; 3] = ["file", "lock", "path"];

/// Turns what agents write into targets, for one project.
#[derive(Clone, Debug)]
pub struct Resolver {
    /// Canonical, so that a path is in the project when it begins with this.
    root: PathBuf,
    /// Whether the file system of the root takes `README.md` and `readme.md` for one file.
    folds: bool,
}

/// What a lock is to be on, and what its owner should be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What the lock is on: the physical path, or a named thing.
    pub target: Target,
    /// The path within its worktree, for a path in one of the project's worktrees. Two agents whose
    /// targets differ but overlap within their worktrees will meet when these are merged.
    pub within: Option<Arc<str>>,
    /// What was asked for, when a link or the case of letters made the target another path than that.
    pub asked: Option<String>,
    /// Whether it was read from the root, although the caller works below that.
    pub from_root: bool,
}

/// Why a text is no target. Each says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing was written.
    #[error("A target is empty; name a path such as src/a.rs, or a thing such as port:3000")]
    Empty,
    /// More than [`MAX_TARGET_BYTES`].
    #[error("A target has {0} bytes, at most {MAX_TARGET_BYTES} are allowed; lock a directory above it")]
    TooLong(usize),
    /// A line break, a tab or the like, which is a mistake far more often than a name.
    #[error("{0:?} holds a control character; give each path as a text of its own, or lock the directory")]
    Control(String),
    /// A kind, a colon, and no name.
    #[error("{0} names nothing after the colon; write it as in port:3000, or ./{0} for a file of that name")]
    Nameless(String),
    /// A path with a word such as `file:` before it.
    #[error("{text} is no named thing; write the path alone: {path}")]
    Labelled {
        /// What was written.
        text: String,
        /// The path in it.
        path: String,
    },
    /// `*` or `?`, and no file has this very name.
    #[error("{text} is a pattern and no file is called that; lock the directory instead: {directory}")]
    Pattern {
        /// What was written.
        text: String,
        /// The directory that holds whatever the pattern could match.
        directory: String,
    },
    /// A directory above the project.
    #[error("{text} holds the whole project and more; lock the project itself: {}", .root.display())]
    AboveProject {
        /// What was written.
        text: String,
        /// The project's root, since `.` means another directory to callers below it.
        root: PathBuf,
    },
    /// Links that lead in a circle, or through too many others.
    #[error("{0} leads through more than {MAX_LINKS} symbolic links; repair the link or lock its directory")]
    Links(String),
    /// The caller's directory or a link leads to a name that is not UTF-8.
    #[error("{0} leads to a path that is not UTF-8; lock the nearest directory above with a UTF-8 name")]
    NotUtf8(String),
}

impl Resolver {
    /// Returns the resolver for the project at `root`; whether case matters there is found without a write.
    pub fn new(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let folds = ignores_case(&root);
        Self { root, folds }
    }

    /// Returns what `text` means to a caller in the directory `cwd`, or in the root when it has not said.
    ///
    /// A text is a named thing, as in `port:3000`, or else a path. A path with everything below it may be
    /// written `src`, `src/` or `src/**`; a file whose name reads like a named thing is written `./a:b`.
    pub fn resolve(&self, cwd: Option<&Path>, text: &str) -> Result<Resolved, TargetError> {
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if text.len() > MAX_TARGET_BYTES {
            return Err(TargetError::TooLong(text.len()));
        }
        if text.contains(char::is_control) {
            return Err(TargetError::Control(text.to_owned()));
        }
        match Target::split_name(text) {
            Some((kind, name)) => named(kind, name).map(|target| Resolved {
                target,
                within: None,
                asked: None,
                from_root: false,
            }),
            None => self.path(cwd, text),
        }
    }

    fn path(&self, cwd: Option<&Path>, text: &str) -> Result<Resolved, TargetError> {
        let top = without_stars(text);
        let told = self.told(cwd, text, top)?;
        if top.contains(['*', '?']) && fs::symlink_metadata(&told).is_err() {
            return Err(TargetError::Pattern {
                text: text.to_owned(),
                directory: before_pattern(top).to_owned(),
            });
        }
        self.place(text, &told)
    }

    /// Returns the target of the file `path`, as a tool in the directory `cwd` names it: every character of it is
    /// part of the name.
    pub fn resolve_file(&self, cwd: Option<&Path>, path: &str) -> Result<Target, TargetError> {
        if path.is_empty() {
            return Err(TargetError::Empty);
        }
        if path.len() > MAX_TARGET_BYTES {
            return Err(TargetError::TooLong(path.len()));
        }
        if path.contains(char::is_control) {
            return Err(TargetError::Control(path.to_owned()));
        }
        let told = self.told(cwd, path, path)?;
        Ok(self.place(path, &told)?.target)
    }

    /// Returns the target of `place`, a path as in [`Resolver::resolve_file`], for git to overwrite what is there. A place
    /// above the project means the project where both are of one repository, and nothing elsewhere, since git
    /// leaves other repositories alone.
    pub fn resolve_overwritten(
        &self,
        cwd: Option<&Path>,
        place: &str,
    ) -> Result<Option<Target>, TargetError> {
        match self.resolve_file(cwd, place) {
            Err(TargetError::AboveProject { .. }) => {
                let above = follow(&self.told(cwd, place, place)?);
                let top = worktree_of(&self.root).filter(|top| *top != self.root);
                let is_of_one = top.zip(above).is_some_and(|(top, above)| above.starts_with(top));
                Ok(is_of_one.then(|| Target::path(".")))
            }
            found => found.map(Some),
        }
    }

    /// Tells whether `inner`, which lies in the directory `outer`, is in a worktree or repository of its own
    /// there: then git leaves it alone when it changes the files of `outer`.
    pub fn is_apart(&self, outer: &Target, inner: &Target) -> bool {
        if !outer.covers(inner) {
            return false;
        }
        let (Some(outer), Some(inner)) = (self.real_path(outer), self.real_path(inner)) else {
            return false;
        };
        let mut between = inner.ancestors().take_while(|place| *place != outer);
        between.any(|place| fs::symlink_metadata(place.join(".git")).is_ok())
    }

    /// Returns where the path that is locked as `target` is, `None` for a named thing.
    pub fn real_path(&self, target: &Target) -> Option<PathBuf> {
        target
            .is_path()
            .then(|| self.root.join(&*target.text()).components().collect())
    }

    /// Returns the target of the absolute path `real`, in which no link is followed: the other way round from
    /// [`Resolver::real_path`]. `None` for a path that nobody can lock.
    pub fn target_at(&self, real: &Path) -> Option<Target> {
        let place = self.below(&self.root, real).unwrap_or(real).to_str()?;
        Some(Target::path(&self.fold(place)))
    }

    /// Returns the absolute path that a caller in `cwd` means by `path`, which is what counts in `text`.
    fn told(&self, cwd: Option<&Path>, text: &str, path: &str) -> Result<PathBuf, TargetError> {
        // `..` goes up from where the caller really is, as it would in its shell.
        let cwd = follow(&without_dots(&self.root.join(cwd.unwrap_or(&self.root))));
        let cwd = cwd.ok_or_else(|| TargetError::Links(text.to_owned()))?;
        Ok(without_dots(&cwd.join(path)))
    }

    /// Returns the target of the absolute path `told`, for which `text` was written.
    fn place(&self, text: &str, told: &Path) -> Result<Resolved, TargetError> {
        let real = follow(told).ok_or_else(|| TargetError::Links(text.to_owned()))?;
        let inside = self.below(&self.root, &real);
        if inside.is_none() && self.below(&real, &self.root).is_some() {
            return Err(TargetError::AboveProject {
                text: text.to_owned(),
                root: self.root.clone(),
            });
        }
        let not_utf8 = || TargetError::NotUtf8(text.to_owned());
        let place = inside.unwrap_or(&real).to_str().ok_or_else(not_utf8)?;
        let folded = self.fold(place);
        let is_other = real != told || folded != place;
        Ok(Resolved {
            target: Target::path(&folded),
            within: self.within(&real, inside),
            asked: is_other.then(|| text.to_owned()),
            from_root: false,
        })
    }

    /// Returns what `text` means to a caller who may repeat what it has been shown.
    ///
    /// Targets are shown from the root, but a caller below the root writes paths from its own directory. What
    /// exists there is meant, as in its shell, and so is whatever begins with `./` or `../`. Else the path from
    /// the root is meant when `is_known` knows it, and it alone, or when its first part is a directory in the
    /// root alone: so `web/a.ts`, shown to a caller in `web`, never comes back as `web/web/a.ts`.
    pub fn resolve_shown(
        &self,
        cwd: Option<&Path>,
        text: &str,
        is_known: impl Fn(&Target) -> bool,
    ) -> Result<Resolved, TargetError> {
        let here = self.resolve(cwd, text)?;
        let Some(cwd) = cwd.filter(|_| may_be_shown(text)) else {
            return Ok(here);
        };
        let cwd = self.root.join(cwd);
        let path = without_stars(text);
        let (Ok(shown), Err(_)) = (self.resolve(None, text), fs::symlink_metadata(cwd.join(path))) else {
            return Ok(here);
        };
        let first = path.split('/').next().unwrap_or_default();
        let begins_in_root = || {
            fs::symlink_metadata(cwd.join(first)).is_err()
                && fs::metadata(self.root.join(first)).is_ok_and(|found| found.is_dir())
        };
        let is_shown = || is_known(&shown.target) && !is_known(&here.target) || begins_in_root();
        if shown.target == here.target || !is_shown() {
            return Ok(here);
        }
        Ok(Resolved {
            from_root: true,
            ..shown
        })
    }

    /// Returns the rest of `path` below `top`, `None` when it lies elsewhere.
    fn below<'a>(&self, top: &Path, path: &'a Path) -> Option<&'a Path> {
        let is_same = |a: &OsStr, b: &OsStr| match (a.to_str(), b.to_str()) {
            (Some(a), Some(b)) => self.fold(a) == self.fold(b),
            _ => a == b,
        };
        let mut rest = path.components();
        for part in top.components() {
            if !is_same(part.as_os_str(), rest.next()?.as_os_str()) {
                return None;
            }
        }
        Some(rest.as_path())
    }

    /// Returns the path within the worktree that holds `real`, whose path in the project is `inside`.
    fn within(&self, real: &Path, inside: Option<&Path>) -> Option<Arc<str>> {
        let mut tops = real.ancestors().take_while(|top| *top != self.root);
        let path = match tops.find(|top| self.has_worktree(top)) {
            Some(top) => self.below(top, real)?,
            None => inside?,
        };
        Some(Arc::from(Target::path(&self.fold(path.to_str()?)).text()))
    }

    /// Tells whether `top` is a worktree that was added to the project's repository.
    ///
    /// Its `.git` is then a file that leads to `worktrees/<name>` in the git directory below the root.
    fn has_worktree(&self, top: &Path) -> bool {
        let Ok(text) = fs::read(top.join(".git")) else {
            return false;
        };
        let Some(path) = text.strip_prefix(b"gitdir:") else {
            return false;
        };
        let path = top.join(OsStr::from_bytes(path.trim_ascii())).canonicalize();
        path.is_ok_and(|own| {
            let mut above = own.ancestors().skip(1);
            above.next().and_then(Path::file_name) == Some(OsStr::new("worktrees"))
                && above.nth(1) == Some(&self.root)
        })
    }

    /// Returns `text` as every way of writing it comes out, where the file system takes them for one.
    fn fold<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.folds {
            return Cow::Borrowed(text);
        }
        // Some letters have two lower-case forms, as σ and ς do; upper case in between brings them together.
        let lower = text.chars().flat_map(char::to_lowercase);
        let folded = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
        Cow::Owned(folded.nfc().collect())
    }
}

/// Returns the top of the worktree that the directory `place` is in, as git finds it.
pub fn worktree_of(place: &Path) -> Option<PathBuf> {
    let mut above = place.ancestors();
    let top = above.find(|top| fs::symlink_metadata(top.join(".git")).is_ok());
    top.map(Path::to_owned)
}

/// Tells whether a target may have been shown as `text`, so that it is not surely meant from elsewhere.
///
/// A file that is called like a named thing is shown with `./`.
fn may_be_shown(text: &str) -> bool {
    let plain = match text.strip_prefix("./") {
        Some(plain) if Target::split_name(plain).is_some() => return true,
        Some(_) => return false,
        None => text,
    };
    let first = plain.split('/').next().unwrap_or_default();
    !matches!(first, "" | "." | "..") && Target::split_name(text).is_none()
}

fn named(kind: &str, name: &str) -> Result<Target, TargetError> {
    if name.is_empty() {
        return Err(TargetError::Nameless(format!("{kind}:")));
    }
    if PATH_WORDS.contains(&kind) {
        return Err(TargetError::Labelled {
            text: format!("{kind}:{name}"),
            path: name.strip_prefix("//").unwrap_or(name).to_owned(),
        });
    }
    Ok(Target::named(kind, name))
}

/// Returns the directory that `src/**` means, without slashes at its end.
fn without_stars(text: &str) -> &str {
    let mut top = text.trim_end_matches('/');
    while let Some(shorter) = top.strip_suffix("/**") {
        top = shorter.trim_end_matches('/');
    }
    match top {
        "" => "/",
        "**" => ".",
        _ => top,
    }
}

/// Returns the directory before the first part that holds a `*` or a `?`.
fn before_pattern(text: &str) -> &str {
    let plain = text.split(['*', '?']).next().unwrap_or_default();
    match plain.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
    }
}

/// Returns the absolute `path` with `.` and `..` taken as words, whatever links there are.
pub fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            _ => plain.push(part),
        }
    }
    plain
}

/// Returns the physical path of the absolute `path`, also of what does not exist yet behind a link; `None`
/// when there is no end to the links.
fn follow(path: &Path) -> Option<PathBuf> {
    let parts = |path: &Path| -> Vec<OsString> {
        let parts = path.components().rev();
        parts.map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut real = PathBuf::new();
    let mut ahead = parts(path);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == "." {
            continue;
        }
        if part == ".." {
            real.pop();
            continue;
        }
        let next = real.join(part);
        // What cannot be read as a link is none, or is not there, or is not ours to look at.
        let Ok(target) = fs::read_link(&next) else {
            real = next;
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return None;
        }
        ahead.extend(parts(&target));
    }
    Some(real)
}

/// Tells whether the file system of `root` takes upper and lower case for the same, as a name there shows.
fn ignores_case(root: &Path) -> bool {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path()).chain([root.to_owned()]);
    let Some((path, other)) = paths.find_map(|path| {
        let other = path.with_file_name(in_other_case(path.file_name()?.to_str()?));
        (other != path).then_some((path, other))
    }) else {
        return false;
    };
    let identity = |path| fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
    let is_one_file = match (identity(&path), identity(&other)) {
        (Ok(path), Ok(other)) => path == other,
        _ => false,
    };
    // Two names of one file are listed as two, while case that is ignored is listed once.
    let lists_both = other.parent().is_some_and(|above| {
        let mut siblings = fs::read_dir(above).into_iter().flatten().flatten();
        siblings.any(|entry| entry.path() == other)
    });
    is_one_file && !lists_both
}

fn in_other_case(name: &str) -> String {
    let swapped = name.chars().map(|c| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    });
    swapped.collect()
}

#[cfg(test)]
mod tests;
