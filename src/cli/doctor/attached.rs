//! What the clients' configurations say.

use super::claude;
use super::finding::Finding;
use super::hook::{Hook, place_of};
use super::known::Known;
use crate::board::Namespace;
use crate::cli::args::Place;
use crate::cli::place;
use crate::cli::setup::clients::{Client, Facts, Files, Hooks, Plugin, Scope};
use crate::cli::setup::command::{self, HookCommand};
use crate::cli::setup::detect::{Root, Surroundings};
use crate::cli::setup::file::ConfigFile;
use crate::cli::setup::handler::{Handler, Way};
use crate::cli::setup::hooks::{self, Call};
use crate::cli::setup::program::{Bridge, NAME, program, quoted};
use crate::cli::setup::{SetupError, edit_json, plan, plugin};

/// What comes before setup where a server counts most that it does not reach.
const REMOVE_LOCAL: &str = "claude mcp remove --scope local callboard, then ";

/// What there is of us in a client's configurations.
pub(super) struct Attached {
    pub(super) findings: Vec<Finding>,
    /// How it starts the bridge: what counts most comes first.
    pub(super) starts: Vec<Bridge>,
    /// Whether the first of these is one that setup does not reach.
    first_is_local: bool,
    /// What it calls before edits.
    pub(super) hooks: Vec<Hook>,
}

/// A file with its text.
struct Opened {
    scope: Scope,
    file: ConfigFile,
    text: String,
}

/// Looks at the configurations of `client` in both scopes.
pub(super) fn look(client: Client, around: &Surroundings, known: &Known) -> Attached {
    let mut attached = Attached {
        findings: Vec::new(),
        starts: Vec::new(),
        first_is_local: false,
        hooks: Vec::new(),
    };
    let facts = client.facts();
    let set_up = set_up(client, Scope::Project);
    // In the order in which the client lets them count.
    if let Some((file, bridge)) = claude::local_server(around).filter(|_| client == Client::Claude) {
        attached.entry(client, &file, bridge, known, &format!("{REMOVE_LOCAL}{set_up}"));
        attached.first_is_local = !attached.starts.is_empty();
    }
    for text in texts(facts, |root, scope| facts.servers_in(root, scope), around) {
        let entry = text.and_then(|Opened { file, text, .. }| {
            let server = plan::server(&text, facts.form).map_err(|broken| plan::located(&file, broken))?;
            Ok(server.map(|bridge| (file, bridge)))
        });
        match entry {
            Ok(Some((file, bridge))) => attached.entry(client, &file, bridge, known, &set_up),
            Ok(None) => {}
            Err(error) => attached.findings.push(failed(client, &error)),
        }
    }
    if let Some(file) = claude::plugin(around).filter(|_| client == Client::Claude) {
        attached.claude_plugin(&file, known);
    }
    if attached.findings.is_empty() {
        let finding = Finding::warn(facts.name, "is not attached", set_up);
        attached.findings.push(finding);
        return attached;
    }
    if let (Some(hooks), Some(bridge)) = (&facts.hooks, attached.starts.first().cloned()) {
        attached.hooks(client, hooks, &bridge, around, known);
    }
    if let Some((plugin, bridge)) = facts.plugin.as_ref().zip(attached.starts.first()) {
        let finding = plugin_of(client, plugin, bridge, around);
        attached.findings.push(finding);
    }
    attached
}

/// Returns that there is no client to look at.
pub(super) fn nobody() -> Finding {
    Finding::warn(
        "clients",
        "none of those that callboard knows is on this machine",
        "attach others by hand; `callboard config` shows how",
    )
}

impl Attached {
    /// Adds the server in `file`; `fix` mends one whose program has gone.
    fn entry(&mut self, client: Client, file: &ConfigFile, bridge: Bridge, known: &Known, fix: &str) {
        let (name, shown) = (client.facts().name, file.path.display());
        let finding = if !bridge.is_ours() {
            Finding::fail(
                name,
                format!("{shown} has something else called callboard: {}", bridge.shell()),
                format!("rename that, then run `callboard setup {}`", client.id()),
            )
        } else if known.found(&bridge.program).is_none() {
            Finding::fail(
                name,
                format!("{shown} starts {}, which is not there", bridge.program),
                fix,
            )
        } else {
            let found = format!("{shown} starts `{}`", bridge.shell());
            self.starts.push(bridge);
            Finding::ok(name, found)
        };
        self.findings.push(finding);
    }

