//! Which programs are started: doctor runs where nobody has looked yet at what the project brings along.
//!
//! A configuration only chooses between programs that are known from elsewhere, and what is started is their path,
//! never the one that the configuration names.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::cli::setup::program::{NAME, found};

/// The programs that are known from elsewhere than the project.
pub(super) struct Known {
    project: PathBuf,
    /// This very program, which may well be built in the project.
    own: Option<PathBuf>,
    /// What a shell finds under our name, unless it comes with the project.
    on_path: Option<PathBuf>,
}

impl Known {
    /// Looks for them on behalf of clients that work in `project`.
    pub(super) fn to(project: &Path) -> Self {
        let own = std::env::current_exe().and_then(|own| own.canonicalize());
        let mut known = Self {
            project: project.to_owned(),
            own: own.ok(),
            on_path: None,
        };
        known.on_path = known.found(NAME).filter(|file| !known.comes_along(file));
        known
    }

    /// Returns the file that a client in the project would run for `program`.
    pub(super) fn found(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            return Some(self.project.join(program)).filter(|file| file.is_file());
        }
        found(program).and_then(|file| std::path::absolute(file).ok())
    }

    /// Returns what to start for `program`; an error says why nothing is to be, and fits after `since it`.
    pub(super) fn start(&self, program: &str) -> Result<&Path, &'static str> {
        let file = self.found(program).ok_or("is not there")?;
        let real = file.canonicalize().map_err(|_| "cannot be looked at")?;
        let is_it = |known: &&PathBuf| known.canonicalize().is_ok_and(|known| known == real);
        let known = [&self.own, &self.on_path].into_iter().flatten().find(is_it);
        known.map(PathBuf::as_path).ok_or(if self.comes_along(&file) {
            "comes with the project"
        } else {
            "is neither this program nor the callboard on your PATH"
        })
    }

    /// Tells whether `file`, or the link that it is, lies in the project.
    fn comes_along(&self, file: &Path) -> bool {
        let Ok(project) = self.project.canonicalize() else {
            return true;
        };
        let is_inside = |path: &Path| path.canonicalize().is_ok_and(|real| real.starts_with(&project));
        is_inside(file) || file.parent().is_some_and(is_inside)
    }
}

/// Returns that a program was not started since it `is` what it is.
pub(super) fn not_started(check: impl Into<String>, is: &str) -> Finding {
    Finding::warn(
        check,
        format!("was not started, since it {is}"),
        "if you trust it, run it by hand; else take it out and run `callboard setup`",
    )
}
