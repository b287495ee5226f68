//! `callboard doctor`: what it finds, what it advises, and its exit code for scripts.

mod hooks;
mod programs;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::support::program::{Home, Ran, run};
use crate::support::pty::Pty;
use callboard::cli::exit;
use serde_json::Value;

/// A user who works in a project, with a directory of programs on the `PATH`.
struct User {
    home: Home,
    bin: tempfile::TempDir,
}

impl User {
    /// Makes one who has Claude Code and callboard.
    fn new() -> Self {
        let user = Self {
            home: Home::new(),
            bin: tempfile::tempdir().unwrap(),
        };
        user.program("claude", "");
        symlink(env!("CARGO_BIN_EXE_callboard"), user.bin.path().join("callboard")).unwrap();
        user
    }

    /// Makes one whose Claude Code is set up.
    fn set_up() -> Self {
        let user = Self::new();
        let ran = user.run(&["setup", "claude", "--yes"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        user
    }

    fn program(&self, name: &str, script: &str) {
        executable(&self.bin.path().join(name), script);
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command(arguments);
        command.env("PATH", self.bin.path());
        run(command, b"")
    }

    /// Returns the findings and the exit code.
    fn examined(&self) -> (Vec<Value>, Option<i32>) {
        let ran = self.run(&["doctor"]);
        let findings = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        (findings, ran.code)
    }
}

fn executable(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Returns the finding of `check`, which is there.
fn of<'f>(findings: &'f [Value], check: &str) -> &'f Value {
    let found = findings.iter().find(|finding| finding["check"] == check);
    assert!(found.is_some(), "no {check} in {findings:#?}");
    found.unwrap()
}

/// Checks how `check` is, and what its finding and its fix say.
fn check(findings: &[Value], check: &str, level: &str, found: &str, fix: &str) {
    let finding = of(findings, check);
    assert_eq!(finding["level"], level, "{finding}");
    assert!(finding["found"].as_str().unwrap().contains(found), "{finding}");
    assert!(
        finding["fix"].as_str().unwrap_or_default().contains(fix),
        "{finding}"
    );
}

/// The check whether locks hold.
const LOCKED: &str = "an edit of a locked file";
const FAILED: Option<i32> = Some(exit::FAILURE as i32);

/// Returns the findings whether edits of locked files are refused, as they are told of `doctor` with `options`.
fn refusals(user: &User, options: &[&str]) -> Vec<(String, String)> {
    let ran = user.run(&[&["doctor", "--json"], options].concat());
    let findings = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_locks = findings.filter(|finding| finding["check"] == LOCKED);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    of_locks
        .map(|finding| (text(&finding["level"]), text(&finding["found"])))
        .collect()
}

/// Checks that the only refusal that was tried is of this level, and says this.
fn one_refusal(user: &User, options: &[&str], level: &str, says: &str) {
    let found = refusals(user, options);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, level, "{found:?}");
    assert!(found[0].1.contains(says), "{found:?}");
}

#[test]
fn all_is_well() {
    let user = User::set_up();
    let board = user.home.serve(&[]);
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    check(&findings, "program", "ok", env!("CARGO_PKG_VERSION"), "");
    check(&findings, "sockets", "ok", "yours alone", "");
    check(&findings, "board", "ok", &format!("process {}", board.pid()), "");
    check(&findings, "Claude Code", "ok", "starts `callboard bridge`", "");
    check(&findings, "Claude Code hooks", "ok", "are there", "");
    check(&findings, "`callboard bridge`", "ok", "answered in", "");
    assert!(of(&findings, "`callboard hook claude`")["level"] != "fail");
    check(&findings, LOCKED, "ok", "is refused", "");
    let left = user.run(&["ls", "*"]).json();
    assert!(left.is_empty(), "nothing stays behind: {left:?}");
}

