//! The processes around this one: by them the board knows whose agent started it. And patience with one that ends.

use std::fs;

use rustix::event::{Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, getppid, setsid};

use super::CliError;

/// The most processes that are looked at; between a client and what it starts there are few.
const MAX_PROCESSES: usize = 32;
/// What every process comes from, which tells nothing.
const INIT: u32 = 1;

/// How often it is looked whether a process has ended.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 5_000_000,
};

/// Waits a moment for the end of a process, which nothing tells.
pub(super) fn pause() -> Result<(), CliError> {
    retry_on_intr(|| poll(&mut [], Some(&PAUSE))).map_err(|error| CliError::System {
        doing: "wait for the board's end",
        source: error.into(),
    })?;
    Ok(())
}

/// Returns the processes above this one, its parent first. Where `/proc` is not there, that is the only one.
pub(super) fn above() -> Vec<u32> {
    let parent = getppid().map(|pid| Pid::as_raw_pid(pid).cast_unsigned());
    let above = std::iter::successors(parent, |pid| {
        parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    });
    above.take_while(|pid| *pid > INIT).take(MAX_PROCESSES).collect()
}

/// Leaves the terminal and the process group of whoever started this process: their signals end it no more.
pub(super) fn detach() -> Result<(), CliError> {
    match setsid() {
        // Who leads a group already was not started to share one.
        Ok(_) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(CliError::System {
            doing: "leave the terminal",
            source: error.into(),
        }),
    }
}

/// Returns the parent in a process's status line. The name before it may hold any character.
fn parent_in(status: &str) -> Option<u32> {
    let (_, fields) = status.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_s_name_is_no_field() {
        assert_eq!(parent_in("12 (a) b (c 1) S 7 12 12 0 -1"), Some(7));
        assert_eq!(parent_in("12 (a"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_parent_comes_first() {
        let above = above();
        assert_eq!(above.first().copied(), Some(std::os::unix::process::parent_id()));
    }
}
