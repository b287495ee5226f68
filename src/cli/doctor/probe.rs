//! Does what a client would do: starts the bridge that it is told to start and calls a tool, asks its hook.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::finding::Finding;
use super::hook::{Deaf, Deed, Ear, Hook, place_of};
use super::known::{Known, not_started};
use super::talk::Talk;
use crate::board::{Clock as _, SystemClock};
use crate::cli::args::Place;
use crate::cli::client::Client;
use crate::cli::setup::program::Bridge;
use crate::cli::{CliError, place};

/// How often the hook is run; the middle one counts.
const RUNS: usize = 5;
/// From when on a hook is felt, since it runs before each tool of an agent.
const SLOW: Duration = Duration::from_millis(100);

/// Starts `bridge` in `directory` as a client would, and reads a key through it.
pub(super) fn round_trip(bridge: &Bridge, known: &Known, directory: &Path) -> Finding {
    let check = format!("`{}`", bridge.shell());
    if let Some(finding) = without_board(&check, place_of(bridge.words()), directory) {
        return finding;
    }
    let mut command = match known.start(&bridge.program) {
        Ok(program) => Command::new(program),
        Err(is) => return not_started(check, is),
    };
    command.args(&bridge.arguments).current_dir(directory);
    let clock = SystemClock::new();
    let start = clock.now();
    let answered = Talk::open(command, "callboard-doctor")
        .and_then(|mut talk| talk.call("getStorage", &json!({ "key": "doctor:nothing" })));
    match answered {
        Ok(_) => Finding::ok(check, format!("answered in {}", millis(clock.now().since(start)))),
        Err(problem) => Finding::fail(
            check,
            problem,
            "run it in a shell to see what it says; `callboard setup` mends the command",
        ),
    }
}

/// Asks `hook` in `directory` about what changes nothing.
pub(super) fn hook_latency(hook: &Hook, known: &Known, directory: &Path) -> Finding {
    let check = hook.shown();
    let unserved = without_board(&check, hook.place(), directory);
    if let Some(finding) = unserved.filter(|_| hook.needs_board()) {
        return finding;
    }
    let took = match hook.listen(known, directory) {
        Ok(ear) => median(hook, ear, directory),
        Err(Deaf::Untried(is)) => return not_started(check, is),
        Err(Deaf::Broken(problem)) => Err(problem),
    };
    match took {
        Ok(median) => {
            let found = format!("takes {} (the middle of {RUNS} runs)", millis(median));
            if median < SLOW {
                return Finding::ok(check, found);
            }
            let fix = "see whether the machine is overloaded; it runs before every edit";
            Finding::warn(check, found, fix)
        }
        Err(problem) if problem.contains("unrecognized subcommand") => {
            let found = "was not measured: that version of callboard has no hooks";
            Finding::warn(check, found, "install one version: cargo install --path .")
        }
        Err(problem) => Finding::fail(check, problem, "run it in a shell to see what it says"),
    }
}

/// Returns how long `hook` takes, by the middle one of some runs.
fn median(hook: &Hook, mut ear: Ear, directory: &Path) -> Result<Duration, String> {
    let event = hook.event(Deed::Read, &directory.join("README.md"), directory);
    let clock = SystemClock::new();
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let start = clock.now();
        ear.tell(&event, directory)?;
        took.push(clock.now().since(start));
    }
    took.sort();
    Ok(took.get(RUNS / 2).copied().unwrap_or_default())
}

/// Returns that nothing is tried where no board runs at `place`. What is not understood is tried, to see what it says.
fn without_board(check: &str, place: Result<Place, String>, directory: &Path) -> Option<Finding> {
    let place = place.ok()?;
    let project = place::project_around(directory, &place).ok()?;
    let Err(CliError::NoBoard { socket, .. }) = Client::attach_aside(&project, &place) else {
        return None;
    };
    let found = format!("was not tried, because no board runs at {}", socket.display());
    let fix = "start the board, then run `callboard doctor` again";
    Some(Finding::warn(check, found, fix))
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
