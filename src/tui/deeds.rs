//! What a person does to the board, carried out, with what there is to say of it.
//!
//! Everything here was asked about, or takes nothing away from anybody. It names what the person saw by
//! revision and fence, so that what changed meanwhile is not touched.

use super::action::{Destructive, Errand};
use super::state::Confirmed;
use super::text;
use crate::board::{Board, Bury, Entry, Expire, Extend, Key, Refusal, Requeue, Revoke};

/// Carries out what a person said yes to.
pub fn apply(board: &Board, confirmed: Confirmed) -> Result<String, String> {
    match confirmed.into_inner() {
        Destructive::Expire { namespace, key, rev } => {
            let name = name(&key);
            let ended = board.as_person(namespace, Expire { key, rev });
            ended.map(|entry| expired(&name, &entry)).map_err(not("expired"))
        }
        Destructive::Revoke { namespace, leases } => {
            let wanted = leases.len();
            let first = leases.first().map(|(key, _)| name(key)).unwrap_or_default();
            let ended = board.as_person(namespace, Revoke { leases });
            revoked(&first, wanted, ended.map_err(not("ended"))?)
        }
        Destructive::Requeue { namespace, key, rev } => {
            let done = format!("{} is free again", name(&key));
            let result = board.as_person(namespace, Requeue { key, rev });
            result.map(|()| done).map_err(not("requeued"))
        }
        Destructive::Bury { namespace, key, rev } => {
            let done = format!("{} is dead; nobody gets it any more", name(&key));
            let result = board.as_person(namespace, Bury { key, rev });
            result.map(|()| done).map_err(not("buried"))
        }
    }
}

/// Carries out what needs no question.
pub fn run(board: &Board, errand: Errand) -> Result<String, String> {
    match errand {
        Errand::Extend {
            namespace,
            key,
            fence,
            by,
        } => {
            let done = format!("{} has more time", name(&key));
            let result = board.as_person(namespace, Extend { key, fence, by });
            result.map(|_| done).map_err(not("extended"))
        }
        Errand::Send { namespace, to, body } => {
            let result = board.send_as_person(namespace, &to, body);
            let done = format!("sent to {}", text::clean(&to));
            result.map(|_| done).map_err(not("sent"))
        }
    }
}

fn name(key: &Key) -> String {
    text::clean(&key.decoded())
}

fn expired(key: &str, entry: &Entry) -> String {
    match entry.lease() {
        Some(lease) => format!("expired {key}, held by {}", text::clean(&lease.owner().name)),
        None => format!("expired {key}"),
    }
}

fn revoked(first: &str, wanted: usize, ended: usize) -> Result<String, String> {
    match (wanted, ended) {
        (1, 0) => Err(format!("not ended: the lease on {first} is over already")),
        (_, 0) => Err("not ended: all of these leases are over already".to_owned()),
        (1, _) => Ok(format!("ended the lease on {first}")),
        (wanted, ended) if ended == wanted => Ok(format!("ended {ended} leases")),
        (wanted, ended) => Ok(format!(
            "ended {ended} leases; {} were over already",
            wanted - ended
        )),
    }
}

/// Returns how to say that something was not done.
fn not(done: &'static str) -> impl FnOnce(Refusal) -> String {
    move |refusal| match &refusal {
        Refusal::Changed { key, .. } => {
            format!("not {done}: {} has changed meanwhile; look again", name(key))
        }
        other => format!("not {done}: {}", text::clean(&other.to_string())),
    }
}
