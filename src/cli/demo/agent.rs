//! A player: a real MCP client that talks to the board through a real `callboard bridge` process.
//!
//! Knows how to call tools and to check what they answer. Not what is played: that is [`super::team`].

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::mpsc;

/// How long one wait at the board lasts before it is asked again.
pub(super) const WAIT: Duration = Duration::from_secs(10);

/// Why the play stopped.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// An agent could not be attached.
    #[error("cannot attach {agent}: {problem}")]
    Attach {
        /// Who.
        agent: String,
        /// What went wrong.
        problem: String,
    },
    /// A call had no answer.
    #[error("{agent} called {tool} in vain: {problem}")]
    Call {
        /// Who.
        agent: String,
        /// The tool.
        tool: &'static str,
        /// What went wrong.
        problem: String,
    },
    /// A step was not as it should be.
    #[error("{agent}: {step}, but found {found}")]
    Wrong {
        /// Who.
        agent: String,
        /// What should be.
        step: String,
        /// What was.
        found: Value,
    },
    /// The board that was to be played on is somebody's.
    #[error("the board there holds {keys} keys, some of which it could overwrite")]
    Occupied {
        /// How many.
        keys: u64,
    },
    /// The workflow took far longer than it can take.
    #[error("the workflow did not come to its end in time")]
    Stuck,
}

impl DemoError {
    /// Returns what the reader can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Occupied { .. } => Some(
                "`callboard demo` alone brings a board of its own; --namespace NAME plays beside the keys",
            ),
            _ => None,
        }
    }
}

/// The board that is played on, and the program whose bridge leads there.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) program: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) namespace: String,
    /// Where the agents work: what they lock is in it.
    pub(super) root: PathBuf,
}

/// Something an agent did, for those who watch.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) agent: String,
    pub(super) text: String,
}

/// A task that an agent holds.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) token: u64,
    pub(super) value: Value,
}

/// What asking for a lock came to.
#[derive(Clone, Debug)]
pub(super) enum Acquired {
    /// It is this agent's, under this fence.
    Fence(u64),
    /// Somebody else has it.
    HeldBy(String),
}

/// An attached agent.
pub(super) struct Agent {
    pub(super) name: &'static str,
    client: RunningService<RoleClient, ClientConfig>,
    steps: mpsc::Sender<Step>,
}

