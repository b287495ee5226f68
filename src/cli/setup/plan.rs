//! What is to be changed for a client: every file with its text before and after. Reads files, writes none.

use super::SetupError;
use super::clients::{Client, Facts, Files, Form, Plugin, SERVER, Scope};
use super::detect::Surroundings;
use super::edit_json::{self, Broken, Item, Step};
use super::edit_toml;
use super::file::ConfigFile;
use super::hooks::{self, Style};
use super::program::{Bridge, found};

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Aim<'a> {
    /// The server is there, and the hooks too, if they are wanted.
    There { hooks: Option<Style<'a>> },
    /// They are not.
    Gone { hooks: bool },
}

/// A file whose text changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) file: ConfigFile,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// Returns the changes that bring `client` to `aim` in `scope`, none when it is there already.
pub(super) fn changes(
    client: Client,
    scope: Scope,
    aim: Aim<'_>,
    bridge: &Bridge,
    around: &Surroundings,
) -> Result<Vec<Change>, SetupError> {
    let mut draft = Draft {
        facts: client.facts(),
        scope,
        bridge,
        around,
        changes: Vec::new(),
    };
    match aim {
        Aim::There { hooks } => {
            draft.add_server()?;
            if let Some(style) = hooks {
                draft.add_hooks(style)?;
                draft.add_plugin()?;
            }
        }
        // In the opposite order, so that every step undoes the last that is left.
        Aim::Gone { hooks } => {
            if hooks {
                draft.remove_plugin()?;
                draft.remove_hooks()?;
            }
            draft.remove_server()?;
        }
    }
    draft.changes.retain(|change| change.before != change.after);
    Ok(draft.changes)
}

struct Draft<'a> {
    facts: &'static Facts,
    scope: Scope,
    bridge: &'a Bridge,
    around: &'a Surroundings,
    changes: Vec<Change>,
}

impl Draft<'_> {
    fn add_server(&mut self) -> Result<(), SetupError> {
        let (form, bridge) = (self.facts.form, self.bridge);
        let at = self.open_servers()?;
        let Some(old) = self.server(at)? else {
            let lines = form.lines(bridge);
            return self.edit(at, |text| match form.table() {
                Some(table) => {
                    let entry = form.entry(bridge);
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
        let starts = found(&old.program).is_some() || old.program == bridge.program;
        // What people have added behind our arguments, such as a name for the agent, is theirs.
        if starts && old.arguments.starts_with(&bridge.arguments) {
            return Ok(());
        }
        self.edit(at, |text| {
            text.map(|text| restarted(&text, form, bridge)).transpose()
        })
    }

    fn remove_server(&mut self) -> Result<(), SetupError> {
        let form = self.facts.form;
        let at = self.open_servers()?;
        if self.server(at)?.is_none_or(|old| !old.is_ours()) {
            return Ok(());
        }
        self.edit(at, |text| {
            let text = text.unwrap_or_default();
            match form.table() {
                Some(table) => edit_json::remove(&text, &entry_path(table)),
                None => edit_toml::remove(&text, SERVER),
            }
        })
    }

    fn add_hooks(&mut self, style: Style<'_>) -> Result<(), SetupError> {
        let Some(wanted) = &self.facts.hooks else {
            return Ok(());
        };
        let at = self.open(wanted.files)?;
        self.edit(at, |text| {
            hooks::add(text, wanted, style, |program| found(program).is_some())
        })
    }

    fn remove_hooks(&mut self) -> Result<(), SetupError> {
        let Some(known) = &self.facts.hooks else {
            return Ok(());
        };
        let at = self.open(known.files)?;
        self.edit(at, |text| text.map_or(Ok(None), hooks::remove))
    }

    fn add_plugin(&mut self) -> Result<(), SetupError> {
        let Some(plugin) = &self.facts.plugin else {
            return Ok(());
        };
        let at = self.open_plugin(plugin)?;
        let text = plugin_text(plugin, &self.bridge.program);
        self.edit(at, |_| Ok(Some(text)))
    }

    fn remove_plugin(&mut self) -> Result<(), SetupError> {
        let Some(plugin) = &self.facts.plugin else {
            return Ok(());
        };
        match self.open_plugin(plugin) {
            Ok(at) => self.edit(at, |_| Ok(None)),
            Err(SetupError::Taken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens the plugin's file, which must be ours if it is there.
    fn open_plugin(&mut self, plugin: &Plugin) -> Result<usize, SetupError> {
        let at = self.open(plugin.files)?;
        let change = &self.changes[at];
        if change
            .after
            .as_ref()
            .is_some_and(|text| !text.starts_with(plugin.mark))
        {
            return Err(SetupError::Taken {
                file: change.file.path.clone(),
                found: "another plugin".to_owned(),
            });
        }
        Ok(at)
    }

    fn open_servers(&mut self) -> Result<usize, SetupError> {
        let base = self.around.base(self.scope)?;
        self.open_called(self.facts.servers_in(base, self.scope))
    }

    fn open(&mut self, files: Files) -> Result<usize, SetupError> {
        self.open_called(files.of(self.scope).map(str::to_owned))
    }

    /// Returns the place in `changes` of the file in our scope; several edits of one file are one change.
    fn open_called(&mut self, name: Option<String>) -> Result<usize, SetupError> {
        let name = name.ok_or_else(|| SetupError::NoUserFile {
            client: self.facts.name,
            command: (self.facts.command)(self.bridge),
        })?;
        let file = ConfigFile::find(self.around.base(self.scope)?, &name)?;
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

/// Returns the plugin's text, which starts `program`.
pub(in crate::cli) fn plugin_text(plugin: &Plugin, program: &str) -> String {
    let quoted = serde_json::Value::from(program).to_string();
    plugin.text.replacen(plugin.program, &quoted, 1)
}

/// Returns `text` with our server started as `bridge` says, and everything else about it as it was.
fn restarted(text: &str, form: Form, bridge: &Bridge) -> Result<String, Broken> {
    let values = form.values(bridge);
    let Some(table) = form.table() else {
        return edit_toml::replace(text, SERVER, &values);
    };
    values.iter().try_fold(text.to_owned(), |text, (key, value)| {
        let mut path = entry_path(table).to_vec();
        path.push(Step::Name((*key).to_owned()));
        edit_json::replace(&text, &path, value)
    })
}

fn entry_path(table: &str) -> [Step; 2] {
    [Step::Name(table.to_owned()), Step::Name(SERVER.to_owned())]
}
