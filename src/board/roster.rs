//! Who is attached: one row for each live session, under names that never collide.

mod names;
mod saved;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

pub use names::MAX_NAME_CHARS;
use names::Names;
pub(super) use names::clean;
pub(super) use saved::Saved;

use super::{Fingerprint, GRACE, NamespaceId, Owner, Presence, Refusal, SessionId, Time};

/// How those are called who asked for no name and have not said what they are.
const NAMELESS: &str = "anonymous";
/// How many sessions that left can still come back as themselves.
const MAX_DEPARTED: usize = 1_000;
/// The most agents that share a session.
const MAX_ACTORS: usize = 64;
/// The most calls of a session whose makers are known before they come.
const MAX_EXPECTED: usize = 256;

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

/// One live session.
#[derive(Debug)]
pub(crate) struct Member {
    actor: RwLock<Arc<Actor>>,
    /// Those who call under names of their own in the same session.
    others: Mutex<BTreeMap<Arc<str>, Arc<Actor>>>,
    /// Calls that are about to come, each with the name of the one who makes it; the oldest first.
    expected: Mutex<VecDeque<(Box<str>, Arc<str>)>>,
    /// What agents call themselves in their calls, each with the name that its hooks know it by.
    aliases: Mutex<BTreeMap<Arc<str>, Arc<str>>>,
    client: RwLock<Option<Arc<str>>>,
    pub(crate) introduction: Introduction,
    secret: Option<Fingerprint>,
    pub(crate) namespace: NamespaceId,
    since: Time,
}

/// One who calls.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) presence: Arc<Presence>,
    calls: AtomicU64,
    last_call: Mutex<Option<(&'static str, Time)>>,
}

impl Actor {
    fn new(presence: Arc<Presence>) -> Arc<Self> {
        Arc::new(Self {
            presence,
            calls: AtomicU64::new(0),
            last_call: Mutex::default(),
        })
    }

    pub(crate) fn owner(&self) -> &Arc<Owner> {
        self.presence.owner()
    }

    /// Notes a call of `tool` at `now`.
    pub(crate) fn called(&self, tool: &'static str, now: Time) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_call) = Some((tool, now));
    }
}

impl Roster {
    /// Adds a session under the name it asks for, or under `anonymous-<n>` until it says what it is.
    ///
    /// One that brings the secret of a session of this namespace is that session: it keeps its number and
    /// its name, also while the old connection has not been seen to close. `presence` finds the presence of
    /// an owner.
    pub(crate) fn enter(
        &self,
        namespace: NamespaceId,
        introduction: Introduction,
        secret: Option<Fingerprint>,
        now: Time,
        presence: impl FnOnce(&Arc<Owner>, bool) -> Arc<Presence>,
    ) -> Arc<Member> {
        let mut members = lock(&self.members);
        let returning = secret.and_then(|secret| self.returning(&members, namespace, secret));
        let is_back = returning.is_some();
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
        drop(departed);
        let member = Arc::new(Member {
            actor: RwLock::new(Actor::new(presence(&owner, is_back))),
            others: Mutex::default(),
            expected: Mutex::default(),
            aliases: Mutex::default(),
            client: RwLock::default(),
            introduction,
            secret,
            namespace,
            since: now,
        });
        members.insert(owner.session, Arc::clone(&member));
        drop(members);
        member
    }

    fn returning(
        &self,
        members: &BTreeMap<SessionId, Arc<Member>>,
        namespace: NamespaceId,
        secret: Fingerprint,
    ) -> Option<Arc<Owner>> {
        let is_it = |member: &Arc<Member>| member.namespace == namespace && member.secret == Some(secret);
        if let Some(member) = members.values().find(|member| is_it(member)) {
            return Some(member.owner());
        }
        let mut departed = lock(&self.departed);
        let at = departed.iter().position(|one| is_it(&one.member))?;
        departed.remove(at).map(|one| one.member.owner())
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
    /// Refuses the name of somebody in another live session, since two of one name could not be told apart.
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
        if let Some(known) = lock(&member.others).get(name.as_str()) {
            return Ok(Arc::clone(known));
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

    /// Returns who calls as `name` in the session of `member`, or in another live one of the same client.
    pub(crate) fn actor_of_client(
        &self,
        member: &Member,
        name: &str,
        now: Time,
        presence: impl FnOnce(&Arc<Owner>) -> Arc<Presence>,
    ) -> Result<Arc<Actor>, Refusal> {
        self.actor(member, name, now, presence)
            .or_else(|refusal| self.elsewhere(member, name).ok_or(refusal))
    }

    fn elsewhere(&self, member: &Member, name: &str) -> Option<Arc<Actor>> {
        let client = member.introduction.ppid?;
        let name = clean(name);
        let siblings = self.of_process(&[client]).into_iter();
        let mut siblings = siblings.filter(|one| one.namespace == member.namespace);
        siblings.find_map(|one| lock(&one.others).get(name.as_str()).cloned())
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
                until: now.after(GRACE),
            });
            if departed.len() > MAX_DEPARTED {
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
            let own = departed.iter_mut().filter(|one| Arc::ptr_eq(&one.member, member));
            own.for_each(|one| one.until = Time::default());
            drop(departed);
            last();
        }
        drop(members);
    }

