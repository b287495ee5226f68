//! A person brings a task back.

use super::Command;
use crate::board::limits::DEFAULT_TTL;
use crate::board::transaction::{Draft, Transaction};
use crate::board::{EventKind, Key, Kind, Reason, Refusal, Revision, TaskState, Time, Work};

/// Makes the task under `key` free again, as if it had never been handed out, provided that it still has the
/// revision `rev` which the person saw. A claim on it ends; it stays for an hour at least.
#[derive(Clone, Debug)]
pub struct Requeue {
    /// The task.
    pub key: Key,
    /// The revision on the screen when the person decided.
    pub rev: Revision,
}

impl Command for Requeue {
    type Answer = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Refusal> {
        let hour = transaction.now().after(DEFAULT_TTL);
        decide(transaction, self.key, self.rev, Work::default(), |own| {
            own.max(hour)
        })
    }
}

/// Makes `work` of the task under `key`, which has the revision `seen`, and ends a claim on it. `deadline` makes
/// the task's own end of the one that it has.
pub(super) fn decide(
    transaction: &mut Transaction<'_>,
    key: Key,
    seen: Revision,
    work: Work,
    deadline: impl Fn(Time) -> Time,
) -> Result<(), Refusal> {
    if key.kind() != Kind::Task {
        let problem = format!("{key} is no task");
        return Err(Refusal::Invalid {
            field: "key",
            problem,
        });
    }
    let current = transaction.live(&key);
    let Some(entry) = current.as_ref().filter(|entry| entry.rev == seen) else {
        let rev = current.map_or(Revision::ZERO, |entry| entry.rev);
        return Err(Refusal::Changed { key, rev });
    };
    let (namespace, person) = (transaction.caller().namespace, transaction.caller().owner());
    let rev = transaction.begin();
    let mut draft = Draft::of(entry);
    draft.deadline = deadline(entry.deadline);
    draft.hold.work = work;
    let mut kind = EventKind::Set;
    for lease in std::mem::take(&mut draft.hold.leases) {
        kind = EventKind::Drop(Reason::Person);
        transaction.note_loss(namespace, &key, entry, &lease, Reason::Person);
        let state = TaskState::from(work.state);
        transaction.tell_loser(rev, namespace, &key, &lease, state, Reason::Person, person);
    }
    transaction.put(rev, &key, kind, draft);
    Ok(())
}
