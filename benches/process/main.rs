//! What an agent and a person feel: the program as processes, against a raw responder in the same run.
//!
//! Run with `cargo bench --bench process`, or `-- --quick` for a short run; `-- hooks` measures only those, and so
//! on for each part. Machines are noisy: the ratios
//! to the raw responder are the figures, the microseconds beside them are only of this machine and hour.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark prints figures for people"
)]

mod client;
mod dashboard;
mod figures;
mod handover;
mod hooks;
mod latency;
mod load;
mod processes;

use std::error::Error;
use std::path::Path;

use figures::Report;

/// What any step of a benchmark may fail with.
pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The argument with which this program runs as the raw responder.
const RESPONDER: &str = "--raw-responder";

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == RESPONDER) {
        return processes::respond(Path::new(&arguments[at + 1]));
    }
    let calls = if arguments.iter().any(|argument| argument == "--quick") {
        2_000
    } else {
        20_000
    };
    let named = |name: &&str| arguments.iter().any(|argument| argument == *name);
    let parts = ["latency", "load", "start", "hooks", "dashboard", "handover"];
    let is_wanted = |part: &str| named(&part) || !parts.iter().any(named);
    let mut report = Report::default();
    if is_wanted("latency") {
        latency::measure(&mut report, calls, None)?;
        if processes::can_pin() {
            latency::measure(&mut report, calls, Some("0"))?;
        }
    }
    if is_wanted("load") {
        load::measure(&mut report, calls)?;
    }
    if is_wanted("start") {
        processes::measure_start_and_memory(&mut report)?;
        processes::measure_first_agent(&mut report)?;
    }
    if is_wanted("hooks") {
        hooks::measure(&mut report)?;
    }
    if is_wanted("dashboard") {
        dashboard::measure(&mut report, calls)?;
    }
    if is_wanted("handover") {
        handover::measure(&mut report)?;
    }
    report.print();
    Ok(())
}
