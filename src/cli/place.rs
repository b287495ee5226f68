//! From options and environment to the project whose board is meant.

use std::path::{Path, PathBuf};

use super::CliError;
use super::args::Place;
use crate::net::project::Project;

/// Returns the project that `place` means, seen from the current directory.
pub(super) fn project(place: &Place) -> Result<Project, CliError> {
    let cwd = std::env::current_dir().map_err(|source| CliError::System {
        doing: "find the current directory",
        source,
    })?;
    project_around(&cwd, place)
}

/// Returns the project that `place` means, seen from `directory`.
pub(super) fn project_around(directory: &Path, place: &Place) -> Result<Project, CliError> {
    let project = Project::locate(directory, place.socket.as_deref(), runtime_directory().as_deref())?;
    Ok(project)
}

/// Returns the user's directory for sockets.
///
/// Many clients start their servers with a few chosen variables, and this one is rarely among them. Then the
/// place that systemd gives it is asked for, or the bridge would look where the board is not.
pub(super) fn runtime_directory() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usual = || PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    named.or_else(|| Some(usual()).filter(|usual| usual.is_dir()))
}
