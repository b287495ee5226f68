//! Which version of a client is installed.

use std::process::Command;

use super::program::found;
use crate::cli::child;

/// A version as clients number theirs.
pub(in crate::cli) type Version = [u32; 3];

/// Returns the version of `program`, `None` when it is not there, does not answer, or says something else.
pub(super) fn installed(program: &str) -> Option<Version> {
    let mut command = Command::new(found(program)?);
    command.arg("--version");
    let ran = child::run(command, b"").ok().filter(|ran| ran.success)?;
    read(&ran.stdout)
}

/// Returns the version that `text` begins with, such as `2.1.329 (Claude Code)`.
fn read(text: &str) -> Option<Version> {
    let word = text.split_whitespace().next()?;
    let mut numbers = word.split('.').map(|number| number.parse().ok());
    let version = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(version)
}

/// Returns `version` as people write it.
pub(super) fn shown(version: Version) -> String {
    version.map(|number| number.to_string()).join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_version_counts() {
        assert_eq!(read("2.1.329 (Claude Code)\n"), Some([2, 1, 329]));
        assert_eq!(read("2.1.329"), Some([2, 1, 329]));
        for other in ["", "claude 2.1.329", "2.1", "2.1.x", "2.1.3.4", "2.1.329-beta"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(shown([2, 1, 329]), "2.1.329");
    }
}
