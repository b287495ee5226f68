//! `callboard bridge`: attaches an agent. Everything but the options is in [`crate::net::bridge`].

use super::args::{BridgeOptions, Place};
use super::launch::headless;
use super::{CliError, place};
use crate::net::bridge::{self, Options};
use crate::net::hello::Hello;

/// Serves the client on stdin and stdout until it goes.
pub(super) fn run(options: BridgeOptions, place: &Place) -> Result<(), CliError> {
    let project = place::project(place)?;
    let cwd = std::env::current_dir().ok();
    let launch = (!options.no_spawn).then(|| headless(project.clone(), place, cwd.clone(), []));
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
