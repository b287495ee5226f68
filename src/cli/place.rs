//! From options and environment to the project whose board is meant.

use std::path::PathBuf;

use super::CliError;
use super::args::Place;
use crate::net::project::Project;

/// Returns the project that `place` means, seen from the current directory.
pub(super) fn project(place: &Place) -> Result<Project, CliError> {
    let cwd = std::env::current_dir().map_err(|source| CliError::System {
        doing: "find the current directory",
        source,
    })?;
    let project = Project::locate(&cwd, place.socket.as_deref(), runtime_directory().as_deref())?;
    Ok(project)
}

/// Returns the user's directory for sockets, when the environment names one.
pub(super) fn runtime_directory() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
}
