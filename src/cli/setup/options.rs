//! The options of `callboard setup`.

use clap::Args;

use super::clients::Client;
use super::handler::Way;
use super::style::{Enforcing, Style};

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
    #[arg(long, conflicts_with_all = OF_HOOKS)]
    pub(super) remove: bool,
    /// Ask nothing.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Add no hooks: locks are then kept only by agents that ask for them. Hooks that are there stay, and lead to the
    /// board that the server leads to.
    #[arg(long, conflicts_with_all = OF_HOOKS)]
    pub(super) no_hooks: bool,
    /// What the hooks do with an edit that the board cannot judge. When absent, it stays as it is, which is `auto` at
    /// first.
    #[arg(long, value_name = "HOW")]
    enforce: Option<Enforcing>,
    /// Do not lock the files that an agent edits.
    #[arg(long, overrides_with = "auto_lock")]
    no_auto_lock: bool,
    /// Lock them again (the default).
    #[arg(long, overrides_with = "no_auto_lock")]
    auto_lock: bool,
    /// How hooks ask: over the agents' open bridge, or by a process each. When absent, it stays as it is; at first it is
    /// over the bridge where the client that is installed can do so safely.
    #[arg(long, value_name = "WAY")]
    pub(super) hook_way: Option<Way>,
    /// Wake an agent that is idle when a message comes for it, or a lock that it waited for is free.
    #[arg(long, overrides_with = "no_wake")]
    wake: bool,
    /// Wake nobody any more (the default).
    #[arg(long, overrides_with = "wake")]
    no_wake: bool,
    /// Whether the namespace is not just the default.
    #[arg(skip)]
    pub(in crate::cli) names_namespace: bool,
}

/// The options that say how hooks are.
const OF_HOOKS: [&str; 6] = [
    "enforce",
    "no_auto_lock",
    "auto_lock",
    "hook_way",
    "wake",
    "no_wake",
];

impl SetupOptions {
    /// Returns how hooks are wanted; those that are new ask in the `usual` way if nothing was said.
    pub(super) fn style(&self, usual: Way) -> Style {
        let either = |yes: bool, no: bool| (yes || no).then_some(yes);
        Style {
            way: self.hook_way,
            usual,
            enforce: self.enforce,
            auto_lock: either(self.auto_lock, self.no_auto_lock),
            wake: either(self.wake, self.no_wake),
        }
    }

    /// Returns what of the options means nothing to `client`.
    pub(super) fn unmet(&self, client: Client) -> Vec<String> {
        let facts = client.facts();
        let hooks = facts.hooks.as_ref();
        let mut unmet = Vec::new();
        let about_edits = self.enforce.is_some() || self.auto_lock || self.no_auto_lock;
        if about_edits && hooks.is_none() && facts.plugin.is_none() {
            let options = "`--enforce`, `--auto-lock` and `--no-auto-lock`";
            unmet.push(format!(
                "has no hook that is asked before an edit, so {options} change nothing"
            ));
        }
        if self.hook_way == Some(Way::Bridge) && hooks.is_none_or(|hooks| hooks.on_bridge_from.is_none()) {
            unmet.push("has no hook that can ask over the bridge".to_owned());
        }
        if self.wake && hooks.is_none_or(|hooks| hooks.waking.events.is_empty()) {
            unmet.push("has no hook by which an idle agent can be woken".to_owned());
        }
        unmet
    }
}
