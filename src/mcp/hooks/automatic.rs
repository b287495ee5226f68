//! The locks that hooks take for agents: how they are known, given back, and handed on inside a client.
//!
//! An agent whose lock was taken for it has not asked for it and knows of no hour at which to give it back. So it is
//! given back when its agent stops, and handed on when another agent of the same client goes on with the file. What
//! an agent has asked for itself is never handed on.

use std::sync::Arc;
use std::time::Duration;

use super::edit::Rival;
use crate::board::{
    Call, DEFAULT_LEASE, Entry, Lease, Mode, Refusal, Revision, Session, Target, Wish, locked_target,
};
use crate::guard::Witness;

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
    /// An agent goes on with what its sub-agents were editing that are silent now, and not in the middle of something.
    Silent {
        /// Where they are.
        sessions: &'a [Session],
        /// Who knows what they are doing: a long command is silent too.
        witness: &'a Witness,
    },
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
/// itself: it would be in its own way. Returns what that was, for [`take_back`].
pub(in crate::mcp) async fn give_way(agent: &Call<'_>, targets: &[Target]) -> Result<Vec<Target>, Refusal> {
    let Some(known) = agent.known_as() else {
        return Ok(Vec::new());
    };
    let mut given = Vec::new();
    let held = known.board().holds(known.namespace(), known.owner());
    let is_wanted = |held: &Target| targets.iter().any(|target| target.overlaps(held));
    for (key, entry) in held {
        let Some(target) = locked_target(&key, &entry.value).filter(is_wanted) else {
            continue;
        };
        for fence in automatic_of(&known, &entry) {
            release(&known, fence, targets).await?;
            given.push(target.clone());
        }
    }
    Ok(given)
}

/// Locks for `agent` again what it had given way with, since it did not get what it asked for. Who got it meanwhile
/// has it.
pub(in crate::mcp) async fn take_back(agent: &Call<'_>, given: &[Target]) -> Result<(), Refusal> {
    match agent.known_as().filter(|_| !given.is_empty()) {
        Some(known) => lock(&known, given).await,
        None => Ok(()),
    }
}

/// Gives back what was locked for `agent` automatically.
pub(super) fn give_back_automatic(agent: &Call<'_>) -> Result<(), Refusal> {
    let held = agent.board().holds(agent.namespace(), agent.owner());
    let fences = held.iter().flat_map(|(_, entry)| automatic_of(agent, entry));
    let mut fences: Vec<Revision> = fences.collect();
    fences.sort_unstable();
    fences.dedup();
    for fence in fences {
        agent.release(Some(fence))?;
    }
    Ok(())
}

/// Returns the fences under which `entry` is locked for `agent` automatically.
fn automatic_of(agent: &Call<'_>, entry: &Entry) -> Vec<Revision> {
    let leases = entry.leases().iter();
    let its = leases.filter(|lease| lease.owner() == agent.owner() && is_automatic(lease));
    its.map(|lease| lease.fence).collect()
}

/// Ends the lock of `giver` under `fence`, and locks again what was locked together with `targets` and is none of them.
async fn release(giver: &Call<'_>, fence: Revision, targets: &[Target]) -> Result<(), Refusal> {
    let mut kept = giver.release(Some(fence))?;
    kept.retain(|had| !targets.iter().any(|target| target.overlaps(had)));
    if kept.is_empty() {
        return Ok(());
    }
    lock(giver, &kept).await
}

/// Locks `targets` for `agent`, unless others have them by now.
async fn lock(agent: &Call<'_>, targets: &[Target]) -> Result<(), Refusal> {
    match agent.acquire(wish(targets), Duration::ZERO).await {
        Ok(_) | Err(Refusal::Held(_)) => Ok(()),
        Err(refusal) => Err(refusal),
    }
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
            release(&giver, lease.fence, targets).await?;
        }
        Ok(())
    }

    /// Returns the agent whose `lease` it is, if it is one whose locks are handed on.
    fn giver(&self, lease: &Lease) -> Option<Call<'a>> {
        let owner = lease.owner();
        match self {
            Self::Nobody => None,
            Self::Leader(leader) => (leader.owner() == owner).then(|| leader.clone()),
            Self::Silent { sessions, witness } => {
                let session = sessions.iter().find(|one| one.owner().session == owner.session)?;
                let now = session.board().clock().now();
                let is_silent = now.since(lease.holder.active()) >= SILENT;
                let agent = is_silent.then(|| session.call_as(&owner.name).ok())??;
                (!witness.is_at_work(&agent)).then_some(agent)
            }
        }
    }
}
