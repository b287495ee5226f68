//! The scripts' way to the board: one blocking connection, one request at a time.
//!
//! Speaks the stateless era of the protocol, so a command is a hello, a request and an answer. Not for
//! agents: those attach through the bridge.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;
use serde_json::{Value, json};

use super::args::Place;
use super::{CliError, place};
use crate::net::hello::Hello;
use crate::net::project::Project;
use crate::net::reach;

/// How long an answer may take beyond the time that the request itself asks the board to wait.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much longer the whole board may take to be written.
const MUCH: Duration = Duration::from_secs(120);
/// The longest line that is taken from the board: a value of 10 MiB in quotes, escaped twice, and room.
const MAX_LINE: u64 = 64 << 20;
/// The revision of the protocol in which every request stands for itself.
const PROTOCOL: &str = "2026-07-28";
/// The name under which scripts are seen on the board.
const NAME: &str = "cli";

/// The code of JSON-RPC for a method that the peer does not know.
const METHOD_NOT_FOUND: i64 = -32_601;
/// The code of MCP for a revision of the protocol that the peer does not speak.
const UNSUPPORTED_PROTOCOL: i64 = -32_022;

/// How often a board may change hands before one request is answered; the longest ones wait for hours.
const MAX_CHANGES: usize = 100;

/// A connection to a board.
pub(super) struct Client<'a> {
    stream: BufReader<UnixStream>,
    socket: PathBuf,
    /// What was said first, and is said again to whoever takes the board over.
    hello: Vec<u8>,
    last_id: u64,
    /// The output whose reader may go while the board is waited for.
    audience: Option<BorrowedFd<'a>>,
}

impl<'a> Client<'a> {
    /// Connects to the board of `place`, which must run.
    pub(super) fn connect(place: &Place) -> Result<Self, CliError> {
        Self::attach(&place::project(place)?, place, NAME)
    }

    /// Connects to the board of `project`, which must run; there this process is called `name`.
    pub(super) fn attach(project: &Project, place: &Place, name: &str) -> Result<Self, CliError> {
        let hello = Hello {
            name: Some(name.to_owned()),
            ..Hello::default()
        };
        Self::greet(project, place, hello)
    }

    /// The same for a process that nobody is to see there.
    pub(super) fn attach_aside(project: &Project, place: &Place) -> Result<Self, CliError> {
        let hello = Hello {
            aside: true,
            ..Hello::default()
        };
        Self::greet(project, place, hello)
    }

    fn greet(project: &Project, place: &Place, hello: Hello) -> Result<Self, CliError> {
        project.check()?;
        let mut client = Self::open(&project.socket, place.socket.is_some())?;
        let hello = Hello {
            pid: Some(std::process::id()),
            namespace: Some(place.namespace.as_str().to_owned()),
            ..hello
        };
        client.hello = hello.to_line().map_err(|error| client.garbled(&error))?;
        // Who cannot be greeted may be about to give the board to another one.
        match client.send(&client.hello.clone()) {
            Err(CliError::Gone(_)) => client.follow()?,
            greeted => greeted?,
        }
        Ok(client)
    }

