//! What is the same for every connection of a server.

use super::hooks::wake::Wakers;
use super::worktrees::Worktrees;
use crate::guard::Witness;
use crate::mcp::tools::Toolset;
use crate::target::Resolver;

/// What is the same for every connection of a server.
#[derive(Debug)]
pub struct Setup {
    /// Says what the targets are that agents write.
    pub(super) resolver: Resolver,
    /// The tools that are served.
    pub(super) tools: Toolset,
    /// What is locked in which worktree.
    pub(super) worktrees: Worktrees,
    /// Who is to be woken.
    pub(super) wakers: Wakers,
    /// Hears what hooks tell of agents' work on files.
    pub(super) witness: Witness,
}

impl Setup {
    /// Returns the setup of a server whose paths `resolver` knows and whose tools are `tools`.
    pub fn new(resolver: Resolver, tools: Toolset) -> Self {
        Self {
            resolver,
            tools,
            worktrees: Worktrees::default(),
            wakers: Wakers::default(),
            witness: Witness::default(),
        }
    }

    /// Returns what hears what hooks tell of agents' work on files, for who watches these.
    pub fn witness(&self) -> Witness {
        self.witness.clone()
    }
}
