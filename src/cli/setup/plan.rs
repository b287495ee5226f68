//! What is to be changed for a client: every file with its text before and after. Reads files, writes none.

use super::SetupError;
use super::address::{Address, Said};
use super::clients::{Client, Facts, Files, Form, Hooks, Plugin, SERVER, Scope};
use super::command::Choices;
use super::detect::Surroundings;
use super::edit_json::{self, Broken, Item, Step};
use super::edit_toml;
use super::file::ConfigFile;
use super::handler::{Callee, Way};
use super::hooks::{self, Call};
use super::plugin;
use super::program::{Bridge, found};
use super::style::Style;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Aim {
    /// The server is there, and the hooks in a style, if there is one. Hooks that are there lead where the server does.
    There { hooks: Option<Style> },
    /// They are not.
    Gone { hooks: bool },
}

/// What there is to do for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    /// How hooks ask afterwards that have a choice.
    pub(super) way: Option<Way>,
    /// The commands of ours that cannot be read, and so lead where they led.
    pub(super) unreadable: Vec<String>,
}

/// A file whose text changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) file: ConfigFile,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// Returns what brings `client` to `aim` in `scope`, for the board that is `said`; there are no changes when it is there
/// already.
pub(super) fn plan(
    client: Client,
    scope: Scope,
    aim: Aim,
    said: &Said,
    program: &str,
    around: &Surroundings,
) -> Result<Plan, SetupError> {
    let mut draft = Draft {
        client,
        facts: client.facts(),
        scope,
        said,
        program,
        around,
        changes: Vec::new(),
    };
    let mut plan = match aim {
        Aim::There { hooks } => draft.attach(hooks)?,
        // In the opposite order, so that every step undoes the last that is left.
        Aim::Gone { hooks } => {
            if hooks {
                draft.remove_plugin()?;
                draft.remove_hooks()?;
            }
            draft.remove_servers()?;
            Plan {
                changes: draft.changes,
                way: None,
                unreadable: Vec::new(),
            }
        }
    };
    plan.changes.retain(|change| change.before != change.after);
    Ok(plan)
}

struct Draft<'a> {
    client: Client,
    facts: &'static Facts,
    scope: Scope,
    said: &'a Said,
    program: &'a str,
    around: &'a Surroundings,
    changes: Vec<Change>,
}

