//! `callboard stop`: ends the board of the project, in good order and whoever started it.

use std::time::Duration;

use serde_json::{Value, json};

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::processes::pause;
use super::{CliError, place, text};
use crate::board::{Clock as _, SystemClock};
use crate::net::project::Project;

/// How long the end may take: a board gives what is in flight 30 seconds.
const LIMIT: Duration = Duration::from_secs(40);

/// Ends the board, waits until its place is free, and says who was attached.
pub(super) fn run(place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let project = place::project(place)?;
    let client = Client::connect(place).map_err(|error| match error {
        CliError::NoBoard { socket, .. } => CliError::NothingToStop(socket),
        other => other,
    });
    let body = client?.ask("callboard/stop", json!({}))?;
    let process = body["process"]
        .as_u64()
        .and_then(|process| u32::try_from(process).ok());
    if let Some(process) = process {
        wait_end(&project, process)?;
    }
    match output.form() {
        Form::Json => output.json(&body),
        Form::Human => output.line(words(&project, &body)),
    }
}

/// Waits until `process` does not serve the project any more; another one may do so already.
fn wait_end(project: &Project, process: u32) -> Result<(), CliError> {
    let clock = SystemClock::new();
    let start = clock.now();
    while project.server() == Some(process) {
        if clock.now().since(start) > LIMIT {
            return Err(CliError::Lingering { process });
        }
        // Nothing to wait for but the time: a board tells its end only by what it removes.
        pause()?;
    }
    Ok(())
}

fn words(project: &Project, body: &Value) -> String {
    let names = body["agents"].as_array().into_iter().flatten();
    let names: Vec<_> = names.filter_map(Value::as_str).map(text::one_line).collect();
    let who = match names.len() {
        0 => "nobody was attached".to_owned(),
        1 => format!("1 agent was attached: {}", names.join("")),
        count => format!("{count} agents were attached: {}", names.join(", ")),
    };
    format!("stopped the board of {}; {who}", project.root.display())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn those_who_were_attached_are_counted_and_named() {
        let project = Project::locate(Path::new("/"), None, None).unwrap();
        let told = |agents: &[&str]| words(&project, &json!({ "agents": agents }));
        assert_eq!(told(&[]), "stopped the board of /; nobody was attached");
        assert_eq!(told(&["a"]), "stopped the board of /; 1 agent was attached: a");
        assert_eq!(
            told(&["a", "b"]),
            "stopped the board of /; 2 agents were attached: a, b"
        );
    }
}
