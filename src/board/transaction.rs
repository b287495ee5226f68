//! A command at work: what it reads is what it will change.
//!
//! The verbs of which commands are made: begin a batch, put, end, hold, let go. Each keeps the indexes, tells
//! the history, and notes what must be published. Checks are the commands' own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::Hold;
use super::handout::is_undeliverable;
use super::ledger::{Caller, Change, Effects, Ledger, MAX_ENDED};
use super::presence::GRACE;
use super::space::{Growth, Space, held_target};
use super::{
    Entry, Event, EventKind, Key, Kind, NamespaceId, Owner, Presence, Reason, Refusal, Revision, SessionId,
    Target, TaskState, Term, Time, locks,
};

/// The most owners that a command looks at, besides those it concerns.
pub(crate) const MAX_LOOKED: usize = 2_000;

/// A command at work.
#[derive(Debug)]
pub struct Transaction<'a> {
    pub(super) ledger: &'a mut Ledger,
    now: Time,
    caller: &'a Caller,
    pub(super) effects: Effects,
    /// What became free, so that somebody who waits for it may be served.
    pub(super) freed: BTreeMap<NamespaceId, Vec<Target>>,
}

/// What is to stand under a key.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) value: Arc<str>,
    pub(crate) deadline: Time,
    pub(crate) hold: Hold,
}

