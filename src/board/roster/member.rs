//! One session on the roster: those who call in it, and what is known of them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::{Agent, Introduction, clean, lock, read};
use crate::board::{DEFAULT_LEASE, Fingerprint, NamespaceId, Owner, Presence, Time};

/// The most calls of a session whose makers are known before they come.
const MAX_EXPECTED: usize = 256;

/// One live session.
#[derive(Debug)]
pub(crate) struct Member {
    pub(super) actor: RwLock<Arc<Actor>>,
    /// Those who call under names of their own in the same session.
    pub(super) others: Mutex<BTreeMap<Arc<str>, Arc<Actor>>>,
    /// Calls that are about to come, each with the name of the one who makes it; the oldest first.
    expected: Mutex<VecDeque<(Box<str>, Arc<str>)>>,
    /// What agents call themselves in their calls, each with the name that its hooks know it by.
    pub(super) aliases: Mutex<BTreeMap<Arc<str>, Arc<str>>>,
    pub(super) client: RwLock<Option<Arc<str>>>,
    pub(crate) introduction: Introduction,
    pub(super) secret: Option<Fingerprint>,
    pub(crate) namespace: NamespaceId,
    since: Time,
    /// Whether its process is gone, which may be noticed before its connection has closed.
    is_dead: AtomicBool,
}

/// Those who share a session under names of their own, as far as an image of the board tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Company {
    /// What they are called.
    pub(crate) names: BTreeSet<Arc<str>>,
    /// What agents call themselves, each with the name that its hooks know it by.
    pub(crate) aliases: BTreeMap<Arc<str>, Arc<str>>,
}

/// One who calls.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) presence: Arc<Presence>,
    /// Whether it is its client that calls it so, over all sessions, and not the agent itself.
    is_of_client: AtomicBool,
    calls: AtomicU64,
    last_call: Mutex<Option<(&'static str, Time)>>,
}

impl Actor {
    pub(super) fn new(presence: Arc<Presence>) -> Arc<Self> {
        Arc::new(Self {
            presence,
            is_of_client: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            last_call: Mutex::default(),
        })
    }

    /// Returns the same one, who is back and has `presence` now.
    fn back(&self, presence: Arc<Presence>) -> Arc<Self> {
        Arc::new(Self {
            presence,
            is_of_client: AtomicBool::new(self.is_of_client.load(Ordering::Relaxed)),
            calls: AtomicU64::new(self.calls.load(Ordering::Relaxed)),
            last_call: Mutex::new(*lock(&self.last_call)),
        })
    }

    pub(crate) fn owner(&self) -> &Arc<Owner> {
        self.presence.owner()
    }

    /// Notes that its client calls it so.
    pub(crate) fn named_by_client(&self) {
        self.is_of_client.store(true, Ordering::Relaxed);
    }

    /// Notes a call of `tool` at `now`.
    pub(crate) fn called(&self, tool: &'static str, now: Time) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_call) = Some((tool, now));
    }
}

impl Member {
    /// Returns a session in which nobody but `actor` has called.
    pub(super) fn new(
        actor: Arc<Actor>,
        introduction: Introduction,
        secret: Option<Fingerprint>,
        namespace: NamespaceId,
        since: Time,
    ) -> Self {
        Self {
            actor: RwLock::new(actor),
            others: Mutex::default(),
            expected: Mutex::default(),
            aliases: Mutex::default(),
            client: RwLock::default(),
            introduction,
            secret,
            namespace,
            since,
            is_dead: AtomicBool::new(false),
        }
    }

    /// Notes that its process is gone.
    pub(super) fn bury(&self) {
        self.is_dead.store(true, Ordering::SeqCst);
    }

    /// Tells whether its process is gone, so that it cannot come back.
    pub(super) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// Goes on with what was known of `earlier`, the same session on an older connection. Of those who called in it,
    /// all do so again who `may`; `presence` finds their presences.
    pub(super) fn go_on_from(
        &self,
        earlier: &Self,
        may: impl Fn(&str) -> bool,
        presence: impl Fn(&Arc<Owner>) -> Arc<Presence>,
    ) {
        if self.owner() == earlier.owner() {
            let client = read(&earlier.client).clone();
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = client;
        }
        lock(&self.expected).clone_from(&lock(&earlier.expected));
        lock(&self.aliases).clone_from(&lock(&earlier.aliases));
        let before = lock(&earlier.others).clone();
        let (own, mut others) = (self.owner(), lock(&self.others));
        for (name, actor) in before {
            if name != own.name && may(&name) {
                let back = actor.back(presence(actor.owner()));
                others.insert(name, back);
            }
        }
    }

