//! `callboard setup` and `--remove` on configurations that the clients have written themselves, and whether the client
//! connects by what was added.
//!
//! Clients rewrite files of theirs at every start, so bytes are compared around callboard's own runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::claude::CLAUDE;
use crate::codex::{self, CODEX};
use crate::gemini::GEMINI;
use crate::model::{call, say};
use crate::opencode::OPENCODE;
use crate::stage::{Client, Stage, said};

/// Returns every file below `path` with its content, but for those of git.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            open.extend(inside.filter(|path| !path.ends_with(".git")));
        } else if path.is_file() {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

/// Returns what a person has: home and project.
fn everything(stage: &Stage) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(&stage.home());
    all.extend(files(&stage.project()));
    all
}

/// Sets `client` up in `scope` and takes it out again, without and with the client's `look` at it between.
fn comes_and_goes(stage: &Stage, client: Client, scope: &str, look: impl FnOnce()) {
    let setup = |more: &[&str]| stage.callboard(&[&["setup", client.program, scope, "--yes"], more].concat());
    let before = everything(stage);
    setup(&[]);
    assert_ne!(everything(stage), before);
    setup(&["--remove"]);
    assert_eq!(everything(stage), before);

    setup(&[]);
    let ours = everything(stage);
    let ours: Vec<_> = ours
        .into_iter()
        .filter(|(path, text)| before.get(path) != Some(text))
        .collect();
    look();
    let after_look = everything(stage);
    setup(&["--remove"]);
    let rest = everything(stage);
    for (path, text) in ours {
        if after_look.get(&path) == Some(&text) {
            assert_eq!(rest.get(&path), before.get(&path), "{}", path.display());
        } else {
            let rest = String::from_utf8_lossy(rest.get(&path).unwrap());
            assert!(!rest.contains("callboard"), "{}: {rest}", path.display());
        }
    }
}

/// Checks that `command` prints `line`.
fn prints(command: &mut Command, line: &str) {
    let text = said(command);
    assert!(text.contains(line), "no «{line}» in: {text}");
}

#[test]
fn claude_code_connects_and_gets_its_files_back() {
    let Some(stage) = Stage::open(CLAUDE) else { return };
    let claude = |arguments: &[&str]| {
        let mut claude = stage.command(CLAUDE.program);
        claude.args(arguments);
        claude
    };
    for scope in ["project", "user"] {
        prints(
            &mut claude(&["mcp", "add", "-s", scope, "other", "--", "true"]),
            "Added",
        );
    }
    let approved = r#"{"enabledMcpjsonServers":["callboard"]}"#;
    comes_and_goes(&stage, CLAUDE, "--project", || {
        prints(
            &mut claude(&["--settings", approved, "mcp", "list"]),
            "callboard bridge - ✔ Connected",
        );
    });
    comes_and_goes(&stage, CLAUDE, "--user", || {
        prints(&mut claude(&["mcp", "list"]), "callboard bridge - ✔ Connected");
    });
}

#[test]
fn codex_connects_and_gets_its_files_back() {
    let Some(stage) = codex::stage() else { return };
    let mut add = stage.command(CODEX.program);
    prints(add.args(["mcp", "add", "other", "--", "true"]), "Added");
    // What it lists is only what it has read, so that it connects is seen by what an agent is answered.
    let beat = |agent: &'static str, task: &str| {
        let beat = call("mcp__callboard/heartbeat", json!({}));
        stage.model.plays(agent, [beat, say("done")]);
        let mut session = codex::session(&stage, task);
        let here = stage.model.shown(agent, 1);
        assert!(here.contains("\"agents\":[{\"name\":\"codex-"), "{here}");
        assert!(session.end().success());
    };
    comes_and_goes(&stage, CODEX, "--project", || beat("ALICE", "You are ALICE."));
    comes_and_goes(&stage, CODEX, "--user", || beat("BOB", "You are BOB."));
}

#[test]
fn gemini_cli_connects_and_gets_its_files_back() {
    let Some(stage) = Stage::open(GEMINI) else { return };
    let gemini = |arguments: &[&str]| {
        let mut gemini = stage.command(GEMINI.program);
        gemini.args(arguments).env("GEMINI_CLI_TRUST_WORKSPACE", "true");
        gemini
    };
    for scope in ["project", "user"] {
        prints(
            &mut gemini(&["mcp", "add", "-s", scope, "other", "true"]),
            "added",
        );
    }
    for scope in ["--project", "--user"] {
        comes_and_goes(&stage, GEMINI, scope, || {
            prints(
                &mut gemini(&["mcp", "list"]),
                "callboard bridge (stdio) - Connected",
            );
        });
    }
}

#[test]
fn opencode_connects_and_gets_its_files_back() {
    let Some(stage) = Stage::open(OPENCODE) else {
        return;
    };
    // It asks a person for the parts of an entry, so this one is by hand.
    let theirs = r#"{ "$schema": "https://opencode.ai/config.json", "mcp": { "other": { "type": "local", "command": ["true"], "enabled": false } } }"#;
    stage.put_at_home(".config/opencode/opencode.json", theirs);
    for scope in ["--project", "--user"] {
        comes_and_goes(&stage, OPENCODE, scope, || {
            let mut list = stage.command(OPENCODE.program);
            prints(list.args(["mcp", "list"]), "✓ callboard");
        });
    }
}
