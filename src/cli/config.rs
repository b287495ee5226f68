//! `callboard config`: what to put into a client's configuration, for each client that is known.
//!
//! The snippet alone goes to stdout, so that it can be piped into the file that a remark names.

use clap::ValueEnum as _;
use serde_json::json;

use super::CliError;
use super::args::Place;
use super::output::Output;
use super::setup::clients::{Client, Scope};
use super::setup::program::{Bridge, quoted};

/// Writes what to configure for `client`, or for all.
pub(super) fn run(client: Option<Client>, place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let bridge = Bridge::to(place)?;
    let clients = client.map_or_else(|| Client::value_variants().to_vec(), |client| vec![client]);
    for (at, one) in clients.iter().enumerate() {
        let (facts, snippet, file) = (one.facts(), one.snippet(&bridge), file(*one));
        let command = (facts.command)(&bridge);
        if output.asked_for_json() {
            output.json(&json!({
                "client": one.id(),
                "file": file,
                "command": command,
                "snippet": snippet,
            }))?;
            continue;
        }
        let separator = if at == 0 { "" } else { "\n" };
        let name = facts.name;
        let heading = match command {
            Some(command) => format!("{separator}# {name}: {file}\n# or run: {command}"),
            None => format!("{separator}# {name}: {file}"),
        };
        if client.is_some() {
            output.remark(heading)?;
        } else {
            output.line(heading)?;
        }
        output.line(snippet.trim_end())?;
    }
    Ok(())
}

/// Returns, for an empty board, how to attach the first agents; what a shell takes is indented.
pub(super) fn first_steps(place: &Place) -> Result<String, CliError> {
    Ok(steps(&Bridge::to(place)?))
}

fn steps(bridge: &Bridge) -> String {
    let setup = Bridge {
        program: bridge.program.clone(),
        // The board is told to `setup` as it is told to the bridge.
        arguments: std::iter::once("setup".to_owned())
            .chain(bridge.arguments.iter().skip(1).cloned())
            .collect(),
    };
    let claude = Client::Claude.facts();
    let command = (claude.command)(bridge).unwrap_or_default();
    let (program, setup, name) = (quoted(&bridge.program), setup.shell(), claude.name);
    format!(
        "Attach your agents:\n  {setup}\n\nOr one by hand, without its hooks ({name}):\n  {command}\n\n\
         What the others need: {program} config"
    )
}

/// Returns the file that is best for pasting by hand.
fn file(client: Client) -> String {
    let facts = client.facts();
    match (facts.advised, facts.servers.user) {
        (Scope::User, Some(file)) => format!("~/{file}"),
        _ => facts.servers.project.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn bridge(program: &str) -> Bridge {
        Bridge {
            program: program.to_owned(),
            arguments: vec!["bridge".to_owned()],
        }
    }

    #[test]
    fn every_json_snippet_starts_the_bridge() {
        for client in Client::value_variants() {
            let text = client.snippet(&bridge("callboard"));
            if let Some(table) = client.facts().form.table() {
                let value: Value = serde_json::from_str(&text).unwrap();
                let entry = &value[table]["callboard"];
                assert_eq!(Bridge::of_entry(entry), bridge("callboard"), "{text}");
            }
        }
    }

    #[test]
    fn the_first_steps_begin_with_what_writes_the_hooks_too() {
        let mut there = bridge("callboard");
        there
            .arguments
            .extend(["--socket".to_owned(), "/run/s 1".to_owned()]);
        assert_eq!(
            steps(&there),
            "Attach your agents:\n  callboard setup --socket '/run/s 1'\n\n\
             Or one by hand, without its hooks (Claude Code):\n  \
             claude mcp add callboard -- callboard bridge --socket '/run/s 1'\n\n\
             What the others need: callboard config"
        );
    }

    #[test]
    fn awkward_paths_survive_the_shell_and_the_files() {
        let bridge = bridge("/opt/it's \"here\"/callboard");
        assert_eq!(bridge.shell(), r#"'/opt/it'\''s "here"/callboard' bridge"#);
        assert!(bridge.is_ours());
        let toml = Client::Codex.snippet(&bridge);
        assert!(
            toml.contains(r#"command = "/opt/it's \"here\"/callboard""#),
            "{toml}"
        );
    }
}
