//! Tasks: what anybody writes to `task:<id>`, handed out to one agent at a time.
//!
//! The value is whatever says what is to be done. When it is JSON in the original shape, three of its fields
//! count: `agentId` names the only agent that gets the task; `priority`, a number or a word (low is -10, medium
//! and normal 0, high 10, urgent and critical 20), puts higher ones first; and a `status` of `completed`, `done`
//! or `failed` says that it is over, as those write who work without claims. Anything else is an ordinary task.
//!
//! Responsible for what a task's JSON says, for the order in which tasks are handed out and for what becomes of
//! one that was lost. The commands of agents and people are in [`super::command`].

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::limits::MAX_KEY_CHARS;
use super::roster::clean;
use super::{Entry, Key, Revision, Time, Work, WorkState};

/// How often a task is handed out before it is dead.
const MAX_ATTEMPTS: u8 = 3;
/// How long nobody gets a task after it was lost for the first time; it doubles each time.
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);
/// How long what nobody could do, or take, is kept for people.
pub(crate) const DEAD_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Values of more bytes are not read for what they ask; that would hold the board up.
const MAX_READ: usize = 256 << 10;

/// What a search for a task came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The caller is to do this one.
    Task(Claim),
    /// There is none that the caller could do now.
    Nothing(Idle),
}

/// A task that an agent holds. It is kept by the agent's calls and its connection, as its locks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key of the task.
    pub key: Key,
    /// What is to be done, as it was written.
    pub value: Arc<str>,
    /// The proof of the claim, which submitting it takes. It is the fence of the lease.
    pub token: Revision,
    /// How often the task has been handed out, this time included.
    pub attempt: u8,
    /// How long the claim lasts if nobody renews it.
    pub remaining: Duration,
}

/// Why there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// How many tasks are still to be done, but not now or not by the caller.
    pub pending: usize,
    /// How many tasks others, or the caller itself, have claimed.
    pub claimed: usize,
    /// When it is worth to ask again.
    pub retry_after: Duration,
}

/// How an agent ends its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The task is done.
    Done,
    /// The task cannot be done; nobody is to try again.
    Failed,
    /// Somebody else is to try.
    Retry,
}

/// What a submitted claim came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The task.
    pub key: Key,
    /// What has become of it.
    pub state: TaskState,
}

/// What a task is in; always exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Somebody is to do it.
    Pending,
    /// Somebody does it.
    Claimed,
    /// It is done.
    Done,
    /// Who did it says that it cannot be done.
    Failed,
    /// It was lost, or given back, too often; only a person or a new write of its key brings it back.
    Dead,
}

impl TaskState {
    /// Returns the word that tools and the dashboard use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

impl Entry {
    /// Returns how far the task that this is has come.
    pub fn task_state(&self) -> TaskState {
        if self.leases().is_empty() {
            self.work().state.into()
        } else {
            TaskState::Claimed
        }
    }
}

impl From<WorkState> for TaskState {
    fn from(state: WorkState) -> Self {
        match state {
            WorkState::Open => Self::Pending,
            WorkState::Done => Self::Done,
            WorkState::Failed => Self::Failed,
            WorkState::Dead => Self::Dead,
        }
    }
}

impl Work {
    /// Returns what becomes of a task whose claim was lost, or given back, at `now`.
    pub(crate) fn again(self, now: Time) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let backoff = FIRST_BACKOFF * 2_u32.pow(u32::from(self.attempts));
        if attempts < MAX_ATTEMPTS {
            Self {
                state: WorkState::Open,
                attempts,
                not_before: now.after(backoff.min(LONGEST_BACKOFF)),
            }
        } else {
            Self {
                attempts,
                ..Self::of(WorkState::Dead)
            }
        }
    }

    /// Returns work that has come to `state` and was never handed out.
    pub(crate) fn of(state: WorkState) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// Returns the same work when its end has come.
    pub(crate) fn ended(self, state: WorkState) -> Self {
        Self {
            state,
            not_before: Time::default(),
            ..self
        }
    }
}

/// What a task's JSON asks for. What is no JSON, or longer than 256 KiB, asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// In thousandths; the higher one is handed out first.
    pub(crate) priority: i64,
    /// The only agent that is to do it.
    pub(crate) only: Option<Arc<str>>,
    /// What it says of itself; who works without claims writes here that a task is done.
    pub(crate) state: WorkState,
}

impl Terms {
    /// Returns what `value` asks for.
    pub(crate) fn read(value: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Raw {
            priority: Value,
            agent_id: Value,
            status: Value,
        }
        if value.len() > MAX_READ {
            return Self::default();
        }
        let raw: Raw = serde_json::from_str(value).unwrap_or_default();
        let only = raw.agent_id.as_str().map(clean).filter(|name| !name.is_empty());
        Self {
            priority: priority(&raw.priority),
            only: only.map(Arc::from),
            state: match raw.status.as_str() {
                Some("completed" | "done") => WorkState::Done,
                Some("failed") => WorkState::Failed,
                _ => WorkState::Open,
            },
        }
    }
}

/// Returns a priority in thousandths, zero for what is neither a number nor one of the words.
#[expect(clippy::cast_possible_truncation, reason = "the highest stays the highest")]
fn priority(value: &Value) -> i64 {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "critical" | "urgent" => Some(20.0),
            "high" => Some(10.0),
            "low" => Some(-10.0),
            word => word.parse().ok(),
        },
        _ => None,
    };
    (number.unwrap_or_default() * 1_000.0) as i64
}

/// Returns the key under which `agent` tells how it gets on with `task`, `None` when that would be too long.
pub(crate) fn status_key(agent: &str, task: &Key) -> Option<Key> {
    let id = task.as_str().strip_prefix("task:")?;
    let key = format!("status:{agent}:{id}");
    (key.len() <= MAX_KEY_CHARS).then(|| Key::vouched(&key))
}

/// Returns the value that stands there, in the original shape, with `more` fields.
pub(crate) fn status<const N: usize>(word: &str, task: &Key, more: [(&str, Value); N]) -> Arc<str> {
    let mut value = Map::new();
    value.insert("status".to_owned(), json!(word));
    value.insert("task".to_owned(), json!(task));
    value.extend(more.into_iter().map(|(name, field)| (name.to_owned(), field)));
    Arc::from(Value::Object(value).to_string())
}

#[cfg(test)]
mod tests;