#[test]
fn without_a_board_it_says_how_to_start_one() {
    let user = User::set_up();
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "a warning is no failure: {findings:#?}");
    check(
        &findings,
        "board",
        "warn",
        "no board runs",
        "start it in another terminal",
    );
    check(
        &findings,
        "`callboard bridge`",
        "warn",
        "was not tried",
        "start the board",
    );
}

#[test]
fn a_client_that_is_not_attached_is_named() {
    let user = User::new();
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0));
    check(
        &findings,
        "Claude Code",
        "warn",
        "is not attached",
        "callboard setup claude",
    );
    assert_eq!(user.run(&["setup", "--no-hooks", "--yes"]).code, Some(0));
    let (findings, _) = user.examined();
    check(
        &findings,
        "Claude Code hooks",
        "warn",
        "are not there",
        "callboard setup claude",
    );
}

#[test]
fn a_directory_that_others_can_enter_fails() {
    let user = User::set_up();
    let directory = user.home.path().join("callboard");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, FAILED);
    check(
        &findings,
        "sockets",
        "fail",
        "is open to other users",
        "chmod 700",
    );
    check(
        &findings,
        "board",
        "fail",
        "is open to other users",
        "see sockets",
    );
}

#[test]
fn a_broken_configuration_fails_with_its_line() {
    let user = User::set_up();
    fs::write(user.home.path().join(".mcp.json"), "{\n  \"mcpServers\": {\n").unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, FAILED);
    check(
        &findings,
        "Claude Code",
        "fail",
        ".mcp.json:2: ",
        "repair the file",
    );
    let ran = user.run(&["doctor", "--json"]);
    assert!(ran.stderr.contains("findings failed"), "{ran:?}");
    assert!(
        ran.stderr.contains("hint: each of them says above what to do"),
        "{ran:?}"
    );
}

#[test]
fn an_entry_whose_program_has_gone_fails() {
    let user = User::set_up();
    let path = user.home.path().join(".mcp.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("\"command\": \"callboard\"", "\"command\": \"/gone/callboard\""),
    )
    .unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, FAILED);
    check(
        &findings,
        "Claude Code",
        "fail",
        "/gone/callboard, which is not there",
        "callboard setup claude",
    );
    assert_eq!(user.run(&["setup", "claude", "--yes"]).code, Some(0), "the fix");
    assert_eq!(user.examined().1, Some(0));
}

#[test]
fn another_program_on_the_path_is_told_apart() {
    let user = User::new();
    fs::remove_file(user.bin.path().join("callboard")).unwrap();
    check(
        &user.examined().0,
        "program",
        "warn",
        "no callboard on your PATH",
        "add ",
    );
    user.program("callboard", "echo callboard 0.0.1");
    check(
        &user.examined().0,
        "program",
        "warn",
        "is callboard 0.0.1, this is",
        "install",
    );
    user.program("callboard", "echo something else");
    let (findings, code) = user.examined();
    assert_eq!(code, FAILED);
    check(
        &findings,
        "program",
        "fail",
        "is not callboard",
        "take it from your PATH",
    );
}

#[test]
fn a_command_that_never_answers_fails_in_time_and_is_waited_for_aloud() {
    let user = User::set_up();
    let _board = user.home.serve(&[]);
    fs::remove_file(user.bin.path().join("callboard")).unwrap();
    user.program("callboard", "while read -r line; do :; done");
    let ran = user.run(&["doctor"]);
    assert_eq!(ran.code, FAILED);
    assert!(ran.stdout.contains("did not answer within 5 s"), "{ran:?}");
    assert!(
        ran.stderr.contains("still waiting for callboard bridge"),
        "{ran:?}"
    );
}

