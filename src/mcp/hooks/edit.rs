//! Before files are written: who holds them, and who does from now on.

use std::sync::Arc;
use std::time::Duration;

use super::super::fault::{Fault, Listener};
use super::super::tools::Toolset;
use super::automatic::{self, Predecessor};
use super::words;
use crate::board::{
    Call, Entry, Holder, Key, Kind, Lease, Loss, MAX_TARGETS, Mode, Refusal, Session, SessionId, Target,
    Term, locked_target,
};
use crate::hook::Verdict;
use crate::target::Resolver;

/// A lock that is in the way.
pub(super) struct Rival {
    pub(super) target: Target,
    pub(super) lease: Lease,
    pub(super) remaining: Duration,
}

/// Lets `agent` write `targets`, which are locked for it if `locks`, unless others hold one of them that do not hand it
/// on. What it holds under any of its names, which are the `whole` of it, is its own.
pub(super) async fn edit(
    agent: &Call<'_>,
    whole: &[Call<'_>],
    predecessor: &Predecessor<'_>,
    targets: &[Target],
    locks: bool,
    tools: Toolset,
) -> Result<Verdict, Refusal> {
    let open: Vec<Target> = targets
        .iter()
        .filter(|target| !is_held_by(agent, whole, target))
        .cloned()
        .collect();
    let is_of_these = |loss: &Loss| open.iter().any(|target| loss.concerns(target));
    let losses = |one: &Call<'_>| -> Vec<Loss> {
        let lost = one.notices().map_or_else(Vec::new, |told| told.lost);
        lost.into_iter().filter(is_of_these).collect()
    };
    let lost: Vec<(&Call<'_>, Vec<Loss>)> = whole.iter().map(|one| (one, losses(one))).collect();
    if locks {
        predecessor
            .hand_on(&in_the_way(agent, whole, &open), &open)
            .await?;
        for some in open.chunks(MAX_TARGETS) {
            match agent.acquire(automatic::wish(some), Duration::ZERO).await {
                Ok(_) => {}
                Err(Refusal::Held(held)) if held.holder != *agent.owner() => {
                    return Ok(words::held(&held, tools));
                }
                Err(refusal) => {
                    let (_, hint) = Fault::of(refusal, &Listener::new(agent, tools)).into_parts();
                    return Ok(Verdict::Deny {
                        reason: format!("callboard did not lock this file for you: {hint}"),
                    });
                }
            }
        }
    } else if let Some(rival) = open
        .iter()
        .find_map(|target| above(agent, target, |lease| is_own(whole, lease)))
    {
        return Ok(words::in_the_way(&rival, tools));
    }
    // Each is told once. Where files are locked, a directory that was lost is told of for each of its files.
    let is_over = |loss: &Loss| !locks || loss.target.as_ref().is_some_and(|lost| open.contains(lost));
    let (mut told, mut ways_out) = (Vec::new(), Vec::new());
    for (at, (one, lost)) in lost.into_iter().enumerate() {
        let (over, stays): (Vec<_>, Vec<_>) = lost.into_iter().partition(is_over);
        one.forget_losses(&over);
        one.note_losses_told(&stays, &open);
        let alias = (at > 0).then_some(&*one.owner().name);
        ways_out.extend(stays.iter().map(|loss| words::way_out(loss, alias)));
        told.extend(over.into_iter().chain(stays));
    }
    if told.is_empty() {
        return Ok(Verdict::Pass);
    }
    Ok(words::lost(&told, &ways_out, locks))
}

/// Keeps who has no agent on the board from writing what agents hold.
pub(super) fn look(reader: &Call<'_>, targets: &[Target], tools: Toolset) -> Verdict {
    let rival = targets.iter().find_map(|target| above(reader, target, |_| false));
    rival.map_or(Verdict::Pass, |rival| words::in_the_way(&rival, tools))
}

/// Keeps `agent` from throwing away what others hold at `places` or below.
pub(super) fn overwrite(
    agent: &Call<'_>,
    whole: &[Call<'_>],
    places: &[Target],
    resolver: &Resolver,
    tools: Toolset,
) -> Verdict {
    let is_hit = |held: &Target| {
        let hit = |place: &Target| place.overlaps(held) && !resolver.is_apart(place, held);
        places.iter().any(hit)
    };
    let rivals: Vec<Rival> = locks(agent)
        .into_iter()
        .filter(|rival| !is_own(whole, &rival.lease) && is_hit(&rival.target))
        .collect();
    words::overwritten(&rivals, tools)
}

/// Keeps whoever asks from committing `targets` that are held outside the sessions `own`.
pub(super) fn commit(reader: &Call<'_>, own: &[Session], targets: &[Target]) -> Verdict {
    let own: Vec<SessionId> = own.iter().map(|session| session.owner().session).collect();
    let is_own = |lease: &Lease| own.contains(&lease.owner().session);
    let rivals = targets.iter().filter_map(|target| above(reader, target, is_own));
    words::committed(&rivals.collect::<Vec<_>>(), own.is_empty())
}

/// Tells whether `agent` may write `target` because of a lock that it has.
fn is_held_by(agent: &Call<'_>, whole: &[Call<'_>], target: &Target) -> bool {
    held_above(agent, target).iter().any(|(_, entry)| {
        let mut leases = entry.leases().iter();
        leases.any(|lease| lease.mode == Mode::Exclusive && is_own(whole, lease))
    })
}

/// A raw lock names whom its writer likes, so it is of all agents of the session that wrote it.
fn is_own(whole: &[Call<'_>], lease: &Lease) -> bool {
    let owner = lease.owner();
    whole.iter().any(|own| {
        let own = own.owner();
        own == owner || lease.term == Term::Entry && own.session == owner.session
    })
}

/// Returns the holds of others on `targets`, and on directories above them.
fn in_the_way(agent: &Call<'_>, whole: &[Call<'_>], targets: &[Target]) -> Vec<Rival> {
    let held = targets.iter().flat_map(|target| held_above(agent, target));
    held.flat_map(|(key, entry)| rivals(agent, &key, &entry))
        .filter(|rival| !is_own(whole, &rival.lease))
        .collect()
}

/// Returns the first hold on `target`, or on a directory above it, that is not `own`.
fn above(reader: &Call<'_>, target: &Target, own: impl Fn(&Lease) -> bool) -> Option<Rival> {
    let held = held_above(reader, target).into_iter();
    held.flat_map(|(key, entry)| rivals(reader, &key, &entry))
        .find(|rival| !own(&rival.lease))
}

/// Returns what is locked of `target` and the directories above it.
fn held_above(reader: &Call<'_>, target: &Target) -> Vec<(Key, Arc<Entry>)> {
    let keys = target.and_above().map(|target| target.key());
    keys.filter_map(|key| {
        let entry = reader.board().get(reader.namespace(), &key)?;
        Some((key, entry))
    })
    .collect()
}

/// Returns every lock.
fn locks(reader: &Call<'_>) -> Vec<Rival> {
    let holders = reader.board().holders(reader.namespace()).into_iter();
    let held = holders.flat_map(|Holder { presence, held }| {
        held.into_iter()
            .map(move |held| (Arc::clone(presence.owner()), held))
    });
    let locks = held.filter(|(_, (key, _))| key.kind() == Kind::Lock);
    locks
        .flat_map(|(owner, (key, entry))| {
            let of_owner = move |rival: &Rival| *rival.lease.owner() == owner;
            rivals(reader, &key, &entry).into_iter().filter(of_owner)
        })
        .collect()
}

/// Returns the holds on the lock `entry` under `key`.
fn rivals(reader: &Call<'_>, key: &Key, entry: &Entry) -> Vec<Rival> {
    let Some(target) = locked_target(key, &entry.value) else {
        return Vec::new();
    };
    let now = reader.board().clock().now();
    let rival = |lease: &Lease| Rival {
        target: target.clone(),
        lease: lease.clone(),
        remaining: entry.held_until(lease, now).since(now),
    };
    entry.leases().iter().map(rival).collect()
}