    /// Adds what our plugin for Claude Code brings along, which `file` enables.
    fn claude_plugin(&mut self, file: &ConfigFile, known: &Known) {
        let check = format!("{} plugin", Client::Claude.facts().name);
        let shown = file.path.display();
        if known.found(NAME).is_none() {
            let found = format!("{shown} enables it, and it finds no callboard on your PATH");
            let finding = Finding::fail(check, found, "put callboard on your PATH: cargo install --path .");
            return self.findings.push(finding);
        }
        let found = format!("{shown} enables it, and it brings the bridge and the hooks");
        self.findings.push(Finding::ok(check, found));
        self.starts.push(claude::plugin_bridge());
        self.hooks
            .push(Hook::by_process(Client::Claude, &claude::PLUGIN_HOOK));
    }

    /// Looks at the `hooks` of a client that starts `bridge`.
    fn hooks(
        &mut self,
        client: Client,
        hooks: &Hooks,
        bridge: &Bridge,
        around: &Surroundings,
        known: &Known,
    ) {
        let calls = match calls(client, hooks, around) {
            Ok(calls) => calls,
            Err(error) => return self.findings.push(failed(client, &error)),
        };
        // Where there are none, a plugin may have brought some.
        if self.hooks.is_empty() || !calls.is_empty() {
            self.findings.push(hooks_of(client, hooks, &calls, known));
        }
        let before_edits = calls
            .iter()
            .filter_map(|(_, call)| Hook::before_edits(client, call, bridge));
        self.hooks.extend(before_edits);
        let elsewhere = elsewhere(client, &calls, bridge, around, self.first_is_local);
        self.findings.extend(elsewhere);
    }
}

fn hooks_of(client: Client, hooks: &Hooks, calls: &[(Scope, Call)], known: &Known) -> Finding {
    let check = format!("{} hooks", client.facts().name);
    let mut programs = calls
        .iter()
        .filter_map(|(scope, call)| Some((*scope, program_of(call)?)));
    if let Some((scope, program)) = programs.find(|(_, program)| known.found(program).is_none()) {
        let found = format!("call {program}, which is not there");
        return Finding::fail(check, found, set_up(client, scope));
    }
    let outdated = calls.iter().find(|(_, call)| hooks::is_outdated(hooks, call));
    let first = calls.first().map_or(Scope::Project, |(scope, _)| *scope);
    let calls: Vec<_> = calls.iter().map(|(_, call)| call.clone()).collect();
    let missing = hooks::missing(hooks, &calls);
    match (calls.as_slice(), missing.as_slice(), outdated) {
        ([], ..) => {
            let found = "are not there, so nothing stops who does not ask";
            Finding::warn(check, found, set_up(client, first))
        }
        (_, [], None) => Finding::ok(check, format!("are there{}", how(&calls))),
        (_, [], Some((scope, _))) => Finding::warn(check, "are of another version", set_up(client, *scope)),
        (_, missing, _) => {
            let events: Vec<_> = missing.iter().map(|occasion| occasion.event).collect();
            let found = format!("are not there for {}", events.join(", "));
            Finding::warn(check, found, set_up(client, first))
        }
    }
}

/// Returns the command that sets `client` up in `scope`.
fn set_up(client: Client, scope: Scope) -> String {
    let user = if scope == Scope::User { " --user" } else { "" };
    format!("callboard setup {}{user}", client.id())
}

/// Returns that a hook asks another board than `bridge` leads to, or in another namespace, if one does.
fn elsewhere(
    client: Client,
    calls: &[(Scope, Call)],
    bridge: &Bridge,
    around: &Surroundings,
    is_local: bool,
) -> Option<Finding> {
    let place = place_of(bridge.words()).ok()?;
    let board = |place: &Place| {
        let project = place::project_around(&around.project, place).ok()?;
        Some((project.socket, place.namespace.clone()))
    };
    let here = board(&place)?;
    let is_elsewhere = |words: &Vec<String>| {
        let there = place_of(words.iter().map(String::as_str)).ok();
        there
            .and_then(|place| board(&place))
            .is_some_and(|there| there != here)
    };
    let mut commands = calls
        .iter()
        .filter_map(|(scope, call)| Some((*scope, call.handler.words()?)));
    let (scope, words) = commands.find(|(_, words)| is_elsewhere(words))?;
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    let mut options = Bridge::to(&place).ok()?.arguments.split_off(1);
    // What is not said stays as it is, so that the default has to be said as well.
    if place.namespace == Namespace::default() {
        options.extend(["--namespace".to_owned(), place.namespace.to_string()]);
    }
    let options: Vec<_> = options.iter().map(|word| quoted(word)).collect();
    let check = format!("{} hooks", client.facts().name);
    let found = format!(
        "`{}` asks elsewhere than where `{}` leads",
        words.join(" "),
        bridge.shell()
    );
    let before = if is_local { REMOVE_LOCAL } else { "" };
    let fix = format!("{before}{} {}", set_up(client, scope), options.join(" "));
    Some(Finding::warn(check, found, fix))
}

