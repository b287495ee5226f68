//! What a hook adds to every edit of every agent: a whole process, from its start to its end.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use crate::Result;
use crate::client::Client;
use crate::figures::{Report, Sample};
use crate::processes::{board, bridge, callboard};

/// How many edits are made.
const EDITS: usize = 200;

/// Measures edits of a file that the agent holds already, as most are.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn measure(report: &mut Report) -> Result {
    let dir = tempfile::tempdir()?;
    let socket = dir.path().join("s");
    let _board = board(&socket, None)?;
    // This process starts the bridge and the hooks, so it is the client of both.
    let mut bridge_process = bridge(&socket, None)?;
    let mut agent = Client::of(&mut bridge_process.child)?;
    agent.open()?;
    let input = serde_json::json!({
        "hook_event_name": "PreToolUse", "tool_name": "Edit", "cwd": dir.path(),
        "tool_input": { "file_path": "src/main.rs", "old_string": "a", "new_string": "b" },
    });
    let input = input.to_string();
    let mut took = Vec::with_capacity(EDITS);
    for _ in 0..EDITS {
        let mut command = callboard(None, &socket);
        command
            .args(["hook", "claude"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let start = Instant::now();
        let mut hook = command.spawn()?;
        hook.stdin
            .take()
            .ok_or("the hook has no stdin")?
            .write_all(input.as_bytes())?;
        let ran = hook.wait_with_output()?;
        took.push(start.elapsed());
        if !ran.status.success() || !ran.stdout.is_empty() {
            return Err(format!("a hook said: {}", String::from_utf8_lossy(&ran.stdout)).into());
        }
    }
    let took = Sample::new(took);
    let (p50, p99) = (took.p50() / 1e3, took.p99() / 1e3);
    report.row(
        "hook: whole process, p50 / p99",
        format!("{p50:.1} / {p99:.1} ms"),
        "≤ 10 ms",
        p50 <= 10.0,
    );
    Ok(())
}
