//! A client that knows nothing but lines of JSON, so that tests see the bytes and not a library's idea of them.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf,
};

/// What a client calls itself that says nothing else.
const PROGRAM: &str = "raw-client";
/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// One end of a connection that speaks newline-delimited JSON-RPC.
pub(crate) struct Raw<S> {
    reader: BufReader<ReadHalf<S>>,
    writer: WriteHalf<S>,
    last_id: u64,
    /// What arrived while an answer was awaited.
    aside: VecDeque<Value>,
    /// The `_meta` of every request.
    meta: Option<Value>,
    /// What it calls itself.
    program: &'static str,
}

impl<S: AsyncRead + AsyncWrite> Raw<S> {
    /// Speaks over `stream`.
    pub(crate) fn over(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader: BufReader::new(reader),
            writer,
            last_id: 0,
            aside: VecDeque::new(),
            meta: None,
            program: PROGRAM,
        }
    }

    /// Speaks over `stream` as a client of 2026-07-28, with no opening.
    pub(crate) fn modern(stream: S) -> Self {
        Self::modern_as(PROGRAM, stream)
    }

    /// Speaks over `stream` as `program` does, being a client of 2026-07-28.
    pub(crate) fn modern_as(program: &'static str, stream: S) -> Self {
        Self {
            meta: Some(modern_meta(program, "1.0")),
            program,
            ..Self::over(stream)
        }
    }

    /// Speaks over `stream` as a client of 2025-11-25, and opens the session.
    pub(crate) async fn legacy(stream: S) -> Self {
        Self::legacy_as(PROGRAM, stream).await
    }

    /// Speaks over `stream` as `program` does, being a client of 2025-11-25, and opens the session.
    pub(crate) async fn legacy_as(program: &'static str, stream: S) -> Self {
        let mut raw = Self {
            program,
            ..Self::over(stream)
        };
        let answer = raw.initialize("2025-11-25").await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        raw.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            .await;
        raw
    }

    /// Sends the opening of the legacy era and returns the answer.
    pub(crate) async fn initialize(&mut self, version: &str) -> Value {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": self.program, "version": "1.0" },
        });
        self.request("initialize", params).await
    }

    /// Sends one line as it is.
    pub(crate) async fn send(&mut self, line: &str) {
        self.writer.write_all(line.as_bytes()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
        self.writer.flush().await.unwrap();
    }

    /// Returns the next line as it is, `None` at the end of the stream.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.reader.read_line(&mut line));
        let count = read.await.expect("no line came in time").unwrap();
        (count > 0).then(|| line.trim_end().to_owned())
    }

    /// Returns the next message.
    pub(crate) async fn receive(&mut self) -> Value {
        if let Some(message) = self.aside.pop_front() {
            return message;
        }
        self.arrival().await
    }

    /// Returns the answer to the request `id`; other messages are kept for [`Raw::receive`].
    pub(crate) async fn answer(&mut self, id: &Value) -> Value {
        if let Some(at) = self.aside.iter().position(|message| message["id"] == *id) {
            return self.aside.remove(at).unwrap();
        }
        loop {
            let message = self.arrival().await;
            if message["id"] == *id {
                return message;
            }
            self.aside.push_back(message);
        }
    }

    /// Sends a request without waiting for its answer and returns its id.
    pub(crate) async fn ask(&mut self, method: &str, mut params: Value) -> Value {
        self.last_id += 1;
        if let Some(meta) = &self.meta {
            let own = params["_meta"].take();
            params["_meta"] = meta.clone();
            if let Some(own) = own.as_object() {
                params["_meta"].as_object_mut().unwrap().extend(own.clone());
            }
        }
        let request = json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        self.send(&request.to_string()).await;
        Value::from(self.last_id)
    }

    /// Calls a tool without waiting for its answer and returns the request's id.
    pub(crate) async fn start(&mut self, tool: &str, arguments: Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        self.ask("tools/call", params).await
    }

    /// Returns the body of the answer to a call that was started.
    pub(crate) async fn end(&mut self, id: &Value) -> Value {
        self.answer(id).await["result"]["structuredContent"].take()
    }

    /// Sends a request and returns the whole answer.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(&id).await
    }

    /// Calls a tool and returns its result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self
            .request("tools/call", json!({ "name": tool, "arguments": arguments }))
            .await;
        assert!(answer["error"].is_null(), "a protocol error: {answer}");
        answer["result"].take()
    }

    /// Calls a tool and returns the body of its answer, after checking that text and structured part agree and
    /// that exactly what an agent must not expect is marked as an error.
    pub(crate) async fn body(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(text, result["structuredContent"]);
        let errors = ["INVALID", "FULL", "NOT_FOUND", "UNAVAILABLE"].map(Value::from);
        assert_eq!(result["isError"], errors.contains(&text["error"]), "{text}");
        text
    }

    /// Checks that a tool refuses `arguments` because of `field`.
    pub(crate) async fn refused(&mut self, tool: &str, arguments: Value, field: &str) {
        let body = self.body(tool, arguments.clone()).await;
        let told = (&body["error"], &body["field"]);
        assert_eq!(told, (&json!("INVALID"), &json!(field)), "{arguments}: {body}");
        assert_ne!(body["hint"], "", "{arguments}");
    }

    /// Stores a value.
    pub(crate) async fn set(&mut self, key: &str, value: &str) {
        let result = self
            .call("setStorage", json!({ "key": key, "value": value }))
            .await;
        assert_eq!(result["isError"], false, "{key}: {result}");
    }

    async fn arrival(&mut self) -> Value {
        let line = self.line().await.expect("the connection has ended");
        serde_json::from_str(&line).unwrap()
    }
}

/// Returns what each request of 2026-07-28 carries.
pub(crate) fn modern_meta(name: &str, version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": name, "version": version },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}
