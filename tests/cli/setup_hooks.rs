//! The hooks that `callboard setup` writes for Claude Code: which way they ask, and what a second run mends.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use crate::support::program::{Home, Ran, run};

/// A user with callboard and some version of Claude Code on the `PATH`.
pub(super) struct User {
    pub(super) home: Home,
    bin: tempfile::TempDir,
}

impl User {
    pub(super) fn new(says: &str) -> Self {
        let user = Self {
            home: Home::new(),
            bin: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(user.home.path().join("project/.git")).unwrap();
        symlink(env!("CARGO_BIN_EXE_callboard"), user.bin.path().join("callboard")).unwrap();
        user.claude(says);
        user
    }

    /// Installs a Claude Code that says this of its version.
    fn claude(&self, says: &str) {
        let program = self.bin.path().join("claude");
        fs::write(&program, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn settings(&self) -> PathBuf {
        self.file(".claude/settings.json")
    }

    /// Returns the path of a file in the project.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("project").join(name)
    }

    /// Returns the hooks that were written.
    pub(super) fn text(&self) -> String {
        fs::read_to_string(self.settings()).unwrap()
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(arguments);
        command
            .env("PATH", self.bin.path())
            .current_dir(self.home.path().join("project"));
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments), b"")
    }

    /// Sets Claude Code up, and returns what was said besides the changes.
    pub(super) fn set_up(&self, options: &[&str]) -> String {
        let ran = self.run(&[&["setup", "claude", "--yes"], options].concat());
        assert_eq!(ran.code, Some(0), "{options:?}: {ran:?}");
        ran.stderr
    }

    /// Returns how many hooks ask over the bridge, and how many by a process.
    fn ways(&self) -> (usize, usize) {
        let count = |word: &str| self.text().matches(word).count();
        (count(r#""tool": "hook""#), count(r#""callboard hook claude"#))
    }
}

#[test]
fn the_way_follows_the_version_that_is_installed() {
    for (says, ways, said) in [
        ("2.1.329 (Claude Code)", (9, 3), "hooks ask over the bridge"),
        ("2.1.328 (Claude Code)", (9, 3), "2.1.328 or newer"),
        ("2.1.327 (Claude Code)", (0, 12), "here it is 2.1.327"),
        ("1.9.999", (0, 12), "here it is 1.9.999"),
        ("hello", (0, 12), "is not known"),
    ] {
        let user = User::new(says);
        let told = user.set_up(&[]);
        assert_eq!(user.ways(), ways, "{says}: {}", user.text());
        assert!(told.contains(said), "{says}: {told}");
        user.set_up(&["--remove"]);
        assert!(!user.settings().exists(), "{says}");
    }
}

#[test]
fn hooks_over_the_bridge_are_what_was_agreed() {
    let user = User::new("2.1.329 (Claude Code)");
    user.set_up(&[]);
    insta::assert_snapshot!(user.text());
}

#[test]
fn the_user_chooses_the_way_and_what_happens_without_a_board() {
    let user = User::new("2.1.329 (Claude Code)");
    user.set_up(&["--hook-way", "process"]);
    assert_eq!(user.ways(), (0, 12));
    user.claude("2.1.100");
    user.set_up(&["--hook-way", "bridge", "--enforce", "closed", "--no-auto-lock"]);
    assert_eq!(user.ways(), (9, 3));
    assert_eq!(user.text().matches(r#""enforce": "closed""#).count(), 9);
    assert_eq!(user.text().matches("--enforce closed --no-auto-lock").count(), 3);
    user.set_up(&["--enforce", "open", "--hook-way", "bridge"]);
    assert!(!user.text().contains("onFailure"), "{}", user.text());
    for pair in ["--remove --enforce open", "--no-hooks --wake"] {
        let options: Vec<_> = pair.split(' ').collect();
        let ran = user.run(&[&["setup", "claude"], &options[..]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
}

#[test]
fn a_second_run_mends_what_leads_elsewhere_and_a_third_finds_nothing_to_do() {
    let user = User::new("2.1.300 (Claude Code)");
    let before = "{\n  // mine\n  \"model\": \"opus\"\n}\n";
    fs::create_dir_all(user.settings().parent().unwrap()).unwrap();
    fs::write(user.settings(), before).unwrap();
    user.set_up(&["--namespace", "old"]);
    assert_eq!(user.text().matches("--namespace old").count(), 12);
    user.set_up(&["--namespace", "new"]);
    assert_eq!(user.text().matches("--namespace new").count(), 12);
    assert!(!user.text().contains("old"), "{}", user.text());
    let ran = user.run(&["setup", "claude", "--namespace", "new"]);
    assert_eq!(
        (ran.code, ran.stdout.trim()),
        (Some(0), "Claude Code: already set up")
    );
    user.claude("2.1.329 (Claude Code)");
    user.set_up(&["--namespace", "new", "--hook-way", "bridge"]);
    assert_eq!(user.ways(), (9, 3));
    user.set_up(&["--remove"]);
    assert_eq!(user.text(), before);
}

#[test]
fn doctor_says_which_way_they_ask() {
    let user = User::new("2.1.329 (Claude Code)");
    for (options, said) in [
        (
            &["--hook-way", "process"][..],
            "are there and ask by a process each",
        ),
        (
            &["--wake", "--hook-way", "bridge"],
            "are there and ask over the bridge, and idle agents are woken",
        ),
    ] {
        user.set_up(options);
        let found = user.run(&["doctor"]).stdout;
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn who_cannot_be_woken_is_named() {
    let user = User::new("2.1.329 (Claude Code)");
    let ran = user.run(&["setup", "codex", "--yes", "--wake"]);
    assert!(ran.stderr.contains("Codex has no hook by which"), "{ran:?}");
    user.set_up(&["--wake"]);
    assert_eq!(user.text().matches(r#""asyncRewake": true"#).count(), 2);
    user.set_up(&["--remove"]);
    assert!(!user.settings().exists());
}
