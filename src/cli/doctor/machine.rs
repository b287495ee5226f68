//! The program, the place of the sockets, and the board.

use std::path::Path;
use std::process::Command;

use super::finding::Finding;
use super::known::Known;
use crate::cli::args::Place;
use crate::cli::client::Client;
use crate::cli::setup::program::NAME;
use crate::cli::{CliError, child, place};
use crate::net::project::{Project, ProjectError};

const OWN: &str = env!("CARGO_PKG_VERSION");

/// Looks for the program that a shell would start.
pub(super) fn program(known: &Known) -> Finding {
    let check = "program";
    let Some(path) = known.found(NAME) else {
        let found = "no callboard on your PATH; clients can only start it by its whole path";
        let own = std::env::current_exe().ok();
        let directory = own
            .as_deref()
            .and_then(Path::parent)
            .map(|path| path.display().to_string());
        let fix = format!(
            "add {} to PATH, then run `callboard setup`",
            directory.unwrap_or_default()
        );
        return Finding::warn(check, found, fix);
    };
    let shown = path.display();
    let mut command = match known.start(NAME) {
        Ok(program) => Command::new(program),
        Err(is) => {
            let found = format!("{shown} was not started, since it {is}");
            return Finding::warn(check, found, "put a callboard of your own before it on your PATH");
        }
    };
    command.arg("--version");
    match child::run(command, b"") {
        Ok(ran) if ran.stdout.trim() == format!("{NAME} {OWN}") => {
            Finding::ok(check, format!("{shown} is of this version, {OWN}"))
        }
        Ok(ran) if ran.stdout.starts_with(NAME) => Finding::warn(
            check,
            format!("{shown} is {}, this is {NAME} {OWN}", ran.stdout.trim()),
            "install one version of both: cargo install --path .",
        ),
        Ok(_) => Finding::fail(
            check,
            format!("{shown} is not callboard"),
            "take it from your PATH, or put callboard before it",
        ),
        Err(problem) => Finding::fail(
            check,
            format!("{shown} {problem}"),
            "install it anew: cargo install --path .",
        ),
    }
}

/// Looks at the directories that the board's socket is in.
pub(super) fn sockets(place: &Place) -> Result<Finding, CliError> {
    let check = "sockets";
    let project = match place::project(place) {
        Ok(project) => project,
        Err(CliError::Project(error)) => return Ok(unusable(&error)),
        Err(error) => return Err(error),
    };
    if let Err(error) = project.check() {
        return Ok(unusable(&error));
    }
    let socket = project.socket.display();
    if place.socket.is_some() {
        return Ok(Finding::ok(check, format!("{socket}, as you chose")));
    }
    let runtime = place::runtime_directory();
    if runtime.is_some_and(|runtime| project.socket.starts_with(runtime)) {
        return Ok(Finding::ok(
            check,
            format!("{socket}, in directories that are yours alone"),
        ));
    }
    Ok(Finding::warn(
        check,
        format!("XDG_RUNTIME_DIR is no directory of yours, so the socket is {socket}"),
        "set it for the board and its clients alike, or they will miss each other",
    ))
}

fn unusable(error: &ProjectError) -> Finding {
    match error {
        ProjectError::Unsafe { path, problem, fix } => {
            Finding::fail("sockets", format!("{} {problem}", path.display()), fix)
        }
        _ => Finding::fail(
            "sockets",
            error.to_string(),
            "choose another place with --socket PATH",
        ),
    }
}

/// Asks the board of `place`.
pub(super) fn board(place: &Place) -> Finding {
    let check = "board";
    let version = Client::connect(place).and_then(|mut client| client.version());
    match version {
        Ok(version) => {
            let process = pid(place)
                .map(|pid| format!(", process {pid}"))
                .unwrap_or_default();
            let found = format!("callboard {version} runs{process}");
            if version == OWN {
                Finding::ok(check, found)
            } else {
                let fix = "quit it and start it again, so that both are of one version";
                Finding::warn(check, format!("{found}, this is {OWN}"), fix)
            }
        }
        Err(error @ CliError::NoBoard { .. }) => {
            let fix = error.hint().unwrap_or_default();
            Finding::warn(check, error.to_string(), fix)
        }
        // The sockets' own finding says what mends their directories.
        Err(error @ CliError::Project(_)) => Finding::fail(check, error.to_string(), "see sockets"),
        Err(error) => {
            let fix = error
                .hint()
                .unwrap_or_else(|| "quit it and start it again".to_owned());
            Finding::fail(check, error.to_string(), fix)
        }
    }
}

/// Returns the process of the board, where it is known.
fn pid(place: &Place) -> Option<u32> {
    let socket = place::project(place).ok()?.socket;
    let running = Project::all(place::runtime_directory().as_deref()).ok()?;
    running
        .iter()
        .find(|board| board.socket == socket)
        .map(|board| board.pid)
}
