//! Who is attached: one row for each live session, under names that never collide.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::{NamespaceId, Owner, SessionId, Time};

/// How those are called who asked for no name and have not said what they are.
const NAMELESS: &str = "anonymous";
/// How many sessions that left can still come back as themselves.
const MAX_DEPARTED: usize = 1_000;

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
    owner: RwLock<Arc<Owner>>,
    client: RwLock<Option<Arc<str>>>,
    introduction: Introduction,
    secret: Option<Secret>,
    pub(crate) namespace: NamespaceId,
    since: Time,
    calls: AtomicU64,
    last_call: Mutex<Option<(&'static str, Time)>>,
}

impl Roster {
    /// Adds a session under the name it asks for, or under `anonymous-<n>` until it says what it is.
    ///
    /// One that brings the secret of a session of this namespace is that session: it keeps its number and
    /// its name, also while the old connection has not been seen to close.
    pub(crate) fn enter(
        &self,
        namespace: NamespaceId,
        introduction: Introduction,
        secret: Option<Secret>,
        now: Time,
    ) -> Arc<Member> {
        let mut members = lock(&self.members);
        let owner = match secret
            .as_ref()
            .and_then(|secret| self.returning(&members, namespace, secret))
        {
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
            owner: RwLock::new(Arc::clone(&owner)),
            client: RwLock::default(),
            introduction,
            secret,
            namespace,
            since: now,
            calls: AtomicU64::new(0),
            last_call: Mutex::default(),
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
    pub(crate) fn introduce(&self, member: &Member, program: &str, version: &str) -> bool {
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
            *member.owner.write().unwrap_or_else(PoisonError::into_inner) = Owner::new(&name, id);
            drop(members);
        }
        true
    }

    /// Removes a session, unless a newer connection has taken it over.
    pub(crate) fn leave(&self, member: &Arc<Member>) {
        let owner = member.owner();
        // Held to the end, so that nobody comes back between the two lists and is on neither.
        let mut members = lock(&self.members);
        let current = members.get(&owner.session);
        if !current.is_some_and(|current| Arc::ptr_eq(current, member)) {
            return;
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
    }

    /// Returns everyone in the order of arrival.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        lock(&self.members)
            .values()
            .map(|member| member.as_agent())
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.members).len()
    }
}

impl Member {
    pub(crate) fn owner(&self) -> Arc<Owner> {
        Arc::clone(&read(&self.owner))
    }

    /// Notes that the session called `tool` at `now`.
    pub(crate) fn called(&self, tool: &'static str, now: Time) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_call) = Some((tool, now));
    }

    fn as_agent(&self) -> Agent {
        Agent {
            owner: self.owner(),
            client: read(&self.client).clone(),
            introduction: self.introduction.clone(),
            namespace: self.namespace,
            since: self.since,
            last_call: *lock(&self.last_call),
            calls: self.calls.load(Ordering::Relaxed),
        }
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

/// Tells whether neither the person nor another live session than `own` is called `name`.
fn is_free(members: &BTreeMap<SessionId, Arc<Member>>, own: SessionId, name: &str) -> bool {
    let mut others = members.iter().filter(|(id, _)| **id != own);
    name != Owner::HUMAN && others.all(|(_, member)| *member.owner().name != *name)
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
    let owners: Vec<Arc<Owner>> = others.map(|(_, member)| member.owner()).collect();
    let taken: HashSet<&str> = owners.iter().map(|owner| &*owner.name).collect();
    let first = if numbered { 1 } else { 2 };
    let mut names = (first..u64::MAX).map(|number| format!("{base}-{number}"));
    names
        .find(|name| !taken.contains(name.as_str()))
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
    use super::*;

    fn enter(roster: &Roster, name: Option<&str>) -> Arc<Member> {
        let introduction = Introduction {
            name: name.map(str::to_owned),
            ..Introduction::default()
        };
        roster.enter(NamespaceId(0), introduction, None, Time::default())
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
        assert!(roster.introduce(&first, "claude code", "2.1"));
        assert!(!roster.introduce(&first, "claude code", "2.1"));
        assert!(roster.introduce(&second, "claude code", "2.1"));
        assert_eq!(
            (&*first.owner().name, &*second.owner().name),
            ("claude-code-1", "claude-code-2")
        );
        let named = enter(&roster, Some("lead"));
        assert!(roster.introduce(&named, "codex", ""));
        assert_eq!(&*named.owner().name, "lead");
        assert_eq!(named.as_agent().client.as_deref(), Some("codex"));
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
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::from("hush")), "Secret(…)");
    }
}