    /// Adds those of `company`, who have not called yet.
    pub(super) fn accompany(&self, company: Company, presence: impl Fn(Arc<Owner>) -> Arc<Presence>) {
        let Company { names, aliases } = company;
        let own = self.owner();
        let names = names.into_iter().filter(|name| *name != own.name);
        let actor = |name: Arc<str>| {
            let owner = Owner::new(&name, own.session);
            (name, Actor::new(presence(owner)))
        };
        lock(&self.others).extend(names.map(actor));
        *lock(&self.aliases) = aliases;
    }

    /// Returns what else agents call themselves, each with the name that its hooks know it by.
    pub(super) fn all_aliases(&self) -> BTreeMap<Arc<str>, Arc<str>> {
        lock(&self.aliases).clone()
    }

    /// Returns who calls as `name`, if that is not the session's own name.
    pub(crate) fn other(&self, name: &str) -> Option<Arc<Actor>> {
        lock(&self.others).get(name).cloned()
    }

    /// Returns who calls without giving a name.
    pub(crate) fn actor(&self) -> Arc<Actor> {
        Arc::clone(&read(&self.actor))
    }

    pub(crate) fn owner(&self) -> Arc<Owner> {
        Arc::clone(read(&self.actor).owner())
    }

    /// Returns what those are called who share the session.
    pub(crate) fn named(&self) -> Vec<Arc<str>> {
        lock(&self.others).keys().cloned().collect()
    }

    /// Returns what its client calls those who share the session, as far as they have called since the board began.
    pub(crate) fn named_by_client(&self) -> Vec<Arc<str>> {
        let mut others = lock(&self.others).clone();
        others.retain(|_, actor| actor.is_of_client.load(Ordering::Relaxed));
        others.into_keys().collect()
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
    /// another agent of the session is known is that one's, and so is one that another agent has given itself, as long
    /// as that one is at work or speaks for the session. Tells whether the agent may call itself so.
    pub(crate) fn note_alias(&self, alias: &Arc<str>, name: &Arc<str>, now: Time) -> bool {
        let is_expected = lock(&self.expected).iter().any(|(_, known)| known == alias);
        let of_client = |actor: Arc<Actor>| actor.is_of_client.load(Ordering::Relaxed);
        let is_known = is_expected || self.other(alias).is_some_and(of_client);
        let own = self.owner();
        // Who was never seen to stop loses by its silence what it holds, and its name too.
        let is_here = |actor: &Actor| {
            now.since(lock(&actor.last_call).map_or(self.since, |(_, at)| at)) < DEFAULT_LEASE
        };
        let is_kept = |actor: &Arc<Actor>| *actor.owner() == own || is_here(actor);
        if let Some(holder) = self.known_as(alias).filter(is_kept) {
            return holder.owner().name == *name;
        }
        if !is_known && *alias != own.name {
            lock(&self.aliases).insert(Arc::clone(alias), Arc::clone(name));
        }
        true
    }

    /// Notes that one of the session calls itself `alias`, and nothing tells which: it is the only one there
    /// is, or else it cannot be told any more who calls itself what.
    pub(crate) fn note_sole_alias(&self, alias: &Arc<str>, now: Time) {
        let own = self.owner().name.clone();
        let is_sole = lock(&self.others).keys().all(|name| name == alias);
        if is_sole && lock(&self.expected).is_empty() {
            self.note_alias(alias, &own, now);
        } else if *alias != own {
            lock(&self.aliases).retain(|_, known| *known != own);
        }
    }

    /// Returns what the hooks of the agent know it as that calls itself `alias`.
    pub(super) fn known_as(&self, alias: &str) -> Option<Arc<Actor>> {
        let name = lock(&self.aliases).get(alias).cloned()?;
        let main = self.actor();
        if main.owner().name == name {
            return Some(main);
        }
        self.other(&name)
    }

    /// Returns what else the agent calls itself that is known as `name`.
    pub(crate) fn aliases(&self, name: &str) -> Vec<Arc<str>> {
        let mut own = lock(&self.aliases).clone();
        own.retain(|_, known| **known == *name);
        own.into_keys().collect()
    }

    /// Returns how many call under names of their own.
    pub(super) fn others(&self) -> usize {
        lock(&self.others).len()
    }

    /// Forgets the one who has not called for the longest time and is not `busy`, if there is one.
    pub(super) fn forget_oldest(&self, busy: impl Fn(&Owner) -> bool) {
        let others = lock(&self.others).clone();
        let idle = others.values().filter(|actor| !busy(actor.owner()));
        if let Some(oldest) = idle.min_by_key(|actor| lock(&actor.last_call).map(|(_, at)| at)) {
            self.dismiss(&oldest.owner().name);
        }
    }

    /// Forgets the one who calls as `name`.
    pub(crate) fn dismiss(&self, name: &str) {
        let name = clean(name);
        lock(&self.others).remove(name.as_str());
        lock(&self.aliases).remove(name.as_str());
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        *self.owner().name == *name || lock(&self.others).contains_key(name)
    }

    pub(super) fn as_agents(&self) -> Vec<Agent> {
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
