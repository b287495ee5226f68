//! The locks that hooks take for agents: how they are known, given back, and handed on inside a client.
//!
//! An agent whose lock was taken for it has not asked for it and knows of no hour at which to give it back. So it is
//! given back when its agent stops, and handed on when another agent of the same client goes on with the file. What
//! an agent has asked for itself is never handed on.

use std::sync::Arc;
use std::time::Duration;

use super::edit::Rival;
use crate::board::{
    Call, DEFAULT_LEASE, Entry, Key, Lease, Mode, Refusal, Revision, Session, Target, Wish, locked_target,
};

/// What an automatic lock is for. It is known by these words, so that it is also known after the board was
/// written down and read again; they are not what an agent would say.
const AUTOMATIC: &str = "editing (locked automatically)";

/// How long a sub-agent must be silent to be taken for one that was interrupted: clients tell of no such end.
const SILENT: Duration = Duration::from_secs(60);

/// Whose automatic locks an agent takes over when it edits what they are on.
pub(super) enum Predecessor<'a> {
    /// Nobody's.
    Nobody,
    /// A sub-agent goes on with what the agent was editing that it works for, and handed its work on.
    Leader(Call<'a>),
    /// An agent goes on with what its sub-agents were editing that are silent now. They are in these sessions.
    Silent(&'a [Session]),
}

/// Returns the wish for automatic locks on `targets`.
pub(super) fn wish(targets: &[Target]) -> Wish {
    Wish {
        targets: Arc::from(targets),
        mode: Mode::Exclusive,
        why: Some(Arc::from(AUTOMATIC)),
        ttl: DEFAULT_LEASE,
    }
}

/// Gives back what was locked automatically for `agent`, which may have named itself: hooks lock for it under the name
/// that they know it by.
pub(in crate::mcp) fn give_back_all_automatic(agent: &Call<'_>) -> Result<(), Refusal> {
    give_back_automatic(agent)?;
    agent.known_as().as_ref().map_or(Ok(()), give_back_automatic)
}

/// Gives back what of `targets` was locked automatically for `agent`, which asks for them under a name that it gave
/// itself: it would be in its own way.
pub(in crate::mcp) fn give_way(agent: &Call<'_>, targets: &[Target]) -> Result<(), Refusal> {
    let is_wanted = |key: &Key, entry: &Entry| {
        let held = locked_target(key, &entry.value);
        held.is_some_and(|held| targets.iter().any(|target| target.overlaps(&held)))
    };
    let known = agent.known_as();
    known.map_or(Ok(()), |known| give_back(&known, is_wanted))
}

/// Gives back what was locked for `agent` automatically.
pub(super) fn give_back_automatic(agent: &Call<'_>) -> Result<(), Refusal> {
    give_back(agent, |_, _| true)
}

fn give_back(agent: &Call<'_>, is_it: impl Fn(&Key, &Entry) -> bool) -> Result<(), Refusal> {
    let is_its = |lease: &&Lease| lease.owner() == agent.owner() && is_automatic(lease);
    let mut held = agent.board().holds(agent.namespace(), agent.owner());
    held.retain(|(key, entry)| is_it(key, entry));
    let fences = held.iter().flat_map(|(_, entry)| {
        let automatic = entry.leases().iter().filter(is_its);
        automatic.map(|lease| lease.fence)
    });
    let mut fences: Vec<Revision> = fences.collect();
    fences.sort_unstable();
    fences.dedup();
    for fence in fences {
        agent.release(Some(fence))?;
    }
    Ok(())
}

fn is_automatic(lease: &Lease) -> bool {
    lease.why.as_deref() == Some(AUTOMATIC)
}

impl<'a> Predecessor<'a> {
    /// Tells whether `lease` is one that is handed on.
    pub(super) fn hands_on(&self, lease: &Lease) -> bool {
        is_automatic(lease) && self.giver(lease).is_some()
    }

    /// Ends the locks `in_the_way` of an agent that is about to edit `targets`, if all of them are handed on. What was
    /// locked together with these stays with whoever had it.
    pub(super) async fn hand_on(&self, in_the_way: &[Rival], targets: &[Target]) -> Result<(), Refusal> {
        if !in_the_way.iter().all(|rival| self.hands_on(&rival.lease)) {
            return Ok(());
        }
        for Rival { lease, .. } in in_the_way {
            let Some(giver) = self.giver(lease) else {
                continue;
            };
            let mut kept = giver.release(Some(lease.fence))?;
            kept.retain(|had| !targets.iter().any(|target| target.overlaps(had)));
            if kept.is_empty() {
                continue;
            }
            match giver.acquire(wish(&kept), Duration::ZERO).await {
                // Who waited for it has it now.
                Ok(_) | Err(Refusal::Held(_)) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(())
    }

    /// Returns the agent whose `lease` it is, if it is one whose locks are handed on.
    fn giver(&self, lease: &Lease) -> Option<Call<'a>> {
        let owner = lease.owner();
        match self {
            Self::Nobody => None,
            Self::Leader(leader) => (leader.owner() == owner).then(|| leader.clone()),
            Self::Silent(sessions) => {
                let session = sessions.iter().find(|one| one.owner().session == owner.session)?;
                let now = session.board().clock().now();
                let is_silent = now.since(lease.holder.active()) >= SILENT;
                is_silent.then(|| session.call_as(&owner.name).ok())?
            }
        }
    }
}
