//! Tasks: what anybody writes to `task:<id>`, handed out to one agent at a time.
//!
//! Responsible for what a task's JSON says, for the order in which tasks are handed out and for what becomes of
//! one that was lost. The commands of agents and people are in [`super::command`].

use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Key, Revision, WorkState};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        match self.work().state {
            _ if !self.leases().is_empty() => TaskState::Claimed,
            WorkState::Open => TaskState::Pending,
            WorkState::Done => TaskState::Done,
            WorkState::Failed => TaskState::Failed,
            WorkState::Dead => TaskState::Dead,
        }
    }
}
