//! A client without a runtime: it writes a line, and reads the next. For tests with a thread for each agent.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// How long an answer may take before the test fails; longer than any call may wait.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection on which one call is made at a time. Dropping it closes it.
pub(crate) struct Plain {
    reader: BufReader<Box<dyn Read + Send>>,
    writer: Box<dyn Write + Send>,
    bridge: Option<Child>,
    last_id: u64,
}

impl Plain {
    /// Connects without a word about who is there, and opens the protocol.
    pub(crate) fn connect(socket: &Path) -> Self {
        Self::open(socket, None)
    }

    /// Connects as a bridge does: under `name`, and with a secret by which the session is known again.
    pub(crate) fn attach(socket: &Path, name: &str, secret: &str) -> Self {
        let hello = json!({"callboard/hello": {"name": name, "secret": secret}});
        Self::open(socket, Some(&hello))
    }

    /// Connects with a first line of the test's own.
    pub(crate) fn with_hello(socket: &Path, hello: &Value) -> Self {
        Self::open(socket, Some(hello))
    }

    /// Returns all that comes back from `socket` for `lines`, up to the end of the stream.
    pub(crate) fn answers_to(socket: &Path, lines: &str) -> String {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A server that has had enough may have closed it already.
        let _ = stream.write_all(lines.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        String::from_utf8_lossy(&answers).into_owned()
    }

    fn open(socket: &Path, hello: Option<&Value>) -> Self {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        if let Some(hello) = hello {
            writeln!(stream, "{hello}").unwrap();
        }
        let reader = Box::new(stream.try_clone().unwrap());
        Self::over("plain", reader, Box::new(stream), None)
    }

    /// Speaks through a bridge process of its own, as an agent called `name` does.
    pub(crate) fn through_bridge(callboard: Command, name: &str) -> Self {
        Self::as_program("plain", callboard, name)
    }

    /// Does the same as the client does that calls itself `program`.
    pub(crate) fn as_program(program: &str, mut callboard: Command, name: &str) -> Self {
        callboard
            .args(["bridge", "--agent", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut bridge = callboard.spawn().unwrap();
        let (reader, writer) = (bridge.stdout.take().unwrap(), bridge.stdin.take().unwrap());
        Self::over(program, Box::new(reader), Box::new(writer), Some(bridge))
    }

    fn over(
        program: &str,
        reader: Box<dyn Read + Send>,
        writer: Box<dyn Write + Send>,
        bridge: Option<Child>,
    ) -> Self {
        let reader = BufReader::new(reader);
        let mut client = Self {
            reader,
            writer,
            bridge,
            last_id: 0,
        };
        let info = json!({"name": program, "version": "1"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
        client.request("initialize", &params);
        client
    }

    /// Sends `signal` to the bridge.
    pub(crate) fn signal(&self, signal: Signal) {
        let bridge = Pid::from_child(self.bridge.as_ref().unwrap());
        kill_process(bridge, signal).unwrap();
    }

    /// Kills the bridge, which gets no chance to say anything.
    pub(crate) fn kill(mut self) {
        if let Some(mut bridge) = self.bridge.take() {
            bridge.kill().unwrap();
            bridge.wait().unwrap();
        }
    }

    /// Calls a tool and returns its JSON body.
    pub(crate) fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let answer = self.request("tools/call", &json!({"name": name, "arguments": arguments}));
        let text = answer["result"]["content"][0]["text"].as_str();
        serde_json::from_str(text.unwrap_or_else(|| panic!("{name}: {answer}"))).unwrap()
    }

    /// Sends a request and returns the answer whole.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        self.send(method, params);
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{method}: {line:?}: {error}"))
    }

    /// Sends a request and does not wait for the answer.
    pub(crate) fn send(&mut self, method: &str, params: &Value) {
        self.last_id += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params});
        writeln!(self.writer, "{request}").unwrap();
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if let Some(mut bridge) = self.bridge.take() {
            // It ends by itself when its input closes, but a test that fails must leave nothing behind.
            let _ = bridge.kill();
            let _ = bridge.wait();
        }
    }
}
