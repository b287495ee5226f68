//! The bridge as the process that clients start.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::process::{BoardProcess, PATIENCE, program};
use crate::support::wait::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A bridge process; dropping it kills it.
struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Bridge {
    fn start(mut command: std::process::Command) -> Self {
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.arg("bridge").spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (found, lines) = channel();
        thread::spawn(move || {
            for line in output.lines() {
                let value = serde_json::from_str(&line.unwrap()).expect("JSON-RPC and nothing else");
                if found.send(value).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, lines }
    }

    fn say(&mut self, line: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn read(&self) -> Value {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("the bridge says nothing")
    }

    fn initialize(&mut self) {
        let info = json!({"name": "test", "version": "1"});
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info});
        self.say(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}));
        assert_eq!(self.read()["result"]["protocolVersion"], "2025-06-18");
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    fn call(&mut self, id: u32) -> Value {
        let arguments = json!({"key": "progress:all", "value": id.to_string()});
        let params = json!({"name": "setStorage", "arguments": arguments});
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}));
        let answer = self.read();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        until("the bridge ends", PATIENCE, || self.child.try_wait().unwrap())
    }

    /// Closes the input, expects success, and returns what was said on stderr.
    fn close(mut self) -> String {
        self.input = None;
        assert!(self.end().success());
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        said
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_session_outlives_its_board_whether_that_is_stopped_or_killed() {
    let mut board = BoardProcess::start();
    let mut bridge = Bridge::start(board.command());
    bridge.initialize();
    let mut ids = 1..;
    for signal in [Signal::TERM, Signal::KILL, Signal::TERM] {
        assert_eq!(bridge.call(ids.next().unwrap())["result"]["isError"], false);
        board.restart(signal);
        // A board that takes long to start on a busy machine may outlast the bridge's patience.
        until("the next board answers", PATIENCE, || {
            let answer = bridge.call(ids.next()?);
            (answer["result"]["isError"] == false).then_some(())
        });
    }
    assert_eq!(bridge.close(), "");
}

#[test]
fn what_is_piped_in_is_answered_before_the_end() {
    let board = BoardProcess::start();
    let mut bridge = Bridge::start(board.command());
    for id in 1..=3 {
        bridge.say(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
    }
    bridge.input = None;
    assert!(bridge.end().success());
    let ids: Vec<_> = bridge.lines.iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[test]
fn it_ends_at_a_signal_at_the_end_of_input_and_when_nobody_reads() {
    let dir = tempfile::Builder::new().prefix("cb").tempdir().unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let mut bridge = Bridge::start(program(dir.path()));
        bridge.say(&json!("wait until it runs"));
        bridge.read();
        bridge.signal(signal);
        assert_eq!(bridge.end().signal(), Some(signal.as_raw()));
    }
    assert_eq!(Bridge::start(program(dir.path())).close(), "");

    let mut command = program(dir.path());
    let mut deaf = command
        .arg("bridge")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(deaf.stdout.take());
    let ended = until("the bridge ends", PATIENCE, || deaf.try_wait().unwrap());
    assert!(ended.success(), "{ended}");
}
