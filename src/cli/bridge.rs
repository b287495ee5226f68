//! `callboard bridge`: attaches an agent. Everything but the options is in [`crate::net::bridge`].

use std::path::PathBuf;

use super::args::{BridgeOptions, Place};
use super::{CliError, place};
use crate::net::bridge::{self, Options};
use crate::net::hello::Hello;
use crate::net::launch::Launch;
use crate::net::project::Project;

/// What a board that a bridge starts keeps of its environment. Clients put secrets into theirs, and a board
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

/// Serves the client on stdin and stdout until it goes.
pub(super) fn run(options: BridgeOptions, place: &Place) -> Result<(), CliError> {
    let project = place::project(place)?;
    let cwd = std::env::current_dir().ok();
    let launch = (!options.no_spawn).then(|| launch(project.clone(), place, cwd.clone()));
    let hello = Hello {
        name: options.agent,
        cwd,
        namespace: Some(place.namespace.to_string()),
        ..Hello::default()
    };
    bridge::run(Options {
        socket: project.socket,
        project_dir: project.root,
        launch,
        hello,
    })?;
    Ok(())
}

/// Returns how the board of `project`, which was found from `cwd`, is started.
fn launch(project: Project, place: &Place, cwd: Option<PathBuf>) -> Launch {
    let mut arguments = vec!["--no-tui".into(), "--detached".into()];
    if place.socket.is_some() {
        arguments.extend(["--socket".into(), project.socket.clone().into()]);
    }
    let kept = KEPT
        .iter()
        .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    Launch {
        // Asked now, since the file may be replaced while the bridge lives, and then has this name all the same.
        program: std::env::current_exe().unwrap_or_else(|_| "callboard".into()),
        arguments,
        environment: kept.collect(),
        directory: cwd.unwrap_or_else(|| project.root.clone()),
        project,
    }
}
