//! A ledger with a clock that tests turn, and short ways to say what agents do.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Depart, Earlier, Receive, Submit, Sweep, Take};
use super::{
    Caller, Claim, Claimed, Command, Entry, Event, EventKind, Idle, Key, Ledger, Limits, Message, Namespace,
    NamespaceId, Outcome, Owner, Pattern, Refusal, Revision, SessionId, Set, Submitted, Time,
};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
/// The shortest time there is.
pub(crate) const INSTANT: Duration = Duration::from_nanos(1);
pub(crate) const TTL: Duration = Duration::from_secs(300);

/// A ledger under test.
pub(crate) struct Trial {
    pub(crate) ledger: Ledger,
    pub(crate) now: Time,
    pub(crate) namespace: NamespaceId,
}

impl Trial {
    pub(crate) fn new() -> Self {
        Self::within(Limits::default())
    }

    pub(crate) fn within(limits: Limits) -> Self {
        let mut ledger = Ledger::new(Revision::ZERO, limits);
        let namespace = ledger.open(&Namespace::default()).unwrap();
        Self {
            ledger,
            now: Time::default(),
            namespace,
        }
    }

    /// Returns the agent called `name` in the session numbered `session`.
    pub(crate) fn agent(&mut self, name: &str, session: u64) -> Caller {
        let owner = Owner::new(name, SessionId(session));
        Caller {
            namespace: self.namespace,
            presence: self.ledger.presence(self.namespace, &owner, self.now),
        }
    }

    pub(crate) fn person(&mut self) -> Caller {
        Caller {
            namespace: self.namespace,
            presence: self.ledger.presence(self.namespace, &Owner::human(), self.now),
        }
    }

    pub(crate) fn apply<C: Command>(&mut self, who: &Caller, command: C) -> Result<C::Answer, Refusal> {
        self.ledger.apply(self.now, who, command).0
    }

    /// Lets time pass, and ends what is over by then.
    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        let person = self.person();
        while self.apply(&person, Sweep { limit: 256 }).unwrap().expired == 256 {}
    }

    /// Lets time pass until just before `duration` is over.
    pub(crate) fn wait_almost(&mut self, duration: Duration) {
        self.wait(duration.saturating_sub(INSTANT));
    }

    pub(crate) fn set(&mut self, who: &Caller, key_text: &str, value: &str) {
        let set = Set::new(key(key_text), Arc::from(value), HOUR).unwrap();
        self.apply(who, set).unwrap();
    }

    pub(crate) fn take(&mut self, who: &Caller) -> Result<Claimed, Refusal> {
        let pattern = Pattern::prefix("task:");
        self.apply(who, Take { pattern, ttl: TTL })
    }

    pub(crate) fn claim(&mut self, who: &Caller) -> Claim {
        match self.take(who).unwrap() {
            Claimed::Task(claim) => claim,
            Claimed::Nothing(idle) => panic!("nothing is free: {idle:?}"),
        }
    }

    pub(crate) fn idle(&mut self, who: &Caller) -> Idle {
        match self.take(who).unwrap() {
            Claimed::Task(claim) => panic!("{} is free", claim.key),
            Claimed::Nothing(idle) => idle,
        }
    }

    pub(crate) fn submit(
        &mut self,
        who: &Caller,
        token: Revision,
        outcome: Outcome,
    ) -> Result<Submitted, Refusal> {
        let result = Some(Arc::from("so it is"));
        let submit = Submit {
            token,
            outcome,
            result,
        };
        self.apply(who, submit)
    }

    pub(crate) fn receive(&mut self, who: &Caller, limit: usize) -> Vec<Message> {
        let earlier = Earlier::Confirmed;
        self.apply(who, Receive { limit, earlier }).unwrap().messages
    }

    /// The connection of `who` closes, or its process dies.
    pub(crate) fn leaves(&mut self, who: &Caller, died: bool) {
        let session = who.owner().session;
        self.apply(who, Depart { session, died }).unwrap();
    }

    pub(crate) fn entry(&self, key: &str) -> Option<Arc<Entry>> {
        self.ledger.get(self.now, self.namespace, key)
    }

    pub(crate) fn value(&self, key: &str) -> String {
        self.entry(key)
            .map_or_else(String::new, |entry| entry.value.to_string())
    }

    /// Returns what happened in the last revision.
    pub(crate) fn last(&self) -> Vec<(String, EventKind)> {
        let events = self
            .ledger
            .latest_events(self.namespace, &Pattern::all(), usize::MAX);
        let mut last: Vec<Event> = events
            .into_iter()
            .filter(|event| event.rev == self.ledger.rev())
            .collect();
        last.reverse();
        last.into_iter()
            .map(|event| (event.key.to_string(), event.kind))
            .collect()
    }
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}
