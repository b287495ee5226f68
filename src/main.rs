//! The `callboard` program: reads the command line, lets the library obey, and tells how it ended.
//!
//! The only place that prints.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use callboard::cli::{self, CliError, Streams};

fn main() -> ExitCode {
    let stdout = io::stdout();
    let streams = Streams {
        out: &mut &stdout,
        remarks: &mut io::stderr(),
        out_fd: Some(stdout.as_fd()),
        out_is_terminal: stdout.is_terminal(),
        in_is_terminal: io::stdin().is_terminal(),
    };
    match cli::run(std::env::args_os(), streams) {
        Ok(ending) => ending.exit_code().into(),
        Err(error) => {
            if error.is_worth_telling() {
                tell(&error);
            }
            error.exit_code().into()
        }
    }
}

/// Tells people what went wrong; when not even that can be written, the exit code must do.
fn tell(error: &CliError) {
    if let CliError::Usage(usage) = error {
        let _ = usage.print();
        return;
    }
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    if let Some(hint) = error.hint() {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}
