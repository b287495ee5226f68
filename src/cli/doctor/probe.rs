//! Does what a client would do: starts the bridge that it is told to start and calls a tool, runs its hook.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdout, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::finding::Finding;
use super::known::{Known, not_started};
use crate::board::{Clock as _, SystemClock, Time};
use crate::cli::child::{LIMIT, run, spawn};
use crate::cli::setup::program::Bridge;
use crate::cli::text;

/// How often the hook is run; the middle one counts.
const RUNS: usize = 5;
/// From when on a hook is felt, since it runs before each tool of an agent.
const SLOW: Duration = Duration::from_millis(100);

/// Starts `bridge` in `directory` as a client would, and reads a key through it.
pub(super) fn round_trip(bridge: &Bridge, known: &Known, directory: &Path, board_runs: bool) -> Finding {
    let check = format!("`{}`", bridge.shell());
    if !board_runs {
        let found = "was not tried, because no board runs";
        return Finding::warn(check, found, "start the board, then run `callboard doctor` again");
    }
    let program = match known.start(&bridge.program) {
        Ok(program) => program,
        Err(is) => return not_started(check, is),
    };
    let mut command = Command::new(program);
    command
        .args(&bridge.arguments)
        .current_dir(directory)
        // Who looks at things leaves none behind.
        .env("CALLBOARD_NO_SPAWN", "1");
    match converse(command) {
        Ok(took) => Finding::ok(check, format!("answered in {}", millis(took))),
        Err(problem) => Finding::fail(
            check,
            problem,
            "run it in a shell to see what it says; `callboard setup` mends the command",
        ),
    }
}

/// Runs the hook of `program` in `directory` with an event that changes nothing.
pub(super) fn hook_latency(program: &str, known: &Known, directory: &Path) -> Finding {
    let check = format!("`{program} hook claude`");
    let program = match known.start(program) {
        Ok(program) => program,
        Err(is) => return not_started(check, is),
    };
    let event = json!({
        "session_id": "doctor", "transcript_path": "", "cwd": directory, "hook_event_name": "PreToolUse",
        "tool_name": "Read", "tool_input": { "file_path": directory.join("README.md") }, "tool_use_id": "doctor",
    });
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let mut command = Command::new(program);
        command.args(["hook", "claude"]).current_dir(directory);
        match run(command, event.to_string().as_bytes()) {
            Ok(ran) if ran.success => took.push(ran.took),
            Ok(ran) if ran.stderr.contains("unrecognized subcommand") => {
                let found = "was not measured: that version of callboard has no hooks";
                return Finding::warn(check, found, "install one version: cargo install --path .");
            }
            Ok(ran) => {
                let said = text::one_line(ran.stderr.trim());
                return Finding::fail(
                    check,
                    format!("failed: {said}"),
                    "run it in a shell to see what it says",
                );
            }
            Err(problem) => return Finding::fail(check, problem, "run it in a shell to see what it says"),
        }
    }
    took.sort();
    let median = took.get(RUNS / 2).copied().unwrap_or_default();
    let found = format!("takes {} (the middle of {RUNS} runs)", millis(median));
    if median < SLOW {
        Finding::ok(check, found)
    } else {
        Finding::warn(
            check,
            found,
            "see whether the machine is overloaded; it runs before every edit",
        )
    }
}

/// Returns how long it takes from the start of `command` to the answer of a tool.
fn converse(mut command: Command) -> Result<Duration, String> {
    let clock = SystemClock::new();
    let start = clock.now();
    let mut child = spawn(&mut command)?;
    let mut stdin = child.0.stdin.take().ok_or("has no stdin")?;
    let lines = lines(child.0.stdout.take().ok_or("has no stdout")?);
    let mut send = |message: &Value| {
        let written = writeln!(stdin, "{message}");
        written.map_err(|error| format!("does not read what it is told: {error}"))
    };
    let wait = |id: u64| answer(&lines, id, &clock, start);
    send(
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "callboard-doctor", "version": env!("CARGO_PKG_VERSION") },
    } }),
    )?;
    wait(1)?;
    send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
    send(
        &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "getStorage", "arguments": { "key": "doctor:nothing" },
    } }),
    )?;
    let result = wait(2)?;
    if result["isError"] == true {
        return Err(format!("was refused: {}", text::one_line(&result.to_string())));
    }
    Ok(clock.now().since(start))
}

fn answer(lines: &Receiver<String>, id: u64, clock: &SystemClock, start: Time) -> Result<Value, String> {
    loop {
        let left = LIMIT.saturating_sub(clock.now().since(start));
        let line = lines.recv_timeout(left).map_err(|error| match error {
            std::sync::mpsc::RecvTimeoutError::Timeout => {
                format!("did not answer within {} s", LIMIT.as_secs())
            }
            std::sync::mpsc::RecvTimeoutError::Disconnected => "ended without an answer".to_owned(),
        })?;
        let message: Value = serde_json::from_str(&line)
            .map_err(|_| format!("says what is no JSON-RPC: {}", text::one_line(&line)))?;
        if message["id"] == id {
            return match &message["error"] {
                Value::Null => Ok(message["result"].clone()),
                error => Err(format!("was refused: {}", text::one_line(&error.to_string()))),
            };
        }
    }
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (said, heard) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if said.send(line).is_err() {
                return;
            }
        }
    });
    heard
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
