//! What an agent must be told with its next answer, whichever that is.
//!
//! A model that overslept learns here that it lost its lock, and one that hoards that others wait. To ask
//! costs a look at one flag as long as there is nothing to tell.

use std::sync::Arc;
use std::time::Duration;

use super::space::Space;
use super::{Intrusion, Loss, Owner, Presence, Target, Time};

/// What an agent must be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// What it held and lost without its doing, until it takes it again or gives it up.
    pub lost: Vec<Loss>,
    /// Who waits for what it holds, the longest first.
    pub wanted: Vec<Wanted>,
    /// Which files were changed by others than their holders, as far as it is the holder, or may have changed
    /// them. It is told once; see [`Call::note_told`](super::Call::note_told).
    pub changed: Vec<Changed>,
    /// How many messages wait for it.
    pub inbox: usize,
}

/// A change of a locked file, as it looks to one who is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What was changed.
    pub intrusion: Intrusion,
    /// How long ago that was seen.
    pub ago: Duration,
    /// Whether the holder is told; else it is whoever may have changed the file.
    pub is_holder: bool,
}

/// Somebody who waits for what an agent holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What the other one wants.
    pub targets: Arc<[Target]>,
    /// Who waits.
    pub by: Arc<Owner>,
    /// How long it has waited.
    pub waiting: Duration,
}

impl Notices {
    /// Returns what the owner of `presence` must be told at `now`, and notes whether there is anything.
    pub(super) fn of(space: &Space, presence: &Presence, now: Time) -> Option<Self> {
        let owner = presence.owner();
        let open = space.queue.open().map(|(_, waiter)| waiter);
        let in_its_way = open.filter(|waiter| space.holds_up(now, owner, waiter));
        let mut wanted: Vec<_> = in_its_way
            .map(|waiter| Wanted {
                targets: Arc::clone(&waiter.wish.targets),
                by: Arc::clone(waiter.owner()),
                waiting: now.since(waiter.since),
            })
            .collect();
        wanted.sort_by_key(|one| std::cmp::Reverse(one.waiting));
        let holdings = &space.holdings;
        let is_held = |known: &&Intrusion| holdings.has(&known.holder, &(known.fence, known.key.clone()));
        let untold = space.intrusions.untold(owner).filter(is_held);
        let changed = |known: &Intrusion| Changed {
            ago: now.since(known.at),
            is_holder: known.holder == *owner,
            intrusion: known.clone(),
        };
        let notices = Self {
            lost: space.holdings.losses(owner).to_vec(),
            wanted,
            changed: untold.map(changed).collect(),
            inbox: space.inbox(&owner.name),
        };
        let any = notices != Self::default();
        presence.tell(any);
        any.then_some(notices)
    }
}
