//! Taking a task.

use std::time::Duration;

use serde_json::json;

use super::Command;
use crate::board::tasks::status;
use crate::board::transaction::{Draft, Transaction};
use crate::board::{Claim, Claimed, EventKind, Lease, Mode, Pattern, Refusal, Term, Time};

/// Claims the most important free task whose key matches, the oldest of several. The claim outlives its owner's
/// last sign of life by `ttl`, and the caller's `status:<agent>:<id>` tells of it from the same revision on.
///
/// A task is free when nobody holds it, it is not over, its `agentId` names nobody else, it was lost less than
/// three times and not just now. Who holds a claim already gets another task.
#[derive(Clone, Debug)]
pub struct Take {
    /// Which tasks to look at.
    pub pattern: Pattern,
    /// How long the claim outlives its owner's last sign of life.
    pub ttl: Duration,
}

impl Command for Take {
    type Answer = Claimed;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Claimed, Refusal> {
        let holder = transaction.caller_presence();
        super::refuse_who_left(&holder)?;
        let (namespace, now) = (transaction.caller().namespace, transaction.now());
        let name = &holder.owner().name;
        transaction.space_mut().backlog.ripen(now);
        let Some((key, entry)) = transaction.space().next_task(name, &self.pattern, now) else {
            let idle = transaction.space().backlog.idle(name, &self.pattern, now);
            return Ok(Claimed::Nothing(idle));
        };
        let attempt = entry.work().attempts + 1;
        let status = status("in_progress", &key, [("attempt", json!(attempt))]);
        let growth = transaction.growth_of_status(namespace, name, &key, &status);
        transaction.check(&growth)?;
        let rev = transaction.begin();
        let mut draft = Draft::of(&entry);
        draft.hold.leases.push(Lease {
            fence: rev,
            holder: holder.clone(),
            mode: Mode::Exclusive,
            term: Term::Renewed(self.ttl),
            granted: now,
            why: None,
            at_least: Time::default(),
        });
        transaction.put(rev, &key, EventKind::Lease, draft);
        transaction.put_status(rev, namespace, name, holder.owner(), &key, status);
        let holdings = &mut transaction.space_mut().holdings;
        holdings.make_up(holder.owner(), |loss| loss.key == key);
        Ok(Claimed::Task(Claim {
            key,
            value: entry.value.clone(),
            token: rev,
            attempt,
            remaining: holder.deadline(self.ttl, now).since(now),
        }))
    }
}
