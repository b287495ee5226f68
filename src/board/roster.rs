//! Who is attached: one row for each live session, under names that never collide.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{NamespaceId, Owner, SessionId, Time};

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
}

/// One live session.
#[derive(Debug)]
pub(crate) struct Member {
    owner: RwLock<Arc<Owner>>,
    client: RwLock<Option<Arc<str>>>,
    introduction: Introduction,
    pub(crate) namespace: NamespaceId,
    since: Time,
    calls: AtomicU64,
    last_call: Mutex<Option<(&'static str, Time)>>,
}

impl Roster {
    /// Adds a session under the name it asks for, or under `anonymous-<n>` until it says what it is.
    pub(crate) fn enter(&self, namespace: NamespaceId, introduction: Introduction, now: Time) -> Arc<Member> {
        let id = SessionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        let mut members = lock(&self.members);
        let name = match introduction
            .name
            .as_deref()
            .map(clean)
            .filter(|name| !name.is_empty())
        {
            Some(name) => free_name(&members, id, &name, false),
            None => free_name(&members, id, "anonymous", true),
        };
        let member = Arc::new(Member {
            owner: RwLock::new(Owner::new(&name, id)),
            client: RwLock::default(),
            introduction,
            namespace,
            since: now,
            calls: AtomicU64::new(0),
            last_call: Mutex::default(),
        });
        members.insert(id, Arc::clone(&member));
        member
    }

    /// Learns what program `member` is; one that asked for no name is called after it.
    /// Tells whether anything is new.
    pub(crate) fn introduce(&self, member: &Member, program: &str, version: &str) -> bool {
        let client = format!("{program} {version}");
        if read(&member.client).as_deref() == Some(client.trim()) {
            return false;
        }
        *member.client.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(client.trim()));
        let asked = member
            .introduction
            .name
            .as_deref()
            .map(clean)
            .is_some_and(|name| !name.is_empty());
        let program = clean(program);
        if !asked && !program.is_empty() {
            let members = lock(&self.members);
            let id = member.owner().session;
            let name = free_name(&members, id, &program, true);
            *member.owner.write().unwrap_or_else(PoisonError::into_inner) = Owner::new(&name, id);
            drop(members);
        }
        true
    }

    /// Removes a session.
    pub(crate) fn leave(&self, member: &Member) {
        lock(&self.members).remove(&member.owner().session);
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
fn clean(name: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.trim().chars().take(64).map(fits).collect()
}

/// Returns `base`, or `base-<n>` with the lowest free number, which is 1 when a number is wanted anyway.
fn free_name(
    members: &BTreeMap<SessionId, Arc<Member>>,
    own: SessionId,
    base: &str,
    numbered: bool,
) -> String {
    let taken = |name: &str| {
        let others = members.iter().filter(|(id, _)| **id != own);
        others
            .map(|(_, member)| member.owner())
            .any(|owner| *owner.name == *name)
    };
    if !numbered && !taken(base) {
        return base.to_owned();
    }
    let first = if numbered { 1 } else { 2 };
    let mut names = (first..u64::MAX).map(|number| format!("{base}-{number}"));
    names.find(|name| !taken(name)).unwrap_or_else(|| base.to_owned())
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
        roster.enter(NamespaceId(0), introduction, Time::default())
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
}
