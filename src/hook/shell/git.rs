//! What git does to files, as its words tell.
//!
//! Responsible for `checkout`, `switch`, `restore`, `reset`, `stash`, `clean` and `rebase` as agents write them, and
//! for merges and their like when they put everything back. Aliases and settings are not looked up.

use std::path::PathBuf;

use super::{Here, is_magic};

/// What git would overwrite.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    Nothing,
    /// Any file of the worktree.
    Worktree,
    /// These files and directories.
    Paths(Vec<String>),
}

/// Returns what git with `arguments` overwrites when it is run `here`.
pub(super) fn overwrites(arguments: &[String], mut here: Here<'_>) -> Vec<PathBuf> {
    let mut rest = arguments.iter();
    let name = loop {
        match rest.next().map(String::as_str) {
            None => return Vec::new(),
            Some("-C") => here.go(rest.next().map(String::as_str)),
            Some("-c" | "--git-dir" | "--work-tree" | "--namespace") => drop(rest.next()),
            Some(option) if option.starts_with('-') => {}
            Some(name) => break name,
        }
    };
    let in_place = |path: &str| here.directory.as_ref().map(|place| place.join(path));
    let exists = |path: &str| in_place(path).is_some_and(|path| path.symlink_metadata().is_ok());
    match reach(name, rest.as_slice(), &exists) {
        Reach::Nothing => Vec::new(),
        Reach::Worktree => vec![here.worktree()],
        Reach::Paths(paths) => {
            let paths: Option<Vec<PathBuf>> = paths.iter().map(|path| in_place(path)).collect();
            paths.unwrap_or_else(|| vec![here.worktree()])
        }
    }
}

fn reach(name: &str, arguments: &[String], exists: &dyn Fn(&str) -> bool) -> Reach {
    let arguments = Arguments::of(name, arguments);
    match name {
        "checkout" => checkout(&arguments, exists),
        "switch" => switch(
            &arguments,
            &["-c", "-C", "--create", "--force-create", "--orphan"],
        ),
        "restore" if arguments.has(&["--staged", "-S"]) && !arguments.has(&["--worktree", "-W"]) => {
            Reach::Nothing
        }
        "restore" => arguments.paths(&arguments.plain),
        "reset" if arguments.has(&["--hard", "--merge", "--keep"]) => Reach::Worktree,
        "stash" => stash(&arguments),
        "clean" if !arguments.has(&["-n", "--dry-run"]) => match arguments.paths(&arguments.plain) {
            // It begins where it is run, not at the top.
            Reach::Nothing => Reach::Paths(vec![".".to_owned()]),
            paths => paths,
        },
        "rebase" if arguments.has(&["--continue", "--quit", "--edit-todo", "--show-current-patch"]) => {
            Reach::Nothing
        }
        "rebase" => Reach::Worktree,
        "pull" if arguments.options.contains(&"--rebase=false") => Reach::Nothing,
        "pull" if arguments.has(&["--rebase", "-r", "--autostash"]) => Reach::Worktree,
        // Of the rest only git knows which files it changes, and it leaves those alone that differ from the commit.
        "merge" | "cherry-pick" | "revert" | "am" if arguments.has(&["--abort", "--skip", "--autostash"]) => {
            Reach::Worktree
        }
        _ => Reach::Nothing,
    }
}

fn checkout(arguments: &Arguments<'_>, exists: &dyn Fn(&str) -> bool) -> Reach {
    if arguments.has(&["-b", "-B", "--orphan"]) {
        return switch(arguments, &["-b", "-B", "--orphan"]);
    }
    if !arguments.after.is_empty() {
        return arguments.paths(&[]);
    }
    match arguments.plain.split_first() {
        None if arguments.has(&["-f", "--force", "-p", "--patch"]) => Reach::Worktree,
        None => arguments.paths(&[]),
        // It can be a branch, which git takes before a file of that name.
        Some((first, [])) if !first.contains(['.', '/']) => Reach::Worktree,
        Some((first, _)) if exists(first) || is_magic(first) => arguments.paths(&arguments.plain),
        // A commit, and then paths in it.
        Some((_, paths)) if !paths.is_empty() => arguments.paths(paths),
        Some(_) => Reach::Worktree,
    }
}

