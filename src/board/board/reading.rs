//! What can be seen of the board. Nothing here changes it, but leases that are over end before anyone looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Board;
use crate::board::{
    Compacted, Entry, Event, Holder, Intrusion, Key, Loss, NamespaceId, Notices, Owner, Page, Pattern,
    Presence, Revision, Score, Stats, Target, Waiter,
};

impl Board {
    /// Returns the live entry under `key` from the cache; it waits for nobody.
    ///
    /// A read that meets a batch half published asks the ledger instead, so nobody sees a torn batch.
    pub fn get(&self, namespace: NamespaceId, key: &Key) -> Option<Arc<Entry>> {
        // Before the entry: else one that was alive when it was found and has been rewritten since could be
        // judged by a later time, and a key that always had a value would be reported missing.
        let now = self.clock().now();
        let before = self.0.publication.load(Ordering::SeqCst);
        if before.is_multiple_of(2) {
            let entry = self.0.cache.get(&(namespace, key.clone()));
            // Nobody sees a lease end before the ledger has ended it: else a late call could bring it back.
            let is_settled = |entry: &Entry| entry.is_live(now) || entry.leases().is_empty();
            if self.0.publication.load(Ordering::SeqCst) == before && entry.as_deref().is_none_or(is_settled)
            {
                return entry.filter(|entry| entry.is_live(now));
            }
        }
        let (core, now) = self.looked();
        core.ledger.get(now, namespace, key.as_str())
    }

    /// Returns up to `limit` live entries that match, in key order; see [`Ledger::list`](crate::board::Ledger::list).
    pub fn list(&self, namespace: NamespaceId, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page {
        let (core, now) = self.looked();
        core.ledger.list(now, namespace, pattern, after, limit)
    }

    /// Returns about `limit` matching events after `since` and the cursor to go on from.
    pub fn events_after(
        &self,
        namespace: NamespaceId,
        since: Revision,
        pattern: &Pattern,
        limit: usize,
    ) -> Result<(Vec<Event>, Revision), Compacted> {
        self.core().ledger.events_after(namespace, since, pattern, limit)
    }

    /// Returns the newest `limit` matching events, newest first.
    pub fn latest_events(&self, namespace: NamespaceId, pattern: &Pattern, limit: usize) -> Vec<Event> {
        self.core().ledger.latest_events(namespace, pattern, limit)
    }

    /// Returns the board in numbers, with the keys and bytes of `namespace`.
    pub fn stats(&self, namespace: NamespaceId) -> Stats {
        let now = self.clock().now();
        let (rev, kinds) = {
            let core = self.core();
            (core.ledger.rev(), core.ledger.tally(namespace))
        };
        let counters = &self.0.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            rev,
            uptime: now.since(self.0.started),
            agents: self.0.roster.len(),
            ops_per_second: counters.meter.rate(now),
            hits: read(&counters.hits),
            misses: read(&counters.misses),
            sets: read(&counters.sets),
            deletes: read(&counters.deletes),
            expirations: read(&counters.expirations),
            kinds,
        }
    }

    /// Returns the revision of the last commit.
    pub fn rev(&self) -> Revision {
        self.core().ledger.rev()
    }

    /// Returns the requests that wait for locks; see [`Ledger::waiters`](crate::board::Ledger::waiters).
    pub fn waiters(&self, namespace: NamespaceId) -> Vec<(Waiter, Vec<Arc<Owner>>)> {
        let (core, now) = self.looked();
        core.ledger.waiters(now, namespace)
    }

    /// Returns what `owner` holds, in the order of the grants.
    pub fn holds(&self, namespace: NamespaceId, owner: &Owner) -> Vec<(Key, Arc<Entry>)> {
        self.looked().0.ledger.holds(namespace, owner)
    }

    /// Returns everyone who holds something.
    pub fn holders(&self, namespace: NamespaceId) -> Vec<Holder> {
        self.looked().0.ledger.holders(namespace)
    }

    /// Returns what the owner of `presence` must be told now; a look at one flag when that is nothing.
    pub(in crate::board) fn notices(&self, namespace: NamespaceId, presence: &Presence) -> Option<Notices> {
        if !presence.is_to_be_told() {
            return None;
        }
        let (core, now) = self.looked();
        core.ledger.notices(now, namespace, presence)
    }

    /// Notes that `owner` has heard of `told`.
    pub(in crate::board) fn note_told(&self, namespace: NamespaceId, owner: &Owner, told: &[Intrusion]) {
        self.core().ledger.note_told(namespace, owner, told);
    }

    /// Forgets the losses `told` of `owner`.
    pub(in crate::board) fn forget_losses(&self, namespace: NamespaceId, owner: &Owner, told: &[Loss]) {
        self.core().ledger.forget_losses(namespace, owner, told);
    }

    /// Notes that `owner` was told of the `losses` before it edits `files`.
    pub(in crate::board) fn note_losses_told(
        &self,
        namespace: NamespaceId,
        owner: &Owner,
        losses: &[Loss],
        files: &[Target],
    ) {
        let mut core = self.core();
        core.ledger.note_losses_told(namespace, owner, losses, files);
    }

    /// Returns the changes of locked files by others than their holders that are remembered, in the order in
    /// which they were seen.
    pub fn intrusions(&self, namespace: NamespaceId) -> Vec<Intrusion> {
        self.looked().0.ledger.intrusions(namespace)
    }

    /// Returns what `owner` lost without its doing; see [`Ledger::losses`](crate::board::Ledger::losses).
    pub fn losses(&self, namespace: NamespaceId, owner: &Owner) -> Vec<Loss> {
        self.looked().0.ledger.losses(namespace, owner)
    }

    /// Returns how the agents of a namespace have done with their tasks, in the order of their names.
    pub fn scores(&self, namespace: NamespaceId) -> Vec<(Arc<str>, Score)> {
        self.looked().0.ledger.scores(namespace)
    }
}
