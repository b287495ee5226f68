//! How a board is started that nobody's terminal shows: by a bridge that finds none, and by a dashboard that leaves.

use std::ffi::OsString;
use std::path::PathBuf;

use super::args::Place;
use crate::net::launch::Launch;
use crate::net::project::Project;

/// What such a board keeps of the environment. Clients put secrets into theirs, and a board
/// lives longer than a client.
const KEPT: [&str; 12] = [
    "HOME",
    "PATH",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "NO_COLOR",
    "RUST_BACKTRACE",
    "CALLBOARD_LOG",
    "CALLBOARD_LINGER",
];

/// Returns how the board of `project`, which was found from `cwd`, is started with further `options`.
pub(super) fn headless(
    project: Project,
    place: &Place,
    cwd: Option<PathBuf>,
    options: impl IntoIterator<Item = OsString>,
) -> Launch {
    let mut arguments = vec!["--no-tui".into(), "--detached".into()];
    if place.socket.is_some() {
        arguments.extend(["--socket".into(), project.socket.clone().into()]);
    }
    arguments.extend(options);
    let kept = KEPT
        .iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    Launch {
        // Asked now, since the file may be replaced while this process lives, and then has this name all the same.
        program: std::env::current_exe().unwrap_or_else(|_| "callboard".into()),
        arguments,
        environment: kept.collect(),
        directory: cwd.unwrap_or_else(|| project.root.clone()),
        project,
    }
}
