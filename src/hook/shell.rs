//! What a shell command would throw away: the uses of git that overwrite files in the worktree.
//!
//! A guess at words, not a shell. It knows which directory `cd` leads to; what git makes of its words is in [`git`].
//! What a script, a function, a variable, an alias, a here-document or any other program does to files is not
//! seen, and of what is ambiguous the larger is taken.

mod git;
mod words;

use std::path::{Path, PathBuf};

use self::words::{Step, UNKNOWN};
use crate::target::{without_dots, worktree_of};

/// Words that may stand before the command that they run.
const BEFORE: [&str; 14] = [
    "!", "command", "do", "elif", "else", "env", "exec", "if", "nohup", "sudo", "then", "time", "until",
    "while",
];
/// Returns the files and directories whose content `command` would put back or throw away when it is run in `cwd`.
/// Without a `cwd` they begin where the reader is.
pub(super) fn overwrites(command: &str, cwd: Option<&Path>) -> Vec<String> {
    let mut shell = Shell {
        here: Here {
            start: cwd.unwrap_or_else(|| Path::new(".")),
            directory: cwd.map(Path::to_owned),
        },
        found: Vec::new(),
    };
    shell.run(command);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    shell.found.into_iter().map(text).collect()
}

/// Where a command is run.
#[derive(Clone, Debug)]
struct Here<'a> {
    /// Where the agent's command began.
    start: &'a Path,
    /// `None` where only the shell knows it.
    directory: Option<PathBuf>,
}

impl Here<'_> {
    /// Goes where `cd` would with the word `to`.
    fn go(&mut self, to: Option<&str>) {
        let known = to.filter(|to| *to != "-" && !is_magic(to));
        self.directory = match (known, self.directory.take()) {
            (Some(to), Some(directory)) => Some(without_dots(&directory.join(to))),
            (Some(to), None) if to.starts_with('/') => Some(PathBuf::from(to)),
            _ => None,
        };
    }

    /// Returns the worktree that it is in; an unknown place is taken for the one where all began.
    fn worktree(&self) -> PathBuf {
        let directory = self.directory.as_deref().unwrap_or(self.start);
        worktree_of(directory).unwrap_or_else(|| directory.to_owned())
    }
}

/// A shell, as far as it matters.
struct Shell<'a> {
    here: Here<'a>,
    /// What is overwritten.
    found: Vec<PathBuf>,
}

impl Shell<'_> {
    fn run(&mut self, text: &str) {
        let mut left = Vec::new();
        for step in words::steps(text) {
            match step {
                Step::Command(words) => self.command(&words),
                Step::Enter => left.push(self.here.clone()),
                Step::Leave => {
                    if let Some(here) = left.pop() {
                        self.here = here;
                    }
                }
            }
        }
    }

    fn command(&mut self, words: &[String]) {
        let is_before = |word: &&String| BEFORE.contains(&word.as_str()) || word.contains('=');
        let start = words.iter().take_while(is_before).count();
        let Some((program, arguments)) = words[start..].split_first() else {
            return;
        };
        match file_name(program) {
            "cd" | "pushd" => {
                let is_place = |word: &&str| *word == "-" || !word.starts_with('-');
                self.here.go(arguments.iter().map(String::as_str).find(is_place));
            }
            "popd" => self.here.go(None),
            "git" => self.found.extend(git::overwrites(arguments, self.here.clone())),
            _ => {}
        }
    }
}

fn file_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Tells whether git, or the shell before it, makes other paths of this.
fn is_magic(path: &str) -> bool {
    path.starts_with([':', '~']) || path.contains(['*', '?', '[', UNKNOWN])
}

#[cfg(test)]
mod tests;
