//! Waking an agent that is idle: a process of its client waits here, and its end with a reason begins a new turn.
//!
//! A turn costs the person money, so nobody is woken for nothing:
//!
//! - An agent that is at work is not woken; between its tools it is told what there is, and then it stops again.
//! - A message wakes once, however long it waits to be read, and so does a lock that was waited for and is free.
//! - One process waits for each session: a newer one takes the place of the older.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::super::fault::{Fault, named};
use super::super::notices;
use super::super::targets::Place;
use super::super::tools::Toolset;
use super::{opener, under_all_names};
use crate::board::{Board, Call, Opener, Revision, Session, SessionId, Ticket, Time, Wish};
use crate::hook::Occasion;

/// Waits until there is something for an idle agent: an [`Occasion`] with its processes in, `{reason?}` out.
pub(in crate::mcp) const WAKE: &str = "callboard/wake";

/// How long after the start of a session its connection may come.
const ARRIVAL: Duration = Duration::from_secs(60);
/// How long the board is let alone after a look at it: those who sleep must not weigh on those who work.
const REST: Duration = Duration::from_millis(200);

/// From how many sessions on it is looked which of them are still here.
const MANY: usize = 1_000;

/// The sessions with somebody to be woken.
#[derive(Debug, Default)]
pub(in crate::mcp) struct Wakers {
    sleepers: Mutex<HashMap<SessionId, Sleeper>>,
    /// Rises when a process takes the place of another.
    turns: watch::Sender<u64>,
}

/// An agent that may be idle, and what it was woken for.
#[derive(Debug, Default)]
struct Sleeper {
    /// The number of the process that waits.
    turn: u64,
    /// Whether it has been at work since that process came.
    is_up: bool,
    /// What is known of it under each of its names: messages and places are a name's.
    names: HashMap<Arc<str>, Known>,
}

/// What an agent that may be idle waits for under one name, and what it was woken for.
#[derive(Debug, Default)]
struct Known {
    /// The last message that it was woken for.
    told: Revision,
    /// What it waited for in vain before it stopped, by the places that were kept for it.
    wishes: Vec<(Kept, Wish)>,
    /// The kept places that it was woken for.
    had: Vec<Kept>,
}

/// A kept place. Who asks again and waits in vain again has another one, under the same number.
type Kept = (Ticket, Option<Time>);

/// What a look at the board came to.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// Nothing yet.
    Quiet,
    /// There is something.
    Wake(String),
    /// Another process waits now.
    Replaced,
}

/// Waits for the agent in whose client's process the one that asks was started. Without a reason, nobody is to be
/// woken by it any more.
pub(in crate::mcp) async fn wait(
    params: Value,
    asking: &Session,
    place: &Place,
    tools: Toolset,
    ct: &CancellationToken,
) -> Result<Value, Fault> {
    let occasion: Occasion =
        serde_json::from_value(params).map_err(|error| Fault::invalid("params", error.to_string()))?;
    let reason = tokio::select! {
        biased;
        () = ct.cancelled() => None,
        reason = place.wakers().wait(asking, opener(&occasion), tools) => reason,
    };
    Ok(json!({ "reason": reason }))
}

impl Wakers {
    /// Notes that the agent of `session` is at work: it will ask again for what it still wants.
    pub(super) fn stir(&self, session: SessionId) {
        if let Some(sleeper) = self.lock().get_mut(&session) {
            sleeper.is_up = true;
            sleeper.names.values_mut().for_each(|known| known.wishes.clear());
        }
    }

