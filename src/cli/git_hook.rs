//! `callboard git-hook`: keeps commits from holding what others work on.
//!
//! Responsible for the pre-commit hook in a repository and for what it asks the board. A hook that is there is
//! somebody's: a shell script gets a few lines more, which can be told from its own; of anything else the user
//! is told what to add.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use super::args::Place;
use super::output::Output;
use super::setup::file::replace;
use super::setup::program::{Bridge, NAME, quoted};
use super::{CliError, hook, place, processes};
use crate::hook::{Moment, Occasion, Verdict};

/// What stands around the lines that are ours.
const BEGIN: &str = "# >>> callboard (`callboard git-hook remove` takes these lines out)";
const END: &str = "# <<< callboard";
/// What stands there too when the whole file is ours.
const WHOLE: &str = "# There was no hook before, so the file goes with these lines.";
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
        GitHookAction::Install => install(place, output),
        GitHookAction::Remove => remove(place, output),
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

/// Adds the check of `place`, or renews it.
fn install(place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let check = Bridge::to(place).map(Check::like)?;
    let file = hook_file()?;
    let shown = file.display();
    let text = match existing(&file, &check)? {
        None => format!("#!/bin/sh\n{}\n", check.block(true)),
        Some(old) if old.mode & 0o111 == 0 => {
            return Err(by_hand(&file, "is not executable and so switched off", &check));
        }
        Some(old) => {
            let text = if let Some(Parts { before, ours, after }) = parts(&file, &old.text)? {
                let block = check.block(ours.contains(WHOLE));
                format!("{before}{block}{after}")
            } else {
                // Before all else, since a script may end anywhere.
                let at = old.text.find('\n').unwrap_or(old.text.len());
                let (first, rest) = old.text.split_at(at);
                if !runs_in_shell(first) {
                    return Err(by_hand(&file, "is no shell script", &check));
                }
                // Where the first line does not end, ours does not, so that all is as it was when they are gone.
                format!("{first}\n{}{rest}", check.block(false))
            };
            if text == old.text {
                return output.line(format_args!("{shown} has the check already"));
            }
            text
        }
    };
    // A script that git cannot run is none.
    replace(&file, &text, Some(0o755)).map_err(|source| cannot("write git's hook", source))?;
    let condition = check.condition();
    output.line(format_args!(
        "{shown} refuses commits of files that others have locked, {condition}"
    ))
}

fn remove(place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let check = Bridge::to(place).map(Check::like)?;
    let file = hook_file()?;
    let Some(old) = existing(&file, &check)? else {
        return output.line(format_args!("there is no {}", file.display()));
    };
    let Some(Parts { before, ours, after }) = parts(&file, &old.text)? else {
        return output.line(format_args!("{} has nothing of callboard", file.display()));
    };
    if before == "#!/bin/sh\n" && after == "\n" && ours.contains(WHOLE) {
        fs::remove_file(&file).map_err(|source| cannot("remove git's hook", source))?;
        return output.line(format_args!("removed {}", file.display()));
    }
    let before = before.strip_suffix('\n').unwrap_or(before);
    replace(&file, &format!("{before}{after}"), None).map_err(|source| cannot("write git's hook", source))?;
    output.line(format_args!("took the check out of {}", file.display()))
}

/// What the hook runs.
struct Check {
    /// The program, for a shell.
    program: String,
    /// The program with its arguments, for a shell.
    command: String,
}

impl Check {
    /// Returns the check of the board to which `bridge` leads.
    fn like(bridge: Bridge) -> Self {
        let place = bridge.arguments.into_iter().skip(1);
        let arguments = ["git-hook", "run"].map(str::to_owned).into_iter().chain(place);
        let program = quoted(&bridge.program);
        let words: Vec<_> = std::iter::once(bridge.program)
            .chain(arguments)
            .map(|word| quoted(&word))
            .collect();
        let command = words.join(" ");
        Self { program, command }
    }

    /// Returns the lines of the hook between their marks; `is_whole` when there is no other in its file. Where callboard
    /// is not installed they only say so, or nobody could commit any more.
    fn block(&self, is_whole: bool) -> String {
        let Self { program, command } = self;
        let whole = if is_whole {
            format!("{WHOLE}\n")
        } else {
            String::new()
        };
        format!(
            "{BEGIN}\n{whole}if command -v {program} >/dev/null 2>&1; then\n    {command} || exit $?\nelse\n    \
             echo 'callboard is not found, so nobody looks whether others hold what is committed' >&2\nfi\n{END}"
        )
    }

    /// Returns under which condition it is done.
    fn condition(&self) -> String {
        if self.program == NAME {
            return format!("where git finds `{NAME}` on its PATH");
        }
        let program = &self.program;
        format!("by {program}: `{NAME}` on your PATH is not this program, so its whole path was written")
    }
}

/// A hook's text around and between the marks.
struct Parts<'t> {
    before: &'t str,
    ours: &'t str,
    after: &'t str,
}

/// Takes the `text` of `file` apart, if it has lines of ours.
fn parts<'t>(file: &Path, text: &'t str) -> Result<Option<Parts<'t>>, CliError> {
    let Some((before, rest)) = text.split_once(BEGIN) else {
        return Ok(None);
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
    Ok(Some(Parts { before, ours, after }))
}

/// A hook that is there.
struct Existing {
    text: String,
    mode: u32,
}

/// Returns the hook at `file`, `None` when there is none, or says what to do with one that is not to be touched.
fn existing(file: &Path, check: &Check) -> Result<Option<Existing>, CliError> {
    let cannot_read = |source| cannot("read git's hook", source);
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_read(error)),
        Ok(found) if !found.is_file() => return Err(by_hand(file, "leads elsewhere", check)),
        Ok(_) => {}
    }
    let mode = fs::metadata(file).map_err(cannot_read)?.permissions().mode();
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Existing { text, mode })),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(by_hand(file, "is no shell script", check))
        }
        Err(error) => Err(cannot_read(error)),
    }
}

fn by_hand(file: &Path, problem: &str, check: &Check) -> CliError {
    let command = &check.command;
    CliError::GitHook {
        problem: format!("{} {problem}, so it is left as it is", file.display()),
        fix: format!("let it run `{command}` and end with that command's exit code when it is not 0"),
    }
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
