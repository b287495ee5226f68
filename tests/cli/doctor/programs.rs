//! Which programs `callboard doctor` starts: none that a project brings along, whatever it is called.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{User, check, executable};
use crate::support::program::run;

#[test]
fn a_program_that_comes_with_the_project_is_not_started() {
    let user = User::set_up();
    let _board = user.home.serve(&[]);
    let home = user.home.path();
    fs::create_dir(home.join("tools")).unwrap();
    let program = home.join("tools/callboard");
    let mark = home.join("started");
    executable(&program, &format!(": > {}", mark.display()));
    for name in [".mcp.json", ".claude/settings.json"] {
        let text = fs::read_to_string(home.join(name)).unwrap();
        let there = format!("\"{}", program.display());
        let text = text.replace("\"command\": \"callboard", &format!("\"command\": {there}"));
        fs::write(home.join(name), text).unwrap();
    }
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    for command in ["bridge", "hook claude"] {
        let checked = format!("`{} {command}`", program.display());
        check(
            &findings,
            &checked,
            "warn",
            "comes with the project",
            "if you trust it",
        );
    }
    assert!(!mark.exists());
}

/// Writes what attaches Claude Code by the program that `command` is.
fn attach_by(home: &Path, command: &str) {
    let server = format!(r#"{{"mcpServers":{{"callboard":{{"command":"{command}","args":["bridge"]}}}}}}"#);
    fs::write(home.join(".mcp.json"), server).unwrap();
    let hook = format!(
        r#"{{"hooks":{{"PreToolUse":[{{"matcher":"Write|Edit|NotebookEdit","hooks":[
            {{"type":"command","command":"{command} hook claude"}}]}}]}}}}"#
    );
    fs::create_dir_all(home.join(".claude")).unwrap();
    fs::write(home.join(".claude/settings.json"), hook).unwrap();
}

#[test]
fn a_link_of_the_project_that_leads_to_a_shell_is_not_started() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    let home = user.home.path();
    // `callboard` is a shell here, and `hook` and `bridge` are its scripts.
    fs::create_dir(home.join("tools")).unwrap();
    symlink("/bin/sh", home.join("tools/callboard")).unwrap();
    let mark = home.join("started");
    for script in ["hook", "bridge"] {
        executable(&home.join(script), &format!(": > {}", mark.display()));
    }
    attach_by(home, "./tools/callboard");
    let (findings, _) = user.examined();
    for command in ["bridge", "hook claude"] {
        let checked = format!("`./tools/callboard {command}`");
        check(
            &findings,
            &checked,
            "warn",
            "was not started, since it comes with the project",
            "if you trust it",
        );
    }
    assert!(!mark.exists());
}

#[test]
fn a_program_of_the_project_is_not_started_from_a_directory_below_either() {
    let user = User::new();
    let home = user.home.path();
    for directory in [".git", "sub", "tools"] {
        fs::create_dir(home.join(directory)).unwrap();
    }
    let mark = home.join("started");
    executable(&home.join("tools/callboard"), &format!(": > {}", mark.display()));
    attach_by(home, "./tools/callboard");
    let mut command = user.home.command(&["doctor"]);
    let path = std::env::join_paths([user.bin.path(), &home.join("tools")]).unwrap();
    command.env("PATH", path).current_dir(home.join("sub"));
    let ran = run(command, b"");
    assert!(ran.stdout.contains("since it comes with the project"), "{ran:?}");
    assert!(!mark.exists());
}

#[test]
fn who_builds_callboard_in_the_project_has_it_tried() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    let home = user.home.path();
    fs::create_dir(home.join("target")).unwrap();
    // Another process copies it: what a test's own process has open for writing, no test beside it can run.
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_callboard")).arg(home.join("target"));
    assert_eq!(run(copy, b"").code, Some(0));
    attach_by(home, "target/callboard");
    let mut command = Command::new(home.join("target/callboard"));
    let given = user.home.command(&["doctor"]);
    let given = given.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command
        .arg("doctor")
        .env_clear()
        .envs(given)
        .env("PATH", user.bin.path())
        .current_dir(home);
    let ran = run(command, b"");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("answered in"), "{ran:?}");
    assert!(
        ran.stdout
            .contains("is refused by `target/callboard hook claude`"),
        "{ran:?}"
    );
}

#[test]
fn a_program_on_the_path_that_comes_with_the_project_is_not_started() {
    let user = User::set_up();
    let home = user.home.path();
    let mark = home.join("started");
    fs::create_dir(home.join("tools")).unwrap();
    executable(&home.join("tools/callboard"), &format!(": > {}", mark.display()));
    fs::remove_file(user.bin.path().join("callboard")).unwrap();
    let mut command = user.home.command(&["doctor"]);
    command.env(
        "PATH",
        std::env::join_paths([user.bin.path(), Path::new("tools")]).unwrap(),
    );
    let ran = run(command, b"");
    let program = ran.stdout.lines().next().unwrap();
    assert!(program.contains("since it comes with the project"), "{ran:?}");
    assert!(!mark.exists());
}

#[test]
fn another_program_of_our_name_is_not_started_whose_name_a_configuration_gives() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let mark = user.home.path().join("started");
    let program = elsewhere.path().join("callboard");
    executable(&program, &format!(": > {}", mark.display()));
    attach_by(user.home.path(), program.to_str().unwrap());
    let (findings, _) = user.examined();
    check(
        &findings,
        &format!("`{} bridge`", program.display()),
        "warn",
        "is neither this program nor the callboard on your PATH",
        "run `callboard setup`",
    );
    assert!(!mark.exists());
}

#[test]
fn what_a_command_leaves_to_a_shell_is_not_done() {
    let user = User::set_up();
    let _board = user.home.serve(&[]);
    let home = user.home.path();
    let mark = home.join("started");
    let settings = home.join(".claude/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    let more = format!("callboard hook claude; : > {}", mark.display());
    fs::write(&settings, text.replace("callboard hook claude", &more)).unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    check(
        &findings,
        &format!("`{more}`"),
        "warn",
        "takes a shell",
        "run it by hand",
    );
    assert!(!mark.exists());
}