/// A new branch that begins here changes no file.
fn switch(arguments: &Arguments<'_>, new: &[&str]) -> Reach {
    let begins_here = arguments.has(new) && arguments.plain.is_empty();
    let goes_nowhere = arguments.plain.is_empty() && !arguments.has(&["--detach", "-d"]);
    if begins_here || goes_nowhere {
        Reach::Nothing
    } else {
        Reach::Worktree
    }
}

fn stash(arguments: &Arguments<'_>) -> Reach {
    let (name, paths) = match arguments.plain.split_first() {
        Some((name, paths)) => (*name, paths),
        None => ("push", &[][..]),
    };
    match name {
        "push" => match arguments.paths(paths) {
            Reach::Nothing => Reach::Worktree,
            paths => paths,
        },
        "save" | "pop" | "apply" | "branch" => Reach::Worktree,
        _ => Reach::Nothing,
    }
}

/// Returns the options of the command `name` that take a value: letters, and others that take the next word.
fn valued(name: &str) -> (&'static [char], &'static [&'static str]) {
    match name {
        "checkout" => (&['b', 'B'], &["--orphan", "--conflict"]),
        "switch" => (
            &['c', 'C'],
            &["--create", "--force-create", "--orphan", "--conflict"],
        ),
        "restore" => (&['s'], &["--source", "--conflict"]),
        "stash" => (&['m'], &["--message"]),
        "clean" => (&['e'], &["--exclude"]),
        "pull" => (&['j', 's', 'X'], &[]),
        _ => (&[], &[]),
    }
}

/// What stands behind a command of git.
#[derive(Debug, Default)]
struct Arguments<'a> {
    /// Without the values of letters.
    options: Vec<&'a str>,
    /// What is no option, before `--`.
    plain: Vec<&'a str>,
    /// What is behind `--`: paths for sure.
    after: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    fn of(name: &str, words: &'a [String]) -> Self {
        let (letters, long) = valued(name);
        let mut arguments = Self::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if word == "--" {
                arguments.after = words.collect();
                break;
            }
            if word.len() == 1 || !word.starts_with('-') {
                arguments.plain.push(word);
                continue;
            }
            // A value stands behind its letter, or is the next word: `-mwip` and `-um wip`.
            let letter = word.find(letters).filter(|_| !word.starts_with("--"));
            let option = letter.map_or(word, |at| &word[..=at]);
            arguments.options.push(option);
            if long.contains(&word) || letter.is_some() && option == word {
                words.next();
            }
        }
        arguments
    }

    /// Tells whether one of `options` was given; letters may stand together, as in `-fd`.
    fn has(&self, options: &[&str]) -> bool {
        self.options.iter().any(|given| {
            let is_letters = !given.starts_with("--");
            options.iter().any(|wanted| match wanted.strip_prefix('-') {
                Some(letter) if is_letters && letter.len() == 1 => given[1..].contains(letter),
                _ => given.split('=').next() == Some(wanted),
            })
        })
    }

    /// Returns what `paths` and those behind `--` reach; of a pattern nobody knows what it matches.
    fn paths(&self, paths: &[&str]) -> Reach {
        let all: Vec<&str> = paths.iter().chain(&self.after).copied().collect();
        let from_file = self.has(&["--pathspec-from-file"]);
        if from_file || all.iter().any(|path| is_magic(path)) {
            return Reach::Worktree;
        }
        if all.is_empty() {
            return Reach::Nothing;
        }
        Reach::Paths(all.into_iter().map(str::to_owned).collect())
    }
}
