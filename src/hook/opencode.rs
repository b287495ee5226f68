//! opencode's hooks, which the plugin in `assets/opencode` turns into the JSON that is read here.
//!
//! The plugin is ours, so both sides of this format are: it hands on what opencode gives it, and throws what it
//! is told to deny.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Heard, HookError, Moment, Occasion, Verdict, patch, shell};

#[derive(Debug, Deserialize)]
struct Input<'a> {
    event: String,
    directory: Option<PathBuf>,
    tool: Option<String>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolInput {
    file_path: Option<String>,
    patch_text: Option<String>,
    command: Option<String>,
    /// Where the command is run, if not in the client's directory.
    workdir: Option<PathBuf>,
}

pub(super) fn read(input: &[u8]) -> Result<Heard, HookError> {
    let input: Input<'_> = serde_json::from_slice(input)?;
    let mut occasion = Occasion {
        moment: match &*input.event {
            "tool.execute.before" => Moment::Before,
            "session.idle" => Moment::Stop,
            _ => Moment::After,
        },
        // Nothing that the plugin could say would make an agent that is idle go on.
        held_back: true,
        cwd: input.directory,
        ..Occasion::default()
    };
    if let (Moment::Before, Some(tool)) = (occasion.moment, input.tool) {
        let missing = |what| HookError::Missing {
            tool: tool.clone(),
            what,
        };
        let arguments = || serde_json::from_str::<ToolInput>(input.args.map_or("{}", RawValue::get));
        let needs = |what, field: Option<String>| field.ok_or_else(|| missing(what));
        match &*tool {
            "write" | "edit" => occasion.writes = vec![needs("filePath", arguments()?.file_path)?],
            "apply_patch" => {
                occasion.writes = patch::paths(&needs("patchText", arguments()?.patch_text)?);
                if occasion.writes.is_empty() {
                    return Err(missing("file"));
                }
            }
            "bash" => {
                let ToolInput { command, workdir, .. } = arguments()?;
                let command = needs("command", command)?;
                occasion.is_command = true;
                let place = shell::directory(occasion.cwd.as_deref(), workdir);
                occasion.overwrites = shell::overwrites(&command, place.as_deref());
            }
            _ => {}
        }
    }
    Ok(Heard {
        event: input.event,
        occasion,
    })
}

pub(super) fn answer(verdict: &Verdict) -> Option<Value> {
    match verdict {
        Verdict::Deny { reason } => Some(json!({ "deny": reason })),
        Verdict::Warn { warning } => Some(json!({ "warn": warning })),
        Verdict::Pass | Verdict::Tell { .. } | Verdict::HoldBack { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_s_words_are_understood() {
        let text = r#"{"event":"tool.execute.before","directory":"/p","tool":"edit","sessionID":"s","callID":"c","args":{"filePath":"a.rs","oldString":"x"}}"#;
        let heard = read(text.as_bytes()).unwrap();
        assert_eq!(heard.occasion.writes, ["a.rs"]);
        assert_eq!(heard.occasion.moment, Moment::Before);
        let idle = read(br#"{"event":"session.idle","directory":"/p"}"#).unwrap();
        assert_eq!(idle.occasion.moment, Moment::Stop);
        assert!(read(br#"{"event":"tool.execute.before","tool":"write","args":{}}"#).is_err());
    }

    #[test]
    fn a_patch_names_all_its_files_and_one_of_nothing_cannot_be_judged() {
        let patch = |text: &str| {
            let input = json!({
                "event": "tool.execute.before", "directory": "/p", "tool": "apply_patch",
                "args": { "patchText": text },
            });
            read(input.to_string().as_bytes()).map(|heard| heard.occasion)
        };
        let text = "*** Begin Patch\n*** Update File: src/a.rs\n*** Move to:b.rs\n@@\n-x\n+y\n*** End Patch";
        let heard = patch(text).unwrap();
        assert_eq!(heard.writes, ["b.rs", "src/a.rs"]);
        assert_eq!(heard.cwd, Some(PathBuf::from("/p")));
        let error = patch("hello").unwrap_err();
        assert_eq!(error.to_string(), "the input of apply_patch names no file");
    }

    #[test]
    fn a_command_is_run_where_its_tool_was_told() {
        for (workdir, expected) in [
            (Value::Null, "/p/a.rs"),
            (json!(""), "/p/a.rs"),
            (json!("src"), "/p/src/a.rs"),
            (json!("/q"), "/q/a.rs"),
        ] {
            let input = json!({
                "event": "tool.execute.before", "directory": "/p", "tool": "bash",
                "args": { "command": "git checkout -- a.rs", "workdir": workdir },
            });
            let heard = read(input.to_string().as_bytes()).unwrap();
            assert_eq!(heard.occasion.overwrites, [expected], "{workdir}");
        }
    }

    #[test]
    fn what_is_denied_is_thrown() {
        let deny = Verdict::Deny {
            reason: "held".to_owned(),
        };
        assert_eq!(answer(&deny), Some(json!({ "deny": "held" })));
        assert_eq!(answer(&Verdict::Pass), None);
    }
}
