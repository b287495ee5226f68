//! An agent at work: what it may do to the board, in its own name.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Attend, Command, Delete, Op, Release, Set, Update};
use super::roster::Actor;
use super::stats::count;
use super::turn::Turn;
use super::{
    Acquire, Board, Caller, Entry, Event, Grant, Key, Ledger, Loss, Mark, NamespaceId, Notices, Owner, Page,
    Pattern, Refusal, Revision, Target, Waiter, Wish,
};

/// The most events in one answer; all events of a revision come together, so it may be a few more.
const WATCH_LIMIT: usize = 500;

/// One agent's hand on the board.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    board: &'a Board,
    namespace: NamespaceId,
    actor: Arc<Actor>,
    mark: Option<Arc<Mark>>,
}

/// Events after a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What happened, oldest first.
    pub events: Vec<Event>,
    /// The cursor for the next call, also when nothing happened.
    pub rev: Revision,
}

impl<'a> Call<'a> {
    pub(super) fn new(board: &'a Board, namespace: NamespaceId, actor: Arc<Actor>) -> Self {
        Self {
            board,
            namespace,
            actor,
            mark: None,
        }
    }

    /// Returns the same hand at work on the request of `mark`, which is to be applied once.
    #[must_use]
    pub fn marked(self, mark: Option<Arc<Mark>>) -> Self {
        Self { mark, ..self }
    }

    /// Tells whether the request that it is at work on was applied before.
    pub fn is_repeat(&self) -> bool {
        self.mark.as_deref().is_some_and(Mark::is_applied)
    }

    /// Returns the board.
    pub fn board(&self) -> &'a Board {
        self.board
    }

    /// Returns the namespace that the agent works in.
    pub fn namespace(&self) -> NamespaceId {
        self.namespace
    }

    /// Returns who is at work.
    pub fn owner(&self) -> &Arc<Owner> {
        self.actor.owner()
    }

    /// Returns the same agent under the name that the hooks of its client know it by, if it has given itself another.
    #[must_use]
    pub fn known_as(&self) -> Option<Self> {
        let actor = self.board.roster().known_as(self.owner())?;
        Some(Self::new(self.board, self.namespace, actor))
    }

    /// Notes a call of `tool`, for the dashboard and the rate. It renews all that the agent holds.
    pub fn note(&self, tool: &'static str) -> Result<(), Refusal> {
        let now = self.board.clock().now();
        self.actor.called(tool, now);
        self.board.counters().meter.tick(now);
        self.board.note_call();
        self.renew()
    }

    /// Renews all that the agent holds: it gave a sign of life that was no call in this name.
    pub fn renew(&self) -> Result<(), Refusal> {
        if self.actor.presence.touch(self.board.clock().now()) {
            return Ok(());
        }
        self.board.apply(&self.caller(), Attend)
    }

    /// Returns the live entry under `key`.
    pub fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        let entry = self.board.get(self.namespace, key);
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
        self.apply(Set::new(key, value, ttl)?)
    }

    /// Removes `key` and tells whether it was there. See [`Delete`].
    pub fn delete(&self, key: Key) -> Result<bool, Refusal> {
        self.apply(Delete { key })
    }

    /// Applies a batch, all or none. See [`Update`].
    pub fn update(&self, ops: Vec<Op>, if_fence: Option<Revision>) -> Result<Revision, Refusal> {
        self.apply(Update::new(ops, if_fence)?)
    }

    /// Returns up to `limit` matching entries in key order; see [`super::Ledger::list`].
    pub fn list(&self, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page {
        self.board.list(self.namespace, pattern, after, limit)
    }

    /// Locks what `wish` names, all or none, and waits up to `wait` for its turn. See [`Acquire`].
    ///
    /// Who waited in vain keeps its place for half a minute. Dropping the future gives up waiting; what was
    /// granted at the same moment is given back.
    pub async fn acquire(&self, wish: Wish, wait: Duration) -> Result<Grant, Refusal> {
        let acquire = Acquire::new(wish, !wait.is_zero())?;
        let turn = self.board.acquire(&self.caller(), acquire)?;
        match turn {
            Turn::Come(grant) => Ok(grant),
            Turn::Awaited(mut awaited) => tokio::select! {
                biased;
                grant = awaited.come() => Ok(grant?),
                () = tokio::time::sleep(wait) => awaited.give_up(),
            },
        }
    }

    /// Gives back what is held under `fence`, or every lock of the agent. See [`Release`].
    pub fn release(&self, fence: Option<Revision>) -> Result<Vec<Target>, Refusal> {
        self.apply(Release { fence })
    }

    /// Returns what the agent must be told with its answer.
    pub fn notices(&self) -> Option<Notices> {
        self.board.notices(self.namespace, &self.actor.presence)
    }

    /// Returns when the last message that waits for the agent was sent, and how many wait. None is delivered.
    pub fn inbox(&self) -> Option<(Revision, usize)> {
        let name = &self.owner().name;
        self.board
            .look_at_ledger(|ledger, _| ledger.inbox(self.namespace, name))
    }

    /// Returns the places that are kept for the agent, who waited in vain.
    pub fn kept(&self) -> Vec<Waiter> {
        self.board
            .look_at_ledger(|ledger, _| ledger.kept(self.namespace, self.owner()))
    }

    /// Tells whether the agent would have `wish` if it asked for it now, and has not got it.
    pub fn could_have(&self, wish: &Wish) -> bool {
        let look = |ledger: &Ledger, now| ledger.is_to_be_had(now, self.namespace, self.owner(), wish);
        self.board.look_at_ledger(look)
    }

    /// Notes that the agent has been told of `notices`, so that it is not told again of what is told once.
    pub fn note_told(&self, notices: &Notices) {
        if !notices.changed.is_empty() {
            let told: Vec<_> = notices.changed.iter().map(|one| one.intrusion.clone()).collect();
            self.board.note_told(self.namespace, self.owner(), &told);
        }
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
                .events_after(self.namespace, since, pattern, WATCH_LIMIT)?;
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

    /// Forgets the losses `told`, which the agent knows of.
    pub fn forget_losses(&self, told: &[Loss]) {
        if !told.is_empty() {
            self.board.forget_losses(self.namespace, self.owner(), told);
        }
    }

    /// Notes that the agent was told of `losses` before it edits `files`; see [`Loss::concerns`].
    pub fn note_losses_told(&self, losses: &[Loss], files: &[Target]) {
        if !losses.is_empty() {
            self.board
                .note_losses_told(self.namespace, self.owner(), losses, files);
        }
    }

    /// Applies a command that must not be applied again when its request is repeated. Locking is no such
    /// command: what is held already is renewed.
    pub(super) fn apply<C: Command>(&self, command: C) -> Result<C::Answer, Refusal> {
        self.apply_if(command, |_| true)
    }

    /// Applies a command which, when its answer does not `count`, has not done what was wanted yet.
    pub(super) fn apply_if<C: Command>(
        &self,
        command: C,
        count: impl FnOnce(&C::Answer) -> bool,
    ) -> Result<C::Answer, Refusal> {
        let note = self.mark.as_deref().map(|mark| (mark, count));
        self.board.apply_marked(&self.caller(), command, note)
    }

    pub(super) fn caller(&self) -> Caller {
        Caller {
            namespace: self.namespace,
            presence: Arc::clone(&self.actor.presence),
        }
    }
}
