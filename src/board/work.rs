//! An agent at work with others: tasks, messages, signs of life.

use std::sync::Arc;
use std::time::Duration;

use super::command::Send;
use super::{
    Board, Call, Claimed, Key, NamespaceId, Outcome, Pattern, Received, Refusal, Revision, Submitted,
};

/// Who is here, and what the caller holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The agents in the caller's namespace, the caller included.
    pub agents: Vec<Present>,
    /// The caller's locks and claims, in the order of the grants.
    pub holds: Vec<Holding1>,
    /// How long the first of them to end lasts if nobody renews it.
    pub remaining: Option<Duration>,
}

/// An agent that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// What it is called.
    pub name: Arc<str>,
    /// What it last said that it does.
    pub doing: Option<Arc<str>>,
    /// How long ago it last called.
    pub idle: Duration,
    /// How many locks and claims it holds.
    pub holds: usize,
}

/// A lock or a claim of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding1 {
    /// What is held.
    pub key: Key,
    /// The proof of it: the fence of a lock, the token of a claim.
    pub fence: Revision,
    /// How long it lasts if nobody renews it.
    pub remaining: Duration,
}

#[expect(clippy::unused_async, clippy::unused_self, reason = "the commands follow")]
impl Call<'_> {
    /// Claims the most important free task that matches `pattern`, the oldest of several, and waits up to `wait`
    /// for one. The claim outlives the agent's last sign of life by `ttl`.
    ///
    /// An agent may hold several claims: each call gives another task, and [`Call::heartbeat`] lists what it
    /// holds. Dropping the future claims nothing.
    pub async fn claim(
        &self,
        _pattern: &Pattern,
        _ttl: Duration,
        _wait: Duration,
    ) -> Result<Claimed, Refusal> {
        Err(missing())
    }

    /// Ends the claim of `token` with what came of it.
    pub fn submit(
        &self,
        _token: Revision,
        _outcome: Outcome,
        _result: Option<Arc<str>>,
    ) -> Result<Submitted, Refusal> {
        Err(missing())
    }

    /// Sends `body` to the agent called `to`, or to all others who are here when that is `*`; returns the
    /// message's number.
    ///
    /// An agent of that name need not be here: whoever comes under it within the hour gets it.
    pub fn send(&self, _to: &str, _body: Arc<str>) -> Result<Revision, Refusal> {
        Err(missing())
    }

    /// Returns up to `limit` messages for the agent, the oldest first, and waits up to `wait` for the first.
    ///
    /// It confirms those that the last call returned: they are gone. What nobody confirms comes again.
    pub async fn receive(&self, _limit: usize, _wait: Duration) -> Result<Received, Refusal> {
        Err(missing())
    }

    /// Notes what the agent does, if it says so, and returns who is here and what it holds.
    pub fn heartbeat(&self, _progress: Option<&str>) -> Result<Beat, Refusal> {
        Err(missing())
    }
}

impl Board {
    /// Sends `body` on behalf of the person who watches; see [`Call::send`].
    pub fn send_as_person(
        &self,
        namespace: NamespaceId,
        to: &str,
        body: Arc<str>,
    ) -> Result<Revision, Refusal> {
        let send = Send::new(to, body)?.with_everyone(self.names_here(namespace));
        self.as_person(namespace, send)
    }

    /// Returns what the agents in `namespace` are called.
    fn names_here(&self, namespace: NamespaceId) -> Vec<Arc<str>> {
        let here = self
            .agents()
            .into_iter()
            .filter(|agent| agent.namespace == namespace);
        here.map(|agent| Arc::clone(&agent.owner.name)).collect()
    }
}

fn missing() -> Refusal {
    Refusal::NotFound {
        what: "such command yet".to_owned(),
    }
}