/// Returns how `calls` ask.
fn how(calls: &[Call]) -> String {
    let wakes = calls.iter().any(|call| call.handler.wakes());
    let waking = if wakes { ", and idle agents are woken" } else { "" };
    let over_bridge = calls.iter().any(|call| call.handler.way() == Way::Bridge);
    let way = if over_bridge {
        "over the bridge"
    } else {
        "by a process each"
    };
    format!(" and ask {way}{waking}")
}

fn program_of(call: &Call) -> Option<String> {
    match &call.handler {
        Handler::Command(command) => command::program_of(command),
        Handler::Tool(_) => None,
    }
}

fn plugin_of(client: Client, plugin: &Plugin, bridge: &Bridge, around: &Surroundings) -> Finding {
    let check = format!("{} plugin", client.facts().name);
    let fix = format!("callboard setup {}", client.id());
    let mut found = Vec::new();
    for text in texts(client.facts(), fixed(plugin.files), around) {
        match text {
            Ok(text) => found.push(text),
            Err(error) => return failed(client, &error),
        }
    }
    let Some(Opened { file, text, .. }) = found.first() else {
        return Finding::warn(check, "is not there, so nothing stops who does not ask", fix);
    };
    let shown = file.path.display();
    let there = plugin::command(text);
    let leads = bridge.leads().map(|(address, _)| address);
    let both = there.as_ref().zip(leads);
    if both.is_some_and(|(there, address)| there.address != address) {
        let found = format!("{shown} asks another board than the server");
        return Finding::warn(check, found, fix);
    }
    // What it asks for was chosen; only the program that it runs must be this one.
    let wanted = there.zip(program().ok());
    let wanted = wanted.map(|(there, program)| plugin::text(plugin, &HookCommand { program, ..there }));
    if wanted.as_ref() == Some(text) {
        Finding::ok(check, format!("{shown} is there"))
    } else {
        Finding::warn(check, format!("{shown} is of another version"), fix)
    }
}

/// Returns our calls in both scopes, which a client adds up.
fn calls(client: Client, hooks: &Hooks, around: &Surroundings) -> Result<Vec<(Scope, Call)>, SetupError> {
    let mut all = Vec::new();
    for text in texts(client.facts(), fixed(hooks.files), around) {
        let Opened { scope, file, text } = text?;
        let value = edit_json::read(&text).map_err(|broken| plan::located(&file, broken))?;
        all.extend(hooks::calls(&value).into_iter().map(|call| (scope, call)));
    }
    Ok(all)
}

/// Returns the names of files that are called alike wherever they are.
fn fixed(files: Files) -> impl Fn(&Root, Scope) -> Vec<String> {
    move |_, scope| files.of(scope).map(str::to_owned).into_iter().collect()
}

/// Returns the files that are there.
fn texts(
    facts: &Facts,
    names: impl Fn(&Root, Scope) -> Vec<String>,
    around: &Surroundings,
) -> Vec<Result<Opened, SetupError>> {
    let mut texts = Vec::new();
    for scope in [Scope::Project, Scope::User] {
        let root = match around.root(facts, scope) {
            Ok(root) => root,
            Err(error) => {
                texts.push(Err(error));
                continue;
            }
        };
        for name in names(&root, scope) {
            let read = root.file(&name).and_then(|file| {
                let text = file.read()?;
                Ok(text.map(|text| Opened { scope, file, text }))
            });
            texts.extend(read.transpose());
        }
    }
    // In one's home, the project's file can be the user's.
    texts.dedup_by(|one, other| matches!((one, other), (Ok(one), Ok(other)) if one.file == other.file));
    texts
}

fn failed(client: Client, error: &SetupError) -> Finding {
    Finding::fail(
        client.facts().name,
        error.to_string(),
        error
            .hint()
            .unwrap_or_else(|| "see whether it can be read".to_owned()),
    )
}
