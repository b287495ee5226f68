//! `callboard setup`: writes into the configurations of clients what attaches their agents, and takes it out again.
//!
//! Every change is shown before it is made. What is there keeps its bytes, comments and order; taking out gives back
//! what was there before; a file that cannot be read is left alone.

pub(in crate::cli) mod address;
pub(in crate::cli) mod clients;
pub(in crate::cli) mod command;
pub(in crate::cli) mod detect;
mod diff;
pub(in crate::cli) mod edit_json;
mod edit_toml;
mod error;
pub(in crate::cli) mod file;
pub(in crate::cli) mod handler;
pub(in crate::cli) mod hooks;
pub(in crate::cli) mod options;
pub(in crate::cli) mod plan;
pub(in crate::cli) mod plugin;
pub(in crate::cli) mod program;
mod splice;
mod style;
mod version;

use std::io::{self, BufRead as _};

use clap::ValueEnum as _;
use serde_json::json;

pub use error::SetupError;

use self::address::Said;
use self::clients::{Client, Facts, Scope};
use self::detect::Surroundings;
use self::handler::Way;
use self::options::SetupOptions;
use self::plan::{Aim, Change, Plan};
use self::program::NAME;
use self::version::Version;
use super::CliError;
use super::args::Place;
use super::output::Output;
use super::text;

/// Sets the clients up that `options` name, or all that are here.
pub(super) fn run(
    options: &SetupOptions,
    place: &Place,
    interactive: bool,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let around = Surroundings::look()?;
    let clients = match (options.clients.as_slice(), options.remove) {
        ([], false) => around.clients(),
        // A client that has gone leaves its files behind.
        ([], true) => Client::value_variants().to_vec(),
        (named, _) => named.to_vec(),
    };
    if clients.is_empty() {
        return Err(SetupError::NoClient.into());
    }
    let setup = Setup {
        options,
        scope: if options.user { Scope::User } else { Scope::Project },
        said: Said::of(place, options.names_namespace)?,
        program: program::program()?,
        around,
        interactive,
    };
    setup.run(&clients, output)
}

struct Setup<'a> {
    options: &'a SetupOptions,
    scope: Scope,
    said: Said,
    program: String,
    around: Surroundings,
    interactive: bool,
}

/// What became of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was as it should be.
    Already,
    /// It is now.
    Done,
    /// The change was only shown.
    Shown,
    /// The user did not want it.
    Declined,
}