impl Agent {
    /// Starts a bridge under `name` and opens the protocol.
    pub(super) async fn attach(
        name: &'static str,
        target: &Target,
        steps: mpsc::Sender<Step>,
    ) -> Result<Self, DemoError> {
        let failed = |problem: String| DemoError::Attach {
            agent: name.to_owned(),
            problem,
        };
        let mut bridge = Command::new(&target.program);
        bridge
            // A demo that is over has no board.
            .args([
                "bridge",
                "--no-spawn",
                "--agent",
                name,
                "--namespace",
                &target.namespace,
                "--socket",
            ])
            .arg(&target.socket)
            .current_dir(&target.root)
            .kill_on_drop(true);
        // A bridge has nothing to say there that would not spoil the dashboard's screen.
        let child = TokioChildProcess::builder(bridge).stderr(Stdio::null()).spawn();
        let (transport, _) = child.map_err(|error| failed(error.to_string()))?;
        let client = ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new("callboard-demo", env!("CARGO_PKG_VERSION")),
        );
        let client = client
            .serve(transport)
            .await
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { name, client, steps })
    }

    /// Ends the bridge.
    pub(super) async fn leave(self) {
        if let Err(error) = self.client.cancel().await {
            tracing::debug!(%error, agent = self.name, "a demo agent did not leave in good order");
        }
    }

    /// Tells those who watch what was done. Nobody has to watch.
    pub(super) async fn tell(&self, text: impl Into<String>) {
        let step = Step {
            agent: self.name.to_owned(),
            text: text.into(),
        };
        let _ = self.steps.send(step).await;
    }

    /// Returns the error of a step that is not as it should be.
    pub(super) fn wrong(&self, step: impl Into<String>, found: Value) -> DemoError {
        DemoError::Wrong {
            agent: self.name.to_owned(),
            step: step.into(),
            found,
        }
    }

    /// Writes `value` as JSON text, as the original design does; a refusal is a wrong step.
    pub(super) async fn set(&self, key: &str, value: &Value, ttl: u32) -> Result<(), DemoError> {
        let answer = self.write(key, value, ttl).await?;
        if answer["success"] != true || answer["key"] != key {
            return Err(self.wrong(format!("{key} should have been written"), answer));
        }
        Ok(())
    }

    /// Takes a lock by writing it; returns false when somebody else holds it.
    pub(super) async fn try_lock(&self, key: &str, value: &Value, ttl: u32) -> Result<bool, DemoError> {
        let answer = self.write(key, value, ttl).await?;
        match (&answer["success"], answer["error"].as_str()) {
            (Value::Bool(true), _) => Ok(true),
            (_, Some("Key is leased")) => Ok(false),
            _ => Err(self.wrong(format!("{key} should have been locked or held"), answer)),
        }
    }

    /// Reads `key`, `None` when it does not exist.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Value>, DemoError> {
        let answer = self.call("getStorage", json!({ "key": key })).await?;
        let consistent = answer["exists"] == answer["value"].is_string() && answer["success"] == true;
        if !consistent {
            return Err(self.wrong(format!("exists and value of {key} should agree"), answer));
        }
        let Some(text) = answer["value"].as_str() else {
            return Ok(None);
        };
        let value = serde_json::from_str(text);
        value
            .map(Some)
            .map_err(|_| self.wrong(format!("{key} should hold JSON"), answer))
    }

    /// Returns the keys that match with their values, and the revision to watch from.
    pub(super) async fn list(&self, pattern: &str) -> Result<(Vec<(String, Value)>, Value), DemoError> {
        let mut answer = self
            .call("listKeys", json!({ "pattern": pattern, "values": true }))
            .await?;
        let rev = answer["rev"].take();
        let rows = answer["keys"].as_array().into_iter().flatten().filter_map(|row| {
            let value = serde_json::from_str(row["value"].as_str()?).ok()?;
            Some((row["key"].as_str()?.to_owned(), value))
        });
        Ok((rows.collect(), rev))
    }

    /// Waits until something under `pattern` has changed after `since`, or for a while.
    pub(super) async fn changed(&self, pattern: &str, since: &Value) -> Result<Value, DemoError> {
        let wait = u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX);
        let arguments = json!({ "pattern": pattern, "since": since, "waitMs": wait });
        let mut answer = self.call("watchStorage", arguments).await?;
        Ok(answer["rev"].take())
    }

    /// Claims the task under `key`, which exists; `None` when somebody at the board has made that impossible.
    pub(super) async fn claim(&self, key: &str) -> Result<Option<Claim>, DemoError> {
        let answer = self.call("claimTask", json!({ "pattern": key })).await?;
        match (
            answer["key"].as_str(),
            answer["token"].as_u64(),
            answer["value"].as_str(),
        ) {
            (Some(claimed), Some(token), Some(value)) if claimed == key => Ok(Some(Claim {
                token,
                value: serde_json::from_str(value).unwrap_or_default(),
            })),
            (None, ..) if answer["success"] == true => Ok(None),
            _ => Err(self.wrong(format!("{key} should be claimed or taken"), answer)),
        }
    }

    /// Ends a claim as done; tells whether it was still this agent's.
    pub(super) async fn submit(&self, token: u64, result: &Value) -> Result<bool, DemoError> {
        let arguments = json!({ "token": token, "outcome": "done", "result": result.to_string() });
        let answer = self.call("submitTask", arguments).await?;
        match (answer["state"].as_str(), answer["error"].as_str()) {
            (Some("done"), _) => Ok(true),
            (_, Some("LOST")) => Ok(false),
            _ => Err(self.wrong("the task should be done", answer)),
        }
    }

    /// Locks `path`; who else holds it when that is not possible.
    pub(super) async fn acquire(&self, path: &str, why: &str) -> Result<Acquired, DemoError> {
        self.stand_in_line(path, why, Duration::ZERO).await
    }

    /// Locks `path`, and waits in the queue until it can be had.
    pub(super) async fn acquire_in_turn(&self, path: &str, why: &str) -> Result<u64, DemoError> {
        loop {
            if let Acquired::Fence(fence) = self.stand_in_line(path, why, WAIT).await? {
                return Ok(fence);
            }
        }
    }

    async fn stand_in_line(&self, path: &str, why: &str, wait: Duration) -> Result<Acquired, DemoError> {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let arguments = json!({ "targets": [path], "why": why, "waitMs": wait });
        let answer = self.call("acquireLock", arguments).await?;
        match (answer["fence"].as_u64(), answer["heldBy"].as_str()) {
            (Some(fence), _) => Ok(Acquired::Fence(fence)),
            (None, Some(holder)) => Ok(Acquired::HeldBy(holder.to_owned())),
            _ => Err(self.wrong(format!("{path} should be locked or held"), answer)),
        }
    }

    /// Tells whether the lock under `fence` is still this agent's.
    pub(super) async fn holds(&self, fence: u64) -> Result<bool, DemoError> {
        let answer = self.call("heartbeat", json!({})).await?;
        let mut holds = answer["holds"].as_array().into_iter().flatten();
        Ok(holds.any(|hold| hold["fence"] == fence))
    }

    /// Gives back the lock under `fence`.
    pub(super) async fn release(&self, fence: u64) -> Result<(), DemoError> {
        let answer = self.call("releaseLock", json!({ "fence": fence })).await?;
        if answer["success"] != true {
            return Err(self.wrong("the lock should be given back", answer));
        }
        Ok(())
    }

    /// Sends a message.
    pub(super) async fn say(&self, to: &str, body: &str) -> Result<(), DemoError> {
        let answer = self
            .call("sendMessage", json!({ "to": to, "body": body }))
            .await?;
        if answer["success"] != true {
            return Err(self.wrong(format!("the message to {to} should be sent"), answer));
        }
        Ok(())
    }

    /// Waits for up to `wait` for messages, and returns who sent them and what they say.
    pub(super) async fn hear(&self, wait: Duration) -> Result<Vec<(String, String)>, DemoError> {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let answer = self.call("receiveMessages", json!({ "waitMs": wait })).await?;
        let Some(messages) = answer["messages"].as_array() else {
            return Err(self.wrong("there should be messages, or none", answer));
        };
        let text = |message: &Value, field: &str| message[field].as_str().unwrap_or_default().to_owned();
        let said = messages
            .iter()
            .map(|message| (text(message, "from"), text(message, "body")));
        Ok(said.collect())
    }

    /// Reads what is there to be read, and confirms what was delivered last, which asking for more does.
    pub(super) async fn hear_out(&self) -> Result<(), DemoError> {
        while !self.hear(Duration::ZERO).await?.is_empty() {}
        Ok(())
    }

    async fn write(&self, key: &str, value: &Value, ttl: u32) -> Result<Value, DemoError> {
        let arguments = json!({ "key": key, "value": value.to_string(), "ttl": ttl });
        self.call("setStorage", arguments).await
    }

    /// Calls a tool and returns the JSON in its answer's text.
    async fn call(&self, tool: &'static str, arguments: Value) -> Result<Value, DemoError> {
        let failed = |problem: String| DemoError::Call {
            agent: self.name.to_owned(),
            tool,
            problem,
        };
        let mut params = CallToolRequestParams::new(tool);
        params.arguments = arguments.as_object().cloned();
        let result = self
            .client
            .call_tool(params)
            .await
            .map_err(|error| failed(error.to_string()))?;
        let text = result.content.first().and_then(|content| content.as_text());
        let text = text.ok_or_else(|| failed("the answer has no text".to_owned()))?;
        serde_json::from_str(&text.text).map_err(|error| failed(error.to_string()))
    }
}