impl Draft<'_> {
    fn attach(mut self, style: Option<Style>) -> Result<Plan, SetupError> {
        let servers = self.open_servers()?;
        // Hooks that are left alone need not be such as can be read.
        let hooks = match self.open_hooks() {
            Err(_) if style.is_none() => None,
            opened => opened?,
        };
        let plugin = match self.open_plugin() {
            Err(_) if style.is_none() => None,
            opened => opened?,
        };
        let address = self.said.over(&self.standing(&servers, hooks, plugin)?);
        for at in servers {
            self.set_server(at, &address)?;
        }
        let callee = Callee {
            program: self.program,
            address: &address,
            client: self.client,
        };
        let mut plan = Plan {
            changes: Vec::new(),
            way: None,
            unreadable: Vec::new(),
        };
        if let Some((hooks, at)) = hooks {
            self.set_hooks(hooks, at, callee, style)?;
            let calls = self.calls(at)?;
            plan.way = style.and_then(|_| hooks::way_of(hooks, &calls));
            let unreadable = calls.iter().filter_map(|call| call.handler.unreadable());
            plan.unreadable.extend(unreadable.map(str::to_owned));
        }
        if let Some((plugin, at)) = plugin {
            self.set_plugin(plugin, at, callee, style)?;
        }
        plan.changes = self.changes;
        Ok(plan)
    }

    /// Returns which board is meant by what is there: by the server, or else by what asks before edits.
    fn standing(
        &self,
        servers: &[usize],
        hooks: Option<(&Hooks, usize)>,
        plugin: Option<(&Plugin, usize)>,
    ) -> Result<Address, SetupError> {
        for at in servers.iter().rev() {
            let bridge = self.server(*at)?.filter(Bridge::is_ours);
            if let Some((address, _)) = bridge.and_then(|bridge| bridge.leads()) {
                return Ok(address);
            }
        }
        let calls = hooks.map_or(Ok(Vec::new()), |(_, at)| self.calls(at))?;
        let mut commands = calls.iter().filter_map(|call| call.handler.command());
        let by_plugin = || plugin.and_then(|(_, at)| plugin::command(self.changes[at].after.as_deref()?));
        let command = commands.next().or_else(by_plugin);
        Ok(command.map(|command| command.address).unwrap_or_default())
    }

    fn new_bridge(&self, address: &Address) -> Bridge {
        Bridge::at(self.program.to_owned(), address)
    }

    fn set_server(&mut self, at: usize, address: &Address) -> Result<(), SetupError> {
        let form = self.facts.form;
        let Some(old) = self.server(at)? else {
            let bridge = self.new_bridge(address);
            let lines = form.lines(&bridge);
            return self.edit(at, |text| match form.table() {
                Some(table) => {
                    let entry = form.entry(&bridge);
                    edit_json::add(text.as_deref(), &[table], Item::Member(SERVER, &entry)).map(Some)
                }
                None => edit_toml::add(text.as_deref(), SERVER, &lines).map(Some),
            });
        };
        if !old.is_ours() {
            return Err(SetupError::Taken {
                file: self.changes[at].file.path.clone(),
                found: old.shell(),
            });
        }
        let wanted = old.mended(self.program, address);
        self.edit(at, |text| {
            text.map(|text| restarted(text, form, &old, &wanted)).transpose()
        })
    }

    fn set_hooks(
        &mut self,
        hooks: &Hooks,
        at: usize,
        callee: Callee<'_>,
        style: Option<Style>,
    ) -> Result<(), SetupError> {
        self.edit(at, |text| match style {
            Some(style) => hooks::add(text, hooks, callee, style, |program| found(program).is_some()),
            None => text.map(|text| hooks::redirect(text, callee)).transpose(),
        })
    }

    fn set_plugin(
        &mut self,
        plugin: &Plugin,
        at: usize,
        callee: Callee<'_>,
        style: Option<Style>,
    ) -> Result<(), SetupError> {
        self.edit(at, |text| {
            let old = text.as_deref().and_then(plugin::command);
            let led_to = old.as_ref().map(|old| old.address.clone()).unwrap_or_default();
            if style.is_none() && (text.is_none() || led_to == *callee.address) {
                return Ok(text);
            }
            let old = old.unwrap_or_else(|| callee.command(Choices::default(), false));
            let choices = style.map_or_else(|| old.choices.clone(), |style| style.choices(&old.choices));
            // Whether the program in it is there does not matter: the whole text is of this version's making.
            let command = old.mended(callee, choices, |_| false);
            Ok(Some(plugin::text(plugin, &command)))
        })
    }

    fn remove_servers(&mut self) -> Result<(), SetupError> {
        let form = self.facts.form;
        for at in self.open_servers()? {
            if self.server(at)?.is_none_or(|old| !old.is_ours()) {
                continue;
            }
            self.edit(at, |text| {
                let text = text.unwrap_or_default();
                match form.table() {
                    Some(table) => edit_json::remove(&text, &entry_path(table)),
                    None => edit_toml::remove(&text, SERVER),
                }
            })?;
        }
        Ok(())
    }

    fn remove_hooks(&mut self) -> Result<(), SetupError> {
        match self.open_hooks()? {
            Some((_, at)) => self.edit(at, |text| text.map_or(Ok(None), hooks::remove)),
            None => Ok(()),
        }
    }

    fn remove_plugin(&mut self) -> Result<(), SetupError> {
        match self.open_plugin() {
            Ok(Some((_, at))) => self.edit(at, |_| Ok(None)),
            Ok(None) | Err(SetupError::Taken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens the file with the hooks, which must be readable.
    fn open_hooks(&mut self) -> Result<Option<(&'static Hooks, usize)>, SetupError> {
        let Some(hooks) = &self.facts.hooks else {
            return Ok(None);
        };
        let at = self.open(hooks.files)?;
        self.calls(at)?;
        Ok(Some((hooks, at)))
    }

    /// Opens the plugin's file, which must be ours if it is there.
    fn open_plugin(&mut self) -> Result<Option<(&'static Plugin, usize)>, SetupError> {
        let Some(plugin) = &self.facts.plugin else {
            return Ok(None);
        };
        let at = self.open(plugin.files)?;
        let change = &self.changes[at];
        let text = change.after.as_ref();
        if text.is_some_and(|text| !text.starts_with(plugin.mark)) {
            return Err(SetupError::Taken {
                file: change.file.path.clone(),
                found: "another plugin".to_owned(),
            });
        }
        Ok(Some((plugin, at)))
    }

    /// Opens the files that have an entry of our name, or the one that it belongs in.
    fn open_servers(&mut self) -> Result<Vec<usize>, SetupError> {
        let root = self.around.root(self.facts, self.scope)?;
        let names = self.facts.servers_in(&root, self.scope);
        let mut with_entry = Vec::new();
        for name in &names {
            let at = self.open_called(name)?;
            with_entry.extend(self.server(at)?.map(|_| at));
        }
        if with_entry.is_empty() {
            let best = names.first().ok_or_else(|| self.nowhere())?;
            with_entry.push(self.open_called(best)?);
        }
        Ok(with_entry)
    }

    fn open(&mut self, files: Files) -> Result<usize, SetupError> {
        let name = files.of(self.scope).ok_or_else(|| self.nowhere())?;
        self.open_called(name)
    }

    fn nowhere(&self) -> SetupError {
        let address = self.said.over(&Address::default());
        SetupError::NoUserFile {
            client: self.facts.name,
            command: (self.facts.command)(&self.new_bridge(&address)),
        }
    }

    /// Returns the place in `changes` of a file in our scope; several edits of one file are one change.
    fn open_called(&mut self, name: &str) -> Result<usize, SetupError> {
        let file = self.around.root(self.facts, self.scope)?.file(name)?;
        if let Some(at) = self.changes.iter().position(|change| change.file == file) {
            return Ok(at);
        }
        let before = file.read()?;
        let after = before.clone();
        self.changes.push(Change { file, before, after });
        Ok(self.changes.len() - 1)
    }

    fn edit(
        &mut self,
        at: usize,
        edit: impl FnOnce(Option<String>) -> Result<Option<String>, Broken>,
    ) -> Result<(), SetupError> {
        let change = &mut self.changes[at];
        change.after = edit(change.after.take()).map_err(|broken| located(&change.file, broken))?;
        Ok(())
    }

    /// Returns how the server is started that is in a file already.
    fn server(&self, at: usize) -> Result<Option<Bridge>, SetupError> {
        let change = &self.changes[at];
        let text = change.after.as_deref().unwrap_or_default();
        server(text, self.facts.form).map_err(|broken| located(&change.file, broken))
    }

    /// Returns the hooks of ours in a file.
    fn calls(&self, at: usize) -> Result<Vec<Call>, SetupError> {
        let change = &self.changes[at];
        let value = edit_json::read(change.after.as_deref().unwrap_or_default());
        let value = value.map_err(|broken| located(&change.file, broken))?;
        Ok(hooks::calls(&value))
    }
}

/// Returns how our server is started by the configuration `text`, `None` when it is not in it.
pub(in crate::cli) fn server(text: &str, form: Form) -> Result<Option<Bridge>, Broken> {
    let Some(table) = form.table() else {
        let server = edit_toml::server(text, SERVER)?;
        return Ok(server.map(|server| Bridge {
            program: server.program,
            arguments: server.arguments,
        }));
    };
    let value = edit_json::read(text)?;
    let entry = value.get(table).and_then(|servers| servers.get(SERVER));
    Ok(entry.map(Bridge::of_entry))
}

/// Returns the error of a text as that of its file.
pub(in crate::cli) fn located(file: &ConfigFile, broken: Broken) -> SetupError {
    SetupError::Broken {
        file: file.path.clone(),
        line: broken.line,
        problem: broken.problem,
    }
}

/// Returns `text` with our server started as `wanted` and not as `old`, and everything else about it as it was.
fn restarted(text: String, form: Form, old: &Bridge, wanted: &Bridge) -> Result<String, Broken> {
    let was = form.values(old);
    let values: Vec<_> = form
        .values(wanted)
        .into_iter()
        .filter(|value| !was.contains(value))
        .collect();
    let Some(table) = form.table() else {
        return edit_toml::replace(&text, SERVER, &values);
    };
    values.iter().try_fold(text, |text, (key, value)| {
        let mut path = entry_path(table).to_vec();
        path.push(Step::Name((*key).to_owned()));
        edit_json::replace(&text, &path, value)
    })
}

fn entry_path(table: &str) -> [Step; 2] {
    [Step::Name(table.to_owned()), Step::Name(SERVER.to_owned())]
}
