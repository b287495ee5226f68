//! A sign of life: what an agent does, and who else is here.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::Command;
use super::refusals::leased;
use crate::board::space::{Growth, Space};
use crate::board::tasks::status;
use crate::board::transaction::{Draft, Transaction, reason_of_end};
use crate::board::{
    Entry, EventKind, Key, Kind, Lease, Mode, Owner, Presence, Refusal, Revision, Target, Term, Time, locks,
};

/// The most characters of what an agent says that it does.
const MAX_PROGRESS: usize = 1_000;
/// The longest value that is read for what an agent does: longer ones are not of this making.
const MAX_READ: usize = 16 << 10;
/// How long what an agent said outlives its last sign of life.
const SAID_FOR: Duration = Duration::from_secs(300);

/// Notes what the caller does, under `agent:<name>` for as long as it is here and in the status of each task that
/// it has claimed, and answers who is here. Without progress nothing is written.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    progress: Option<Arc<str>>,
    here: Vec<Arc<Owner>>,
}

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
    /// What a lock is on.
    pub target: Option<Target>,
    /// The proof of it: the fence of a lock, the token of a claim.
    pub fence: Revision,
    /// How long it lasts if nobody renews it.
    pub remaining: Duration,
}

impl Heartbeat {
    /// Returns the sign of life of an agent that says what it does, if it does. `here` are those who are attached,
    /// since the ledger does not know it.
    pub fn new(progress: Option<&str>, here: Vec<Arc<Owner>>) -> Result<Self, Refusal> {
        if progress.is_some_and(|text| text.chars().count() > MAX_PROGRESS) {
            return Err(Refusal::Invalid {
                field: "progress",
                problem: format!("say it in one line of at most {MAX_PROGRESS} characters"),
            });
        }
        Ok(Self {
            progress: progress.map(Arc::from),
            here,
        })
    }
}

impl Command for Heartbeat {
    type Answer = Beat;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Beat, Refusal> {
        if let Some(progress) = &self.progress {
            note(transaction, progress)?;
        }
        let (space, now) = (transaction.space(), transaction.now());
        let own = space.holdings.of(transaction.caller().owner());
        let holding = |(fence, key): &(Revision, Key)| {
            let entry = space.get(key.as_str())?;
            let lease = entry.leases().iter().find(|lease| lease.fence == *fence)?;
            Some(Holding1 {
                key: key.clone(),
                target: locks::target(key, &entry.value),
                fence: *fence,
                remaining: entry.held_until(lease, now).since(now),
            })
        };
        let holds: Vec<_> = own.filter(|(_, key)| is_told(key)).filter_map(holding).collect();
        let agents = self.here.iter().map(|owner| present(space, owner, now));
        Ok(Beat {
            agents: agents.collect(),
            remaining: holds.iter().map(|one| one.remaining).min(),
            holds,
        })
    }
}

/// Tells whether a hold is one that its owner asked for.
fn is_told(key: &Key) -> bool {
    matches!(key.kind(), Kind::Lock | Kind::Task)
}

fn present(space: &Space, owner: &Arc<Owner>, now: Time) -> Present {
    let idle = space.holdings.find(owner).map(|one| now.since(one.active()));
    Present {
        name: Arc::clone(&owner.name),
        doing: doing(space, owner, now),
        idle: idle.unwrap_or_default(),
        holds: space.holdings.of(owner).filter(|(_, key)| is_told(key)).count(),
    }
}

/// Returns what `owner` last said that it does.
fn doing(space: &Space, owner: &Owner, now: Time) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Said {
        progress: Arc<str>,
    }
    let entry = space.get(said_under(owner).as_str())?;
    let own = entry.is_live(now) && entry.lease().is_some_and(|lease| **lease.owner() == *owner);
    let readable = own && entry.value.len() <= MAX_READ;
    let said = readable.then(|| serde_json::from_str(&entry.value).ok())?;
    said.map(|Said { progress }| progress)
}

fn said_under(owner: &Owner) -> Key {
    Key::vouched(&format!("agent:{}", owner.name))
}

/// Writes what the caller does.
fn note(transaction: &mut Transaction<'_>, progress: &Arc<str>) -> Result<(), Refusal> {
    let holder = transaction.caller_presence();
    let (namespace, owner) = (transaction.caller().namespace, holder.owner());
    let key = said_under(owner);
    let value: Arc<str> = Arc::from(json!({ "progress": progress }).to_string());
    let current = transaction.live(&key);
    if let Some(entry) = &current
        && let Some(lease) = rival(entry, owner)
        && lease.holder.gone().is_none()
    {
        return Err(leased(&key, entry, lease, transaction));
    }
    let claims = claims(transaction.space(), owner);
    let statuses: Vec<_> = claims
        .iter()
        .map(|(task, attempt)| {
            let more = [("attempt", json!(attempt)), ("currentStep", json!(progress))];
            (task, status("in_progress", task, more))
        })
        .collect();
    let mut growth = Growth::default();
    growth.add(&key, current.as_deref(), Some(value.len()));
    for (task, status) in &statuses {
        growth.join(transaction.growth_of_status(namespace, &owner.name, task, status));
    }
    transaction.check(&growth)?;
    let rev = transaction.begin();
    if let Some(entry) = &current
        && let Some(lease) = rival(entry, owner)
    {
        let (had, reason) = (lease.owner(), reason_of_end(&lease.holder));
        transaction.let_go(rev, namespace, &key, lease.fence, reason, had);
    }
    say(transaction, rev, &key, value, &holder);
    for (task, status) in statuses {
        transaction.put_status(rev, namespace, &owner.name, owner, task, status);
    }
    Ok(())
}

/// Returns the hold of somebody else on what an agent says, which can only be an earlier one of its name.
fn rival<'a>(entry: &'a Entry, owner: &Owner) -> Option<&'a Lease> {
    entry.leases().iter().find(|lease| **lease.owner() != *owner)
}

/// Returns the tasks that `owner` has claimed, and the how manyeth attempt each is.
fn claims(space: &Space, owner: &Owner) -> Vec<(Key, u8)> {
    let held = space.holdings.of(owner);
    let tasks = held.filter(|(_, key)| key.kind() == Kind::Task);
    tasks
        .filter_map(|(_, key)| Some((key.clone(), space.get(key.as_str())?.work().attempts + 1)))
        .collect()
}

/// Puts what the caller does, which is there as long as it is.
fn say(transaction: &mut Transaction<'_>, rev: Revision, key: &Key, value: Arc<str>, holder: &Arc<Presence>) {
    let current = transaction.space().get(key.as_str());
    let mut hold = current.map(|entry| Draft::of(entry).hold).unwrap_or_default();
    let kind = if hold.leases.is_empty() {
        hold.leases.push(Lease {
            fence: rev,
            holder: Arc::clone(holder),
            mode: Mode::Exclusive,
            term: Term::Renewed(SAID_FOR),
            granted: transaction.now(),
            why: None,
            at_least: Time::default(),
        });
        EventKind::Lease
    } else {
        EventKind::Set
    };
    let draft = Draft {
        value,
        deadline: Time::default(),
        hold,
    };
    transaction.put(rev, key, kind, draft);
}

#[cfg(test)]
mod tests;
