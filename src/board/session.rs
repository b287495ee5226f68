//! What one connection may do, on behalf of the agent behind it.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Delete, Op, Set, Update};
use super::roster::Member;
use super::stats::count;
use super::{Board, Caller, Entry, Event, Key, NamespaceId, Owner, Page, Pattern, Refusal, Revision};

/// The most events in one answer; all events of a revision come together, so it may be a few more.
const WATCH_LIMIT: usize = 500;

/// An attached agent's view of the board. Dropping it takes the agent off the roster.
#[derive(Debug)]
pub struct Session {
    board: Board,
    member: Arc<Member>,
}

/// Events after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// The cursor for the next call, also when nothing happened.
    pub rev: Revision,
}

impl Session {
    pub(super) fn new(board: Board, member: Arc<Member>) -> Self {
        Self { board, member }
    }

    /// Returns the board behind the session.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Returns the namespace that the session works in.
    pub fn namespace(&self) -> NamespaceId {
        self.member.namespace
    }

    /// Returns who acts in this session.
    pub fn owner(&self) -> Arc<Owner> {
        self.member.owner()
    }

    /// Learns what program is at the other end; one that asked for no name is called after it.
    pub fn introduce(&self, program: &str, version: &str) {
        if self.board.roster().introduce(&self.member, program, version) {
            self.board.tell();
        }
    }

    /// Notes a call of `tool`, for the dashboard and the rate.
    pub fn called(&self, tool: &'static str) {
        let now = self.board.clock().now();
        self.member.called(tool, now);
        self.board.counters().meter.tick(now);
        self.board.note_call();
    }

    /// Returns the live entry under `key`.
    pub fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        let entry = self.board.get(self.namespace(), key);
        let counters = self.board.counters();
        count(if entry.is_some() {
            &counters.hits
        } else {
            &counters.misses
        });
        entry
    }

    /// Writes `value` under `key` for `ttl`, which has been checked. See [`Set`].
    pub fn set(&self, key: Key, value: Arc<str>, ttl: Duration) -> Result<Revision, Refusal> {
        self.board.apply(&self.caller(), Set::new(key, value, ttl)?)
    }

    /// Removes `key` and tells whether it was there. See [`Delete`].
    pub fn delete(&self, key: Key) -> Result<bool, Refusal> {
        self.board.apply(&self.caller(), Delete { key })
    }

    /// Applies a batch, all or none. See [`Update`].
    pub fn update(&self, ops: Vec<Op>, if_fence: Option<Revision>) -> Result<Revision, Refusal> {
        self.board.apply(&self.caller(), Update::new(ops, if_fence)?)
    }

    /// Returns up to `limit` matching entries in key order; see [`super::Ledger::list`].
    pub fn list(&self, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page {
        self.board.list(self.namespace(), pattern, after, limit)
    }

    /// Returns matching events after `since`, or after now when absent; waits up to `wait` for the first.
    ///
    /// Refuses a cursor whose events are gone, and one from the future: it is of another board.
    pub async fn watch(
        &self,
        pattern: &Pattern,
        since: Option<Revision>,
        wait: Duration,
    ) -> Result<Watched, Refusal> {
        let mut news = self.board.news();
        let rev = self.board.rev();
        let mut since = since.unwrap_or(rev);
        if since > rev {
            let problem =
                format!("{since} is ahead of the board, which is at {rev}; list, then watch from its rev");
            return Err(Refusal::Invalid {
                field: "since",
                problem,
            });
        }
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            let (events, cursor) = self
                .board
                .events_after(self.namespace(), since, pattern, WATCH_LIMIT)?;
            if !events.is_empty() {
                return Ok(Watched { events, rev: cursor });
            }
            since = cursor;
            // The deadline first: on a busy board there is always news.
            tokio::select! {
                biased;
                () = &mut deadline => return Ok(Watched { events, rev: cursor }),
                changed = news.changed() => {
                    if changed.is_err() {
                        return Ok(Watched { events, rev: cursor });
                    }
                }
            }
        }
    }

    fn caller(&self) -> Caller {
        Caller {
            namespace: self.namespace(),
            owner: self.owner(),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.board.roster().leave(&self.member);
        self.board.tell();
    }
}
