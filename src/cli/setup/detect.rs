//! Which clients are here, and where their files are.

use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use super::SetupError;
use super::clients::{Client, Facts, Scope};
use super::program::found;
use crate::cli::CliError;

/// Where configurations are looked for.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Surroundings {
    home: Option<PathBuf>,
    /// The top of the worktree around the current directory.
    pub(in crate::cli) project: PathBuf,
}

impl Surroundings {
    /// Looks around.
    pub(in crate::cli) fn look() -> Result<Self, CliError> {
        let cwd = std::env::current_dir().map_err(|source| CliError::System {
            doing: "find the current directory",
            source,
        })?;
        // Not the top of the main worktree, where the board is: a client reads the files of the worktree it is in.
        let top = cwd.ancestors().find(|directory| directory.join(".git").exists());
        let home = std::env::var_os("HOME").map(PathBuf::from);
        Ok(Self {
            home: home.filter(|home| home.is_absolute()),
            project: top.unwrap_or(&cwd).to_owned(),
        })
    }

    /// Returns the directory that the files of `scope` are below.
    pub(in crate::cli) fn base(&self, scope: Scope) -> Result<&Path, SetupError> {
        match scope {
            Scope::Project => Ok(&self.project),
            Scope::User => self.home.as_deref().ok_or(SetupError::NoHome),
        }
    }

    /// Returns the clients that are here.
    pub(in crate::cli) fn clients(&self) -> Vec<Client> {
        let all = Client::value_variants().iter().copied();
        all.filter(|client| self.is_here(client.facts())).collect()
    }

    fn is_here(&self, facts: &Facts) -> bool {
        let has_directory = |home: &PathBuf| home.join(facts.home).is_dir();
        found(facts.program).is_some() || self.home.as_ref().is_some_and(has_directory)
    }
}
