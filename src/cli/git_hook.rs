//! `callboard git-hook`: keeps commits from holding what others work on.
//!
//! Responsible for the pre-commit hook in a repository and for what it asks the board. A hook that is there is
//! somebody's: a shell script gets a few lines more, which can be told from its own; of anything else the user
//! is told what to add.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use super::args::Place;
use super::output::Output;
use super::{CliError, hook, place, processes};
use crate::hook::{Moment, Occasion, Verdict};

/// What stands around the lines that are ours.
const BEGIN: &str = "# >>> callboard (`callboard git-hook remove` takes these lines out)";
const END: &str = "# <<< callboard";
/// What stands there too when the whole file is ours.
const WHOLE: &str = "# There was no hook before, so the file goes with these lines.";
/// What the hook does. Where callboard is not installed it does nothing, or nobody could commit any more.
const LINE: &str = "if command -v callboard >/dev/null 2>&1; then callboard git-hook run || exit $?; fi";
/// Programs that run hooks which can be added to.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "zsh", "ksh"];

/// What to do with git's hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GitHookAction {
    /// Add the check to the repository's pre-commit hook.
    Install,
    /// Take it out again.
    Remove,
    /// Check what is about to be committed; the hook does this.
    Run,
}

/// Does `action` in the repository around the current directory.
pub(super) fn run(action: GitHookAction, place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    match action {
        GitHookAction::Install => install(output),
        GitHookAction::Remove => remove(output),
        GitHookAction::Run => check(place),
    }
}

/// Refuses a commit of what others hold. Without a board nobody holds anything.
fn check(place: &Place) -> Result<(), CliError> {
    // A renamed file is one that goes and one that comes, and both may be held.
    let staged = git(&["diff", "--cached", "--name-only", "--no-renames", "-z"])?;
    let paths = staged.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let occasion = Occasion {
        moment: Moment::Commit,
        writes: paths
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect(),
        cwd: Some(line(&git(&["rev-parse", "--show-toplevel"])?)),
        processes: processes::above(),
        ..Occasion::default()
    };
    if occasion.writes.is_empty() {
        return Ok(());
    }
    match hook::ask(&occasion, &place::project(place)?, place) {
        Ok(Verdict::Deny { reason }) => Err(CliError::Commit(reason)),
        Ok(_) | Err(CliError::NoBoard { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn install(output: &mut Output<'_>) -> Result<(), CliError> {
    let file = hook_file()?;
    let (text, mode) = match existing(&file)? {
        None => (format!("#!/bin/sh\n{BEGIN}\n{WHOLE}\n{LINE}\n{END}\n"), 0o755),
        Some(old) if old.text.contains(BEGIN) => {
            return output.line(format_args!("{} has the check already", file.display()));
        }
        Some(old) => {
            if old.mode & 0o111 == 0 {
                return Err(by_hand(&file, "is not executable and so switched off"));
            }
            // Before all else, since a script may end anywhere.
            let at = old.text.find('\n').unwrap_or(old.text.len());
            let (first, rest) = old.text.split_at(at);
            if !runs_in_shell(first) {
                return Err(by_hand(&file, "is no shell script"));
            }
            // Where the first line does not end, ours does not, so that all is as it was when they are gone.
            (format!("{first}\n{BEGIN}\n{LINE}\n{END}{rest}"), old.mode)
        }
    };
    replace(&file, &text, mode)?;
    output.line(format_args!(
        "{} refuses commits of files that others have locked",
        file.display()
    ))
}

fn remove(output: &mut Output<'_>) -> Result<(), CliError> {
    let file = hook_file()?;
    let Some(old) = existing(&file)? else {
        return output.line(format_args!("there is no {}", file.display()));
    };
    let Some((before, rest)) = old.text.split_once(BEGIN) else {
        return output.line(format_args!("{} has nothing of callboard", file.display()));
    };
    let Some((ours, after)) = rest.split_once(END) else {
        return Err(CliError::GitHook {
            problem: format!(
                "{} has a beginning of callboard's lines and no end",
                file.display()
            ),
            fix: format!("take them out by hand, from `{BEGIN}` on"),
        });
    };
    if before == "#!/bin/sh\n" && after == "\n" && ours.contains(WHOLE) {
        fs::remove_file(&file).map_err(|source| cannot("remove git's hook", source))?;
        return output.line(format_args!("removed {}", file.display()));
    }
    let before = before.strip_suffix('\n').unwrap_or(before);
    replace(&file, &format!("{before}{after}"), old.mode)?;
    output.line(format_args!("took the check out of {}", file.display()))
}

/// A hook that is there.
struct Existing {
    text: String,
    mode: u32,
}

/// Returns the hook at `file`, `None` when there is none, or says what to do with one that is not to be touched.
fn existing(file: &Path) -> Result<Option<Existing>, CliError> {
    let cannot_read = |source| cannot("read git's hook", source);
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_read(error)),
        Ok(found) if !found.is_file() => return Err(by_hand(file, "leads elsewhere")),
        Ok(_) => {}
    }
    let mode = fs::metadata(file).map_err(cannot_read)?.permissions().mode();
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Existing { text, mode })),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(by_hand(file, "is no shell script")),
        Err(error) => Err(cannot_read(error)),
    }
}