    /// Returns the live sessions that the first of `processes` opened which opened any, the oldest first.
    pub(crate) fn of_process(&self, processes: &[u32]) -> Vec<Arc<Member>> {
        let members = lock(&self.members);
        let opened_by = |process: &u32| {
            let is_its = |member: &&Arc<Member>| member.introduction.ppid == Some(*process);
            let sessions: Vec<_> = members.values().filter(is_its).cloned().collect();
            (!sessions.is_empty()).then_some(sessions)
        };
        processes.iter().find_map(opened_by).unwrap_or_default()
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

    /// Returns how many sessions of agents there are.
    pub(crate) fn len(&self) -> usize {
        let members = lock(&self.members);
        members
            .values()
            .filter(|member| !member.introduction.aside)
            .count()
    }
}

impl Member {
    /// Returns who calls without giving a name.
    pub(crate) fn actor(&self) -> Arc<Actor> {
        Arc::clone(&read(&self.actor))
    }

    pub(crate) fn owner(&self) -> Arc<Owner> {
        Arc::clone(read(&self.actor).owner())
    }

    /// Notes that `name` makes the call `id`, which is about to come.
    pub(crate) fn expect(&self, id: &str, name: &str) {
        let mut expected = lock(&self.expected);
        if expected.len() == MAX_EXPECTED {
            expected.pop_front();
        }
        expected.push_back((Box::from(id), Arc::from(name)));
    }

    /// Returns who makes the call `id`, if that was said before.
    pub(crate) fn expected(&self, id: &str) -> Option<Arc<str>> {
        let is_it = |(known, _): &&(Box<str>, Arc<str>)| **known == *id;
        let found = lock(&self.expected).iter().rev().find(is_it).cloned();
        found.map(|(_, name)| name)
    }

    /// Notes that the agent that is known as `name` calls itself `alias`, which is one who calls. A name by which
    /// another agent of the session is known is that one's.
    pub(crate) fn note_alias(&self, alias: &Arc<str>, name: &Arc<str>) {
        let is_known = lock(&self.expected).iter().any(|(_, known)| known == alias);
        if !is_known && *alias != self.owner().name {
            lock(&self.aliases).insert(Arc::clone(alias), Arc::clone(name));
        }
    }

    /// Returns what else the agent calls itself that is known as `name`.
    pub(crate) fn aliases(&self, name: &str) -> Vec<Arc<str>> {
        let mut own = lock(&self.aliases).clone();
        own.retain(|_, known| **known == *name);
        own.into_keys().collect()
    }

    /// Forgets the one who calls as `name`.
    pub(crate) fn dismiss(&self, name: &str) {
        let name = clean(name);
        lock(&self.others).remove(name.as_str());
        lock(&self.aliases).remove(name.as_str());
    }

    fn is_called(&self, name: &str) -> bool {
        *self.owner().name == *name || lock(&self.others).contains_key(name)
    }

    fn as_agents(&self) -> Vec<Agent> {
        let agent = |actor: &Arc<Actor>| Agent {
            owner: Arc::clone(actor.owner()),
            client: read(&self.client).clone(),
            introduction: self.introduction.clone(),
            namespace: self.namespace,
            since: self.since,
            last_call: *lock(&actor.last_call),
            calls: actor.calls.load(Ordering::Relaxed),
        };
        let main = self.actor();
        let others = lock(&self.others);
        std::iter::once(&main).chain(others.values()).map(agent).collect()
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
