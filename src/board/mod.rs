//! The heart of callboard: what agents coordinate, and the rules it keeps.
//!
//! Responsible for keys, entries, revisions, events, deadlines, limits and who is attached. Not for
//! bytes on a socket, not for the Model Context Protocol, not for what a screen looks like.
//!
//! Invariants:
//!
//! - Nothing here imports rmcp, ratatui or tokio's I/O.
//! - [`Ledger`] is a pure state machine: time and caller come in, an answer and changes come out. It reads
//!   no clock, does no I/O, never awaits and does not know the cache.
//! - Only the ledger decides; the moka cache inside [`Board`] publishes what was decided. Both front
//!   ends read values from that one cache.
//! - The revision rises once per committed batch and never goes back, also over `kill -9`.
//! - A read never returns an entry at or after its deadline, and nothing ends before it.
//! - Every end of an entry is exactly one event.
//! - Every collection that an agent can fill has a limit that is checked before the write.

mod answers;
mod backlog;
#[expect(
    clippy::module_inception,
    reason = "the handle bears the name of what it is a handle to"
)]
mod board;
mod call;
mod clock;
mod command;
mod entry;
mod error;
mod events;
mod grant;
mod handout;
mod holdings;
mod image;
mod intrusions;
mod key;
mod lease;
mod ledger;
mod limits;
mod locks;
mod messages;
mod namespace;
mod notices;
mod pattern;
mod presence;
mod queue;
mod revisions;
mod roster;
mod scores;
mod secret;
mod session;
mod settled;
mod space;
mod stats;
mod sweeper;
mod target;
mod tasks;
mod tether;
mod time;
mod transaction;
#[cfg(test)]
mod trial;
mod turn;
mod wait_for;
mod work;

pub use answers::{AnswerLine, CallId, KEPT_ANSWERS, Mark, Repeats, Slot, Waited};
pub use board::Board;
pub use call::{Call, Watched};
pub use clock::{Clock, ManualClock, SystemClock};
pub use command::{
    Acquire, Acquired, Action, Attend, Beat, Bury, Command, Condition, Delete, Depart, Earlier, Expire,
    Extend, Heartbeat, Holding1, MAX_TARGETS, Op, Present, Receive, Release, Report, Requeue, Return, Revoke,
    Send, Set, Submit, Sweep, Swept, Take, Update, Withdraw,
};
pub use entry::{Entry, Hold, Owner, SessionId, Work, WorkState};
pub use error::{Circle, Compacted, Held, Refusal, Stuck};
pub use events::{Event, EventKind, History};
pub use holdings::Holder;
pub use image::{
    AliasRecord, AnswerRecord, EntryRecord, EventRecord, HistoryRecord, Image, LeaseRecord, LifeRecord,
    LossRecord, Moment, PlaceRecord, Record, Restoring, ScoreRecord, SessionRecord, SettledRecord, Unfit,
    WorkRecord,
};
pub use intrusions::Intrusion;
pub use key::{Key, KeyError, Kind};
pub use lease::{Lease, Loss, Mode, Reason, Term};
pub use ledger::{Caller, Change, Effects, Ledger, Page, Served};
pub use limits::{
    DEFAULT_LEASE, Limits, MAX_KEY_CHARS, MAX_VALUE_CHARS, check_lease_ttl, check_ttl, check_value,
};
pub(crate) use locks::target as locked_target;
pub use messages::{Message, Received};
pub use namespace::{Namespace, NamespaceId};
pub use notices::{Changed, Notices, Wanted};
pub use pattern::Pattern;
pub(crate) use presence::GRACE;
pub use presence::Presence;
pub use queue::{Grant, Ticket, Waiter, Wish};
pub use revisions::{Revision, RevisionFile};
pub use roster::{Agent, Introduction, MAX_NAME_CHARS, Opener};
pub use scores::Score;
pub use secret::{Fingerprint, Secret};
pub use session::Session;
pub use stats::{KindStats, Stats};
pub use target::Target;
pub use tasks::{Claim, Claimed, Idle, Outcome, Submitted, TaskState};
pub use tether::Tether;
pub use time::Time;
