//! Agents come to the board and leave it.
//!
//! The roster knows who is here and under which name; the ledger is told, for what they hold depends on it.

use std::sync::Arc;

use super::Board;
use crate::board::command::{Depart, Return};
use crate::board::roster::Member;
use crate::board::{Agent, Introduction, NamespaceId, Opener, Owner, Presence, Secret, Session};

impl Board {
    /// Attaches an agent; it is on the board's roster until the session is dropped.
    pub fn attach(&self, namespace: NamespaceId, introduction: Introduction) -> Session {
        self.resume(namespace, introduction, None)
    }

    /// Attaches an agent that, with the secret of an earlier session, is that session come back.
    pub fn resume(
        &self,
        namespace: NamespaceId,
        introduction: Introduction,
        secret: Option<Secret>,
    ) -> Session {
        let presence = |owner: &Arc<Owner>, is_back| {
            if is_back {
                self.welcome_back(namespace, owner);
            }
            self.presence(namespace, owner)
        };
        let now = self.clock().now();
        let member = self.0.roster.enter(
            namespace,
            introduction,
            secret.map(|secret| secret.fingerprint()),
            now,
            presence,
        );
        self.tell();
        Session::new(self.clone(), member)
    }

    /// Returns the live sessions of the client `opener`, the oldest first: there an agent's hooks find what it is called.
    pub fn sessions_of(&self, opener: Opener<'_>) -> Vec<Session> {
        let members = self.0.roster.opened_by(opener).into_iter();
        members
            .map(|member| Session::of_another(self.clone(), member))
            .collect()
    }

    /// Tells whether [`Board::sessions_of`] does not find all of `opener` in `namespace` now, and may in a moment, when a
    /// session that was cut off is back or a new one has said what it is.
    pub fn awaits(&self, namespace: NamespaceId, opener: Opener<'_>) -> bool {
        let now = self.clock().now();
        self.0.roster.awaits(namespace, opener, now)
    }

    fn welcome_back(&self, namespace: NamespaceId, owner: &Arc<Owner>) {
        let session = owner.session;
        if let Err(refusal) = self.apply(&self.itself(namespace), Return { session }) {
            tracing::error!(%refusal, "cannot renew what a session that is back holds");
        }
    }

    /// Takes a session off the roster, unless a newer connection has taken it over.
    pub(in crate::board) fn leave(&self, member: &Arc<Member>) {
        let now = self.clock().now();
        self.0.roster.leave(member, now, || self.depart(member, false));
        self.tell();
    }

    /// Notes that the process behind `member` is gone, unless a newer connection has taken its session over.
    pub(in crate::board) fn died(&self, member: &Arc<Member>) {
        let roster = &self.0.roster;
        roster.unless_taken_over(member, || self.depart(member, true));
    }

    /// Notes that nobody speaks for the session of `member` any more.
    fn depart(&self, member: &Member, died: bool) {
        let session = member.owner().session;
        let depart = Depart { session, died };
        if let Err(refusal) = self.apply(&self.itself(member.namespace), depart) {
            tracing::error!(%refusal, "cannot note that a session is gone");
        }
        // Another session of the same name gets what was delivered to this one.
        self.hand_back();
    }

    /// Returns the presence of `owner`: the one cell that all its leases share.
    pub(in crate::board) fn presence(&self, namespace: NamespaceId, owner: &Arc<Owner>) -> Arc<Presence> {
        let now = self.clock().now();
        self.core().ledger.presence(namespace, owner, now)
    }

    /// Tells whether `owner` holds something or waits for it.
    pub(in crate::board) fn is_busy(&self, namespace: NamespaceId, owner: &Owner) -> bool {
        self.look_at_ledger(|ledger, _| {
            let mut waiters = ledger.queue(namespace);
            waiters.any(|waiter| **waiter.owner() == *owner) || !ledger.holds(namespace, owner).is_empty()
        })
    }

    /// Returns how many agents are attached, or were a moment ago and may be back, as all are when the board has changed
    /// hands; without those that the process `own` has started.
    pub fn attached(&self, own: u32) -> usize {
        self.0.roster.attached(self.clock().now(), own)
    }

    /// Returns who is attached, in the order of arrival.
    pub fn agents(&self) -> Vec<Agent> {
        self.0.roster.agents()
    }
}
