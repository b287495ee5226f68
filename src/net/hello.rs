//! The first line of a bridge: who stands behind the connection.
//!
//! It travels before the first JSON-RPC message, is taken by the server's transport and never reaches the
//! protocol. A peer that sends none, such as `socat`, is served as anonymous.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::board::{Introduction, Secret};

/// How the hello line begins, byte for byte, so that no other line needs to be parsed to tell.
const OPENING: &[u8] = b"{\"callboard/hello\":";

/// What a bridge says of itself. All of it is self-reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hello {
    /// The agent's name, when the user gave one.
    pub name: Option<String>,
    /// The process of the bridge.
    pub pid: Option<u32>,
    /// The process that started the bridge: the agent itself.
    pub ppid: Option<u32>,
    /// The directory that the agent works in.
    pub cwd: Option<PathBuf>,
    /// The namespace to work in; `main` when absent.
    pub namespace: Option<String>,
    /// What proves, after a reconnect, that this is the same bridge. Never logged.
    pub secret: Option<Secret>,
    /// The ids of the requests that were sent before on an earlier connection and will now be sent again.
    pub repeats: Vec<Value>,
    /// For each of them, how many milliseconds ago the client asked first.
    pub waited_ms: Vec<u64>,
    /// Whether no agent is behind the connection, but the process of a hook.
    pub aside: bool,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "callboard/hello")]
    hello: Hello,
}

impl Hello {
    /// Returns the hello in `line`, `None` when the line is no hello, or why it cannot be read.
    pub fn read(line: &[u8]) -> Option<Result<Self, serde_json::Error>> {
        line.starts_with(OPENING)
            .then(|| Ok(serde_json::from_slice::<Line>(line)?.hello))
    }

    /// Returns the line that says this hello, with its newline.
    pub fn to_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = OPENING.to_vec();
        serde_json::to_writer(&mut line, self)?;
        line.extend_from_slice(b"}\n");
        Ok(line)
    }

    /// Returns what the roster keeps of it: everything but the secret and the repeats.
    pub fn introduction(&self) -> Introduction {
        Introduction {
            name: self.name.clone(),
            pid: self.pid,
            ppid: self.ppid,
            cwd: self.cwd.clone(),
            aside: self.aside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_survives_the_line() {
        let hello = Hello {
            name: Some("lead".to_owned()),
            pid: Some(7),
            secret: Some(Secret::from("hush")),
            repeats: vec![Value::from(3), Value::from("listen:0")],
            ..Hello::default()
        };
        let line = hello.to_line().unwrap();
        assert!(line.ends_with(b"\n"));
        assert_eq!(Hello::read(&line).unwrap().unwrap(), hello);
    }

    #[test]
    fn other_lines_are_no_hello_and_a_broken_one_is_an_error() {
        assert!(Hello::read(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).is_none());
        assert!(Hello::read(br#"{"callboard/hello":{"pid":"#).unwrap().is_err());
        assert_eq!(
            Hello::read(br#"{"callboard/hello":{"later":1}}"#)
                .unwrap()
                .unwrap(),
            Hello::default()
        );
    }
}