impl Setup<'_> {
    fn run(&self, clients: &[Client], output: &mut Output<'_>) -> Result<(), CliError> {
        let mut failures = Vec::new();
        let mut outcomes = Vec::new();
        for client in clients {
            match self.set_up(*client, output) {
                Ok(outcome) => outcomes.push(outcome),
                Err(CliError::Setup(error @ SetupError::NoUserFile { .. }))
                    if self.options.clients.is_empty() =>
                {
                    if !self.options.remove {
                        let hint = error.hint().unwrap_or_default();
                        output.remark(format_args!("note: {error}; {hint}"))?;
                    }
                }
                // One client's broken file is no reason to leave the others out.
                Err(CliError::Setup(error)) => failures.push((*client, error)),
                Err(error) => return Err(error),
            }
        }
        if self.program != NAME && outcomes.contains(&Outcome::Done) && !self.options.remove {
            output.remark(format_args!(
                "note: `{NAME}` on your PATH is not this program, so its whole path was written: {}",
                self.program
            ))?;
        }
        if self.options.remove
            && self.options.clients.is_empty()
            && outcomes.iter().all(|one| *one == Outcome::Already)
        {
            output.remark("nothing of callboard's is set up here")?;
        }
        if failures.is_empty() {
            let unasked = outcomes.contains(&Outcome::Shown) && !self.options.dry_run;
            return if unasked {
                Err(SetupError::Unasked.into())
            } else {
                Ok(())
            };
        }
        if let Some((_, error)) = failures.pop_if(|_| clients.len() == 1) {
            return Err(error.into());
        }
        for (client, error) in &failures {
            output.remark(format_args!("error: {}: {error}", client.facts().name))?;
            if let Some(hint) = error.hint() {
                output.remark(format_args!("hint: {hint}"))?;
            }
        }
        let (failed, all) = (failures.len(), clients.len());
        Err(SetupError::Some { failed, all }.into())
    }

    fn set_up(&self, client: Client, output: &mut Output<'_>) -> Result<Outcome, CliError> {
        let hooks = !self.options.no_hooks;
        let version = self.version(client);
        let aim = if self.options.remove {
            Aim::Gone { hooks }
        } else {
            let usual = client.facts().usual_way(version);
            let style = hooks.then(|| self.options.style(usual));
            Aim::There { hooks: style }
        };
        let plan = plan::plan(client, self.scope, aim, &self.said, &self.program, &self.around)?;
        let Plan {
            changes,
            way,
            unreadable,
        } = plan;
        let name = client.facts().name;
        for unmet in self.options.unmet(client) {
            output.remark(format_args!("note: {name} {unmet}"))?;
        }
        for command in &unreadable {
            let command = text::whole_line(command);
            output.remark(format_args!(
                "note: {name}: a hook stays as it is, see that it asks the same board as the server: {command}"
            ))?;
        }
        if changes.is_empty() {
            match (self.options.remove, self.options.clients.is_empty()) {
                (false, _) => say(output, client, "already set up")?,
                (true, false) => say(output, client, "not set up")?,
                (true, true) => {}
            }
            return Ok(Outcome::Already);
        }
        if !output.asked_for_json() {
            output.line(format_args!("# {name}"))?;
        }
        for change in &changes {
            show(client, change, output)?;
        }
        if let Some(why) = way.and_then(|way| self.why(client, way, version)) {
            output.remark(format_args!("note: {why}"))?;
        }
        if self.options.dry_run {
            return Ok(Outcome::Shown);
        }
        if !self.options.yes {
            if !self.interactive || output.asked_for_json() {
                return Ok(Outcome::Shown);
            }
            if !agreed(name, self.options.remove, output)? {
                say(output, client, "left as it was")?;
                return Ok(Outcome::Declined);
            }
        }
        self.write(&changes)?;
        let done = if self.options.remove {
            "taken out"
        } else {
            "set up"
        };
        say(output, client, done)?;
        if let Some(remark) = (client.facts().remark)(self.scope).filter(|_| !self.options.remove) {
            output.remark(format_args!("note: {remark}"))?;
        }
        Ok(Outcome::Done)
    }

    /// Returns the version of `client` that is installed, where the way in which hooks ask hangs on it.
    fn version(&self, client: Client) -> Option<Version> {
        let Facts { hooks, program, .. } = client.facts();
        let can_choose = hooks.as_ref().is_some_and(|hooks| hooks.on_bridge_from.is_some());
        let is_unsaid = self.options.hook_way.is_none();
        let sets_hooks = !self.options.remove && !self.options.no_hooks;
        (can_choose && is_unsaid && sets_hooks).then(|| version::installed(program))?
    }

    /// Returns what people need to know about hooks that ask in this `way`, where `version` of the client is installed.
    fn why(&self, client: Client, way: Way, version: Option<Version>) -> Option<String> {
        let Facts { name, hooks, .. } = client.facts();
        let from = hooks.as_ref()?.on_bridge_from?;
        let needed = version::shown(from);
        let found = version.map_or_else(
            || "the version that is installed here is not known".to_owned(),
            |version| format!("here it is {}", version::shown(version)),
        );
        let is_said = self.options.hook_way.is_some();
        let is_new = version.is_some_and(|version| version >= from);
        Some(match way {
            Way::Process if is_said => return None,
            Way::Process if is_new => {
                "hooks start a process each, as they did before; `--hook-way bridge` lets them \
                                       ask over the bridge"
                    .to_owned()
            }
            Way::Process => {
                format!("hooks start a process each: {name} asks over the bridge from {needed}, {found}")
            }
            Way::Bridge => {
                let found = if is_said || is_new {
                    String::new()
                } else {
                    format!(" ({found})")
                };
                format!(
                    "hooks ask over the bridge, for which everybody here needs {name} {needed} or newer{found}; \
                     `--hook-way process` writes them for older ones"
                )
            }
        })
    }

    /// Makes all changes, or none: those that were made are taken back when one fails.
    fn write(&self, changes: &[Change]) -> Result<(), SetupError> {
        for (at, change) in changes.iter().enumerate() {
            let Change { file, before, after } = change;
            if let Err(error) = file.change(before.as_deref(), after.as_deref()) {
                for Change { file, before, after } in &changes[..at] {
                    // What cannot be taken back was shown; the error that counts is the first.
                    let _ = file.change(after.as_deref(), before.as_deref());
                }
                return Err(error);
            }
        }
        if self.scope == Scope::Project {
            let gone = changes.iter().filter(|change| change.after.is_none());
            gone.for_each(|change| change.file.tidy(&self.around.project));
        }
        Ok(())
    }
}

fn say(output: &mut Output<'_>, client: Client, what: &str) -> Result<(), CliError> {
    if output.asked_for_json() {
        return output.json(&json!({ "client": client.id(), "outcome": what }));
    }
    output.line(format_args!("{}: {what}", client.facts().name))?;
    output.flush()
}

fn show(client: Client, change: &Change, output: &mut Output<'_>) -> Result<(), CliError> {
    let name = change.file.path.display().to_string();
    let diff = diff::unified(&name, change.before.as_deref(), change.after.as_deref());
    if output.asked_for_json() {
        return output.json(&json!({ "client": client.id(), "file": name, "diff": diff }));
    }
    output.raw(diff.as_bytes())
}

/// Asks whether the shown change is to be made; the end of the input means no.
fn agreed(name: &str, remove: bool, output: &mut Output<'_>) -> Result<bool, CliError> {
    let question = if remove { "Take callboard out of" } else { "Set up" };
    output.raw(format!("{question} {name}? [Y/n] ").as_bytes())?;
    output.flush()?;
    let mut answer = String::new();
    let read = io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(CliError::Input)?;
    Ok(read > 0 && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}