    async fn wait(&self, asking: &Session, opener: Opener<'_>, tools: Toolset) -> Option<String> {
        let board = asking.board();
        let mut news = board.news();
        let mut turns = self.turns.subscribe();
        let arrived = async {
            loop {
                if let Some(home) = board.sessions_of(opener).pop() {
                    break Some(home.owner().session);
                }
                news.changed().await.ok()?;
            }
        };
        let session = tokio::time::timeout(ARRIVAL, arrived).await.ok()??;
        self.forget_gone(board);
        let turn = self.begin(session);
        loop {
            news.mark_unchanged();
            let home = board.sessions_of(opener).pop();
            let Some(home) = home.filter(|home| home.owner().session == session) else {
                self.lock().remove(&session);
                return None;
            };
            match self.look(session, turn, &under_all_names(&home, home.call()), tools) {
                Look::Quiet => {}
                Look::Wake(reason) => return Some(reason),
                Look::Replaced => return None,
            }
            tokio::select! {
                changed = news.changed() => changed.ok()?,
                changed = turns.changed() => changed.ok()?,
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Forgets sessions that ended while nobody waited for them, once there are many.
    fn forget_gone(&self, board: &Board) {
        let mut sleepers = self.lock();
        if sleepers.len() >= MANY {
            let here: HashSet<_> = board.agents().iter().map(|agent| agent.owner.session).collect();
            sleepers.retain(|session, _| here.contains(session));
        }
    }

    /// Returns the number of the process that waits for the agent of `session` from now on.
    fn begin(&self, session: SessionId) -> u64 {
        let mut sleepers = self.lock();
        let sleeper = sleepers.entry(session).or_default();
        sleeper.turn += 1;
        sleeper.is_up = false;
        let turn = sleeper.turn;
        drop(sleepers);
        self.turns.send_modify(|turns| *turns = turns.wrapping_add(1));
        turn
    }

    fn look(&self, session: SessionId, turn: u64, whole: &[Call<'_>], tools: Toolset) -> Look {
        let mut sleepers = self.lock();
        match sleepers.get_mut(&session) {
            Some(sleeper) if sleeper.turn == turn => sleeper.look(whole, tools),
            _ => Look::Replaced,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Sleeper>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sleeper {
    /// Looks for what there is for an agent under any of its names, of which the first is its client's.
    fn look(&mut self, whole: &[Call<'_>], tools: Toolset) -> Look {
        if self.is_up {
            return Look::Quiet;
        }
        let is_here = |name: &Arc<str>| whole.iter().any(|one| one.owner().name == *name);
        self.names.retain(|name, _| is_here(name));
        let mut reasons = Vec::new();
        for (at, agent) in whole.iter().enumerate() {
            let name = &agent.owner().name;
            let alias = (at > 0).then_some(&**name);
            let known = self.names.entry(Arc::clone(name)).or_default();
            reasons.extend(known.look(agent, alias, tools));
        }
        if reasons.is_empty() {
            return Look::Quiet;
        }
        Look::Wake(format!("callboard: {}.", reasons.join("; ")))
    }
}

impl Known {
    /// Returns what there is for `agent`, which has given itself the name `alias` if that is not its client's.
    fn look(&mut self, agent: &Call<'_>, alias: Option<&str>, tools: Toolset) -> Vec<String> {
        let kept: Vec<(Kept, Wish)> = agent
            .kept()
            .into_iter()
            .map(|place| ((place.ticket, place.kept_until), place.wish))
            .collect();
        self.had.retain(|had| kept.iter().any(|(place, _)| place == had));
        for (place, wish) in kept {
            let is_known = self.had.contains(&place) || self.wishes.iter().any(|(known, _)| *known == place);
            if !is_known {
                self.wishes.push((place, wish));
            }
        }
        let with = notices::with(alias);
        let mut reasons = Vec::new();
        let can_read = tools.find("receiveMessages").is_some();
        if let Some((newest, waiting)) = agent
            .inbox()
            .filter(|(newest, _)| can_read && *newest > self.told)
        {
            self.told = newest;
            reasons.push(format!(
                "messages wait for you ({waiting}), receiveMessages{with} returns them"
            ));
        }
        for (place, wish) in self.wishes.extract_if(.., |(_, wish)| agent.could_have(wish)) {
            self.had.push(place);
            reasons.push(format!(
                "{} is free, for which you waited; acquireLock it{with}, and read it again before you edit",
                named(&wish.targets)
            ));
        }
        reasons
    }
}
