//! `callboard config`: what to put into a client's configuration, for each client that is known.
//!
//! The snippet alone goes to stdout, so that it can be piped into the file that a remark names.

use std::path::Path;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::args::Place;
use super::output::Output;
use super::{CliError, place};
use crate::board::Namespace;

/// A program that agents run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    /// Claude Code.
    Claude,
    /// `OpenAI` Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    Opencode,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    Vscode,
}

/// How the bridge is started: a program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bridge {
    program: String,
    arguments: Vec<String>,
}

impl Bridge {
    /// Returns how to start a bridge to the board of `place` from anywhere.
    pub(super) fn to(place: &Place) -> Result<Self, CliError> {
        let mut arguments = vec!["bridge".to_owned()];
        if place.socket.is_some() {
            let socket = place::project(place)?.socket;
            arguments.extend(["--socket".to_owned(), socket.display().to_string()]);
        }
        if place.namespace != Namespace::default() {
            arguments.extend(["--namespace".to_owned(), place.namespace.to_string()]);
        }
        Ok(Self {
            program: program()?,
            arguments,
        })
    }

    fn shell(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Writes what to configure for `client`, or for all.
pub(super) fn run(client: Option<Client>, place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let bridge = Bridge::to(place)?;
    let clients = client.map_or_else(|| Client::value_variants().to_vec(), |client| vec![client]);
    for (at, one) in clients.iter().enumerate() {
        let snippet = one.snippet(&bridge);
        if output.asked_for_json() {
            output.json(&json!({
                "client": one.id(),
                "file": one.file(),
                "command": one.command(&bridge),
                "snippet": snippet,
            }))?;
            continue;
        }
        let separator = if at == 0 { "" } else { "\n" };
        let (name, file) = (one.name(), one.file());
        let heading = match one.command(&bridge) {
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

/// Returns, for an empty board, how to attach the first agent.
pub(super) fn first_steps(place: &Place) -> Result<String, CliError> {
    let bridge = Bridge::to(place)?;
    let command = Client::Claude.command(&bridge).unwrap_or_default();
    let (file, snippet) = (Client::Claude.file(), Client::Claude.snippet(&bridge));
    Ok(format!(
        "{command}\n\nor in {file}:\n{snippet}\nOther clients: callboard config"
    ))
}

impl Client {
    /// Returns the snippet for this client's configuration file.
    ///
    /// Written by hand and not by a serialiser, because people read it before they paste it.
    pub(super) fn snippet(self, bridge: &Bridge) -> String {
        let program = Value::from(bridge.program.as_str());
        let arguments = Value::from(bridge.arguments.clone());
        let start = format!(r#""command": {program}, "args": {arguments}"#);
        match self {
            Self::Claude | Self::Cursor => nested("mcpServers", &format!(r#""type": "stdio", {start}"#)),
            Self::Vscode => nested("servers", &format!(r#""type": "stdio", {start}"#)),
            Self::Gemini => nested("mcpServers", &format!(r#"{start}, "timeout": 60000"#)),
            Self::Opencode => {
                let words: Vec<_> = std::iter::once(&bridge.program)
                    .chain(&bridge.arguments)
                    .collect();
                let command: Value = words.into_iter().map(String::as_str).collect();
                nested(
                    "mcp",
                    &format!(r#""type": "local", "command": {command}, "enabled": true"#),
                )
            }
            // Codex starts servers with few variables, and the socket's place hangs on one that is not
            // among them. A TOML basic string is escaped as serde_json escapes a JSON string.
            Self::Codex => format!(
                "[mcp_servers.callboard]\ncommand = {program}\nargs = {arguments}\n\
                 env_vars = [\"XDG_RUNTIME_DIR\"]\ntool_timeout_sec = 120\n"
            ),
        }
    }

    fn id(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn name(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::Opencode => "opencode",
            Self::Cursor => "Cursor",
            Self::Vscode => "VS Code",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Claude => ".mcp.json",
            Self::Codex => "~/.codex/config.toml",
            Self::Gemini => ".gemini/settings.json",
            Self::Opencode => "opencode.json",
            Self::Cursor => ".cursor/mcp.json",
            Self::Vscode => ".vscode/mcp.json",
        }
    }

    /// Returns the command that does the same, for clients that have one.
    fn command(self, bridge: &Bridge) -> Option<String> {
        let start = bridge.shell();
        match self {
            Self::Claude => Some(format!("claude mcp add callboard -- {start}")),
            Self::Codex => Some(format!(
                "codex mcp add callboard --env XDG_RUNTIME_DIR=\"$XDG_RUNTIME_DIR\" -- {start}"
            )),
            // Gemini would take the bridge's options for its own.
            Self::Gemini if bridge.arguments.len() > 1 => None,
            Self::Gemini => Some(format!("gemini mcp add callboard {start}")),
            Self::Vscode => {
                let Bridge { program, arguments } = bridge;
                let server = json!({ "name": "callboard", "command": program, "args": arguments });
                Some(format!("code --add-mcp {}", quoted(&server.to_string())))
            }
            Self::Opencode | Self::Cursor => None,
        }
    }
}

fn nested(table: &str, entry: &str) -> String {
    format!("{{\n  \"{table}\": {{\n    \"callboard\": {{ {entry} }}\n  }}\n}}\n")
}

/// Returns `callboard` when a shell would find this very program by that name, else its path.
fn program() -> Result<String, CliError> {
    let own = std::env::current_exe().map_err(|source| CliError::System {
        doing: "find this program's path",
        source,
    })?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|directory| directory.join("callboard"));
    let first = found.find(|candidate| candidate.is_file());
    let same = |candidate: &Path| candidate.canonicalize().ok() == own.canonicalize().ok();
    Ok(match first.as_deref() {
        Some(candidate) if same(candidate) => "callboard".to_owned(),
        _ => own.display().to_string(),
    })
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge() -> Bridge {
        Bridge {
            program: "callboard".to_owned(),
            arguments: vec!["bridge".to_owned()],
        }
    }

    #[test]
    fn every_json_snippet_starts_the_bridge() {
        for client in Client::value_variants() {
            if *client == Client::Codex {
                continue;
            }
            let text = client.snippet(&bridge());
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(value.to_string().contains(r#""callboard""#), "{text}");
            assert!(value.to_string().contains(r#""bridge""#), "{text}");
        }
    }

    #[test]
    fn awkward_paths_survive_the_shell_and_the_files() {
        let bridge = Bridge {
            program: "/opt/it's \"here\"/callboard".to_owned(),
            arguments: vec!["bridge".to_owned()],
        };
        assert_eq!(bridge.shell(), r#"'/opt/it'\''s "here"/callboard' bridge"#);
        let toml = Client::Codex.snippet(&bridge);
        assert!(
            toml.contains(r#"command = "/opt/it's \"here\"/callboard""#),
            "{toml}"
        );
    }
}
