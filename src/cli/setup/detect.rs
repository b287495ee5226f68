//! Which clients are here, and where their files are.

use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use super::SetupError;
use super::clients::{Client, Facts, Scope};
use super::file::ConfigFile;
use super::program::found;
use crate::cli::CliError;

/// Where configurations are looked for.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Surroundings {
    home: Option<PathBuf>,
    /// The top of the worktree around the current directory.
    pub(in crate::cli) project: PathBuf,
}

/// The directory that the files of a client are below in some scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Root {
    directory: PathBuf,
    /// The directory in the user's home that it stands for, where the user has moved that.
    stands_for: Option<&'static str>,
    /// The user's home, where it was moved inside that: links then lead about in there as they do when nothing is moved.
    home: Option<PathBuf>,
}

impl Root {
    /// Returns where the file is that is called `name` when nothing is moved.
    pub(in crate::cli) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(self.below(name))
    }

    /// Finds that file.
    pub(in crate::cli) fn file(&self, name: &str) -> Result<ConfigFile, SetupError> {
        let home = self.home.as_deref();
        let bases: Vec<_> = std::iter::once(&*self.directory).chain(home).collect();
        ConfigFile::find(self.path(name), &bases)
    }

    /// What is beside the directory in the home is in it once it is moved.
    fn below<'n>(&self, name: &'n str) -> &'n Path {
        let name = Path::new(name);
        let moved = self.stands_for.and_then(|home| name.strip_prefix(home).ok());
        moved.unwrap_or(name)
    }
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

    /// Returns where the files of the client with these `facts` are in `scope`.
    pub(in crate::cli) fn root(&self, facts: &Facts, scope: Scope) -> Result<Root, SetupError> {
        let in_place = |directory: &Path| Root {
            directory: directory.to_owned(),
            stands_for: None,
            home: None,
        };
        if scope == Scope::Project {
            return Ok(in_place(&self.project));
        }
        let moved = facts.moved_by.and_then(|moved| {
            let directory = std::env::var_os(moved.variable).filter(|directory| !directory.is_empty())?;
            let directory = std::path::absolute(directory).ok()?;
            let home = self.home.clone().filter(|home| directory.starts_with(home));
            let stands_for = Some(moved.home);
            Some(Root {
                directory,
                stands_for,
                home,
            })
        });
        let home = || self.home.as_deref().map(in_place);
        moved.or_else(home).ok_or(SetupError::NoHome)
    }

    /// Returns the clients that are here.
    pub(in crate::cli) fn clients(&self) -> Vec<Client> {
        let all = Client::value_variants().iter().copied();
        all.filter(|client| self.is_here(client.facts())).collect()
    }

    fn is_here(&self, facts: &Facts) -> bool {
        let root = self.root(facts, Scope::User);
        found(facts.program).is_some() || root.is_ok_and(|root| root.path(facts.home).is_dir())
    }
}
