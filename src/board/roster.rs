//! Who is attached: one row for each live session, under names that never collide.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::{NamespaceId, Owner, Presence, Refusal, SessionId, Time};

/// How those are called who asked for no name and have not said what they are.
const NAMELESS: &str = "anonymous";
/// How many sessions that left can still come back as themselves.
const MAX_DEPARTED: usize = 1_000;
/// The most agents that share a session.
const MAX_ACTORS: usize = 64;
/// What no agent is called: the person at the board, and the box of messages that nobody could take.
const RESERVED: [&str; 2] = [Owner::HUMAN, "dead"];

/// What proves that a new connection is an old session come back. It is never shown.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Arc<str>);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

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

#[derive(Debug)]
struct Departed {
    secret: Secret,
    namespace: NamespaceId,
    owner: Arc<Owner>,
}

/// One live session.
#[derive(Debug)]
pub(crate) struct Member {
    actor: RwLock<Arc<Actor>>,
    /// Those who call under names of their own in the same session.
    others: Mutex<BTreeMap<Arc<str>, Arc<Actor>>>,
    client: RwLock<Option<Arc<str>>>,
    introduction: Introduction,
    secret: Option<Secret>,
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
        secret: Option<Secret>,
        now: Time,
        presence: impl FnOnce(&Arc<Owner>, bool) -> Arc<Presence>,
    ) -> Arc<Member> {
        let mut members = lock(&self.members);
        let returning = secret
            .as_ref()
            .and_then(|secret| self.returning(&members, namespace, secret));
        let is_back = returning.is_some();
        let owner = match returning {
            Some(owner) if is_free(&members, owner.session, &owner.name) => owner,
            returning => {
                let fresh = || SessionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
                let id = returning.map_or_else(fresh, |owner| owner.session);
                let name = match introduction
                    .name
                    .as_deref()
                    .map(clean)
                    .filter(|name| !name.is_empty())
                {
                    Some(name) => free_name(&members, id, &name, false),
                    None => free_name(&members, id, NAMELESS, true),
                };
                Owner::new(&name, id)
            }
        };
        let member = Arc::new(Member {
            actor: RwLock::new(Actor::new(presence(&owner, is_back))),
            others: Mutex::default(),
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
        secret: &Secret,
    ) -> Option<Arc<Owner>> {
        let mut live = members.values();
        if let Some(member) =
            live.find(|member| member.namespace == namespace && member.secret.as_ref() == Some(secret))
        {
            return Some(member.owner());
        }
        let mut departed = lock(&self.departed);
        let at = departed
            .iter()
            .position(|one| one.namespace == namespace && one.secret == *secret)?;
        departed.remove(at).map(|one| one.owner)
    }

    /// Learns what program `member` is; one that asked for no name is called after it.
    /// Tells whether anything is new.
    pub(crate) fn introduce(
        &self,
        member: &Member,
        program: &str,
        version: &str,
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
            let name = free_name(&members, id, &program, true);
            let actor = Actor::new(presence(&Owner::new(&name, id)));
            *member.actor.write().unwrap_or_else(PoisonError::into_inner) = actor;
            drop(members);
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
        if name.is_empty() || !is_free(&members, id, &name) {
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

    /// Removes a session, unless a newer connection has taken it over; tells whether it is gone.
    pub(crate) fn leave(&self, member: &Arc<Member>) -> bool {
        let owner = member.owner();
        // Held to the end, so that nobody comes back between the two lists and is on neither.
        let mut members = lock(&self.members);
        let current = members.get(&owner.session);
        if !current.is_some_and(|current| Arc::ptr_eq(current, member)) {
            return false;
        }
        members.remove(&owner.session);
        if let Some(secret) = member.secret.clone() {
            let mut departed = lock(&self.departed);
            departed.push_back(Departed {
                secret,
                namespace: member.namespace,
                owner,
            });
            if departed.len() > MAX_DEPARTED {
                departed.pop_front();
            }
        }
        drop(members);
        true
    }

    /// Returns everyone in the order of arrival.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        let members = lock(&self.members);
        members.values().flat_map(|member| member.as_agents()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.members).len()
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

/// Returns `name` with only those characters that a key can hold, since names become parts of keys.
pub(super) fn clean(name: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.trim().chars().take(64).map(fits).collect()
}

/// Tells whether the name is not reserved and nobody of another live session than `own` is called so.
fn is_free(members: &BTreeMap<SessionId, Arc<Member>>, own: SessionId, name: &str) -> bool {
    let mut others = members.iter().filter(|(id, _)| **id != own);
    !RESERVED.contains(&name) && others.all(|(_, member)| !member.is_called(name))
}

/// Returns `base`, or `base-<n>` with the lowest free number, which is 1 when a number is wanted anyway.
fn free_name(
    members: &BTreeMap<SessionId, Arc<Member>>,
    own: SessionId,
    base: &str,
    numbered: bool,
) -> String {
    if !numbered && is_free(members, own, base) {
        return base.to_owned();
    }
    // Gathered once: with a thousand agents of one name, asking each for each number takes milliseconds.
    let others = members.iter().filter(|(id, _)| **id != own);
    let mut taken: HashSet<Arc<str>> = HashSet::new();
    for (_, member) in others {
        taken.insert(Arc::clone(&member.owner().name));
        taken.extend(lock(&member.others).keys().cloned());
    }
    let first = if numbered { 1 } else { 2 };
    let mut names = (first..u64::MAX).map(|number| format!("{base}-{number}"));
    names
        .find(|name| !taken.contains(&**name))
        .unwrap_or_else(|| base.to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn enter(roster: &Roster, name: Option<&str>) -> Arc<Member> {
        let introduction = Introduction {
            name: name.map(str::to_owned),
            ..Introduction::default()
        };
        roster.enter(NamespaceId(0), introduction, None, Time::default(), |owner, _| {
            here(owner)
        })
    }

    fn here(owner: &Arc<Owner>) -> Arc<Presence> {
        Presence::new(Arc::clone(owner), Duration::from_secs(900), Time::default())
    }

    #[test]
    fn two_live_sessions_never_share_a_name() {
        let roster = Roster::default();
        let first = enter(&roster, Some("worker"));
        let second = enter(&roster, Some("worker"));
        assert_eq!(
            (&*first.owner().name, &*second.owner().name),
            ("worker", "worker-2")
        );
        roster.leave(&first);
        assert_eq!(&*enter(&roster, Some("worker")).owner().name, "worker");
    }

    #[test]
    fn no_agent_is_taken_for_the_person() {
        let roster = Roster::default();
        assert_eq!(&*enter(&roster, Some("human")).owner().name, "human-2");
    }

    #[test]
    fn who_gives_no_name_is_called_after_its_program() {
        let roster = Roster::default();
        let (first, second) = (enter(&roster, None), enter(&roster, None));
        assert_eq!(&*first.owner().name, "anonymous-1");
        assert!(roster.introduce(&first, "claude code", "2.1", here));
        assert!(!roster.introduce(&first, "claude code", "2.1", here));
        assert!(roster.introduce(&second, "claude code", "2.1", here));
        assert_eq!(
            (&*first.owner().name, &*second.owner().name),
            ("claude-code-1", "claude-code-2")
        );
        let named = enter(&roster, Some("lead"));
        assert!(roster.introduce(&named, "codex", "", here));
        assert_eq!(&*named.owner().name, "lead");
        assert_eq!(named.as_agents()[0].client.as_deref(), Some("codex"));
    }

    #[test]
    fn a_secret_brings_a_session_back_also_before_its_old_connection_is_seen_to_close() {
        let roster = Roster::default();
        let enter = |secret: &str, namespace| {
            let introduction = Introduction {
                name: Some("worker".to_owned()),
                ..Introduction::default()
            };
            roster.enter(
                NamespaceId(namespace),
                introduction,
                Some(Secret::from(secret)),
                Time::default(),
                |owner, _| here(owner),
            )
        };
        let first = enter("s1", 0);
        let taken_over = enter("s1", 0);
        assert_eq!(first.owner(), taken_over.owner());
        roster.leave(&first);
        assert_eq!(roster.len(), 1);
        roster.leave(&taken_over);
        let stranger = enter("s2", 0);
        assert_eq!(&*stranger.owner().name, "worker");
        let back = enter("s1", 0);
        assert_eq!(back.owner().session, first.owner().session);
        assert_eq!(
            &*back.owner().name,
            "worker-2",
            "the name has been given away meanwhile"
        );
        assert_ne!(
            enter("s1", 1).owner().session,
            first.owner().session,
            "another namespace is another session"
        );
    }

    #[test]
    fn several_agents_share_a_session_under_names_of_their_own() {
        let roster = Roster::default();
        let (lead, other) = (enter(&roster, Some("lead")), enter(&roster, Some("other")));
        let helper = roster.actor(&lead, "helper", here).unwrap();
        assert_eq!(helper.owner().session, lead.owner().session);
        assert!(Arc::ptr_eq(
            &helper,
            &roster.actor(&lead, "helper", here).unwrap()
        ));
        assert!(Arc::ptr_eq(
            &lead.actor(),
            &roster.actor(&lead, "lead", here).unwrap()
        ));
        for taken in ["other", "human", "dead", ""] {
            assert!(roster.actor(&lead, taken, here).is_err(), "{taken}");
        }
        assert!(roster.actor(&other, "helper", here).is_err());
        assert_eq!(&*enter(&roster, Some("helper")).owner().name, "helper-2");
        let names: Vec<_> = roster
            .agents()
            .into_iter()
            .map(|agent| agent.owner.name.to_string())
            .collect();
        assert_eq!(names, ["lead", "helper", "other", "helper-2"]);
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::from("hush")), "Secret(…)");
    }
}
