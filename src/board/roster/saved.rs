//! The sessions that an image of the board shows, and those that a new board takes over from one.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Departed, Roster, lock};
use crate::board::{Fingerprint, NamespaceId, Owner, SessionId};
use std::sync::Arc;

impl Roster {
    /// Returns the highest number of a session, and the sessions that could come back: those that left
    /// first, then those that are here.
    pub(crate) fn to_save(&self) -> (SessionId, Vec<(NamespaceId, Fingerprint, Arc<Owner>)>) {
        // Both at once: who leaves goes from one list to the other.
        let members = lock(&self.members);
        let departed = lock(&self.departed);
        let gone = departed
            .iter()
            .map(|one| (one.namespace, one.secret, Arc::clone(&one.owner)));
        let here = members.values().filter_map(|member| {
            let secret = member.secret?;
            Some((member.namespace, secret, member.owner()))
        });
        let sessions = gone.chain(here).collect();
        drop((departed, members));
        (SessionId(self.last.load(Ordering::Relaxed)), sessions)
    }

    /// Returns a roster on which nobody is yet, whose `sessions` can come back.
    pub(crate) fn restored(
        last: SessionId,
        sessions: impl IntoIterator<Item = (NamespaceId, Fingerprint, Arc<Owner>)>,
    ) -> Self {
        let departed = |(namespace, secret, owner)| Departed {
            secret,
            namespace,
            owner,
        };
        Self {
            last: AtomicU64::new(last.0),
            members: Mutex::default(),
            departed: Mutex::new(sessions.into_iter().map(departed).collect::<VecDeque<_>>()),
        }
    }
}
