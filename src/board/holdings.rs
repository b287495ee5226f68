//! Who holds what, and when somebody must look whether they still do.
//!
//! An index beside the entries, kept by [`super::space`] alone, and the one list of owners: whoever asks for
//! an owner's presence gets the same cell, so that all its leases share it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Key, Lease, Loss, Owner, Presence, Revision, SessionId, Target, Time};

/// The most losses that an owner is told of; it needs the newest.
const MAX_LOSSES: usize = 64;
/// For how many files it is remembered that a loss was told of; of the others it is told again.
const MAX_TOLD: usize = 256;
/// How many owners that left are remembered for what they lost.
const MAX_GONE: usize = 1_000;

/// The owners of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    owners: BTreeMap<Arc<Owner>, Holding>,
    /// When to look at whom. A moment may be too early, since a call renews without coming here.
    dues: BTreeSet<(Time, Arc<Owner>)>,
}

/// Someone who holds something.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who, and whether it is here.
    pub presence: Arc<Presence>,
    /// What, in the order of the grants.
    pub held: Vec<(Key, Arc<Entry>)>,
}

/// What one owner has.
#[derive(Debug)]
struct Holding {
    presence: Arc<Presence>,
    /// Whether its presence was handed out, so that it must be the same until its session leaves.
    attached: bool,
    leases: BTreeSet<(Revision, Key)>,
    due: Option<Time>,
    losses: Vec<Loss>,
}

impl Holding {
    fn of(presence: Arc<Presence>) -> Self {
        Self {
            presence,
            attached: false,
            leases: BTreeSet::new(),
            due: None,
            losses: Vec::new(),
        }
    }

    /// Tells whether nobody can come and ask for it.
    fn is_over(&self) -> bool {
        self.leases.is_empty() && (!self.attached || self.presence.gone().is_some())
    }
}

impl Holdings {
    /// Returns the presence of `owner`, who is connected if this is the first that is heard of it.
    pub(crate) fn presence(&mut self, owner: &Arc<Owner>, idle_limit: Duration, now: Time) -> Arc<Presence> {
        let new = || Holding::of(Presence::new(Arc::clone(owner), idle_limit, now));
        let holding = self.owners.entry(Arc::clone(owner)).or_insert_with(new);
        Arc::clone(&holding.presence)
    }

    /// Returns the presence of `owner`, who calls, and keeps it until its session leaves.
    pub(crate) fn attach(&mut self, owner: &Arc<Owner>, idle_limit: Duration, now: Time) -> Arc<Presence> {
        let presence = self.presence(owner, idle_limit, now);
        self.holding(&presence).attached = true;
        presence
    }

    /// Adds the owner of `presence` if nothing is known of it.
    fn holding(&mut self, presence: &Arc<Presence>) -> &mut Holding {
        let new = || Holding::of(Arc::clone(presence));
        self.owners
            .entry(Arc::clone(presence.owner()))
            .or_insert_with(new)
    }

    /// Adds `lease` on `key`, at which to look at `due`.
    pub(crate) fn add(&mut self, key: &Key, lease: &Lease, due: Option<Time>) {
        let holding = self.holding(&lease.holder);
        holding.leases.insert((lease.fence, key.clone()));
        let sooner = |due: &Time| holding.due.is_none_or(|known| *due < known);
        if let Some(due) = due.filter(sooner) {
            self.look_at(lease.owner(), Some(due));
        }
    }

    pub(crate) fn remove(&mut self, key: &Key, lease: &Lease) {
        if let Some(holding) = self.owners.get_mut(lease.owner()) {
            holding.leases.remove(&(lease.fence, key.clone()));
        }
    }

