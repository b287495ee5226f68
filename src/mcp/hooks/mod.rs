//! What follows from what clients' hooks tell: the rules behind `callboard/hook`.
//!
//! Responsible for which agent a hook speaks for and for what happens at each moment of its work. The process
//! of a hook only carries an [`Occasion`] here and a [`Verdict`] back; a hook on an open connection calls [`tool`].
//!
//! - A hook speaks for the agent whose client's process it was started by. Who is in nobody's process, such as a
//!   person at a terminal or a client without a session, holds nothing and is kept from what others hold.
//! - Every hook is a sign of life of its agent under all its names. A sub-agent's is one of the agent that it works for
//!   too.
//! - What is locked automatically is given back when its agent stops, or is asked for something new. An agent that goes
//!   on with the work of another one of its client takes it over.

mod automatic;
mod edit;
pub(super) mod tool;
pub(super) mod wake;
mod words;

use serde_json::Value;

use super::fault::{Fault, Listener};
use super::identity;
use super::notices;
use super::reunion;
use super::targets::Place;
use super::tools::Toolset;
use crate::board::{Call, Entry, Key, Kind, Opener, Outcome, Refusal, Revision, Session, Target};
use crate::guard::Deed;
use crate::hook::{Moment, Occasion, Over, SubAgent, Verdict};

use automatic::{Predecessor, give_back_automatic};
pub(super) use automatic::{give_back_all_automatic, give_way, take_back};

/// What a hook asks: an [`Occasion`] in, a [`Verdict`] out.
pub(super) const HOOK: &str = "callboard/hook";

/// What the calls of hooks are counted as.
const CALL: &str = "hook";

/// Returns what follows from the occasion in `params`, for a hook that is connected as `session`.
pub(super) async fn answer(
    params: Value,
    session: &Session,
    place: &Place,
    tools: Toolset,
) -> Result<Value, Fault> {
    let unreadable = |error: serde_json::Error| {
        let problem = format!("{error}; run the same version of callboard on both sides");
        Fault::invalid("params", problem)
    };
    let occasion: Occasion = serde_json::from_value(params).map_err(unreadable)?;
    let (board, opener) = (session.board(), opener(&occasion));
    reunion::complete(board, || board.awaits(session.namespace(), opener)).await;
    let sessions = board.sessions_of(opener);
    // A client with threads opens sessions for them as they come and go: the first is there as long as the client.
    let home = match occasion.thread {
        Some(_) => sessions.first(),
        None => sessions.last(),
    };
    let case = Case {
        occasion: &occasion,
        home,
        sessions: &sessions,
        asking: session,
        place,
        tools,
    };
    let told = |refusal| Fault::of(refusal, &Listener::new(&session.call(), tools));
    let verdict = case.judge().await.map_err(told)?;
    serde_json::to_value(verdict).map_err(unreadable)
}

/// Returns the client whose hook was told `occasion`.
fn opener(occasion: &Occasion) -> Opener<'_> {
    Opener {
        processes: &occasion.processes,
        program: occasion.program.as_deref(),
    }
}

/// An occasion, and whom it concerns.
struct Case<'a> {
    occasion: &'a Occasion,
    /// The session of the client in whose process the hook was started.
    home: Option<&'a Session>,
    /// All sessions of that client.
    sessions: &'a [Session],
    /// The hook's own.
    asking: &'a Session,
    place: &'a Place,
    tools: Toolset,
}

impl<'a> Case<'a> {
    async fn judge(&self) -> Result<Verdict, Refusal> {
        let agent = match self.home {
            Some(home) => Some(self.agent(home).await?),
            None => None,
        };
        if let Some(agent) = &agent {
            self.note(agent)?;
        }
        let is_at_work = matches!(
            self.occasion.moment,
            Moment::Turn | Moment::Before | Moment::After | Moment::Between
        );
        if let (Some(home), None, true) = (self.home, &self.occasion.agent, is_at_work) {
            self.place.wakers().stir(home.owner().session);
        }
        self.note_end(agent.as_ref());
        self.end_stopped()?;
        match self.occasion.moment {
            Moment::Start => self.start(agent.as_ref()).await,
            Moment::Turn => turn(agent.as_ref()),
            Moment::Before => self.before(agent.as_ref()).await,
            Moment::After => Ok(Verdict::Pass),
            Moment::Between => Ok(self.between(agent.as_ref())),
            Moment::Stop => self.stop(agent.as_ref()),
            Moment::End => self.end(agent.as_ref()),
            Moment::Commit => self.commit().await,
        }
    }