    fn open(socket: &Path, chosen: bool) -> Result<Self, CliError> {
        let stream = reach(socket).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CliError::NoBoard {
                socket: socket.to_owned(),
                chosen,
            },
            _ => CliError::System {
                doing: "connect to the board",
                source: error,
            },
        })?;
        let client = Self {
            stream: BufReader::new(stream),
            socket: socket.to_owned(),
            hello: Vec::new(),
            last_id: 0,
            audience: None,
        };
        client.be_patient(Duration::ZERO)?;
        Ok(client)
    }

    /// From now on, a wait for the board ends with a broken pipe as soon as nobody reads `output`.
    pub(super) fn listen_only_while_read(&mut self, output: Option<BorrowedFd<'a>>) {
        self.audience = output;
    }

    /// Calls a tool and returns the body of its answer; a refusal is an error with the board's words.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, CliError> {
        let asked_to_wait = arguments["waitMs"].as_u64().unwrap_or(0);
        self.be_patient(Duration::from_millis(asked_to_wait))?;
        let result = self.request("tools/call", json!({ "name": tool, "arguments": arguments }))?;
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        let body: Value = serde_json::from_str(text).map_err(|error| self.garbled(&error))?;
        if body["error"] == "NOT_FOUND" && body["tool"] == tool {
            return Err(self.skew(format!("it has no tool {tool}")));
        }
        accepted(body, result["content"][1]["text"].as_str())
    }

    /// Sends one of the board's own requests for scripts and returns its result, unless it is a refusal.
    pub(super) fn ask(&mut self, method: &str, params: Value) -> Result<Value, CliError> {
        accepted(self.request(method, params)?, None)
    }

    /// The same for what may take the board a while, whatever else it has to do.
    pub(super) fn ask_for_much(&mut self, method: &str, params: Value) -> Result<Value, CliError> {
        self.be_patient(MUCH)?;
        self.ask(method, params)
    }

    /// The same for what must be answered within `limit`.
    pub(super) fn ask_in(&mut self, method: &str, params: Value, limit: Duration) -> Result<Value, CliError> {
        self.wait_at_most(limit)?;
        self.ask(method, params)
    }

    /// Sends a request and returns its result.
    fn request(&mut self, method: &str, params: Value) -> Result<Value, CliError> {
        let mut answer = self.exchange(method, params)?;
        let error = &answer["error"];
        if error.is_null() {
            return Ok(answer["result"].take());
        }
        let code = error["message"]
            .as_str()
            .unwrap_or("an error without a text")
            .to_owned();
        let hint = error["data"]["hint"].as_str().map(str::to_owned);
        match error["code"].as_i64() {
            Some(METHOD_NOT_FOUND) => Err(self.skew(format!("it does not know {method}"))),
            Some(UNSUPPORTED_PROTOCOL) => Err(self.skew(format!("it does not speak MCP {PROTOCOL}"))),
            _ => Err(CliError::Refused { code, hint }),
        }
    }

    fn exchange(&mut self, method: &str, mut params: Value) -> Result<Value, CliError> {
        self.last_id += 1;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": PROTOCOL,
            "io.modelcontextprotocol/clientInfo": {
                "name": "callboard-cli",
                "version": env!("CARGO_PKG_VERSION"),
            },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let request = json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        let request = format!("{request}\n");
        for _ in 0..MAX_CHANGES {
            match self.ask_once(request.as_bytes()) {
                Err(CliError::Gone(_)) => self.follow()?,
                answered => return answered,
            }
        }
        self.ask_once(request.as_bytes())
    }

    fn ask_once(&mut self, request: &[u8]) -> Result<Value, CliError> {
        self.send(request)?;
        loop {
            let message = self.receive()?;
            if message["id"] == self.last_id {
                return Ok(message);
            }
        }
    }

    /// Connects to whoever serves now: a board that changes hands lets its clients go, and takes them again at once.
    /// What they had asked may be asked again, for all that commands ask comes to the same when it is done twice.
    fn follow(&mut self) -> Result<(), CliError> {
        let gone = |_| CliError::Gone(self.socket.clone());
        let stream = reach(&self.socket).map_err(gone)?;
        let limit = self.stream.get_ref().read_timeout().ok().flatten();
        self.stream = BufReader::new(stream);
        self.wait_at_most(limit.unwrap_or(PATIENCE))?;
        let hello = self.hello.clone();
        self.send(&hello)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).map_err(|error| self.broken(error))
    }

    fn receive(&mut self) -> Result<Value, CliError> {
        if let Some(audience) = self.audience.filter(|_| self.stream.buffer().is_empty()) {
            let mut waited_for = [
                PollFd::new(self.stream.get_ref(), PollFlags::IN),
                PollFd::new(&audience, PollFlags::empty()),
            ];
            // The socket's own time-out ends the read below when the board says nothing for too long.
            let limit = self.stream.get_ref().read_timeout().ok().flatten();
            let limit = limit.and_then(|limit| limit.try_into().ok());
            let polled = retry_on_intr(|| poll(&mut waited_for, limit.as_ref()));
            polled.map_err(|errno| self.broken(errno.into()))?;
            if waited_for[1]
                .revents()
                .intersects(PollFlags::ERR | PollFlags::HUP)
            {
                return Err(CliError::Output(io::ErrorKind::BrokenPipe.into()));
            }
        }
        let mut line = Vec::new();
        let read = self.stream.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        read.map_err(|error| self.broken(error))?;
        if line.is_empty() {
            return Err(CliError::Gone(self.socket.clone()));
        }
        serde_json::from_slice(&line).map_err(|error| self.garbled(&error))
    }

    /// Returns the board's version.
    pub(super) fn version(&mut self) -> Result<String, CliError> {
        let answer = self.exchange("server/discover", json!({}))?;
        let meta = &answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        let version = meta["version"]
            .as_str()
            .or(answer["result"]["serverInfo"]["version"].as_str());
        Ok(version.unwrap_or("of an unknown version").to_owned())
    }

    /// Says that the board does not understand, with its version, which only it can tell.
    fn skew(&mut self, problem: String) -> CliError {
        let theirs = self.version();
        CliError::Skew {
            theirs: theirs.unwrap_or_else(|_| "of an unknown version".to_owned()),
            ours: env!("CARGO_PKG_VERSION"),
            problem,
        }
    }

    fn be_patient(&self, waiting: Duration) -> Result<(), CliError> {
        self.wait_at_most(PATIENCE + waiting)
    }

    fn wait_at_most(&self, limit: Duration) -> Result<(), CliError> {
        let limit = Some(limit);
        let stream = self.stream.get_ref();
        let set = stream
            .set_read_timeout(limit)
            .and_then(|()| stream.set_write_timeout(limit));
        set.map_err(|source| CliError::System {
            doing: "set the connection's time-out",
            source,
        })
    }

    fn broken(&self, error: io::Error) -> CliError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => CliError::Silent(self.socket.clone()),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
                CliError::Gone(self.socket.clone())
            }
            _ => CliError::System {
                doing: "talk to the board",
                source: error,
            },
        }
    }

    fn garbled(&self, problem: &dyn std::fmt::Display) -> CliError {
        CliError::Garbled {
            socket: self.socket.clone(),
            problem: problem.to_string(),
        }
    }
}

