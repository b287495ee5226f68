//! Who is attached: one row for each live session, under names that never collide.

mod member;
mod names;
mod opener;
mod saved;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub(super) use member::{Actor, Company, Member};
pub use names::MAX_NAME_CHARS;
use names::Names;
pub(super) use names::clean;
pub use opener::Opener;
pub(super) use saved::Saved;

use super::{Fingerprint, GRACE, NamespaceId, Owner, Presence, Refusal, SessionId, Time};

/// How those are called who asked for no name and have not said what they are.
const NAMELESS: &str = "anonymous";
/// How many sessions that left can still come back as themselves when their grace time is over.
const MAX_DEPARTED: usize = 1_000;
/// How many there can be at all: twice as many as are served at a time, so that all of those can leave together, as
/// they do when the board changes hands, and come back to what they hold.
const MAX_AWAY: usize = 2_048;
/// The most agents that share a session.
const MAX_ACTORS: usize = 64;

/// What a connection says of itself. All of it is self-reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// The name it asks for.
    pub name: Option<String>,
    /// The process at the other end of the socket.
    pub pid: Option<u32>,
    /// The process that started it: the agent itself when the connection is a bridge.
    pub ppid: Option<u32>,
    /// The directory it works in.
    pub cwd: Option<PathBuf>,
    /// Whether no agent is behind it: then nobody sees it on the board, and no message goes to it.
    pub aside: bool,
}

/// An attached agent, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Who it is.
    pub owner: Arc<Owner>,
    /// The program, as it calls itself, such as `claude-code 2.1.329`.
    pub client: Option<Arc<str>>,
    /// What it said when it came.
    pub introduction: Introduction,
    /// The namespace it works in.
    pub namespace: NamespaceId,
    /// When it came.
    pub since: Time,
    /// What it called last, and when.
    pub last_call: Option<(&'static str, Time)>,
    /// How many calls it has made.
    pub calls: u64,
}

/// The live sessions.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    last: AtomicU64,
    members: Mutex<BTreeMap<SessionId, Arc<Member>>>,
    /// Sessions with a secret that left lately, oldest first.
    departed: Mutex<VecDeque<Departed>>,
}

/// A session that left and can come back.
#[derive(Debug)]
struct Departed {
    member: Arc<Member>,
    /// Until when its name is nobody else's, for what it holds is held under that name.
    until: Time,
}

impl Roster {
    /// Adds a session under the name it asks for, or under `anonymous-<n>` until it says what it is.
    ///
    /// One that brings the secret of a session of this namespace is that session: it keeps its number, its name
    /// and those who share it, also while the old connection has not been seen to close. `presence` finds the
    /// presence of an owner, and is told once that the session is back.
    pub(crate) fn enter(
        &self,
        namespace: NamespaceId,
        introduction: Introduction,
        secret: Option<Fingerprint>,
        now: Time,
        presence: impl Fn(&Arc<Owner>, bool) -> Arc<Presence>,
    ) -> Arc<Member> {
        let mut members = lock(&self.members);
        let earlier = secret.and_then(|secret| self.returning(&members, namespace, secret));
        let returning = earlier.as_ref().map(|earlier| earlier.owner());
        let departed = lock(&self.departed);
        let names = Names {
            members: &members,
            departed: &departed,
            now,
        };
        let owner = match returning {
            Some(owner) if names.is_free(owner.session, &owner.name) => owner,
            returning => {
                let fresh = || SessionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
                let id = returning.map_or_else(fresh, |owner| owner.session);
                let name = match introduction
                    .name
                    .as_deref()
                    .map(clean)
                    .filter(|name| !name.is_empty())
                {
                    Some(name) => names.free(id, &name, false),
                    None => names.free(id, NAMELESS, true),
                };
                Owner::new(&name, id)
            }
        };
        let actor = Actor::new(presence(&owner, earlier.is_some()));
        let member = Arc::new(Member::new(actor, introduction, secret, namespace, now));
        if let Some(earlier) = earlier {
            let is_free = |name: &str| names.is_free(owner.session, name);
            member.go_on_from(&earlier, is_free, |owner| presence(owner, false));
        }
        drop(departed);
        members.insert(owner.session, Arc::clone(&member));
        drop(members);
        member
    }

