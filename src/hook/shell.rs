//! What a shell command would throw away: the uses of git that overwrite files in the worktree.
//!
//! A guess at words, not a shell. It knows which directory `cd` leads to, the programs that run another one
//! (`timeout 60 git …`, `… | xargs git …`), and the text that `eval` and `sh -c` run; what git makes of its words is in
//! [`git`]. What a script, a function, a variable, an alias, a here-document or any other program does to files is not
//! seen, and of what is ambiguous the larger is taken.

mod git;
mod words;

use std::path::{Path, PathBuf};

use self::words::{Step, UNKNOWN};
use crate::target::{MAX_TARGET_BYTES, without_dots, worktree_of};

/// Words of the shell's own that may stand before a command.
const KEYWORDS: [&str; 8] = ["!", "do", "elif", "else", "if", "then", "until", "while"];
/// Programs that run the one that their words name.
const WRAPPERS: [&str; 19] = [
    "builtin", "command", "doas", "env", "exec", "find", "flock", "ionice", "nice", "nohup", "parallel",
    "setsid", "stdbuf", "sudo", "time", "timeout", "unbuffer", "watch", "xargs",
];
/// Wrappers that add words which they read.
const APPENDERS: [&str; 2] = ["parallel", "xargs"];
/// Programs whose `-c` is a command of its own.
const SHELLS: [&str; 5] = ["bash", "dash", "ksh", "sh", "zsh"];
/// The other programs whose words matter.
const PROGRAMS: [&str; 5] = ["cd", "eval", "git", "parallel", "xargs"];
/// How many commands may stand in each other's words.
const MAX_DEPTH: usize = 8;

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
    shell.run(command, 0);
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    shell.found.into_iter().map(text).collect()
}

/// Returns where a tool runs its command, which can be told to go `to` another place than the client's `cwd`.
pub(super) fn directory(cwd: Option<&Path>, to: Option<PathBuf>) -> Option<PathBuf> {
    match (cwd, to) {
        (Some(cwd), Some(to)) => Some(without_dots(&cwd.join(to))),
        (cwd, to) => to.or_else(|| cwd.map(Path::to_owned)),
    }
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
            (Some(to), Some(directory)) => {
                let place = without_dots(&directory.join(to));
                // Nobody can go where the path is longer.
                (place.as_os_str().len() <= MAX_TARGET_BYTES).then_some(place)
            }
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
    /// Runs `text`, which stands in the words of `depth` other commands.
    fn run(&mut self, text: &str, depth: usize) {
        let mut left = Vec::new();
        for step in words::steps(text) {
            match step {
                Step::Command(words) => self.command(&words, depth),
                Step::Enter => left.push(self.here.clone()),
                Step::Leave => {
                    if let Some(here) = left.pop() {
                        self.here = here;
                    }
                }
            }
        }
    }

    fn command(&mut self, words: &[String], depth: usize) {
        if depth > MAX_DEPTH {
            self.found.push(self.here.worktree());
            return;
        }
        let is_before = |word: &&String| KEYWORDS.contains(&word.as_str()) || word.contains('=');
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
            "eval" => self.run(&arguments.join(" "), depth + 1),
            shell if SHELLS.contains(&shell) => {
                let here = self.here.clone();
                if let Some(text) = script(arguments) {
                    self.run(text, depth + 1);
                }
                self.here = here;
            }
            wrapper if WRAPPERS.contains(&wrapper) => {
                let is_known = |word: &String| {
                    let name = file_name(word);
                    PROGRAMS.contains(&name) || SHELLS.contains(&name)
                };
                if let Some(at) = arguments.iter().position(is_known) {
                    let mut inner = arguments[at..].to_vec();
                    if APPENDERS.contains(&wrapper) {
                        inner.push(UNKNOWN.into());
                    }
                    self.command(&inner, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// Returns what a shell with `arguments` is told to run, as in `-c TEXT` or `-lc TEXT`.
fn script(arguments: &[String]) -> Option<&str> {
    let is_told = |word: &String| word.starts_with('-') && !word.starts_with("--") && word.contains('c');
    let mut behind = arguments.iter().skip_while(|word| !is_told(word)).skip(1);
    behind.find(|word| !word.starts_with('-')).map(String::as_str)
}

fn file_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Tells whether git, or the shell before it, makes other paths of this. Braces with nothing in them are those of
/// `find` and `xargs`; other braces must hold a choice, which those of a commit (`HEAD@{1}`) do not.
fn is_magic(path: &str) -> bool {
    let is_choice = path.contains('{') && (path.contains(',') || path.contains(".."));
    let is_pattern = path.contains(['*', '?', '[', UNKNOWN]) || is_choice || path.contains("{}");
    path.starts_with([':', '~']) || is_pattern
}

#[cfg(test)]
mod tests;
