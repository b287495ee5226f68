//! Targets as agents write and read them: what a text means to the one who wrote it.
//!
//! The file system is asked by [`crate::target`] alone; here is what depends on who asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::Fault;
use super::hooks::wake::Wakers;
use super::setup::Setup;
use super::worktrees::Worktrees;
use crate::board::{Call, Session, Target};
use crate::guard::Witness;
use crate::target::{Resolver, TargetError};

/// More targets than this are resolved where they keep no other connection waiting.
const FEW: usize = 8;

/// Where the paths of a connection begin.
#[derive(Debug)]
pub(super) struct Place {
    setup: Arc<Setup>,
    /// The directory that the agents of the connection work in, if they have said.
    directory: Option<PathBuf>,
}

/// A target with what its owner must be told of it.
#[derive(Debug)]
pub(super) struct Named {
    /// What the agent wrote.
    pub(super) asked: String,
    pub(super) target: Target,
    /// Whether a link, or the case of letters, made it another path than the one that was written.
    pub(super) is_other: bool,
    /// Whether it was read from the project's root although the agent works below that.
    pub(super) from_root: bool,
    /// The path within its worktree, for one in a worktree of the project.
    pub(super) within: Option<Target>,
}

impl Place {
    /// Returns where the agents of `session` are.
    pub(super) fn of(session: &Session, setup: &Arc<Setup>) -> Self {
        Self {
            setup: Arc::clone(setup),
            directory: session.introduction().cwd.clone(),
        }
    }

    /// Returns what `agent` means by each of `texts`.
    pub(super) async fn name(&self, agent: &Call<'_>, texts: Vec<String>) -> Result<Vec<Named>, Fault> {
        let (setup, directory) = (Arc::clone(&self.setup), self.directory.clone());
        let is_known = known_to(agent);
        let is_many = texts.len() > FEW;
        let named = move || {
            let named = |(at, text)| name(&setup.resolver, directory.as_deref(), at, text, &is_known);
            texts.into_iter().enumerate().map(named).collect()
        };
        if !is_many {
            return named();
        }
        let named = tokio::task::spawn_blocking(named).await;
        named.unwrap_or_else(|_| {
            Err(Fault::unavailable(
                "the board stops; acquire again when it is back",
            ))
        })
    }

    /// Returns the targets of the files that a tool in the directory `cwd` names, or why one of them has none.
    pub(super) async fn files(
        &self,
        cwd: Option<&Path>,
        paths: Vec<String>,
    ) -> Result<Vec<Target>, TargetError> {
        self.resolved(cwd, paths, |resolver, cwd, path| {
            resolver.resolve_file(cwd, path).map(Some)
        })
        .await
    }

    /// Returns the targets of the files and directories that git overwrites, as far as they are the project's.
    pub(super) async fn overwritten(
        &self,
        cwd: Option<&Path>,
        paths: Vec<String>,
    ) -> Result<Vec<Target>, TargetError> {
        self.resolved(cwd, paths, Resolver::resolve_overwritten).await
    }

    async fn resolved<F>(
        &self,
        cwd: Option<&Path>,
        paths: Vec<String>,
        resolve: F,
    ) -> Result<Vec<Target>, TargetError>
    where
        F: Fn(&Resolver, Option<&Path>, &str) -> Result<Option<Target>, TargetError> + Clone + Send + 'static,
    {
        let setup = Arc::clone(&self.setup);
        let cwd = cwd.map(Path::to_owned);
        let is_many = paths.len() > FEW;
        let resolved = move || {
            let target = |path: &String| resolve(&setup.resolver, cwd.as_deref(), path).transpose();
            paths.iter().filter_map(target).collect()
        };
        if !is_many {
            return resolved();
        }
        let found = tokio::task::spawn_blocking(resolved.clone()).await;
        // The runtime ends, so nobody is kept waiting.
        found.unwrap_or_else(|_| resolved())
    }

    /// Returns what is locked in which worktree.
    pub(super) fn worktrees(&self) -> &Worktrees {
        &self.setup.worktrees
    }

    /// Returns who is to be woken.
    pub(super) fn wakers(&self) -> &Wakers {
        &self.setup.wakers
    }

    /// Returns what hears of agents' work on files.
    pub(super) fn witness(&self) -> &Witness {
        &self.setup.witness
    }

    /// Returns what knows where paths lead.
    pub(super) fn resolver(&self) -> &Resolver {
        &self.setup.resolver
    }
}

fn name(
    resolver: &Resolver,
    directory: Option<&Path>,
    at: usize,
    text: String,
    is_known: impl Fn(&Target) -> bool,
) -> Result<Named, Fault> {
    let resolved = resolver.resolve_shown(directory, &text, is_known);
    let resolved = resolved.map_err(|error| Fault::invalid(format!("targets[{at}]"), error.to_string()))?;
    Ok(Named {
        is_other: resolved.asked.is_some(),
        from_root: resolved.from_root,
        within: resolved.within.as_deref().map(Target::path),
        target: resolved.target,
        asked: text,
    })
}

/// Returns whether a target may have been shown to `agent`: somebody holds it, or it has lost it.
fn known_to(agent: &Call<'_>) -> impl Fn(&Target) -> bool + Send + use<> {
    let (board, namespace) = (agent.board().clone(), agent.namespace());
    let owner = Arc::clone(agent.owner());
    move |target| {
        let key = target.key();
        let held = board.get(namespace, &key);
        held.is_some_and(|entry| entry.lease().is_some())
            || board.losses(namespace, &owner).iter().any(|loss| loss.key == key)
    }
}

/// Returns the targets as agents read them: from the project's root.
pub(super) fn texts(targets: &[Target]) -> Vec<String> {
    targets.iter().map(|target| target.text().into_owned()).collect()
}