    /// Returns the agent of the session `home` that the hook speaks for.
    async fn agent(&self, home: &'a Session) -> Result<Call<'a>, Refusal> {
        let leader = self.leader(home).await?;
        let Some(agent) = &self.occasion.agent else {
            return Ok(leader);
        };
        // The one that it works for waits for it, and must not lose what it holds meanwhile.
        self.note(&leader)?;
        match self.occasion.thread {
            Some(_) => identity::thread_agent(home, &agent.id).await,
            None => home.call_by_client(&name_of(agent)),
        }
    }

    /// Notes a sign of life of `agent`, which keeps what it holds under any of its names.
    fn note(&self, agent: &Call<'_>) -> Result<(), Refusal> {
        agent.note(CALL)?;
        self.whole(agent).iter().skip(1).try_for_each(Call::renew)
    }

    /// Returns the agent that the client was started for.
    async fn leader(&self, home: &'a Session) -> Result<Call<'a>, Refusal> {
        match &self.occasion.thread {
            Some(thread) => identity::thread_agent(home, thread).await,
            None => Ok(home.call()),
        }
    }

    /// Returns whose work the agent goes on with that the hook speaks for.
    ///
    /// Threads do not tell which of them work for one another, beyond the one that the client was started for.
    async fn predecessor(&self) -> Result<Predecessor<'a>, Refusal> {
        Ok(match (self.home, &self.occasion.agent, &self.occasion.thread) {
            (Some(home), Some(_), _) => Predecessor::Leader(self.leader(home).await?),
            (Some(_), None, None) => Predecessor::Silent {
                sessions: self.sessions,
                witness: self.place.witness(),
            },
            _ => Predecessor::Nobody,
        })
    }

    /// Tells a new agent what is going on.
    async fn start(&self, agent: Option<&Call<'_>>) -> Result<Verdict, Refusal> {
        let predecessor = self.predecessor().await?;
        let context = match agent {
            Some(agent) => words::welcome(agent, Some(agent), &predecessor, self.tools)?,
            None => words::welcome(&self.asking.call(), None, &predecessor, self.tools)?,
        };
        Ok(Verdict::Tell { context })
    }

    async fn before(&self, agent: Option<&Call<'_>>) -> Result<Verdict, Refusal> {
        if let (Some(home), Some(call), Some(agent)) = (self.home, &self.occasion.call, agent) {
            home.expect(call, &agent.owner().name);
        }
        let whole = agent.map_or_else(Vec::new, |agent| self.whole(agent));
        let asking = self.asking.call();
        let reader = agent.unwrap_or(&asking);
        let mut written = Vec::new();
        for (paths, is_edit) in [(&self.occasion.writes, true), (&self.occasion.overwrites, false)] {
            if paths.is_empty() {
                continue;
            }
            let (cwd, paths) = (self.occasion.cwd.as_deref(), paths.clone());
            let named = if is_edit {
                self.place.files(cwd, paths).await
            } else {
                self.place.overwritten(cwd, paths).await
            };
            let targets = match named {
                Ok(targets) => targets,
                Err(problem) => {
                    let reason = format!("callboard cannot tell who holds this file: {problem}");
                    return Ok(Verdict::Deny { reason });
                }
            };
            let verdict = match agent {
                Some(agent) if is_edit => {
                    let predecessor = self.predecessor().await?;
                    let locks = self.occasion.auto_lock;
                    edit::edit(agent, &whole, &predecessor, &targets, locks, self.tools).await?
                }
                None if is_edit => edit::look(reader, &targets, self.tools),
                _ => edit::overwrite(reader, &whole, &targets, self.place.resolver(), self.tools),
            };
            if verdict != Verdict::Pass {
                return Ok(verdict);
            }
            if is_edit {
                written = targets;
            }
        }
        if let Some(agent) = agent {
            self.note_begin(agent, written);
        }
        Ok(Verdict::Pass)
    }

    /// Returns the session in which `agent` works: it may be another one of its client.
    fn seat(&self, agent: &Call<'_>) -> Option<&'a Session> {
        let works_in = |one: &&Session| one.owner().session == agent.owner().session;
        self.sessions.iter().find(works_in).or(self.home)
    }

    /// Returns `agent` under all its names.
    fn whole<'c>(&self, agent: &Call<'c>) -> Vec<Call<'c>>
    where
        'a: 'c,
    {
        match self.seat(agent) {
            Some(seat) => under_all_names(seat, agent.clone()),
            None => vec![agent.clone()],
        }
    }

    /// Tells who watches files what `agent` is about to do, so that this is not taken for somebody else's deed.
    fn note_begin(&self, agent: &Call<'_>, written: Vec<Target>) {
        let deed = match self.occasion.is_command {
            true => Deed::Command,
            false if !written.is_empty() => Deed::Edit(written),
            false => return,
        };
        let call = self.occasion.call.as_deref();
        self.place.witness().begins(&self.whole(agent), deed, call);
    }

    /// Tells who watches files what `agent` does no more: a tool that it used, or all of them.
    ///
    /// That a tool was used ends nothing yet. Hooks of the user's own may be at what it wrote just then, and others
    /// may be under way that were used together with it. When the model is about to go on, they are over.
    fn note_end(&self, agent: Option<&Call<'_>>) {
        let is_over = matches!(self.occasion.moment, Moment::Between | Moment::Stop | Moment::End);
        if let (Some(agent), true) = (agent, is_over) {
            self.place.witness().ends(agent, self.occasion.call.as_deref());
        }
    }

    /// Tells an agent at work what it must know.
    fn between(&self, agent: Option<&Call<'_>>) -> Verdict {
        let Some(agent) = agent else {
            return Verdict::Pass;
        };
        let mut told = Vec::new();
        for (at, one) in self.whole(agent).iter().enumerate() {
            let Some(notices) = one.notices() else { continue };
            let alias = (at > 0).then_some(&*one.owner().name);
            let waiting = match notices.inbox {
                0 => String::new(),
                waiting => format!(" (messages waiting: {waiting})"),
            };
            told.push(format!(
                "callboard: {}{waiting}",
                notices::hint(&notices, alias, self.tools)
            ));
            one.note_told(&notices);
        }
        if told.is_empty() {
            return Verdict::Pass;
        }
        let context = told.join("\n");
        Verdict::Tell { context }
    }

    fn stop(&self, agent: Option<&Call<'_>>) -> Result<Verdict, Refusal> {
        let Some(agent) = agent else {
            return Ok(Verdict::Pass);
        };
        let claims: Vec<_> = self.whole(agent).iter().flat_map(claims).collect();
        if !claims.is_empty() && !self.occasion.held_back {
            let reason = words::unfinished(&claims);
            return Ok(Verdict::HoldBack { reason });
        }
        if self.occasion.agent.is_some() {
            return self.end(Some(agent));
        }
        give_back_automatic(agent)?;
        Ok(Verdict::Pass)
    }

    /// Gives back all that an agent holds which works no more.
    fn end(&self, agent: Option<&Call<'_>>) -> Result<Verdict, Refusal> {
        if let Some(agent) = agent {
            self.give_up(agent, self.occasion.agent.is_some())?;
        }
        Ok(Verdict::Pass)
    }

    /// Gives back all that sub-agents hold who were stopped from outside: no hook of their own says that they are over.
    fn end_stopped(&self) -> Result<(), Refusal> {
        let Some(home) = self.home else { return Ok(()) };
        let mut over = match &self.occasion.over {
            Over::Nobody => return Ok(()),
            Over::One(_) => home.named(),
            Over::All => home.named_by_client(),
        };
        if let Over::One(id) = &self.occasion.over {
            over.retain(|name| is_named_after(name, id));
        }
        for name in over {
            let agent = home.call_as(&name)?;
            self.place.witness().ends(&agent, None);
            self.give_up(&agent, true)?;
        }
        Ok(())
    }

    /// Gives back all that `agent` holds, who is forgotten if it `is_over`.
    fn give_up(&self, agent: &Call<'_>, is_over: bool) -> Result<(), Refusal> {
        for one in self.whole(agent) {
            for (_, token) in claims(&one) {
                one.submit(token, Outcome::Retry, None)?;
            }
            one.release(None)?;
            if let (Some(seat), true) = (self.seat(&one), is_over) {
                seat.dismiss(&one.owner().name);
            }
        }
        Ok(())
    }

    /// Keeps whoever commits from committing what others hold.
    ///
    /// A process tells its client, but not which of the client's agents started it. So what any agent of the same
    /// client holds may be committed.
    async fn commit(&self) -> Result<Verdict, Refusal> {
        let paths = self.occasion.writes.clone();
        let named = self.place.files(self.occasion.cwd.as_deref(), paths).await;
        Ok(match named {
            Ok(targets) => {
                let reader = self.asking.call();
                edit::commit(&reader, self.sessions, &targets)
            }
            Err(problem) => Verdict::Deny {
                reason: format!("callboard cannot tell who holds a file of this commit: {problem}"),
            },
        })
    }
}

/// Ends what `agent` was editing in the turn before, which may have ended without a word.
fn turn(agent: Option<&Call<'_>>) -> Result<Verdict, Refusal> {
    agent.map_or(Ok(()), give_back_automatic)?;
    Ok(Verdict::Pass)
}

/// Returns `agent`, which works in the session `seat`, and the same under the names that it gave itself in its calls.
fn under_all_names<'c>(seat: &'c Session, agent: Call<'c>) -> Vec<Call<'c>> {
    let aliases = seat.aliases(&agent.owner().name).into_iter();
    let also: Vec<_> = aliases.filter_map(|name| seat.call_as(&name).ok()).collect();
    std::iter::once(agent).chain(also).collect()
}

/// Returns what the sub-agent is called on the board. A teammate's id begins with its name, and those of two teammates
/// may begin alike.
fn name_of(agent: &SubAgent) -> String {
    let SubAgent { kind, id } = agent;
    identity::name_of(kind, id)
}

/// Tells whether the sub-agent that is called `name` on the board can be the one with this id.
fn is_named_after(name: &str, id: &str) -> bool {
    let kind = name.strip_suffix(identity::shown(id));
    kind.is_some_and(|kind| kind.ends_with('-'))
}

/// Returns the tasks that `agent` has claimed, each with its token.
fn claims(agent: &Call<'_>) -> Vec<(Key, Revision)> {
    let held = agent.board().holds(agent.namespace(), agent.owner());
    let claim = |(key, entry): (Key, std::sync::Arc<Entry>)| {
        let lease = entry
            .leases()
            .iter()
            .find(|lease| lease.owner() == agent.owner())?;
        (key.kind() == Kind::Task).then_some((key, lease.fence))
    };
    held.into_iter().filter_map(claim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_agents_are_called_by_kind_and_number() {
        let name = |kind: &str, id: &str| {
            name_of(&SubAgent {
                kind: kind.to_owned(),
                id: id.to_owned(),
            })
        };
        assert_eq!(
            name("general-purpose", "a54902da7c31c6cce"),
            "general-purpose-c31c6cce"
        );
        assert_eq!(name("worker1", "aworker1-1d25caa0e43743aa"), "worker1-e43743aa");
        let of_team = ["afrontend-1", "afrontend-2"].map(|id| name("general-purpose", id));
        assert_ne!(of_team[0], of_team[1], "they begin alike");
        assert_eq!(name(&"x".repeat(100), "a54902da7c31c6cce").len(), 64);
        for id in ["a54902da7c31c6cce", "aworker1-1d25caa0e43743aa"] {
            assert!(is_named_after(&name("worker1", id), id), "{id}");
            assert!(!is_named_after(&name("worker1", "b1"), id), "{id}");
        }
        assert!(!is_named_after("worker", ""), "nobody");
    }
}
