//! Who holds what: everyone with a lock or a claim, also those whose connection is closed.
//!
//! The entries are copied when the board's revision rises; what a call moves without that, such as how much
//! time remains, is read again for each picture.

use std::sync::Arc;

use super::pane::Left;
use crate::board::{self, Board, Entry, Key, Kind, Lease, NamespaceId, Owner, Presence, Revision, Time};

/// Someone who holds something.
#[derive(Clone, Debug)]
pub struct Holder {
    presence: Arc<Presence>,
    /// When it called last.
    pub active: Time,
    /// Whether its connection is closed.
    pub orphaned: bool,
    /// What it holds, in the order of the grants.
    pub held: Vec<Held>,
}

/// A hold.
#[derive(Clone, Debug)]
pub struct Held {
    /// What is held.
    pub key: Key,
    /// What stands there.
    pub entry: Arc<Entry>,
    /// The fence of the grant.
    pub fence: Revision,
    /// How much of it remains.
    pub left: Left,
}

impl Holder {
    /// Returns who it is.
    pub fn owner(&self) -> &Arc<Owner> {
        self.presence.owner()
    }

    /// Returns the holds as a person's commands name them.
    pub fn leases(&self) -> impl Iterator<Item = (Key, Revision)> + use<'_> {
        self.held.iter().map(|held| (held.key.clone(), held.fence))
    }

    /// Reads again what moves by itself.
    fn look(&mut self, now: Time) {
        self.active = self.presence.active();
        self.orphaned = self.presence.gone().is_some();
        for held in &mut self.held {
            if let Some(left) = held.lease().map(|lease| Left::of_lease(&held.entry, lease, now)) {
                held.left = left;
            }
        }
    }
}

impl Held {
    /// Returns the lease.
    pub fn lease(&self) -> Option<&Lease> {
        let mut leases = self.entry.leases().iter();
        leases.find(|lease| lease.fence == self.fence)
    }
}

/// Returns what people call having a hold on `key`.
pub(super) fn held_word(key: &Key) -> &'static str {
    if key.kind() == Kind::Task {
        "claimed"
    } else {
        "held"
    }
}

/// Returns the hold on `entry` that a person means who looked at the one under `fence`: that one, and else the only
/// one there is.
pub(super) fn looked_at(entry: &Entry, fence: Option<Revision>) -> Option<&Lease> {
    let leases = entry.leases();
    let same = leases.iter().find(|lease| Some(lease.fence) == fence);
    same.or(match leases {
        [only] => Some(only),
        _ => None,
    })
}

/// Returns everyone who holds something at `now`, going on from what was known at the same revision.
pub(super) fn look(
    board: &Board,
    namespace: NamespaceId,
    known: Option<Vec<Holder>>,
    now: Time,
) -> Vec<Holder> {
    let mut holders = known.unwrap_or_else(|| take(board, namespace));
    for holder in &mut holders {
        holder.look(now);
    }
    holders
}

fn take(board: &Board, namespace: NamespaceId) -> Vec<Holder> {
    let holders = board
        .holders(namespace)
        .into_iter()
        .map(|board::Holder { presence, held }| {
            let owner = Arc::clone(presence.owner());
            // A message that was delivered is held as well, but nobody is in anybody's way there.
            let entries = held
                .into_iter()
                .filter(|(key, _)| matches!(key.kind(), Kind::Lock | Kind::Task));
            let mut held: Vec<Held> = entries
                .flat_map(|(key, entry)| holds_of(&owner, &key, &entry))
                .collect();
            held.sort_by(|a, b| (a.fence, &a.key).cmp(&(b.fence, &b.key)));
            held.dedup_by(|a, b| a.fence == b.fence && a.key == b.key);
            Holder {
                active: Time::default(),
                orphaned: false,
                presence,
                held,
            }
        });
    holders.filter(|holder| !holder.held.is_empty()).collect()
}

fn holds_of(owner: &Owner, key: &Key, entry: &Arc<Entry>) -> Vec<Held> {
    let own = entry.leases().iter().filter(|lease| **lease.owner() == *owner);
    let held = own.map(|lease| Held {
        key: key.clone(),
        entry: Arc::clone(entry),
        fence: lease.fence,
        left: Left::default(),
    });
    held.collect()
}
