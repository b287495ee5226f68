//! A client as bare as can be: one line out, one line in.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout};
use std::time::{Duration, Instant};

use crate::Result;

/// A line-wise connection.
pub(crate) struct Client<R, W> {
    reader: BufReader<R>,
    writer: W,
    line: Vec<u8>,
}

impl Client<UnixStream, UnixStream> {
    /// Connects to a socket.
    pub(crate) fn connect(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)?;
        Ok(Self::new(stream.try_clone()?, stream))
    }
}

impl Client<ChildStdout, ChildStdin> {
    /// Talks to the standard streams of `child`.
    pub(crate) fn of(child: &mut Child) -> Result<Self> {
        let (Some(stdout), Some(stdin)) = (child.stdout.take(), child.stdin.take()) else {
            return Err("the child's streams are not piped".into());
        };
        Ok(Self::new(stdout, stdin))
    }
}

impl<R: Read, W: Write> Client<R, W> {
    fn new(reader: R, writer: W) -> Self {
        Self {
            reader: BufReader::with_capacity(1 << 16, reader),
            writer,
            line: Vec::new(),
        }
    }

    /// Sends bytes that hold whole lines.
    pub(crate) fn send(&mut self, lines: &[u8]) -> Result {
        Ok(self.writer.write_all(lines)?)
    }

    /// Reads one line; fails when the other side has closed.
    pub(crate) fn receive(&mut self) -> Result<&[u8]> {
        self.line.clear();
        if self.reader.read_until(b'\n', &mut self.line)? == 0 {
            return Err("the connection was closed".into());
        }
        Ok(&self.line)
    }

    /// Sends a line, waits for the answer, and returns how long that took.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    pub(crate) fn call(&mut self, line: &[u8]) -> Result<Duration> {
        let start = Instant::now();
        self.send(line)?;
        let answered = self
            .receive()?
            .windows(7)
            .any(|window| window == b"success" || window == b"\"result");
        let took = start.elapsed();
        if answered {
            Ok(took)
        } else {
            Err(format!("not a result: {}", String::from_utf8_lossy(&self.line)).into())
        }
    }

    /// Tells whether the last line holds `text`.
    pub(crate) fn heard(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.line).contains(text)
    }

    /// Opens the protocol the way clients did before 2026, and checks that the answer came.
    pub(crate) fn open(&mut self) -> Result {
        self.open_as("bench")
    }

    /// Opens the protocol in the same way as `program` does.
    pub(crate) fn open_as(&mut self, program: &str) -> Result {
        let opening = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{}},"clientInfo":{{"name":"{program}","version":"1"}}}}}}"#
        );
        self.call((opening + "\n").as_bytes())?;
        self.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n")
    }
}

/// Returns the line of a call that writes a small value.
pub(crate) fn set_line(id: usize, key: usize) -> Vec<u8> {
    line(
        id,
        "setStorage",
        &format!(r#"{{"key":"status:agent-{key}:3.1","value":"{{\"status\":\"in_progress\"}}"}}"#),
    )
}

/// Returns the line of a call that reads it.
pub(crate) fn get_line(id: usize, key: usize) -> Vec<u8> {
    line(
        id,
        "getStorage",
        &format!(r#"{{"key":"status:agent-{key}:3.1"}}"#),
    )
}

/// Returns the line of a call of `tool`.
pub(crate) fn line(id: usize, tool: &str, arguments: &str) -> Vec<u8> {
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    );
    (text + "\n").into_bytes()
}
