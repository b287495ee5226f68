//! Git's hook: real commits in real repositories, with a board beside them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::plain::Plain;
use crate::support::program::{Home, Ran, run};
use crate::support::users::{OTHER_USER, is_root};

/// Tells whether git is here, and says so when it is not.
#[expect(
    clippy::print_stderr,
    reason = "who reads the test's output must see what was left out"
)]
fn has_git() -> bool {
    let found = Command::new("git").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no git on PATH");
    }
    found
}

/// Gives `command` a PATH on which are callboard and git.
fn with_path(mut command: Command) -> Command {
    let own = Path::new(env!("CARGO_BIN_EXE_callboard"))
        .parent()
        .unwrap()
        .to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&others))).unwrap();
    command.env("PATH", path);
    command
}

fn git_in(home: &Home, directory: &Path, arguments: &[&str]) -> Ran {
    let mut command = with_path(Command::new("git"));
    let own = command
        .get_envs()
        .find_map(|(name, value)| (name == "PATH").then(|| value.unwrap().to_owned()));
    command
        .env_clear()
        .env("PATH", own.unwrap())
        .envs([("HOME", home.path()), ("XDG_RUNTIME_DIR", home.path())])
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(directory);
    run(command, b"")
}

fn git(home: &Home, arguments: &[&str]) -> Ran {
    git_in(home, home.path(), arguments)
}

