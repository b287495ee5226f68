//! What only Claude Code has: servers that a user has added for one project alone, and our plugin.
//!
//! What cannot be read here is told where the same file is looked at for what every client has.

use serde_json::Value;

use crate::cli::setup::clients::{Client, SERVER, Scope};
use crate::cli::setup::detect::Surroundings;
use crate::cli::setup::edit_json;
use crate::cli::setup::file::ConfigFile;
use crate::cli::setup::program::{Bridge, NAME};
use crate::net::project::Project;

/// The settings of a user in one project.
const LOCAL_SETTINGS: &str = ".claude/settings.local.json";

/// Returns our server as `claude mcp add` writes it unless it is told otherwise, and the file that it is in.
pub(super) fn local_server(around: &Surroundings) -> Option<(ConfigFile, Bridge)> {
    let name = Client::Claude.facts().servers.of(Scope::User)?;
    let (file, value) = read(around, Scope::User, name)?;
    // It calls a project after its main worktree, whichever of them it was added in.
    let main = Project::locate(&around.project, None, None).ok()?.root;
    let entry = [&around.project, &main].into_iter().find_map(|project| {
        let project = value.get("projects")?.get(project.to_str()?)?;
        project.get("mcpServers")?.get(SERVER)
    })?;
    Some((file, Bridge::of_entry(entry)))
}

/// Returns the file that enables our plugin.
pub(super) fn plugin(around: &Surroundings) -> Option<ConfigFile> {
    let settings = Client::Claude.facts().hooks.as_ref()?.files;
    let in_order = [
        (Scope::Project, Some(LOCAL_SETTINGS)),
        (Scope::Project, settings.of(Scope::Project)),
        (Scope::User, settings.of(Scope::User)),
    ];
    // The first that says anything about it counts.
    let (file, enabled) = in_order.into_iter().find_map(|(scope, name)| {
        let (file, value) = read(around, scope, name?)?;
        let mut plugins = value.get("enabledPlugins")?.as_object()?.iter();
        let (_, enabled) = plugins.find(|(plugin, _)| plugin.split('@').next() == Some(NAME))?;
        Some((file, *enabled == true))
    })?;
    enabled.then_some(file)
}

/// Returns how the plugin starts the bridge.
pub(super) fn plugin_bridge() -> Bridge {
    Bridge {
        program: NAME.to_owned(),
        arguments: vec!["bridge".to_owned()],
    }
}

/// The plugin's hook.
pub(super) const PLUGIN_HOOK: [&str; 3] = [NAME, "hook", "claude"];

fn read(around: &Surroundings, scope: Scope, name: &str) -> Option<(ConfigFile, Value)> {
    let root = around.root(Client::Claude.facts(), scope).ok()?;
    let file = root.file(name).ok()?;
    let value = edit_json::read(&file.read().ok()??).ok()?;
    Some((file, value))
}
