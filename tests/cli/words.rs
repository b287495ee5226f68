//! What the command line says by itself, without any board: help, configuration, completions, complaints.

use crate::support::program::{Home, run, with};
use crate::support::pty::Pty;
use callboard::cli::exit;
use serde_json::Value;

#[test]
fn help_texts() {
    let home = Home::new();
    insta::assert_snapshot!("help", home.run(&["--help"]).ok());
    for command in [
        "bridge",
        "setup",
        "doctor",
        "config",
        "get",
        "set",
        "del",
        "ls",
        "watch",
        "expire",
        "stats",
        "stop",
        "snapshot",
        "hook",
        "git-hook",
        "demo",
        "completions",
    ] {
        insta::assert_snapshot!(format!("help_{command}"), home.run(&[command, "--help"]).ok());
    }
}

#[test]
fn what_is_mistyped_is_named_and_the_near_is_suggested() {
    let home = Home::new();
    for (line, text) in [
        (&["gett", "k"][..], "'get'"),
        (&["ls", "--al"], "'--all'"),
        (&["config", "cluade"], "'claude'"),
        (&["get"], "<KEY>"),
        (&["get", "k", "--namespace", "a:b"], "1 to 64 letters"),
        (&["--no-tui", "get", "k"], "--no-tui is an option of the board"),
        (&["get", "k", "--raw", "--json"], "cannot be used with"),
        (&["--json"], "--json is for the commands"),
        (&["--log", "loud"], "loud"),
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code, Some(i32::from(exit::USAGE)), "{line:?}: {ran:?}");
        assert!(ran.stderr.contains(text), "{line:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn without_a_board_every_command_says_how_to_start_one() {
    let home = Home::new();
    for line in [
        &["get", "k"][..],
        &["set", "k", "v"],
        &["del", "k"],
        &["ls"],
        &["watch"],
        &["expire", "k"],
        &["stats"],
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code, Some(i32::from(exit::NO_BOARD)), "{line:?}: {ran:?}");
        assert!(
            ran.stderr.starts_with("error: no board runs at /"),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr
                .contains("hint: start it in another terminal with `callboard`"),
            "{}",
            ran.stderr
        );
    }
    let chosen = home.run(&["stats", "--socket", "s"]);
    assert!(
        chosen.stderr.contains("callboard --socket /"),
        "{}",
        chosen.stderr
    );
    assert_eq!(home.run(&["ls", "--all"]).ok(), "");
}

#[test]
fn snippets_for_all_clients() {
    let home = Home::new();
    let program = env!("CARGO_BIN_EXE_callboard");
    let text = home.run(&["config"]).ok();
    insta::assert_snapshot!("config", with(&text, program, "/opt/callboard"));

    let text = home
        .run(&["config", "--socket", "s", "--namespace", "release"])
        .ok();
    let text = with(&text, program, "/opt/callboard");
    let top = home.path().canonicalize().unwrap();
    insta::assert_snapshot!("config_elsewhere", with(&text, top, "/project"));
}

#[test]
fn a_snippet_can_be_piped_into_its_file() {
    let home = Home::new();
    for client in ["claude", "gemini", "opencode", "cursor", "vscode"] {
        let ran = home.run(&["config", client]);
        assert_eq!(ran.code, Some(0));
        assert!(
            ran.stderr.starts_with("# "),
            "the file is named beside it: {}",
            ran.stderr
        );
        let snippet: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(snippet.to_string().contains("\"bridge\""), "{snippet}");
    }
    let rows = home.run(&["config", "--json"]).json();
    let clients: Vec<_> = rows.iter().map(|row| row["client"].as_str().unwrap()).collect();
    assert_eq!(
        clients,
        ["claude", "codex", "gemini", "opencode", "cursor", "vscode"]
    );
}

#[test]
fn a_snippet_names_the_program_as_a_shell_finds_it() {
    let home = Home::new();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_callboard"), bin.join("callboard")).unwrap();
    let mut command = home.command(&["config", "claude"]);
    command.env("PATH", &bin);
    let snippet: Value = serde_json::from_str(&run(command, b"").stdout).unwrap();
    assert_eq!(snippet["mcpServers"]["callboard"]["command"], "callboard");

    std::fs::remove_file(bin.join("callboard")).unwrap();
    std::fs::write(bin.join("callboard"), "something else").unwrap();
    let mut command = home.command(&["config", "claude"]);
    command.env("PATH", &bin);
    let snippet: Value = serde_json::from_str(&run(command, b"").stdout).unwrap();
    assert_eq!(
        snippet["mcpServers"]["callboard"]["command"],
        env!("CARGO_BIN_EXE_callboard")
    );
}

#[test]
fn completions_know_the_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run(&["completions", shell]).ok();
        assert!(
            script.contains("expire") && script.contains("callboard"),
            "{shell}"
        );
    }
}

#[test]
fn colours_stay_away_when_they_are_not_wanted() {
    let home = Home::new();
    let sent = |no_color: bool| {
        let mut command = home.in_terminal(&["--help"]);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        let mut terminal = Pty::start(command, 80, 100);
        assert!(terminal.wait_end().success());
        terminal.wait_for("Exit codes:");
        terminal.sent()
    };
    let has_style = |bytes: &[u8]| bytes.windows(2).any(|pair| pair == b"\x1b[");
    assert!(has_style(&sent(false)), "the help has styles otherwise");
    assert!(!has_style(&sent(true)));
}
