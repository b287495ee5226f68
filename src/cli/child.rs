//! Other programs, run to their end within a limited time: what they say.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long a program may take.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

/// What a program came to.
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) success: bool,
}

/// A process that is gone when this is.
pub(super) struct Guard(pub(super) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It may have ended already; either way nothing of it is left.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `command` with all its streams piped.
pub(super) fn spawn(command: &mut Command) -> Result<Guard, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn();
    child
        .map(Guard)
        .map_err(|error| format!("cannot be started: {error}"))
}

/// Runs `command` to its end with `input` on stdin; what takes too long is killed and is an error.
pub(super) fn run(mut command: Command, input: &[u8]) -> Result<Ran, String> {
    let mut child = spawn(&mut command)?;
    let (mut stdin, stdout, stderr) = (child.0.stdin.take(), child.0.stdout.take(), child.0.stderr.take());
    // One that does not read its stdin has ended or needs none; what it says then tells more than this error.
    let _ = stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input));
    let (said, heard) = channel();
    thread::spawn(move || {
        let mut texts = [Vec::new(), Vec::new()];
        let complaints = stderr.map(|mut stderr| {
            thread::spawn(move || {
                let mut text = Vec::new();
                stderr.read_to_end(&mut text).map(|_| text)
            })
        });
        let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut texts[0]));
        if let Some(Ok(Ok(text))) = complaints.map(thread::JoinHandle::join) {
            texts[1] = text;
        }
        // Nobody listens any more to a program that took too long.
        let _ = said.send(read.map(|_| texts));
    });
    let [stdout, stderr] = match heard.recv_timeout(LIMIT) {
        Ok(Ok(texts)) => texts.map(|text| String::from_utf8_lossy(&text).into_owned()),
        Ok(Err(error)) => return Err(format!("cannot be read: {error}")),
        Err(_) => return Err(format!("did not end within {} s", LIMIT.as_secs())),
    };
    let status = child.0.wait().map_err(|error| format!("was lost: {error}"))?;
    Ok(Ran {
        stdout,
        stderr,
        success: status.success(),
    })
}
