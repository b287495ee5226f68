//! What becomes of what was handed out: of a task that its agent lost, of a message that nobody confirmed.
//!
//! Further verbs of [`Transaction`], for the moment at which such a lease ends, and for how its holder is told in
//! `status:<agent>:<id>`. All of it happens in the batch in which the lease ends.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::entry::Hold;
use super::messages::{self, MAX_DELIVERIES};
use super::scores::Result as ScoreOf;
use super::space::Growth;
use super::tasks::{DEAD_FOR, Terms, status, status_key};
use super::transaction::{Draft, Transaction};
use super::{
    Entry, EventKind, Key, Kind, Lease, Loss, NamespaceId, Owner, Reason, Revision, TaskState, Work,
    WorkState, locks,
};

/// How long the status of a task is kept, as the original agents keep it.
const STATUS_TTL: Duration = Duration::from_secs(3_600);

/// Tells whether a message was delivered so often that it is delivered no more.
pub(crate) fn is_undeliverable(entry: &Entry) -> bool {
    entry.work().attempts >= MAX_DELIVERIES
}

impl Transaction<'_> {
    /// Notes what the holder must be told: the loss of a lock or of a claim.
    pub(crate) fn note_loss(
        &mut self,
        namespace: NamespaceId,
        key: &Key,
        entry: &Entry,
        lease: &Lease,
        reason: Reason,
    ) {
        if !matches!(key.kind(), Kind::Lock | Kind::Task) {
            return;
        }
        let loss = Loss {
            key: key.clone(),
            target: locks::target(key, &entry.value),
            fence: lease.fence,
            reason,
            at: self.now(),
            told: Vec::new(),
        };
        self.space_of(namespace).holdings.lost(lease.owner(), loss);
    }

    /// Notes in `draft` what becomes of a task whose claim was lost: somebody else gets it after a while, or
    /// nobody any more. One that its agent has marked as done, as those do who work without claims, is done.
    #[expect(
        clippy::too_many_arguments,
        reason = "a batch, a lease in it, and why it ends"
    )]
    pub(crate) fn lose_claim(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        lease: &Lease,
        reason: Reason,
        by: &Arc<Owner>,
        draft: &mut Draft,
    ) {
        let work = draft.hold.work.again(self.now());
        draft.hold.work = match Terms::read(&draft.value).state {
            WorkState::Open => work,
            marked => work.ended(marked),
        };
        if draft.hold.work.state == WorkState::Dead {
            draft.deadline = self.now().after(DEAD_FOR);
        }
        let state = draft.hold.work.state.into();
        self.tell_loser(rev, namespace, key, lease, state, reason, by);
    }

    /// Notes for all to see that the holder of `lease` has lost the task under `key`, which is in `state` now.
    #[expect(
        clippy::too_many_arguments,
        reason = "a batch, a lease in it, and why it ends"
    )]
    pub(crate) fn tell_loser(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        lease: &Lease,
        state: TaskState,
        reason: Reason,
        by: &Arc<Owner>,
    ) {
        let name = &lease.owner().name;
        self.space_of(namespace).scores.add(name, ScoreOf::Lost);
        let word = if state == TaskState::Dead { "dead" } else { "lost" };
        let value = status(word, key, [("reason", json!(reason))]);
        // An end cannot be refused; where there is no room for the note, the event says the same.
        let growth = self.growth_of_status(namespace, name, key, &value);
        if self.has_room(namespace, &growth) {
            self.put_status(rev, namespace, name, by, key, value);
        }
    }

    /// Returns what it adds to a namespace to put `value` as the status of `task`.
    pub(crate) fn growth_of_status(
        &mut self,
        namespace: NamespaceId,
        agent: &str,
        task: &Key,
        value: &str,
    ) -> Growth {
        let mut growth = Growth::default();
        if let Some(key) = status_key(agent, task) {
            let old = self.space_of(namespace).get(key.as_str());
            growth.add(&key, old.map(|old| &**old), Some(value.len()));
        }
        growth
    }

    /// Puts `value` as the status of `task`, in the batch `rev`. A task whose id leaves no room in the key for
    /// the agent's name has no status.
    pub(crate) fn put_status(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        agent: &str,
        by: &Arc<Owner>,
        task: &Key,
        value: Arc<str>,
    ) {
        let Some(key) = status_key(agent, task) else {
            return;
        };
        let now = self.now();
        let old = self.space_of(namespace).get(key.as_str());
        if let Some(writer) = old.filter(|old| !old.is_live(now)).map(|old| Arc::clone(&old.by)) {
            self.end(rev, namespace, &key, EventKind::Expire, &writer);
        }
        let draft = Draft {
            value,
            deadline: now.after(STATUS_TTL),
            hold: Hold::default(),
        };
        self.put_for(rev, namespace, &key, EventKind::Set, by, draft);
    }

    /// Ends the claim of `token` in the batch `rev`, on behalf of its owner, with `work` as what came of it.
    pub(crate) fn end_claim(
        &mut self,
        rev: Revision,
        key: &Key,
        token: Revision,
        reason: Reason,
        work: Work,
    ) {
        let namespace = self.caller().namespace;
        let Some(entry) = self.space().get(key.as_str()) else {
            return;
        };
        let mut draft = Draft::of(entry);
        draft.hold.leases.retain(|lease| lease.fence != token);
        draft.hold.work = work;
        if work.state == WorkState::Dead {
            draft.deadline = self.now().after(DEAD_FOR);
        }
        self.drop_hold(rev, namespace, key, reason, self.caller().owner(), draft);
    }

    /// Ends the delivery of a message that was delivered often enough, and keeps it for people to see.
    pub(crate) fn give_message_up(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        reason: Reason,
        by: &Arc<Owner>,
        entry: &Entry,
    ) {
        self.end(rev, namespace, key, EventKind::Drop(reason), by);
        if let Some(to) = messages::recipient(key, entry) {
            let draft = Draft {
                value: Arc::clone(&entry.value),
                deadline: self.now().after(DEAD_FOR),
                hold: Hold::default(),
            };
            let dead = messages::dead_key(to, entry.created_rev);
            self.put_for(rev, namespace, &dead, EventKind::Set, &entry.by, draft);
        }
    }
}
