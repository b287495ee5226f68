//! `callboard completions`: what a shell needs to complete command lines.

use super::output::Output;
use super::{CliError, args};

/// Writes the completions for `shell`.
pub(super) fn run(shell: clap_complete::Shell, output: &mut Output<'_>) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::description(), "callboard", &mut script);
    output.raw(&script)
}
