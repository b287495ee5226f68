//! What hooks add to every edit of every agent: by a process each, and over the open bridge.

use std::io::Write as _;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::client::{Client, get_line, line};
use crate::figures::{Report, Sample};
use crate::processes::{board, bridge, callboard};

/// How many edits are made.
const EDITS: usize = 200;
/// In how many parts a session is measured.
const ROUNDS: usize = 10;
/// The events of one edit, as a client tells them one after the other.
const EVENTS: [&str; 3] = ["PreToolUse", "PostToolUse", "PostToolBatch"];

/// How a hook asks the board.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    None,
    Process,
    Bridge,
}

/// A session: an agent behind a bridge, in a directory of its own.
struct Session<'a> {
    agent: Client<ChildStdout, ChildStdin>,
    socket: &'a Path,
    directory: &'a Path,
    calls: usize,
}

/// Measures single hooks of an agent that holds its file already, as most do, and whole sessions of edits.
pub(crate) fn measure(report: &mut Report) -> Result {
    let dir = tempfile::tempdir()?;
    let socket = dir.path().join("s");
    let _board = board(&socket, None)?;
    // This process starts the bridge and the hooks, so it is the client of both.
    let mut bridge_process = bridge(&socket, None)?;
    let mut agent = Client::of(&mut bridge_process.child)?;
    // No other client's hooks can ask over the bridge.
    agent.open_as("claude-code")?;
    let mut session = Session {
        agent,
        socket: &socket,
        directory: dir.path(),
        calls: 0,
    };
    for (way, name, limit) in [
        (Way::Process, "hook: whole process, p50 / p99", 10.0),
        (Way::Bridge, "hook: over the open bridge, p50 / p99", 2.0),
    ] {
        let took: Result<Vec<_>> = (0..EDITS).map(|_| session.hook(way, "PreToolUse", 0)).collect();
        let took = Sample::new(took?);
        let (p50, p99) = (took.p50() / 1e3, took.p99() / 1e3);
        report.row(
            name,
            format!("{p50:.2} / {p99:.2} ms"),
            &format!("≤ {limit:.0} ms"),
            p50 <= limit,
        );
    }
    // They take turns, so that the machine's moods hit them alike.
    let (mut without, mut by_process, mut over_bridge) = (0.0, 0.0, 0.0);
    for _ in 0..ROUNDS {
        for (way, sum) in [
            (Way::None, &mut without),
            (Way::Process, &mut by_process),
            (Way::Bridge, &mut over_bridge),
        ] {
            *sum += session.edits(way, EDITS / ROUNDS)?.as_secs_f64() * 1e3;
        }
    }
    for (with, name, limit) in [
        (by_process, "200 edits, 3 hooks each by a process", 30.0),
        (over_bridge, "200 edits, 3 hooks each over the bridge", 6.0),
    ] {
        let each = (with - without) / EDITS as f64;
        report.row(
            name,
            format!("{with:.0} ms against {without:.0} ms without: {each:.2} ms an edit"),
            &format!("≤ {limit:.0} ms an edit"),
            each <= limit,
        );
    }
    Ok(())
}

impl Session<'_> {
    /// Makes edits of ten files with a call of the agent's between them, and returns how long that took.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn edits(&mut self, way: Way, edits: usize) -> Result<Duration> {
        let start = Instant::now();
        for edit in 0..edits {
            let file = edit % 10;
            if way != Way::None {
                self.hook(way, EVENTS[0], file)?;
            }
            // What is written without a hook is not what is locked, or the board would tell of it.
            let name = if way == Way::None { "free" } else { "" };
            std::fs::write(self.directory.join(format!("{name}{file}.rs")), "fn main() {}\n")?;
            if way != Way::None {
                self.hook(way, EVENTS[1], file)?;
                self.hook(way, EVENTS[2], file)?;
            }
            self.calls += 1;
            self.agent.call(&get_line(self.calls, file))?;
        }
        Ok(start.elapsed())
    }

    fn hook(&mut self, way: Way, event: &str, file: usize) -> Result<Duration> {
        let path = self.directory.join(format!("{file}.rs"));
        match way {
            Way::None => Ok(Duration::ZERO),
            Way::Bridge => {
                let input = json!({
                    "hook_event_name": event, "agent_id": "", "agent_type": "", "cwd": self.directory,
                    "tool_name": "Edit", "tool_use_id": "t", "tool_input.file_path": path,
                });
                self.calls += 1;
                let took = self.agent.call(&line(self.calls, "hook", &input.to_string()))?;
                if self.agent.heard(r#""content":[]"#) {
                    Ok(took)
                } else {
                    Err("a hook over the bridge did not let an edit pass".into())
                }
            }
            Way::Process => self.process(&json!({
                "hook_event_name": event, "cwd": self.directory, "tool_name": "Edit", "tool_use_id": "t",
                "tool_input": { "file_path": path, "old_string": "a", "new_string": "b" },
            })),
        }
    }

    /// Runs a hook from its start to its end.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn process(&self, input: &Value) -> Result<Duration> {
        let mut command = callboard(None, self.socket);
        command
            .args(["hook", "claude"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let start = Instant::now();
        let mut hook = command.spawn()?;
        hook.stdin
            .take()
            .ok_or("the hook has no stdin")?
            .write_all(input.to_string().as_bytes())?;
        let ran = hook.wait_with_output()?;
        let took = start.elapsed();
        if !ran.status.success() || !ran.stdout.is_empty() {
            return Err(format!("a hook said: {}", String::from_utf8_lossy(&ran.stdout)).into());
        }
        Ok(took)
    }
}