fn done(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

fn callboard(home: &Home, arguments: &[&str]) -> Ran {
    run(with_path(home.command(arguments)), b"")
}

/// Makes a repository with `a.rs` and `b.rs` changed and staged, and the hook in it.
fn repository() -> Home {
    let home = Home::new();
    done(&git(&home, &["init", "-q"]));
    // The board's own files are there too.
    fs::write(home.path().join(".git/info/exclude"), "callboard/\n").unwrap();
    for content in ["1\n", "2\n"] {
        for file in ["a.rs", "b.rs"] {
            fs::write(home.path().join(file), content).unwrap();
        }
        done(&git(&home, &["add", "a.rs", "b.rs"]));
        if content == "1\n" {
            done(&git(&home, &["commit", "-qm", "first"]));
        }
    }
    callboard(&home, &["git-hook", "install"]).ok();
    home
}

fn pre_commit(home: &Home) -> PathBuf {
    home.path().join(".git/hooks/pre-commit")
}

#[test]
fn a_commit_of_what_another_agent_holds_is_refused_with_the_ways_on() {
    if !has_git() {
        return;
    }
    let home = repository();
    let _board = home.serve(&[]);
    callboard(&home, &["set", "lock:a.rs", r#"{"lockedBy":"other"}"#]).ok();
    let refused = git(&home, &["commit", "-qm", "both"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for part in ["a.rs (other", "--no-verify", "callboard expire"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    done(&git(&home, &["commit", "-qm", "one", "--", "b.rs"]));
    done(&git(&home, &["commit", "-qm", "all the same", "--no-verify"]));
}

#[test]
fn an_agent_commits_what_its_own_client_holds() {
    if !has_git() {
        return;
    }
    let home = repository();
    let _board = home.serve(&[]);
    // This process is the client: it starts the bridge, and git.
    let mut agent = Plain::through_bridge(home.command(&[]), "mine");
    let locked = agent.tool("acquireLock", &serde_json::json!({ "targets": ["a.rs"] }));
    assert_eq!(locked["success"], true, "{locked}");
    done(&git(&home, &["commit", "-qm", "both"]));
}

#[test]
fn without_a_board_commits_are_as_ever() {
    if !has_git() {
        return;
    }
    let home = repository();
    let committed = git(&home, &["commit", "-qm", "both"]);
    assert_eq!((committed.code, committed.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_renamed_file_is_held_under_both_names_and_a_worktree_apart() {
    if !has_git() {
        return;
    }
    let home = repository();
    done(&git(&home, &["commit", "-qm", "both"]));
    let _board = home.serve(&[]);
    callboard(&home, &["set", "lock:a.rs", r#"{"lockedBy":"other"}"#]).ok();
    done(&git(&home, &["mv", "a.rs", "c.rs"]));
    assert_eq!(git(&home, &["commit", "-qm", "moved"]).code, Some(1));
    let tree = home.path().join("tree");
    done(&git(
        &home,
        &["worktree", "add", "-q", tree.to_str().unwrap(), "-b", "feat"],
    ));
    fs::write(tree.join("a.rs"), "3\n").unwrap();
    done(&git_in(
        &home,
        &tree,
        &["commit", "-qam", "the same file elsewhere"],
    ));
}

#[test]
fn the_hook_is_put_in_once_and_taken_out_without_a_trace() {
    if !has_git() {
        return;
    }
    let home = repository();
    let file = pre_commit(&home);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o111, 0o111);
    let again = callboard(&home, &["git-hook", "install"]).ok();
    assert!(again.contains("already"), "{again}");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    callboard(&home, &["git-hook", "remove"]).ok();
    assert!(!file.exists());
    assert!(
        callboard(&home, &["git-hook", "remove"])
            .ok()
            .contains("there is no")
    );
}

#[test]
fn a_hook_that_is_there_goes_on_and_is_given_back_byte_for_byte() {
    if !has_git() {
        return;
    }
    let home = repository();
    let file = pre_commit(&home);
    let own = "#!/usr/bin/env bash\nset -e\ntouch ran\nexit 0";
    fs::write(&file, own).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o750)).unwrap();
    callboard(&home, &["git-hook", "install"]).ok();
    let board = home.serve(&[]);
    callboard(&home, &["set", "lock:a.rs", r#"{"lockedBy":"other"}"#]).ok();
    assert_eq!(git(&home, &["commit", "-qm", "both"]).code, Some(1));
    assert!(!home.path().join("ran").exists());
    drop(board);
    done(&git(&home, &["commit", "-qm", "both"]));
    assert!(home.path().join("ran").exists());
    callboard(&home, &["git-hook", "remove"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), own);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o750);
}

#[test]
fn a_hook_that_does_nothing_yet_and_one_that_was_added_to_are_somebody_s_too() {
    if !has_git() {
        return;
    }
    let home = repository();
    let file = pre_commit(&home);
    let ours = fs::read_to_string(&file).unwrap();
    fs::write(&file, ours + "echo mine\n").unwrap();
    callboard(&home, &["git-hook", "remove"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "#!/bin/sh\necho mine\n");
    for own in ["#!/bin/sh\n", "#!/bin/sh", "#!/bin/sh -e\n\n"] {
        fs::write(&file, own).unwrap();
        callboard(&home, &["git-hook", "install"]).ok();
        done(&git(&home, &["commit", "-q", "--allow-empty", "-m", "it runs"]));
        callboard(&home, &["git-hook", "remove"]).ok();
        assert_eq!(fs::read_to_string(&file).unwrap(), own);
    }
}

#[test]
fn what_cannot_be_added_to_is_left_alone_with_the_line_to_add() {
    if !has_git() {
        return;
    }
    let home = repository();
    let file = pre_commit(&home);
    fs::write(&file, "#!/usr/bin/env python3\n").unwrap();
    let script = home.path().join("script");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    for linked in [false, true] {
        if linked {
            fs::remove_file(&file).unwrap();
            symlink(&script, &file).unwrap();
        }
        let before = fs::read_to_string(&file).unwrap();
        let refused = callboard(&home, &["git-hook", "install"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains("callboard git-hook run"),
            "{}",
            refused.stderr
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
}

#[test]
fn hooks_are_found_where_the_user_keeps_them() {
    if !has_git() {
        return;
    }
    let home = repository();
    fs::remove_file(pre_commit(&home)).unwrap();
    done(&git(&home, &["config", "core.hooksPath", ".hooks"]));
    callboard(&home, &["git-hook", "install"]).ok();
    assert!(home.path().join(".hooks/pre-commit").exists());
    assert!(!pre_commit(&home).exists());
}

#[test]
fn outside_a_repository_the_complaint_is_git_s() {
    if !has_git() {
        return;
    }
    let home = Home::new();
    let refused = callboard(&home, &["git-hook", "install"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("not a git repository"),
        "{}",
        refused.stderr
    );
}

/// Makes a program's PATH one on which there is git and no callboard, which may be installed here as well.
fn without_callboard(mut command: Command) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&path).filter(|directory| !directory.join("callboard").exists());
    command.env("PATH", std::env::join_paths(others).unwrap());
    command
}

/// Commits in a repository of which the board's place was told to `git-hook install`.
fn refused_where(place: &[&str]) {
    let home = repository();
    let _board = home.serve(&place[..place.len().min(2)]);
    let told = |arguments: &[&str]| callboard(&home, &[arguments, place].concat()).ok();
    told(&["set", "lock:a.rs", r#"{"lockedBy":"other"}"#]);
    done(&git(
        &home,
        &["commit", "-qm", "the hook asks elsewhere", "--", "b.rs"],
    ));
    // The second time it is renewed.
    told(&["git-hook", "install"]);
    let again = told(&["git-hook", "install"]);
    assert!(again.contains("already"), "{again}");
    let refused = git(&home, &["commit", "-qm", "both"]);
    assert_eq!(refused.code, Some(1), "{place:?}: {refused:?}");
    told(&["git-hook", "remove"]);
    assert!(!pre_commit(&home).exists());
}

#[test]
fn the_hook_asks_the_board_that_it_was_put_in_for() {
    if !has_git() {
        return;
    }
    let elsewhere = tempfile::Builder::new().prefix("it's ").tempdir().unwrap();
    let socket = elsewhere.path().join("s");
    refused_where(&["--socket", socket.to_str().unwrap()]);
    refused_where(&["--namespace", "n"]);
}

#[test]
fn what_somebody_added_around_the_lines_stays_when_they_are_renewed() {
    if !has_git() {
        return;
    }
    let home = repository();
    let file = pre_commit(&home);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}echo mine\n")).unwrap();
    callboard(&home, &["git-hook", "install", "--namespace", "n"]).ok();
    let renewed = fs::read_to_string(&file).unwrap();
    assert_eq!(
        renewed,
        format!(
            "{}echo mine\n",
            text.replace("git-hook run", "git-hook run --namespace n")
        )
    );
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let refused = callboard(&home, &["git-hook", "install"]);
    assert!(refused.stderr.contains("switched off"), "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), renewed);
}

#[test]
fn a_program_that_no_shell_would_find_is_written_whole() {
    if !has_git() {
        return;
    }
    let home = repository();
    let commit = |message| {
        let mut command = without_callboard(Command::new("git"));
        command.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "commit",
            "-qm",
            message,
        ]);
        command.envs([("HOME", home.path()), ("XDG_RUNTIME_DIR", home.path())]);
        command.current_dir(home.path());
        run(command, b"")
    };
    let _board = home.serve(&[]);
    callboard(&home, &["set", "lock:a.rs", r#"{"lockedBy":"other"}"#]).ok();
    let said = run(without_callboard(home.command(&["git-hook", "install"])), b"").ok();
    let program = env!("CARGO_BIN_EXE_callboard");
    assert!(said.contains(&format!("by {program}: ")), "{said}");
    let refused = commit("by the whole path");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = callboard(&home, &["git-hook", "install"]).ok();
    assert!(said.contains("where git finds `callboard` on its PATH"), "{said}");
    let passed = commit("not found");
    done(&passed);
    assert!(
        passed.stderr.contains("nobody looks whether others hold"),
        "{passed:?}"
    );
}

#[test]
fn a_hook_of_another_user_stays_that_user_s() {
    if !has_git() || !is_root("a hook keeps its owner") {
        return;
    }
    let home = repository();
    let file = pre_commit(&home);
    fs::write(&file, "#!/bin/sh\n").unwrap();
    chown(&file, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    callboard(&home, &["git-hook", "install"]).ok();
    let owner = fs::metadata(&file).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (OTHER_USER, OTHER_USER));
    let entries = fs::read_dir(file.parent().unwrap()).unwrap();
    let drafts = entries.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().contains("callboard")
    });
    assert_eq!(drafts.count(), 0);
}

#[test]
fn a_link_in_the_place_of_a_draft_is_not_written_through() {
    if !has_git() {
        return;
    }
    let home = repository();
    let precious = home.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    fs::write(pre_commit(&home), "#!/bin/sh\n").unwrap();
    symlink(&precious, pre_commit(&home).with_extension("callboard")).unwrap();
    callboard(&home, &["git-hook", "install"]).ok();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(!pre_commit(&home).is_symlink());
}
