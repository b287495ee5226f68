//! The options of `callboard setup`.

use clap::Args;

use super::clients::Client;
use super::handler::Way;
use crate::cli::hook::Enforce;

/// Which clients are set up, and how.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(in crate::cli) struct SetupOptions {
    /// The clients; all that are here when absent.
    pub(super) clients: Vec<Client>,
    /// For everybody who works on this project (the default).
    #[arg(long, conflicts_with = "user")]
    project: bool,
    /// For you, in all projects.
    #[arg(long)]
    pub(super) user: bool,
    /// Show the changes and write nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Take out what setup has written.
    #[arg(long, conflicts_with_all = ["enforce", "no_auto_lock", "hook_way", "wake"])]
    pub(super) remove: bool,
    /// Ask nothing.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Leave the hooks alone: locks are then kept only by agents that ask for them.
    #[arg(long, conflicts_with_all = ["enforce", "no_auto_lock", "hook_way", "wake"])]
    pub(super) no_hooks: bool,
    /// What the hooks do with an edit that the board cannot judge: let it pass with a warning, or deny it. When
    /// absent, it passes if no board runs, and is denied if one runs that does not answer.
    #[arg(long, value_name = "HOW")]
    pub(super) enforce: Option<Enforce>,
    /// Do not lock the files that an agent edits.
    #[arg(long)]
    pub(super) no_auto_lock: bool,
    /// How hooks ask: over the agents' open bridge, or by a process each. When absent, over the bridge where the
    /// client that is installed can do so safely.
    #[arg(long, value_name = "WAY")]
    pub(super) hook_way: Option<Way>,
    /// Wake an agent that is idle when a message comes for it, or a lock that it waited for is free.
    #[arg(long)]
    pub(super) wake: bool,
}