impl Draft {
    /// Returns what stands under a key already, to be changed.
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            value: Arc::clone(&entry.value),
            deadline: entry.deadline,
            hold: entry.hold.as_deref().cloned().unwrap_or_default(),
        }
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn new(ledger: &'a mut Ledger, now: Time, caller: &'a Caller) -> Self {
        Self {
            ledger,
            now,
            caller,
            effects: Effects::default(),
            freed: BTreeMap::new(),
        }
    }

    pub(super) fn into_effects(self) -> Effects {
        self.effects
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    pub(crate) fn caller(&self) -> &'a Caller {
        self.caller
    }

    /// Returns the caller's namespace.
    pub(crate) fn space(&self) -> &Space {
        self.ledger.space(self.caller.namespace)
    }

    pub(crate) fn space_mut(&mut self) -> &mut Space {
        self.space_of(self.caller.namespace)
    }

    pub(crate) fn space_of(&mut self, namespace: NamespaceId) -> &mut Space {
        &mut self.ledger.spaces[namespace.0 as usize]
    }

    /// Returns every namespace.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = NamespaceId> + use<> {
        let many = u32::try_from(self.ledger.spaces.len()).unwrap_or(u32::MAX);
        (0..many).map(NamespaceId)
    }

    /// Returns the presence of the caller.
    pub(crate) fn caller_presence(&self) -> Arc<Presence> {
        Arc::clone(&self.caller.presence)
    }

    /// Refuses a caller that has left: nobody would give back what it takes from now on.
    pub(crate) fn check_presence(&self) -> Result<(), Refusal> {
        match self.caller.presence.gone() {
            None => Ok(()),
            Some(_) => Err(Refusal::left()),
        }
    }

    /// Returns the presence of `owner`, one of the caller's session.
    pub(crate) fn presence(&mut self, owner: &Arc<Owner>) -> Arc<Presence> {
        if owner == self.caller.owner() {
            return self.caller_presence();
        }
        let idle_limit = self.ledger.limits.idle;
        let now = self.now;
        self.space_mut().holdings.presence(owner, idle_limit, now)
    }

    /// Returns the revision of the last commit.
    pub(crate) fn rev(&self) -> Revision {
        self.ledger.rev
    }

    /// Begins a batch and returns its revision.
    pub(crate) fn begin(&mut self) -> Revision {
        self.ledger.rev = self.ledger.rev.next();
        self.ledger.rev
    }

    /// Returns the live entry under `key`. One that has run out but was not swept yet ends here, with a
    /// revision and an event of its own; a write over it would otherwise swallow its expiry.
    pub(crate) fn live(&mut self, key: &Key) -> Option<Arc<Entry>> {
        self.live_in(self.caller.namespace, key)
    }

    /// Returns the live entry under `key` of `namespace`, as [`Transaction::live`] does.
    pub(super) fn live_in(&mut self, namespace: NamespaceId, key: &Key) -> Option<Arc<Entry>> {
        let entry = Arc::clone(self.ledger.space(namespace).get(key.as_str())?);
        if entry.is_live(self.now) {
            return Some(entry);
        }
        for lease in entry.leases() {
            self.look_at(namespace, lease.owner());
        }
        // What was held may have got a longer life by the end of the hold.
        let still = self.ledger.space(namespace).get(key.as_str());
        let still = still.filter(|entry| entry.is_live(self.now)).cloned();
        if still.is_none() {
            self.run_out(namespace, key);
        }
        still
    }

    /// Returns the refusal of `fence`, with how the caller's session lost it and who has the same now.
    pub(crate) fn lost(&self, fence: Revision) -> Refusal {
        let (space, session) = (self.space(), self.caller.owner().session);
        let everyone = space.holdings.of_session(session);
        let mut losses = everyone.iter().flat_map(|one| space.holdings.losses(one.owner()));
        let loss = losses.find(|loss| loss.fence == fence).cloned();
        let entry = loss.as_ref().and_then(|loss| space.get(loss.key.as_str()));
        Refusal::Lost {
            fence,
            holder: entry.and_then(|entry| Some(Arc::clone(entry.lease()?.owner()))),
            loss: loss.map(Box::new),
        }
    }

    /// Refuses what would pass the limits of the caller's namespace.
    ///
    /// What has run out takes no room: when there is not enough, it ends here, as if it had been met.
    pub(crate) fn check(&mut self, growth: &Growth) -> Result<(), Refusal> {
        let namespace = self.caller.namespace;
        for _ in 0..MAX_ENDED {
            if self.fits(growth).is_ok() {
                break;
            }
            let Some((_, key)) = self.space().overdue(self.now).cloned() else {
                break;
            };
            self.run_out(namespace, &key);
        }
        self.fits(growth)
    }

    fn fits(&self, growth: &Growth) -> Result<(), Refusal> {
        self.space().check(growth, &self.ledger.limits)
    }

    /// Puts `draft` under `key` in the batch `rev`, on behalf of the caller, who has made every check.
    pub(crate) fn put(&mut self, rev: Revision, key: &Key, kind: EventKind, draft: Draft) {
        let Caller { namespace, .. } = *self.caller;
        self.put_for(rev, namespace, key, kind, self.caller.owner(), draft);
    }

    /// Puts `draft` under `key` of `namespace`; `by` is who did it, or whose lease it is about.
    pub(crate) fn put_for(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        kind: EventKind,
        by: &Arc<Owner>,
        draft: Draft,
    ) {
        let at = self.now;
        let space = self.space_of(namespace);
        let key = space.shared(key);
        let old = space.get(key.as_str());
        // Who holds something has not written it.
        let written = old.filter(|_| kind != EventKind::Set);
        let Draft {
            value,
            deadline,
            hold,
        } = draft;
        let entry = Arc::new(Entry {
            value: Arc::clone(&value),
            rev,
            created_rev: old.map_or(rev, |old| old.created_rev),
            written: written.map_or(at, |old| old.written),
            deadline,
            by: Arc::clone(written.map_or(by, |old| &old.by)),
            hold: (hold != Hold::default()).then(|| Box::new(hold)),
        });
        space.put(&key, &entry);
        self.tell(rev, namespace, key, kind, by, Some(entry));
    }

    /// Ends the entry under `key` in the batch `rev`: exactly one event.
    pub(crate) fn end(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        kind: EventKind,
        by: &Arc<Owner>,
    ) {
        let Some((key, entry)) = self.space_of(namespace).take(key) else {
            return;
        };
        for lease in entry.leases() {
            if kind == EventKind::Expire {
                let by_person = by.session == SessionId::BOARD;
                let reason = if by_person {
                    Reason::Person
                } else {
                    Reason::Expired
                };
                self.note_loss(namespace, &key, &entry, lease, reason);
                if key.kind() == Kind::Task {
                    self.tell_loser(rev, namespace, &key, lease, TaskState::Pending, reason, by);
                }
            }
            self.space_of(namespace).holdings.forget(lease.owner());
        }
        if let Some(target) = held_target(&key, &entry) {
            self.free(namespace, [target]);
        }
        self.tell(rev, namespace, key, kind, by, None);
    }

    /// Tells the history that what is locked by `key` was changed, which leaves its `entry` as it is.
    pub(crate) fn tell_changed(&mut self, rev: Revision, key: &Key, by: &Arc<Owner>, entry: &Arc<Entry>) {
        let Caller { namespace, .. } = *self.caller;
        let entry = Some(Arc::clone(entry));
        self.tell(rev, namespace, key.clone(), EventKind::Change, by, entry);
    }

    fn tell(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: Key,
        kind: EventKind,
        by: &Arc<Owner>,
        entry: Option<Arc<Entry>>,
    ) {
        if self.space_of(namespace).queue.is_starving() {
            // There may be room now.
            self.free(namespace, []);
        }
        let event = Event {
            rev,
            key: key.clone(),
            kind,
            by: Arc::clone(by),
            value: entry.as_ref().map(|entry| Arc::clone(&entry.value)),
            at: self.now,
        };
        self.space_of(namespace).history.push(event);
        self.effects.changes.push(Change {
            rev,
            namespace,
            key,
            kind,
            entry,
        });
    }

    /// Ends the lease on `key` that was granted under `fence`, in the batch `rev`, and what stood only by it.
    ///
    /// `by` is who ends it. Nothing happens when it is not there any more.
    pub(crate) fn let_go(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        fence: Revision,
        reason: Reason,
        by: &Arc<Owner>,
    ) {
        let Some(entry) = self.space_of(namespace).get(key.as_str()).cloned() else {
            return;
        };
        let mut draft = Draft::of(&entry);
        let leases = &mut draft.hold.leases;
        let Some(at) = leases.iter().position(|lease| lease.fence == fence) else {
            return;
        };
        let lease = leases.remove(at);
        if reason.is_loss() {
            self.note_loss(namespace, key, &entry, &lease, reason);
        }
        match key.kind() {
            Kind::Lock => {
                let target = locks::target(key, &entry.value);
                if let Some(target) = target.filter(|_| lease.term != Term::Entry) {
                    draft.value = locks::describe(&target, &draft.hold.leases);
                }
                self.free(namespace, held_target(key, &entry));
                if lease.term == Term::Entry && matches!(reason, Reason::Released | Reason::Person) {
                    // The time to live was that of the lock which is given back.
                    draft.deadline = Time::default();
                }
            }
            Kind::Task if reason.is_loss() => {
                self.lose_claim(rev, namespace, key, &lease, reason, by, &mut draft);
            }
            Kind::Msg if reason.is_loss() && is_undeliverable(&entry) => {
                self.give_message_up(rev, namespace, key, reason, by, &entry);
                return;
            }
            _ => {}
        }
        self.drop_hold(rev, namespace, key, reason, by, draft);
        self.space_of(namespace).holdings.forget(lease.owner());
    }

    /// Puts `draft`, in which a hold is missing that stands under `key`, or ends what stood only by it.
    pub(crate) fn drop_hold(
        &mut self,
        rev: Revision,
        namespace: NamespaceId,
        key: &Key,
        reason: Reason,
        by: &Arc<Owner>,
        draft: Draft,
    ) {
        if draft.hold.leases.is_empty() && draft.deadline <= self.now {
            self.end(rev, namespace, key, EventKind::Drop(reason), by);
        } else {
            self.put_for(rev, namespace, key, EventKind::Drop(reason), by, draft);
        }
    }

    /// Ends every lease that is over, of all namespaces, and forgets places that are kept no longer.
    pub(super) fn look(&mut self) {
        if self.ledger.next_look().is_none_or(|next| self.now < next) {
            return;
        }
        let (mut looked, now) = (0, self.now);
        for namespace in self.namespaces() {
            while looked < MAX_LOOKED
                && let Some(owner) = self.space_of(namespace).holdings.due(now)
            {
                looked += 1;
                self.look_at(namespace, &owner);
            }
            self.space_of(namespace).queue.forget_kept(now);
        }
    }

    /// Ends what `owner` holds no more, in one batch, and notes when to look again.
    pub(crate) fn look_at(&mut self, namespace: NamespaceId, owner: &Arc<Owner>) {
        let now = self.now;
        let looks = self.space_of(namespace).looks(owner);
        let over = looks.filter(|(at, ..)| *at <= now);
        let over: Vec<_> = over.map(|(_, fence, key)| (fence, key.clone())).collect();
        if !over.is_empty() {
            let presence = self.ledger.presence(namespace, owner, now);
            let reason = reason_of_end(&presence);
            let rev = self.begin();
            for (fence, key) in &over {
                self.let_go(rev, namespace, key, *fence, reason, owner);
            }
        }
        let space = self.space_of(namespace);
        let next = space.looks(owner).map(|(at, ..)| at).min();
        space.holdings.look_at(owner, next);
        space.holdings.forget(owner);
    }

    /// Tells whether `namespace` may grow so, as it is.
    pub(crate) fn has_room(&self, namespace: NamespaceId, growth: &Growth) -> bool {
        let space = self.ledger.space(namespace);
        space.check(growth, &self.ledger.limits).is_ok()
    }

    /// Ends the entry of any namespace that ran out first; tells whether there was one.
    pub(crate) fn end_first_overdue(&mut self) -> bool {
        let spaces = self.namespaces().zip(&self.ledger.spaces);
        let first = spaces
            .filter_map(|(namespace, space)| Some((space.overdue(self.now)?, namespace)))
            .min_by_key(|((deadline, _), _)| *deadline)
            .map(|((_, key), namespace)| (namespace, key.clone()));
        if let Some((namespace, key)) = &first {
            self.run_out(*namespace, key);
        }
        first.is_some()
    }

    /// Ends an entry whose time has run out, in a batch of its own, in the name of who wrote it last.
    fn run_out(&mut self, namespace: NamespaceId, key: &Key) {
        if let Some(entry) = self.ledger.space(namespace).get(key.as_str()) {
            let by = Arc::clone(&entry.by);
            let rev = self.begin();
            self.end(rev, namespace, key, EventKind::Expire, &by);
        }
    }

    /// Returns the next moment at which something ends.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.ledger.next_deadline()
    }
}

/// Tells what ended the leases of an owner that did not end them itself.
pub(crate) fn reason_of_end(presence: &Presence) -> Reason {
    match presence.gone() {
        None => Reason::Expired,
        Some(_) if presence.is_orphan() => Reason::Restart,
        Some(gone) if presence.is_dead(gone.after(GRACE)) => Reason::Died,
        Some(_) => Reason::Disconnected,
    }
}
