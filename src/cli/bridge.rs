//! `callboard bridge`: attaches an agent. Everything but the options is in [`crate::net::bridge`].

use super::args::{BridgeOptions, Place};
use super::launch::headless;
use super::output::Output;
use super::{CliError, place};
use crate::net::bridge::{self, Options};
use crate::net::hello::Hello;

/// Serves the client on stdin and stdout until it goes.
///
/// A person at a terminal, who is `interactive`, is told what it waits for.
pub(super) fn run(
    options: BridgeOptions,
    place: &Place,
    interactive: bool,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let project = place::project(place)?;
    if interactive {
        output.remark(format_args!(
            "this is what clients of the Model Context Protocol start, and speak to in JSON-RPC; `callboard setup` tells \
             them to. Ctrl-D ends it."
        ))?;
    }
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