/// Gives a person who was refused what somebody holds the advice for people: agents are told to wait.
pub(super) fn expire_instead(key: &str) -> impl FnOnce(CliError) -> CliError {
    move |error| match error {
        CliError::Refused {
            code,
            hint: Some(hint),
        } if code == "Key is leased" => {
            let who = hint.split_once("; ").map_or(&*hint, |(who, _)| who);
            let hint = Some(format!("{who}; `callboard expire {key}` ends that"));
            CliError::Refused { code, hint }
        }
        other => other,
    }
}

/// Returns `body` unless it tells a refusal, whose advice may stand beside it.
fn accepted(body: Value, beside: Option<&str>) -> Result<Value, CliError> {
    if body["success"] != false {
        return Ok(body);
    }
    let text_of = |field: &str| body[field].as_str();
    Err(CliError::Refused {
        code: text_of("error").unwrap_or("no reason given").to_owned(),
        hint: text_of("hint").or(beside).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    /// Serves one connection with `answers`, one for each request, and returns the client's error.
    fn against(answers: &'static [&'static str]) -> CliError {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for answer in answers {
                assert!(lines.next().is_some());
                writeln!(&stream, "{answer}").unwrap();
            }
        });
        let error = Client::open(&socket, true)
            .unwrap()
            .call("getStorage", &json!({ "key": "k" }))
            .unwrap_err();
        server.join().unwrap();
        error
    }

    #[test]
    fn a_board_of_another_version_is_named() {
        let error = against(&[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"tools/call"}}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":{"serverInfo":{"name":"callboard","version":"0.0.1"}}}"#,
        ]);
        let text = error.to_string();
        assert!(
            text.starts_with("the board runs callboard 0.0.1, this is callboard"),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("start it again"));
    }

    #[test]
    fn a_refusal_keeps_its_words_and_its_advice() {
        let error = against(&[r#"{"jsonrpc":"2.0","method":"notifications/message"}
{"jsonrpc":"2.0","id":1,"result":{"isError":true,"content":[{"type":"text","text":"{\"success\":false,\"error\":\"Key is leased\"}"},{"type":"text","text":"wait"}]}}"#]);
        assert_eq!(error.to_string(), "the board refused: Key is leased");
        assert_eq!(error.hint().as_deref(), Some("wait"));
    }

    #[test]
    fn silence_nonsense_and_absence_are_told_apart() {
        assert!(matches!(against(&[]), CliError::Gone(_)));
        assert!(matches!(against(&["hello?"]), CliError::Garbled { .. }));
        let dir = tempfile::tempdir().unwrap();
        let missing = Client::open(&dir.path().join("s"), false);
        assert!(matches!(
            missing.err(),
            Some(CliError::NoBoard { chosen: false, .. })
        ));
    }
}
