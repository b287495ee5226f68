//! `callboard doctor`: is everything in order between the clients and the board, and what mends what is not.
//!
//! Looks, and tries out what a client would do; changes nothing.

mod attached;
mod claude;
mod finding;
mod hook;
mod known;
mod machine;
mod probe;
mod refusal;
mod talk;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use self::finding::{Finding, Level};
use self::known::Known;
use super::CliError;
use super::args::Place;
use super::output::{Form, Output};
use super::setup::detect::Surroundings;
use super::text;

/// How long people are left without a word.
const SILENCE: Duration = Duration::from_secs(1);

/// Tells what is in order and what is not; it is an error when something failed.
pub(super) fn run(place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let around = Surroundings::look()?;
    let known = Known::to(&around.project);
    let mut report = Report {
        output,
        failed: 0,
        all: 0,
    };
    let program = report.patiently("the program on your PATH", || machine::program(&known))?;
    report.tell(&program)?;
    report.tell(&machine::sockets(place)?)?;
    let board = report.patiently("the board", || machine::board(place))?;
    report.tell(&board)?;
    let clients = around.clients();
    if clients.is_empty() {
        report.tell(&attached::nobody())?;
    }
    let (mut bridges, mut hooks) = (Vec::new(), Vec::new());
    for client in clients {
        let attached = attached::look(client, &around, &known);
        for finding in &attached.findings {
            report.tell(finding)?;
        }
        add_new(&mut bridges, attached.starts);
        add_new(&mut hooks, attached.hooks);
    }
    let directory = &around.project;
    for bridge in &bridges {
        let trip = report.patiently(&bridge.shell(), || probe::round_trip(bridge, &known, directory))?;
        report.tell(&trip)?;
    }
    for hook in &hooks {
        let latency = report.patiently(&hook.shown(), || probe::hook_latency(hook, &known, directory))?;
        report.tell(&latency)?;
        let refusal = report.patiently("an edit that is to be refused", || {
            refusal::tried(hook, &known, directory)
        })?;
        report.tell(&refusal)?;
    }
    report.end()
}

/// Adds those of `some` to `all` that are not there yet: several clients may start the same.
fn add_new<T: PartialEq>(all: &mut Vec<T>, some: Vec<T>) {
    for one in some {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// The findings, told one by one as they come.
struct Report<'r, 'o> {
    output: &'r mut Output<'o>,
    failed: usize,
    all: usize,
}

impl Report<'_, '_> {
    fn tell(&mut self, finding: &Finding) -> Result<(), CliError> {
        self.all += 1;
        self.failed += usize::from(finding.level == Level::Fail);
        match self.output.form() {
            Form::Json => self.output.json(&finding.to_json())?,
            Form::Human => self.output.line(finding)?,
        }
        self.output.flush()
    }

    /// Does `work`, and says what is being waited for when it takes long.
    fn patiently<T: Send>(&mut self, what: &str, work: impl FnOnce() -> T + Send) -> Result<T, CliError> {
        let (done, result) = channel();
        thread::scope(|scope| {
            let worker = scope.spawn(move || done.send(work()));
            let ended = match result.recv_timeout(SILENCE) {
                Err(RecvTimeoutError::Timeout) => {
                    let what = text::whole_line(what);
                    self.output.remark(format_args!("still waiting for {what}"))?;
                    result.recv().ok()
                }
                other => other.ok(),
            };
            // Nothing comes only from a worker that has panicked, which joining it would hide.
            drop(worker);
            ended.ok_or_else(|| CliError::System {
                doing: "find out about everything",
                source: std::io::ErrorKind::Other.into(),
            })
        })
    }

    fn end(self) -> Result<(), CliError> {
        let Self { failed, all, .. } = self;
        if failed == 0 {
            Ok(())
        } else {
            Err(CliError::Unwell { failed, all })
        }
    }
}
