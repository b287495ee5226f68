//! A board at one moment, in records that can be written down and read again.
//!
//! Responsible for what a record says, for taking an image of a board, and for making a board of records that
//! fit together. Not for files and lines: that is [`crate::snapshot`].
//!
//! Moments are written as distances from the moment of the image, since a clock's own count means nothing to
//! the next process. Who held something is remembered, but not how long it would still have lasted: after a
//! crash every holder has the same grace time to come back. Only a board that is handed over knows when each of them
//! was last heard of, so that a change of hands prolongs nothing.

mod handed;
mod restore;
mod take;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use handed::{AliasRecord, EventRecord, HistoryRecord, LifeRecord, PlaceRecord};
pub use restore::{Restoring, Unfit};
pub use take::Image;

use super::{
    CallId, Fingerprint, Key, Mode, Namespace, Outcome, Owner, Reason, Revision, SessionId, TaskState,
    WorkState,
};

/// When an image was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The revision of the last commit before it.
    pub rev: Revision,
    /// The wall clock's reading.
    pub at: Timestamp,
    /// The highest number that a session has had.
    pub last_session: SessionId,
}

/// One thing that a board knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// A session that can come back.
    Session(SessionRecord),
    /// What stands under a key.
    Entry(EntryRecord),
    /// What somebody lost and was not made up for.
    Loss(LossRecord),
    /// How somebody has done with tasks.
    Score(ScoreRecord),
    /// A claim that was submitted, and finds the same answer again.
    Settled(SettledRecord),
    /// A request that was applied, and is not to be applied again.
    Answer(AnswerRecord),
    /// The life signs of a holder. Only a board that is handed over has these, and the next four.
    Life(LifeRecord),
    /// A place in the queue for locks.
    Place(PlaceRecord),
    /// A name that an agent has given itself.
    Alias(AliasRecord),
    /// From where on events are known.
    History(HistoryRecord),
    /// What happened to a key.
    Event(EventRecord),
}

/// A session that proves itself by its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionRecord {
    /// The namespace it works in.
    pub namespace: Namespace,
    /// The hash of its secret.
    pub secret: Fingerprint,
    /// Who acts in it without giving a name.
    pub owner: Arc<Owner>,
    /// How long ago it left; absent when it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_ms: Option<u64>,
}

/// What stands under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntryRecord {
    /// The namespace of the key.
    pub namespace: Namespace,
    /// The key.
    pub key: Key,
    /// The text that was stored.
    pub value: Arc<str>,
    /// The revision of the last change.
    pub rev: Revision,
    /// The revision of the first write since the key last did not exist.
    pub created_rev: Revision,
    /// Who wrote it last.
    pub by: Arc<Owner>,
    /// How long ago it was last written.
    pub written_ms: u64,
    /// How long it stands by itself; absent when it stands only as long as it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// The holds on it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<LeaseRecord>,
    /// How far the work on it has come, unless it has not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkRecord>,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeaseRecord {
    /// The revision of the grant.
    pub fence: Revision,
    /// Who holds.
    pub owner: Arc<Owner>,
    /// Whether others may hold too.
    pub mode: Mode,
    /// How long it outlives its owner's last sign of life; absent when it ends with its entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
    /// How long ago it was granted.
    pub granted_ms: u64,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Arc<str>>,
    /// How long it lasts in any case, when a person extended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least_ms: Option<u64>,
}

/// How far the work on a task, or the delivery of a message, has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkRecord {
    /// What is to become of it.
    pub state: WorkState,
    /// How often it was handed out and lost, or given back.
    pub attempts: u8,
    /// How long nobody gets it yet.
    pub backoff_ms: u64,
}

/// A lease that ended without its owner's doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LossRecord {
    /// The namespace of the key.
    pub namespace: Namespace,
    /// Who lost it.
    pub owner: Arc<Owner>,
    /// What was held.
    pub key: Key,
    /// What the lock was on that was held, if its key does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The fence under which it was held.
    pub fence: Revision,
    /// Why it ended.
    pub reason: Reason,
    /// How long ago it ended.
    pub ago_ms: u64,
}

/// How somebody has done with tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScoreRecord {
    /// The namespace of the tasks.
    pub namespace: Namespace,
    /// Who.
    pub name: Arc<str>,
    /// How many it did.
    pub done: u64,
    /// Of how many it said that they cannot be done.
    pub failed: u64,
    /// How many claims it lost.
    pub lost: u64,
    /// How long those took that it did or failed at.
    pub taken_ms: u64,
}

/// A claim that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettledRecord {
    /// The namespace of the task.
    pub namespace: Namespace,
    /// The token of the claim.
    pub token: Revision,
    /// The task.
    pub key: Key,
    /// Who had claimed it.
    pub owner: Arc<Owner>,
    /// What was submitted.
    pub outcome: Outcome,
    /// What became of the task.
    pub state: TaskState,
}

/// A request that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerRecord {
    /// The hash of the secret of the session that asked.
    pub secret: Fingerprint,
    /// The id of the request.
    pub id: CallId,
    /// How long ago it came.
    pub ago_ms: u64,
    /// What was answered, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// Returns whole milliseconds, rounded up so that nothing ends early for having been written down.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
