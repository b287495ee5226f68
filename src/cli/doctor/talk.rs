//! A talk with a bridge, as a client has it over the bridge's stdin and stdout.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use serde_json::{Value, json};

use crate::board::{Clock as _, SystemClock};
use crate::cli::child::{Guard, LIMIT, spawn};
use crate::cli::text;

/// A bridge that was started, and ends with this.
pub(super) struct Talk {
    stdin: ChildStdin,
    heard: Receiver<String>,
    last_id: u64,
    _child: Guard,
}

impl Talk {
    /// Starts the bridge that `command` is, and introduces this process to it as the client `name`.
    pub(super) fn open(mut command: Command, name: &str) -> Result<Self, String> {
        // Who looks at things leaves none behind.
        command.env("CALLBOARD_NO_SPAWN", "1");
        let mut child = spawn(&mut command)?;
        let mut talk = Self {
            stdin: child.0.stdin.take().ok_or("has no stdin")?,
            heard: lines(child.0.stdout.take().ok_or("has no stdout")?),
            last_id: 0,
            _child: child,
        };
        talk.request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": { "name": name, "version": env!("CARGO_PKG_VERSION") },
            }),
        )?;
        talk.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(talk)
    }

    /// Calls a tool and returns the first text of its answer; a refusal is an error.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> Result<String, String> {
        let result = self.request("tools/call", &json!({ "name": tool, "arguments": arguments }))?;
        if result["isError"] == true {
            return Err(format!("was refused: {}", text::one_line(&result.to_string())));
        }
        let answer = result["content"][0]["text"].as_str();
        Ok(answer.unwrap_or_default().to_owned())
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        let clock = SystemClock::new();
        let start = clock.now();
        loop {
            let left = LIMIT.saturating_sub(clock.now().since(start));
            let line = self.heard.recv_timeout(left).map_err(|error| match error {
                RecvTimeoutError::Timeout => format!("did not answer within {} s", LIMIT.as_secs()),
                RecvTimeoutError::Disconnected => "ended without an answer".to_owned(),
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

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let written = writeln!(self.stdin, "{message}");
        written.map_err(|error| format!("does not read what it is told: {error}"))
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