fn by_hand(file: &Path, problem: &str) -> CliError {
    CliError::GitHook {
        problem: format!("{} {problem}, so it is left as it is", file.display()),
        fix: "let it run `callboard git-hook run` and end with that command's exit code when it is not 0"
            .to_owned(),
    }
}

/// Writes the hook whole or not at all.
fn replace(file: &Path, text: &str, mode: u32) -> Result<(), CliError> {
    let cannot_write = |source| cannot("write git's hook", source);
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(cannot_write)?;
    }
    let draft = file.with_extension("callboard");
    fs::write(&draft, text).map_err(cannot_write)?;
    let placed = fs::set_permissions(&draft, Permissions::from_mode(mode & 0o7777))
        .and_then(|()| fs::rename(&draft, file));
    placed.map_err(cannot_write)
}

/// Tells whether the first line of a script names a shell.
fn runs_in_shell(first: &str) -> bool {
    let Some(program) = first.strip_prefix("#!") else {
        return false;
    };
    let mut words = program
        .split_whitespace()
        .map(|word| word.rsplit('/').next().unwrap_or(word));
    words.next().is_some_and(|name| match name {
        "env" => words.next().is_some_and(|name| SHELLS.contains(&name)),
        name => SHELLS.contains(&name),
    })
}

/// Returns the repository's pre-commit hook, wherever the user keeps hooks.
fn hook_file() -> Result<PathBuf, CliError> {
    Ok(line(&git(&["rev-parse", "--git-path", "hooks/pre-commit"])?))
}

fn git(arguments: &[&str]) -> Result<Vec<u8>, CliError> {
    let ran = Command::new("git").args(arguments).output();
    let ran = ran.map_err(|source| cannot("run git", source))?;
    if ran.status.success() {
        return Ok(ran.stdout);
    }
    let problem = String::from_utf8_lossy(&ran.stderr);
    Err(CliError::GitHook {
        problem: format!("git failed: {}", problem.trim()),
        fix: "run it in the repository whose commits are to be checked".to_owned(),
    })
}

/// Returns the path on the only line of git's answer.
fn line(answer: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(answer.strip_suffix(b"\n").unwrap_or(answer)))
}

fn cannot(doing: &'static str, source: io::Error) -> CliError {
    CliError::System { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_known_by_the_first_line() {
        for first in [
            "#!/bin/sh",
            "#!/usr/bin/env bash",
            "#! /bin/bash -e",
            "#!/usr/bin/zsh",
        ] {
            assert!(runs_in_shell(first), "{first}");
        }
        for first in ["#!/usr/bin/env python3", "", "echo", "#!", "#!/usr/bin/fish"] {
            assert!(!runs_in_shell(first), "{first}");
        }
    }
}