    /// Sets when to look at `owner`.
    pub(crate) fn look_at(&mut self, owner: &Arc<Owner>, due: Option<Time>) {
        let Some(holding) = self.owners.get_mut(owner) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut holding.due, due) {
            self.dues.remove(&(old, Arc::clone(owner)));
        }
        if let Some(due) = due {
            self.dues.insert((due, Arc::clone(owner)));
        }
    }

    /// Returns when to look next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// Returns whom to look at at `now`.
    pub(crate) fn due(&self, now: Time) -> Option<Arc<Owner>> {
        let (due, owner) = self.dues.first()?;
        (*due <= now).then(|| Arc::clone(owner))
    }

    /// Returns what `owner` holds, in the order of the grants.
    pub(crate) fn of(&self, owner: &Owner) -> impl Iterator<Item = &(Revision, Key)> {
        self.owners.get(owner).into_iter().flat_map(|one| &one.leases)
    }

    /// Returns the presence of `owner`, if it is known.
    pub(crate) fn find(&self, owner: &Owner) -> Option<&Arc<Presence>> {
        self.owners.get(owner).map(|one| &one.presence)
    }

    /// Tells whether `owner` holds the key of `lease` under its fence.
    pub(crate) fn has(&self, owner: &Owner, lease: &(Revision, Key)) -> bool {
        self.owners
            .get(owner)
            .is_some_and(|one| one.leases.contains(lease))
    }

    /// Returns everyone of `session`.
    pub(crate) fn of_session(&self, session: SessionId) -> Vec<Arc<Presence>> {
        let all = self.owners.values().map(|one| &one.presence);
        all.filter(|one| one.owner().session == session)
            .cloned()
            .collect()
    }

    /// Returns everyone called `name`; only one of them can be connected.
    pub(crate) fn called(&self, name: &str) -> impl Iterator<Item = &Arc<Presence>> {
        let from = Owner::new(name, SessionId::BOARD);
        let called = self
            .owners
            .range(from..)
            .take_while(move |(owner, _)| *owner.name == *name);
        called.map(|(_, one)| &one.presence)
    }

    /// Returns everyone who is known.
    pub(crate) fn presences(&self) -> impl Iterator<Item = &Arc<Presence>> {
        self.owners.values().map(|one| &one.presence)
    }

    /// Notes that there may be something to tell `owner`.
    pub(crate) fn tell(&self, owner: &Owner) {
        if let Some(holding) = self.owners.get(owner) {
            holding.presence.tell(true);
        }
    }

    /// Notes that `owner` lost a lease without its doing.
    pub(crate) fn lost(&mut self, owner: &Owner, loss: Loss) {
        if let Some(holding) = self.owners.get_mut(owner) {
            if holding.losses.len() == MAX_LOSSES {
                holding.losses.remove(0);
            }
            holding.losses.push(loss);
            holding.presence.tell(true);
        }
    }

    /// Returns what `owner` lost and has not been made up for.
    pub(crate) fn losses(&self, owner: &Owner) -> &[Loss] {
        self.owners.get(owner).map_or(&[], |one| &one.losses)
    }

    /// Notes that `owner` was told of the `losses` before it edits `files`.
    pub(crate) fn note_told(&mut self, owner: &Owner, losses: &[Loss], files: &[Target]) {
        let Some(holding) = self.owners.get_mut(owner) else {
            return;
        };
        for loss in holding.losses.iter_mut().filter(|loss| losses.contains(loss)) {
            let news = files.iter().filter(|file| loss.concerns(file)).cloned();
            loss.told.extend(news.collect::<Vec<_>>());
            let many = loss.told.len().saturating_sub(MAX_TOLD);
            loss.told.drain(..many);
        }
    }

    /// Returns what everybody lost and has not been made up for.
    pub(crate) fn all_losses(&self) -> Vec<(Arc<Owner>, Loss)> {
        let losses = self
            .owners
            .iter()
            .flat_map(|(owner, one)| one.losses.iter().map(|loss| (Arc::clone(owner), loss.clone())));
        losses.collect()
    }

    /// Forgets the losses of `owner` that `made_up` names.
    pub(crate) fn make_up(&mut self, owner: &Owner, made_up: impl Fn(&Loss) -> bool) {
        if let Some(holding) = self.owners.get_mut(owner) {
            holding.losses.retain(|loss| !made_up(loss));
        }
    }

    /// Forgets `owner` if it has left, or is but a name in a lock, and there is nothing to know of it. Of
    /// those who lost something, the ones that left first are forgotten when they become too many.
    pub(crate) fn forget(&mut self, owner: &Owner) {
        let Some(holding) = self.owners.get(owner).filter(|one| one.is_over()) else {
            return;
        };
        if holding.losses.is_empty() {
            self.remove_owner(&Arc::clone(holding.presence.owner()));
            return;
        }
        let gone = self.owners.values().filter(|one| one.is_over());
        if gone.clone().count() > MAX_GONE
            && let Some(first) = gone.min_by_key(|one| one.presence.gone())
        {
            self.remove_owner(&Arc::clone(first.presence.owner()));
        }
    }

    fn remove_owner(&mut self, owner: &Arc<Owner>) {
        self.look_at(owner, None);
        self.owners.remove(owner);
    }
}
