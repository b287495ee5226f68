//! The pure ledger with a clock that is only a number, and short ways to use it.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Acquire, Acquired, Attend, Caller, Command, Depart, Entry, Event, EventKind, Grant, Key, Ledger, Limits,
    Loss, Mode, Namespace, NamespaceId, Owner, Pattern, Refusal, Release, Return, Revision, Served,
    SessionId, Set, Sweep, Target, Time, Wish,
};

/// A ledger and what its clock reads.
#[derive(Debug)]
pub(crate) struct Bare {
    pub(crate) ledger: Ledger,
    pub(crate) now: Time,
    pub(crate) namespace: NamespaceId,
    /// Who waited and was granted, by all commands so far.
    pub(crate) served: Vec<Served>,
}

impl Bare {
    pub(crate) fn new(limits: Limits) -> Self {
        let mut ledger = Ledger::new(Revision::ZERO, limits);
        let namespace = ledger.open(&Namespace::default()).unwrap();
        Self {
            ledger,
            now: Time::default(),
            namespace,
            served: Vec::new(),
        }
    }

    /// Returns a board with three agents, each in a session of its own.
    pub(crate) fn with_three() -> (Self, [Caller; 3]) {
        let mut board = Self::new(Limits::default());
        let agents = [("ann", 1), ("bob", 2), ("cid", 3)];
        let agents = agents.map(|(name, session)| board.agent(name, session));
        (board, agents)
    }

    /// Returns who waited and was granted, in order.
    pub(crate) fn served_names(&self) -> Vec<String> {
        let served = self.served.iter();
        served.map(|one| one.holder.owner().name.to_string()).collect()
    }

    /// Returns the agent called `name` in `session`, attached.
    pub(crate) fn agent(&mut self, name: &str, session: u64) -> Caller {
        let owner = Owner::new(name, SessionId(session));
        Caller {
            namespace: self.namespace,
            presence: self.ledger.presence(self.namespace, &owner, self.now),
        }
    }

    pub(crate) fn person(&mut self) -> Caller {
        self.agent(&Owner::human().name, SessionId::BOARD.0)
    }

    /// Applies `command`. It must leave the board as it was if it is refused.
    pub(crate) fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        let (answer, effects) = self.ledger.apply(self.now, caller, command);
        self.served.extend(effects.served);
        answer
    }

    /// Lets time pass and the sweeper do its work.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.sweep();
    }

    pub(crate) fn wait_seconds(&mut self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    pub(crate) fn sweep(&mut self) {
        let person = self.person();
        self.apply(&person, Sweep { limit: usize::MAX }).unwrap();
    }

    /// Notes a call of `agent`, which renews what it holds.
    pub(crate) fn call(&mut self, agent: &Caller) {
        self.apply(agent, Attend).unwrap();
    }

    pub(crate) fn depart(&mut self, agent: &Caller, died: bool) {
        let (person, session) = (self.person(), agent.owner().session);
        self.apply(&person, Depart { session, died }).unwrap();
    }

    /// Brings the session of `agent` back and returns the agent on its new connection.
    pub(crate) fn come_back(&mut self, agent: &Caller) -> Caller {
        let (person, session) = (self.person(), agent.owner().session);
        self.apply(&person, Return { session }).unwrap();
        self.agent(&agent.owner().name, session.0)
    }

    pub(crate) fn ask(&mut self, agent: &Caller, wish: Wish, wait: bool) -> Result<Acquired, Refusal> {
        self.apply(agent, Acquire::new(wish, wait)?)
    }

    /// Locks what is free.
    pub(crate) fn lock(&mut self, agent: &Caller, targets: &[&str]) -> Grant {
        self.lock_as(agent, &exclusive(targets))
    }

    /// Locks what is free as `wish` says.
    pub(crate) fn lock_as(&mut self, agent: &Caller, wish: &Wish) -> Grant {
        match self.ask(agent, wish.clone(), false) {
            Ok(Acquired::Granted(grant)) => grant,
            other => panic!("{wish:?}: {other:?}"),
        }
    }

    /// Stands in the queue for what is not free.
    pub(crate) fn queue(&mut self, agent: &Caller, targets: &[&str]) -> callboard::board::Ticket {
        match self.ask(agent, exclusive(targets), true) {
            Ok(Acquired::Waiting(ticket)) => ticket,
            other => panic!("{targets:?}: {other:?}"),
        }
    }

    pub(crate) fn release(&mut self, agent: &Caller, fence: Option<Revision>) -> Vec<String> {
        let released = self.apply(agent, Release { fence }).unwrap();
        released.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn set(
        &mut self,
        agent: &Caller,
        key: &str,
        value: &str,
        seconds: u64,
    ) -> Result<Revision, Refusal> {
        let ttl = Duration::from_secs(seconds);
        self.apply(agent, Set::new(self::key(key), Arc::from(value), ttl)?)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.ledger.get(self.now, self.namespace, key)
    }

    /// Returns the names of those who hold `key`.
    pub(crate) fn holders(&self, key: &str) -> Vec<String> {
        let entry = self.get(key);
        let leases = entry.iter().flat_map(|entry| entry.leases());
        leases.map(|lease| lease.owner().name.to_string()).collect()
    }

    pub(crate) fn losses(&self, agent: &Caller) -> Vec<Loss> {
        self.ledger.losses(self.namespace, agent.owner())
    }

    /// Returns all events about `key`.
    pub(crate) fn events(&self, key: &str) -> Vec<EventKind> {
        let pattern = Pattern::parse(key).unwrap();
        let events = self
            .ledger
            .events_after(self.namespace, Revision::ZERO, &pattern, usize::MAX);
        events.unwrap().0.iter().map(|event: &Event| event.kind).collect()
    }
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// Returns the wish to have `targets` alone, for five minutes.
pub(crate) fn exclusive(targets: &[&str]) -> Wish {
    let target = |text: &&str| match Target::split_name(text) {
        Some((kind, name)) => Target::named(kind, name),
        None => Target::path(text),
    };
    Wish {
        targets: targets.iter().map(target).collect(),
        mode: Mode::Exclusive,
        why: None,
        ttl: Duration::from_secs(300),
    }
}

/// Returns the wish to have `targets` together with others, for five minutes.
pub(crate) fn shared(targets: &[&str]) -> Wish {
    Wish {
        mode: Mode::Shared,
        ..exclusive(targets)
    }
}
