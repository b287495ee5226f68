//! How a client is to start this very program, and whether what it is told to start is there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::address::Address;
use crate::cli::CliError;
use crate::cli::args::Place;

/// The name under which a shell finds it.
pub(in crate::cli) const NAME: &str = "callboard";

/// How the bridge is started: a program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Bridge {
    pub(in crate::cli) program: String,
    pub(in crate::cli) arguments: Vec<String>,
}

impl Bridge {
    /// Returns how to start a bridge to the board of `place` from anywhere.
    pub(in crate::cli) fn to(place: &Place) -> Result<Self, CliError> {
        Ok(Self::at(program()?, &Address::of(place)?))
    }

    /// Returns how `program` is started as a bridge to the board of `address`.
    pub(in crate::cli) fn at(program: String, address: &Address) -> Self {
        let arguments = std::iter::once("bridge".to_owned()).chain(address.words());
        Self {
            program,
            arguments: arguments.collect(),
        }
    }

    /// Returns which board it leads to, and what else it is told. `None` when an option has no value.
    pub(in crate::cli) fn leads(&self) -> Option<(Address, Vec<String>)> {
        let options = self.arguments.iter().skip(1).cloned();
        Address::take(options.collect())
    }

    /// Returns the same leading to the board of `address`, and started by `program` where its own is not there. What
    /// people have added, such as a name for the agent, is theirs.
    pub(super) fn mended(&self, program: &str, address: &Address) -> Self {
        let starts = found(&self.program).is_some() || self.program == program;
        let program = if starts { &self.program } else { program };
        let rest = match self.leads() {
            Some((there, _)) if there == *address => {
                return Self {
                    program: program.to_owned(),
                    arguments: self.arguments.clone(),
                };
            }
            Some((_, rest)) => rest,
            None => Vec::new(),
        };
        let mut mended = Self::at(program.to_owned(), address);
        mended.arguments.extend(rest);
        mended
    }

    /// Returns the program and its arguments.
    pub(in crate::cli) fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.program)
            .chain(&self.arguments)
            .map(String::as_str)
    }

    /// Returns it as a shell takes it.
    pub(in crate::cli) fn shell(&self) -> String {
        self.words().map(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Tells whether it is a bridge of ours, of whichever version and wherever it lies.
    pub(in crate::cli) fn is_ours(&self) -> bool {
        let name = Path::new(&self.program).file_name();
        name == Some(OsStr::new(NAME)) && self.arguments.first().is_some_and(|word| word == "bridge")
    }

    /// Returns the bridge that an entry in JSON starts, whose command may hold the arguments as well.
    pub(in crate::cli) fn of_entry(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let words = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(text).collect()
        };
        let mut all = words(&entry["command"]);
        all.extend(words(&entry["args"]));
        if let Some(program) = text(&entry["command"]) {
            all.insert(0, program);
        }
        let mut all = all.into_iter();
        Self {
            program: all.next().unwrap_or_default(),
            arguments: all.collect(),
        }
    }
}

/// Returns `callboard` when a shell would find this very program by that name, else its path.
pub(in crate::cli) fn program() -> Result<String, CliError> {
    let own = std::env::current_exe().map_err(|source| CliError::System {
        doing: "find this program's path",
        source,
    })?;
    let same = |candidate: &Path| candidate.canonicalize().ok() == own.canonicalize().ok();
    Ok(match found(NAME) {
        Some(candidate) if same(&candidate) => NAME.to_owned(),
        _ => own.display().to_string(),
    })
}

/// Returns the file that a shell would run for `program`.
pub(in crate::cli) fn found(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|directory| directory.join(program));
    candidates.find(|candidate| candidate.is_file())
}

/// Returns `word` as a shell takes it for one word.
pub(in crate::cli) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
