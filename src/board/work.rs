//! An agent at work with others: tasks, messages, signs of life.
//!
//! Here is the waiting; what is decided is decided by the commands.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Beat, Earlier, Heartbeat, Receive, Send, Submit, Take};
use super::{
    Agent, Board, Call, Claimed, NamespaceId, Outcome, Owner, Pattern, Received, Refusal, Revision, Submitted,
};

impl Call<'_> {
    /// Claims the most important free task that matches `pattern`, and waits up to `wait` for one. See [`Take`].
    ///
    /// An agent may hold several claims: each call gives another task, and [`Call::heartbeat`] lists what it
    /// holds. Dropping the future claims nothing.
    pub async fn claim(&self, pattern: &Pattern, ttl: Duration, wait: Duration) -> Result<Claimed, Refusal> {
        let mut handed_back = self.board().handed_back();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            let pattern = pattern.clone();
            let is_claimed = |claimed: &Claimed| matches!(claimed, Claimed::Task(_));
            let idle = match self.apply_if(Take { pattern, ttl }, is_claimed)? {
                Claimed::Nothing(idle) if !wait.is_zero() => idle,
                claimed => return Ok(claimed),
            };
            // The deadline first: on a busy board there is always news.
            tokio::select! {
                biased;
                () = &mut deadline => return Ok(Claimed::Nothing(idle)),
                _ = handed_back.changed() => {}
                () = tokio::time::sleep(idle.retry_after) => {}
            }
        }
    }

    /// Ends the claim of `token` with what came of it. See [`Submit`].
    pub fn submit(
        &self,
        token: Revision,
        outcome: Outcome,
        result: Option<Arc<str>>,
    ) -> Result<Submitted, Refusal> {
        let submit = Submit {
            token,
            outcome,
            result,
        };
        self.board().apply(&self.caller(), submit)
    }

    /// Sends `body` to the agent called `to`, or to all others who are here when that is `*`; returns the
    /// message's number. See [`Send`].
    pub fn send(&self, to: &str, body: Arc<str>) -> Result<Revision, Refusal> {
        self.apply(self.board().addressed(self.namespace(), to, body)?)
    }

    /// Returns up to `limit` messages for the agent, the oldest first, and waits up to `wait` for the first. See
    /// [`Receive`].
    ///
    /// It confirms those that the last call returned: they are gone. What nobody confirms comes again, and at once
    /// when this is the repeat of a call that was applied.
    pub async fn receive(&self, limit: usize, wait: Duration) -> Result<Received, Refusal> {
        let mut handed_back = self.board().handed_back();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        let mut earlier = if self.is_repeat() {
            Earlier::Lost
        } else {
            Earlier::Confirmed
        };
        loop {
            let brings_some = |received: &Received| !received.messages.is_empty();
            let received = self.apply_if(Receive { limit, earlier }, brings_some)?;
            if wait.is_zero() || !received.messages.is_empty() {
                return Ok(received);
            }
            earlier = Earlier::Kept;
            tokio::select! {
                biased;
                () = &mut deadline => return Ok(received),
                _ = handed_back.changed() => {}
            }
        }
    }

    /// Notes what the agent does, if it says so, and returns who is here and what it holds. See [`Heartbeat`].
    pub fn heartbeat(&self, progress: Option<&str>) -> Result<Beat, Refusal> {
        let here = self.board().here(self.namespace());
        self.board()
            .apply(&self.caller(), Heartbeat::new(progress, here)?)
    }
}

impl Board {
    /// Sends `body` on behalf of the person who watches, to one agent or, when `to` is `*`, to everyone who is
    /// here. See [`Send`].
    pub fn send_as_person(
        &self,
        namespace: NamespaceId,
        to: &str,
        body: Arc<str>,
    ) -> Result<Revision, Refusal> {
        self.as_person(namespace, self.addressed(namespace, to, body)?)
    }

    fn addressed(&self, namespace: NamespaceId, to: &str, body: Arc<str>) -> Result<Send, Refusal> {
        let here = self.here(namespace).into_iter();
        let names = here.map(|owner| Arc::clone(&owner.name));
        Ok(Send::new(to, body)?.with_everyone(names.collect()))
    }

    /// Returns who is attached in `namespace`, under every name.
    fn here(&self, namespace: NamespaceId) -> Vec<Arc<Owner>> {
        let agents = self.agents().into_iter();
        let here = agents.filter(|agent: &Agent| agent.namespace == namespace);
        here.map(|agent| agent.owner).collect()
    }
}