#[test]
fn a_server_that_claude_mcp_add_has_written_is_seen_and_counts_most() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    let home = user.home.path();
    let text = |program: &str| {
        serde_json::json!({ "projects": { home.to_str().unwrap(): { "mcpServers": { "callboard": {
            "type": "stdio", "command": program, "args": ["bridge"], "env": {},
        } } } } })
    };
    fs::write(home.join(".claude.json"), text("callboard").to_string()).unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    check(
        &findings,
        "Claude Code",
        "ok",
        ".claude.json starts `callboard bridge`",
        "",
    );
    check(&findings, "`callboard bridge`", "ok", "answered in", "");
    // A worktree of the project, as git links it.
    fs::create_dir_all(home.join(".git/worktrees/tree")).unwrap();
    fs::write(home.join(".git/worktrees/tree/commondir"), "../..\n").unwrap();
    fs::write(home.join(".git/worktrees/tree/HEAD"), "").unwrap();
    fs::create_dir(home.join("tree")).unwrap();
    let link = format!("gitdir: {}\n", home.join(".git/worktrees/tree").display());
    fs::write(home.join("tree/.git"), link).unwrap();
    let mut there = user.home.command(&["doctor"]);
    there.env("PATH", user.bin.path()).current_dir(home.join("tree"));
    let ran = run(there, b"");
    assert!(
        ran.stdout.contains(".claude.json starts `callboard bridge`"),
        "{ran:?}"
    );
    fs::write(home.join(".claude.json"), text("/gone/callboard").to_string()).unwrap();
    assert_eq!(user.run(&["setup", "claude", "--yes"]).code, Some(0));
    let (findings, _) = user.examined();
    let fix = "claude mcp remove --scope local callboard";
    check(
        &findings,
        "Claude Code",
        "fail",
        "/gone/callboard, which is not there",
        fix,
    );
}

#[test]
fn the_plugin_attaches_too_as_long_as_it_is_enabled() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    let settings = user.home.path().join(".claude");
    fs::create_dir(&settings).unwrap();
    fs::write(
        settings.join("settings.json"),
        r#"{"enabledPlugins":{"other@x":true,"callboard@callboard":true}}"#,
    )
    .unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    check(
        &findings,
        "Claude Code plugin",
        "ok",
        "brings the bridge and the hooks",
        "",
    );
    check(&findings, "`callboard bridge`", "ok", "answered in", "");
    assert!(
        !findings
            .iter()
            .any(|finding| finding["check"] == "Claude Code hooks")
    );
    one_refusal(&user, &[], "ok", "is refused by `callboard hook claude`");
    fs::write(
        settings.join("settings.local.json"),
        r#"{"enabledPlugins":{"callboard@callboard":false}}"#,
    )
    .unwrap();
    check(
        &user.examined().0,
        "Claude Code",
        "warn",
        "is not attached",
        "callboard setup claude",
    );
}

#[test]
fn what_a_project_says_neither_controls_the_terminal_nor_passes_for_a_finding() {
    let user = User::set_up();
    let forged = "\u{1b}[31mred\nfail  forged: x";
    let put = |program: &str| {
        let entry = serde_json::json!({ "command": program, "args": ["bridge", "--agent", forged] });
        let text = serde_json::json!({ "mcpServers": { "callboard": entry } });
        fs::write(user.home.path().join(".mcp.json"), text.to_string()).unwrap();
    };
    let harmless = |said: &str| {
        assert!(said.contains("red fail  forged: x"), "{said:?}");
        assert!(
            !said.contains('\u{1b}') && !said.contains("\nfail  forged"),
            "{said:?}"
        );
    };
    for program in ["callboard", "other"] {
        put(program);
        let mut command = user.home.in_terminal(&["doctor"]);
        command.env("PATH", user.bin.path());
        let mut terminal = Pty::start(command, 60, 200);
        terminal.wait_for("forged: x");
        terminal.wait_end();
        harmless(&String::from_utf8(terminal.sent()).unwrap());
    }
    harmless(&user.run(&["setup", "claude", "--yes"]).stderr);

    put("callboard");
    let settings = user.home.path().join(".claude/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    let own = serde_json::json!(format!("callboard hook claude --socket \"$A{forged}\""));
    fs::write(
        &settings,
        text.replacen("\"callboard hook claude\"", &own.to_string(), 1),
    )
    .unwrap();
    harmless(&user.run(&["setup", "claude", "--yes"]).stderr);
}
