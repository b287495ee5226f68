//! The sessions that an image of the board shows, and those that a new board takes over from one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Actor, Company, Departed, Introduction, Member, Roster, lock};
use crate::board::{Fingerprint, GRACE, NamespaceId, Owner, Presence, SessionId, Time};

/// A session that can come back.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) namespace: NamespaceId,
    /// How it proves itself.
    pub(crate) secret: Fingerprint,
    /// Who acts in it without giving a name.
    pub(crate) owner: Arc<Owner>,
    /// When it left, unless it is here.
    pub(crate) left: Option<Time>,
}

impl Roster {
    /// Returns the highest number of a session, and the sessions that could come back: those that left
    /// first, then those that are here.
    pub(crate) fn to_save(&self) -> (SessionId, Vec<Saved>) {
        // Both at once: who leaves goes from one list to the other.
        let members = lock(&self.members);
        let departed = lock(&self.departed);
        let gone = departed.iter();
        let gone = gone.map(|one| (&one.member, Some(one.until.before(GRACE))));
        let all = gone.chain(members.values().map(|member| (member, None)));
        let sessions = all.filter_map(|(member, left)| {
            Some(Saved {
                namespace: member.namespace,
                secret: member.secret?,
                owner: member.owner(),
                left,
            })
        });
        let sessions = sessions.collect();
        drop((departed, members));
        (SessionId(self.last.load(Ordering::Relaxed)), sessions)
    }

    /// Returns the aliases in all sessions that could come back, each of the one who is called so, with the name that
    /// its hooks know it by.
    pub(crate) fn aliases_to_save(&self) -> Vec<(Arc<Owner>, Arc<str>)> {
        let members = lock(&self.members);
        let departed = lock(&self.departed);
        let all = departed.iter().map(|one| &one.member).chain(members.values());
        let of_session = |member: &Arc<Member>| {
            let session = member.owner().session;
            let aliases = member.all_aliases().into_iter();
            aliases.map(move |(alias, known)| (Owner::new(&alias, session), known))
        };
        let can_return = |member: &&Arc<Member>| member.secret.is_some();
        let aliases = all.filter(can_return).flat_map(of_session).collect();
        drop((departed, members));
        aliases
    }

    /// Returns a roster on which nobody is yet at `now`, whose `sessions` can come back, each with its company. Those
    /// that had not left do so now.
    pub(crate) fn restored(
        last: SessionId,
        sessions: impl IntoIterator<Item = (Saved, Company)>,
        now: Time,
    ) -> Self {
        // Who comes back gets the presence that its leases have; this one only names it.
        let presence = |owner| Presence::new(owner, Duration::ZERO, now);
        let departed = |(saved, company)| {
            let Saved {
                namespace,
                secret,
                owner,
                left,
            } = saved;
            let actor = Actor::new(presence(owner));
            let member = Member::new(actor, Introduction::default(), Some(secret), namespace, now);
            member.accompany(company, presence);
            Departed {
                member: Arc::new(member),
                until: left.unwrap_or(now).after(GRACE),
            }
        };
        Self {
            last: AtomicU64::new(last.0),
            members: Mutex::default(),
            departed: Mutex::new(sessions.into_iter().map(departed).collect()),
        }
    }
}
