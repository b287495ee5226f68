//! Does what a client would do: starts the bridge that it is told to start and calls a tool, asks its hook.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::finding::Finding;
use super::hook::{Deaf, Deed, Ear, Hook};
use super::known::{Known, not_started};
use super::talk::Talk;
use crate::board::{Clock as _, SystemClock};
use crate::cli::setup::program::Bridge;

/// How often the hook is run; the middle one counts.
const RUNS: usize = 5;
/// From when on a hook is felt, since it runs before each tool of an agent.
const SLOW: Duration = Duration::from_millis(100);

/// Starts `bridge` in `directory` as a client would, and reads a key through it.
pub(super) fn round_trip(bridge: &Bridge, known: &Known, directory: &Path, board_runs: bool) -> Finding {
    let check = format!("`{}`", bridge.shell());
    if !board_runs {
        return without_board(check);
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
pub(super) fn hook_latency(hook: &Hook, known: &Known, directory: &Path, board_runs: bool) -> Finding {
    let check = hook.shown();
    if hook.needs_board() && !board_runs {
        return without_board(check);
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

fn without_board(check: String) -> Finding {
    let found = "was not tried, because no board runs";
    Finding::warn(check, found, "start the board, then run `callboard doctor` again")
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
