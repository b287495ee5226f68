//! What there is at a place that is locked: the directories to watch and the files to know.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The most directories of one place.
const MAX_DIRECTORIES: usize = 512;
/// The most files of one place.
const MAX_FILES: usize = 2_000;
/// Directories that are written by tools for themselves, and bear no mark.
const LEFT_OUT: [&str; 3] = [".git", "__pycache__", "node_modules"];
/// The file that marks a cache by its presence (<https://bford.info/cachedir>); Cargo's `target` has one.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// What there is at a place.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The place itself, when it is a directory, and those below it.
    pub(super) directories: Vec<PathBuf>,
    /// The files in them.
    pub(super) files: Vec<PathBuf>,
    /// Whether there is more than that.
    pub(super) is_cut: bool,
}

impl Survey {
    /// Returns what there is at `place` and below, the nearest first, up to a bound. No link is followed.
    pub(super) fn of(place: &Path) -> Self {
        let mut survey = Self::default();
        let is_directory = fs::symlink_metadata(place).is_ok_and(|found| found.is_dir());
        if !is_directory || is_left_out(place) {
            return survey;
        }
        survey.directories.push(place.to_owned());
        let mut next = 0;
        while let Some(directory) = survey.directories.get(next).cloned() {
            next += 1;
            // What cannot be read, or has gone meanwhile, holds nothing that could be compared.
            let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
            for entry in entries {
                let (path, kind) = (entry.path(), entry.file_type());
                let is_directory = kind.is_ok_and(|kind| kind.is_dir());
                if is_directory && is_left_out(&path) {
                    continue;
                }
                let (found, most) = if is_directory {
                    (&mut survey.directories, MAX_DIRECTORIES)
                } else {
                    (&mut survey.files, MAX_FILES)
                };
                if found.len() < most {
                    found.push(path);
                } else {
                    survey.is_cut = true;
                }
            }
        }
        survey
    }
}

/// Tells whether `path`, at or below `place`, is not in a directory that is left out there.
pub(super) fn is_counted(place: &Path, path: &Path) -> bool {
    let mut below = path.ancestors().take_while(|above| *above != place);
    below.all(|below| !is_left_out(below))
}

fn is_left_out(directory: &Path) -> bool {
    is_named_out(directory) || is_cache(directory)
}

fn is_named_out(path: &Path) -> bool {
    let name = path.file_name();
    LEFT_OUT.iter().any(|out| name == Some(OsStr::new(out)))
}

fn is_cache(path: &Path) -> bool {
    fs::symlink_metadata(path.join(CACHE_TAG)).is_ok()
}