    fn returning(
        &self,
        members: &BTreeMap<SessionId, Arc<Member>>,
        namespace: NamespaceId,
        secret: Fingerprint,
    ) -> Option<Arc<Member>> {
        let is_it = |member: &Arc<Member>| member.namespace == namespace && member.secret == Some(secret);
        if let Some(member) = members.values().find(|member| is_it(member)) {
            return Some(Arc::clone(member));
        }
        let mut departed = lock(&self.departed);
        let at = departed.iter().position(|one| is_it(&one.member))?;
        departed.remove(at).map(|one| one.member)
    }

    /// Learns what program `member` is; one that asked for no name is called after it.
    /// Tells whether anything is new.
    pub(crate) fn introduce(
        &self,
        member: &Member,
        program: &str,
        version: &str,
        now: Time,
        presence: impl FnOnce(&Arc<Owner>) -> Arc<Presence>,
    ) -> bool {
        let client = format!("{program} {version}");
        if read(&member.client).as_deref() == Some(client.trim()) {
            return false;
        }
        *member.client.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(client.trim()));
        let program = clean(program);
        if !program.is_empty() && member.owner().name.starts_with(NAMELESS) {
            let members = lock(&self.members);
            let id = member.owner().session;
            let departed = lock(&self.departed);
            let names = Names {
                members: &members,
                departed: &departed,
                now,
            };
            let name = names.free(id, &program, true);
            let actor = Actor::new(presence(&Owner::new(&name, id)));
            *member.actor.write().unwrap_or_else(PoisonError::into_inner) = actor;
            drop((departed, members));
        }
        true
    }

    /// Returns who calls as `name` in the session of `member`.
    ///
    /// Refuses the name of somebody in another session that is live or may be back in a moment, since two of one
    /// name could not be told apart.
    pub(crate) fn actor(
        &self,
        member: &Member,
        name: &str,
        now: Time,
        presence: impl FnOnce(&Arc<Owner>) -> Arc<Presence>,
    ) -> Result<Arc<Actor>, Refusal> {
        let refuse = |problem| Err(Refusal::Invalid { field: "as", problem });
        let name = clean(name);
        let actor = member.actor();
        if *name == *actor.owner().name {
            return Ok(actor);
        }
        if let Some(known) = member.other(&name) {
            return Ok(known);
        }
        let members = lock(&self.members);
        let id = actor.owner().session;
        if !members.contains_key(&id) {
            // Nobody would note any more that it leaves.
            return Err(Refusal::left());
        }
        let departed = lock(&self.departed);
        let names = Names {
            members: &members,
            departed: &departed,
            now,
        };
        let is_free = names.is_free(id, &name);
        drop(departed);
        if name.is_empty() || !is_free {
            return refuse(format!("{name:?} is somebody else; choose another name"));
        }
        let mut others = lock(&member.others);
        if others.len() == MAX_ACTORS {
            return refuse(format!("{MAX_ACTORS} agents share this connection already"));
        }
        let owner = Owner::new(&name, id);
        let actor = Actor::new(presence(&owner));
        others.insert(Arc::clone(&owner.name), Arc::clone(&actor));
        drop((others, members));
        Ok(actor)
    }

    /// Makes room for one who is to call as `name` in the session of `member`: when there is none, the one is forgotten
    /// whose last call is the longest ago among those who are not `busy`.
    pub(crate) fn make_room(member: &Member, name: &str, busy: impl Fn(&Owner) -> bool) {
        let name = clean(name);
        if member.others() == MAX_ACTORS && *name != *member.owner().name && member.other(&name).is_none() {
            member.forget_oldest(busy);
        }
    }

    /// Returns who calls as `name` in the session of `member`, or in another live one of the same client.
    pub(crate) fn actor_of_client(
        &self,
        member: &Member,
        name: &str,
        now: Time,
        presence: impl FnOnce(&Arc<Owner>) -> Arc<Presence>,
    ) -> Result<Arc<Actor>, Refusal> {
        let known = member
            .other(&clean(name))
            .or_else(|| self.elsewhere(member, name));
        known.map_or_else(|| self.actor(member, name, now, presence), Ok)
    }

    /// Returns the live session of the agent `known`, or else `member`.
    pub(crate) fn seat(&self, member: &Arc<Member>, known: &Owner) -> Arc<Member> {
        let members = lock(&self.members);
        Arc::clone(members.get(&known.session).unwrap_or(member))
    }

    /// Returns who `alias` is to its hooks, if that is somebody else.
    pub(crate) fn known_as(&self, alias: &Owner) -> Option<Arc<Actor>> {
        let member = lock(&self.members).get(&alias.session).cloned()?;
        member.known_as(&alias.name)
    }

    fn elsewhere(&self, member: &Member, name: &str) -> Option<Arc<Actor>> {
        let client = member.introduction.ppid?;
        let name = clean(name);
        let opener = Opener {
            processes: &[client],
            program: None,
        };
        let siblings = self.opened_by(opener).into_iter();
        let mut siblings = siblings.filter(|one| one.namespace == member.namespace);
        siblings.find_map(|one| one.other(&name))
    }

    /// Tells whether `name`, by which nobody is known in the session of `member`, is that of one in another session of
    /// the same client, which may be back in a moment.
    pub(crate) fn awaits_in_client(&self, member: &Member, name: &str, now: Time) -> bool {
        let name = clean(name);
        if member.is_called(&name) {
            return false;
        }
        let client = member.introduction.ppid;
        let of_client = |one: &Member| one.introduction.ppid.is_none_or(|opener| Some(opener) == client);
        let is_its = |one: &Member| of_client(one) && one.is_called(&name);
        self.with_names(now, |names| names.is_awaited(member.namespace, is_its))
    }

    fn with_names<T>(&self, now: Time, look: impl FnOnce(&Names<'_>) -> T) -> T {
        let members = lock(&self.members);
        let departed = lock(&self.departed);
        let names = Names {
            members: &members,
            departed: &departed,
            now,
        };
        let seen = look(&names);
        drop((departed, members));
        seen
    }

    /// Removes a session at `now`, unless a newer connection has taken it over; `depart` notes its end. If it can
    /// come back, its names are kept for it during the grace time.
    pub(crate) fn leave(&self, member: &Arc<Member>, now: Time, depart: impl FnOnce()) {
        let session = member.owner().session;
        // Held to the end: who comes back meanwhile would be on neither list, or depart after its return.
        let mut members = lock(&self.members);
        let current = members.get(&session);
        if !current.is_some_and(|current| Arc::ptr_eq(current, member)) {
            return;
        }
        members.remove(&session);
        if member.secret.is_some() {
            let mut departed = lock(&self.departed);
            departed.push_back(Departed {
                member: Arc::clone(member),
                until: if member.is_dead() { now } else { now.after(GRACE) },
            });
            while departed.len() > MAX_DEPARTED
                && let Some(at) = departed.iter().position(|one| one.until <= now)
            {
                departed.remove(at);
            }
            if departed.len() > MAX_AWAY {
                departed.pop_front();
            }
        }
        depart();
        drop(members);
    }

    /// Does `last` for the session of `member`, which has died and may have left before, unless a newer connection
    /// has taken it over, and keeps others from taking it over meanwhile. Its names are free again.
    pub(crate) fn unless_taken_over(&self, member: &Arc<Member>, last: impl FnOnce()) {
        let session = member.owner().session;
        let is_newer = |one: &Arc<Member>| one.owner().session == session && !Arc::ptr_eq(one, member);
        let members = lock(&self.members);
        let live = members.get(&session);
        let mut departed = lock(&self.departed);
        if !live.is_some_and(is_newer) && !departed.iter().any(|one| is_newer(&one.member)) {
            member.bury();
            let own = departed.iter_mut().filter(|one| Arc::ptr_eq(&one.member, member));
            own.for_each(|one| one.until = Time::default());
            drop(departed);
            last();
        }
        drop(members);
    }

    /// Returns everyone in the order of arrival.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        let members = lock(&self.members);
        members
            .values()
            .filter(|member| !member.introduction.aside)
            .flat_map(|member| member.as_agents())
            .collect()
    }

    /// Returns how many agents are here, or may be back in a moment, whom another process than `own` has started.
    pub(crate) fn attached(&self, now: Time, own: u32) -> usize {
        let others = |member: &&Arc<Member>| {
            let introduction = &member.introduction;
            !introduction.aside && introduction.ppid != Some(own)
        };
        self.with_names(now, |names| {
            let attached = names.all().filter(others);
            attached.map(|member| 1 + member.others()).sum()
        })
    }

    /// Returns how many sessions of agents there are.
    pub(crate) fn len(&self) -> usize {
        let members = lock(&self.members);
        members
            .values()
            .filter(|member| !member.introduction.aside)
            .count()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
