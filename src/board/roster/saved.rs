//! The sessions that an image of the board shows, and those that a new board takes over from one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use super::{Actor, Departed, Introduction, Member, Roster, lock};
use crate::board::{Fingerprint, GRACE, NamespaceId, Owner, Presence, SessionId, Time};

/// A session that can come back: where, how it proves itself, and who it is.
pub(crate) type Saved = (NamespaceId, Fingerprint, Arc<Owner>);

impl Roster {
    /// Returns the highest number of a session, and the sessions that could come back: those that left
    /// first, then those that are here.
    pub(crate) fn to_save(&self) -> (SessionId, Vec<Saved>) {
        // Both at once: who leaves goes from one list to the other.
        let members = lock(&self.members);
        let departed = lock(&self.departed);
        let all = departed.iter().map(|one| &one.member).chain(members.values());
        let sessions = all.filter_map(|member| Some((member.namespace, member.secret?, member.owner())));
        let sessions = sessions.collect();
        drop((departed, members));
        (SessionId(self.last.load(Ordering::Relaxed)), sessions)
    }

    /// Returns a roster on which nobody is yet, whose `sessions` left at `now` and can come back.
    pub(crate) fn restored(last: SessionId, sessions: impl IntoIterator<Item = Saved>, now: Time) -> Self {
        let departed = |(namespace, secret, owner)| {
            // Who comes back gets the presence that its leases have; this one only names it.
            let presence = Presence::new(owner, Duration::ZERO, now);
            let member = Arc::new(Member {
                actor: RwLock::new(Actor::new(presence)),
                others: Mutex::default(),
                expected: Mutex::default(),
                aliases: Mutex::default(),
                client: RwLock::default(),
                introduction: Introduction::default(),
                secret: Some(secret),
                namespace,
                since: now,
            });
            Departed {
                member,
                until: now.after(GRACE),
            }
        };
        Self {
            last: AtomicU64::new(last.0),
            members: Mutex::default(),
            departed: Mutex::new(sessions.into_iter().map(departed).collect()),
        }
    }
}
