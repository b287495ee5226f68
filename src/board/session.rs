//! One connection, and the agents behind it.

use std::sync::Arc;

use super::roster::{Actor, Member, Roster};
use super::{Board, Call, Introduction, NamespaceId, Owner, Refusal, Tether, Time};

/// An attached agent's view of the board. Dropping it takes the agent off the roster, unless it was found by
/// [`Board::sessions_of`] and so is another connection's.
#[derive(Debug)]
pub struct Session {
    board: Board,
    member: Arc<Member>,
    is_own: bool,
}

impl Session {
    pub(super) fn new(board: Board, member: Arc<Member>) -> Self {
        Self {
            board,
            member,
            is_own: true,
        }
    }

    /// Returns the session as one who speaks for its agents over another connection has it.
    pub(super) fn of_another(board: Board, member: Arc<Member>) -> Self {
        Self {
            board,
            member,
            is_own: false,
        }
    }

    /// Returns the board behind the session.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Returns the namespace that the session works in.
    pub fn namespace(&self) -> NamespaceId {
        self.member.namespace
    }

    /// Returns who acts in this session without giving a name.
    pub fn owner(&self) -> Arc<Owner> {
        self.member.owner()
    }

    /// Returns what is told when the process behind the session is gone.
    pub fn tether(&self) -> Tether {
        Tether::new(self.board.clone(), Arc::clone(&self.member))
    }

    /// Returns what the connection said of itself when it came.
    pub fn introduction(&self) -> &Introduction {
        &self.member.introduction
    }

    /// Learns what program is at the other end; one that asked for no name is called after it.
    pub fn introduce(&self, program: &str, version: &str) {
        let presence = |owner: &_| self.board.presence(self.namespace(), owner);
        let roster = self.board.roster();
        if roster.introduce(&self.member, program, version, self.now(), presence) {
            self.board.tell();
        }
    }

    fn now(&self) -> Time {
        self.board.clock().now()
    }

    /// Returns the session's agent at work.
    pub fn call(&self) -> Call<'_> {
        self.at_work(self.member.actor())
    }

    /// Returns the agent at work that calls itself `name`: several may share a session.
    ///
    /// Refuses a name that is somebody's in another session, and a 65th in this one as long as all the others hold
    /// or wait for something.
    pub fn call_as(&self, name: &str) -> Result<Call<'_>, Refusal> {
        let presence = |owner: &_| self.board.presence(self.namespace(), owner);
        self.make_room(&self.member, name);
        let actor = self
            .board
            .roster()
            .actor(&self.member, name, self.now(), presence)?;
        Ok(self.at_work(actor))
    }

    /// Returns the agent at work that the client calls `name`, which shares this session.
    pub fn call_by_client(&self, name: &str) -> Result<Call<'_>, Refusal> {
        let agent = self.call_as(name)?;
        if let Some(actor) = self.member.other(&agent.owner().name) {
            actor.named_by_client();
        }
        Ok(agent)
    }

    /// Returns what those are called who share this session.
    pub fn named(&self) -> Vec<Arc<str>> {
        self.member.named()
    }

    /// Returns what the client calls those who share this session, as far as they have called since the board began.
    pub fn named_by_client(&self) -> Vec<Arc<str>> {
        self.member.named_by_client()
    }

    /// Returns the agent at work that is called `name` in this session or in another one of the same client, which
    /// may have started a bridge for each of its threads.
    pub fn call_in_client(&self, name: &str) -> Result<Call<'_>, Refusal> {
        let presence = |owner: &_| self.board.presence(self.namespace(), owner);
        let roster = self.board.roster();
        self.make_room(&self.member, name);
        let actor = roster.actor_of_client(&self.member, name, self.now(), presence)?;
        actor.named_by_client();
        Ok(self.at_work(actor))
    }

    /// Returns the agent at work that calls itself `name`, and that the hooks of its client know as `known`,
    /// which it is remembered for. Refuses the name of another agent of that session, whose locks it would get and give.
    pub fn call_of(&self, known: &Owner, name: &str) -> Result<Call<'_>, Refusal> {
        let presence = |owner: &_| self.board.presence(self.namespace(), owner);
        let roster = self.board.roster();
        let seat = roster.seat(&self.member, known);
        self.make_room(&seat, name);
        let actor = roster.actor_of_client(&seat, name, self.now(), presence)?;
        let is_seated = actor.owner().session == known.session;
        if is_seated && !seat.note_alias(&actor.owner().name, &known.name, self.now()) {
            return Err(Refusal::Invalid {
                field: "as",
                problem: format!("{name:?} is another agent of your session; choose another name"),
            });
        }
        Ok(self.at_work(actor))
    }

    /// Returns the agent at work that calls itself `name`, of which nothing tells what the hooks of its client know it
    /// as: they know it by the session's name as long as this is the only other one that is given.
    pub fn call_of_sole(&self, name: &str) -> Result<Call<'_>, Refusal> {
        let agent = self.call_as(name)?;
        self.member.note_sole_alias(&agent.owner().name, self.now());
        Ok(agent)
    }

    /// Tells whether [`Session::call_in_client`] would not find the agent `name` now, and may in a moment, when another
    /// session of the client is back.
    pub fn awaits(&self, name: &str) -> bool {
        let roster = self.board.roster();
        roster.awaits_in_client(&self.member, name, self.now())
    }

    /// Notes that the call `id`, which is about to come over the session's connection, is of the agent `name`.
    ///
    /// Clients do not say which of their agents calls; their hooks do, a moment before.
    pub fn expect(&self, id: &str, name: &str) {
        self.member.expect(id, name);
    }

    /// Returns who makes the call `id`, as [`Session::expect`] was told.
    pub fn expected(&self, id: &str) -> Option<Arc<str>> {
        self.member.expected(id)
    }

    /// Returns what else the agent calls itself that is known as `name`.
    pub fn aliases(&self, name: &str) -> Vec<Arc<str>> {
        self.member.aliases(name)
    }

    /// Forgets the agent `name`, which is not at work any more, so that its place is free for another.
    pub fn dismiss(&self, name: &str) {
        self.member.dismiss(name);
        self.board.tell();
    }

    fn make_room(&self, member: &Member, name: &str) {
        let busy = |owner: &Owner| self.board.is_busy(self.namespace(), owner);
        Roster::make_room(member, name, busy);
    }

    fn at_work(&self, actor: Arc<Actor>) -> Call<'_> {
        Call::new(&self.board, self.namespace(), actor)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.is_own {
            self.board.leave(&self.member);
        }
    }
}
