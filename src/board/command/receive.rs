//! Receiving messages.

use std::sync::Arc;

use super::Command;
use crate::board::messages::{DELIVERY, read};
use crate::board::transaction::{Draft, Transaction, reason_of_end};
use crate::board::{
    Entry, EventKind, Key, Kind, Lease, Message, Mode, Owner, Presence, Reason, Received, Refusal, Revision,
    Term, Time,
};

/// The most bytes of one answer, but for a single longer message, so that a client can take it.
const MAX_BYTES: usize = 4 << 20;

/// Delivers up to `limit` messages to the caller, the oldest first; fewer when they are long.
///
/// It confirms what was delivered to the caller before: those are gone. What is not confirmed within a minute of
/// the caller's last sign of life comes again in its old place, and at once when the session that had it is gone
/// and another one of the same name asks.
#[derive(Clone, Copy, Debug)]
pub struct Receive {
    /// The most messages to deliver.
    pub limit: usize,
    /// What becomes of what was delivered to the caller before.
    pub earlier: Earlier,
}

/// What becomes of the messages that were delivered to the caller before and are not confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// They have arrived, as the call shows.
    Confirmed,
    /// They stay with the caller: a call that goes on waiting says nothing of what another call of the same agent has
    /// received meanwhile.
    Kept,
    /// They have not arrived and come again: the call is the repeat of one whose answer is lost.
    Lost,
}

/// A delivery that is not confirmed.
type Delivery = (Arc<Presence>, Revision, Key);

impl Command for Receive {
    type Answer = Received;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Received, Refusal> {
        let holder = transaction.caller_presence();
        super::refuse_who_left(&holder)?;
        let namespace = transaction.caller().namespace;
        let mut delivered = deliveries(transaction, holder.owner());
        delivered.retain(|(had, ..)| self.earlier != Earlier::Kept || had.owner() != holder.owner());
        let waits = self.limit > 0 && pending(transaction, &holder).next().is_some();
        if delivered.is_empty() && !waits {
            return Ok(Received {
                messages: Vec::new(),
                more: pending(transaction, &holder).count(),
            });
        }
        let rev = transaction.begin();
        for (had, fence, key) in delivered {
            let owner = had.owner();
            let reason = match self.earlier {
                _ if owner != holder.owner() => reason_of_end(&had),
                Earlier::Lost => Reason::Disconnected,
                Earlier::Confirmed | Earlier::Kept => {
                    transaction.end(rev, namespace, &key, EventKind::Drop(Reason::Confirmed), owner);
                    continue;
                }
            };
            transaction.let_go(rev, namespace, &key, fence, reason, owner);
        }
        let next: Vec<_> = pending(transaction, &holder).take(self.limit).collect();
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for (key, entry) in next {
            bytes += entry.value.len();
            if bytes > MAX_BYTES && !messages.is_empty() {
                break;
            }
            messages.push(deliver(transaction, rev, &holder, &key, &entry));
        }
        let more = pending(transaction, &holder).count();
        Ok(Received { messages, more })
    }
}

/// Returns what was delivered to `owner`, and to earlier sessions of the same name that are gone.
fn deliveries(transaction: &Transaction<'_>, owner: &Arc<Owner>) -> Vec<Delivery> {
    let holdings = &transaction.space().holdings;
    let called = holdings.called(&owner.name);
    let relevant = called.filter(|one| one.owner() == owner || one.gone().is_some());
    let held = relevant.flat_map(|one| holdings.of(one.owner()).map(move |held| (one, held)));
    held.filter(|(_, (_, key))| key.kind() == Kind::Msg)
        .map(|(one, (fence, key))| (Arc::clone(one), *fence, key.clone()))
        .collect()
}

/// Returns the messages that wait for `holder`, the oldest first.
fn pending<'a>(
    transaction: &'a Transaction<'_>,
    holder: &'a Presence,
) -> impl Iterator<Item = (Key, Arc<Entry>)> + 'a {
    let (space, now) = (transaction.space(), transaction.now());
    let keys = space.inboxes.pending(&holder.owner().name);
    let entries = keys.filter_map(move |key| Some((key, space.get(key.as_str())?)));
    let live = entries.filter(move |(_, entry)| entry.is_live(now));
    live.map(|(key, entry)| (key.clone(), Arc::clone(entry)))
}

fn deliver(
    transaction: &mut Transaction<'_>,
    rev: Revision,
    holder: &Arc<Presence>,
    key: &Key,
    entry: &Entry,
) -> Message {
    let now = transaction.now();
    let mut draft = Draft::of(entry);
    draft.hold.work.attempts = draft.hold.work.attempts.saturating_add(1);
    draft.hold.leases.push(Lease {
        fence: rev,
        holder: Arc::clone(holder),
        mode: Mode::Exclusive,
        term: Term::Renewed(DELIVERY),
        granted: now,
        why: None,
        at_least: Time::default(),
    });
    let deliveries = draft.hold.work.attempts;
    transaction.put(rev, key, EventKind::Lease, draft);
    let (from, body) = read(key, entry);
    Message {
        id: entry.created_rev,
        from,
        body,
        deliveries,
        age: now.since(entry.written),
    }
}
