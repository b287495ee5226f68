//! A bridge in this process, between a client and a board that the test plays line by line.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use callboard::net::bridge::{BridgeError, Options, run_on};
use callboard::net::hello::Hello;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};

/// How long a state may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a board's socket is, or will be.
pub(crate) struct Place {
    pub(crate) socket: PathBuf,
    _dir: tempfile::TempDir,
}

/// A board's socket, played by the test.
pub(crate) struct Board {
    listener: UnixListener,
    socket: PathBuf,
}

/// The board's end of one connection, whose hello has been read.
pub(crate) struct Line {
    pub(crate) hello: Value,
    reader: BufReader<UnixStream>,
}

/// The client of a bridge that runs in a thread.
pub(crate) struct Client {
    input: Option<PipeWriter>,
    lines: Receiver<Value>,
    ended: Receiver<Result<(), BridgeError>>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("cb").tempdir().unwrap();
        Self {
            socket: dir.path().join("socket"),
            _dir: dir,
        }
    }

    /// Starts a board.
    pub(crate) fn board(&self) -> Board {
        Board {
            listener: UnixListener::bind(&self.socket).unwrap(),
            socket: self.socket.clone(),
        }
    }

    /// Starts a bridge with its client.
    pub(crate) fn client(&self) -> Client {
        Client::of(self.socket.clone(), "lead")
    }

    /// Starts a bridge that writes to `output`, which the test reads itself.
    pub(crate) fn client_writing_to(&self, output: PipeWriter) -> Client {
        Client::writing_to(self.socket.clone(), "lead", output)
    }
}

impl Board {
    /// Waits for a connection and its hello.
    pub(crate) fn accept(&self) -> Line {
        let mut fds = [PollFd::new(&self.listener, PollFlags::IN)];
        let patience = Timespec::try_from(PATIENCE).unwrap();
        assert_eq!(poll(&mut fds, Some(&patience)).unwrap(), 1, "no bridge came");
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut line = Line {
            hello: Value::Null,
            reader: BufReader::new(stream),
        };
        line.hello = line.read()["callboard/hello"].take();
        assert!(line.hello.is_object(), "the first line is no hello");
        line
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        std::fs::remove_file(&self.socket).unwrap();
    }
}

impl Line {
    pub(crate) fn read(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "no whole line: {line:?}");
        serde_json::from_str(&line).unwrap()
    }

    /// Reads a request, which must be of `method`.
    pub(crate) fn read_request(&mut self, method: &str) -> Value {
        let request = self.read();
        assert_eq!(request["method"], method, "{request}");
        request
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.say_raw(format!("{message}\n").as_bytes());
    }

    pub(crate) fn say_raw(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    pub(crate) fn answer(&mut self, request: &Value, result: Value) {
        self.say(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    /// Returns the ids that the hello says will come again.
    pub(crate) fn repeats(&self) -> &Value {
        &self.hello["repeats"]
    }
}

impl Client {
    /// Starts a bridge for the agent `name` to the board whose socket is, or will be, `socket`.
    pub(crate) fn of(socket: PathBuf, name: &str) -> Self {
        let (output, to_client) = std::io::pipe().unwrap();
        let mut client = Self::writing_to(socket, name, to_client);
        client.lines = lines_of(output);
        client
    }

    fn writing_to(socket: PathBuf, name: &str, output: PipeWriter) -> Self {
        let (from_client, input) = std::io::pipe().unwrap();
        let options = Options {
            socket,
            project_dir: PathBuf::from("/the/project"),
            launch: None,
            hello: Hello {
                name: Some(name.to_owned()),
                ..Hello::default()
            },
        };
        let (end, ended) = channel();
        thread::spawn(move || end.send(run_on(options, from_client, output)));
        Self {
            input: Some(input),
            lines: channel().1,
            ended,
        }
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.say_raw(format!("{message}\n").as_bytes());
    }

    pub(crate) fn say_raw(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Calls a tool.
    pub(crate) fn call(&mut self, id: impl Into<Value>) {
        let id = id.into();
        let params = json!({"name": "setStorage", "arguments": {"key": "a", "value": "b"}});
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}));
    }

    /// Opens as clients did before 2026-07-28.
    pub(crate) fn initialize(&mut self) {
        let info = json!({"name": "old", "version": "1"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
        self.say(&json!({"method": "initialize", "params": params, "jsonrpc": "2.0", "id": 0}));
    }

    pub(crate) fn initialized(&mut self) {
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    /// Returns the next line from the bridge.
    pub(crate) fn read(&self) -> Value {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("the bridge says nothing")
    }

    /// Returns the next line, which must be the answer to the request `id`.
    pub(crate) fn read_answer(&self, id: impl Into<Value>) -> Value {
        let answer = self.read();
        assert_eq!(answer["id"], id.into(), "{answer}");
        answer
    }

    /// Returns the next line if there is one already.
    pub(crate) fn read_now(&self) -> Option<Value> {
        self.lines.try_recv().ok()
    }

    /// Closes the bridge's input.
    pub(crate) fn close(&mut self) {
        self.input = None;
    }

    /// Waits for the bridge's end, and returns what it said since the last reading.
    pub(crate) fn end(mut self) -> Vec<Value> {
        self.close();
        self.ended
            .recv_timeout(PATIENCE)
            .expect("the bridge does not end")
            .unwrap();
        self.lines.iter().collect()
    }

    /// Returns whether the bridge ends while its input stays open.
    pub(crate) fn ends_by_itself(&self) -> Result<(), RecvTimeoutError> {
        self.ended.recv_timeout(PATIENCE).map(Result::unwrap)
    }
}

/// Reads lines in a thread, so that what the bridge says never waits for the test.
fn lines_of(output: PipeReader) -> Receiver<Value> {
    let (found, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let line = line.unwrap();
            let value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line:?}"));
            if found.send(value).is_err() {
                break;
            }
        }
    });
    lines
}
