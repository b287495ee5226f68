//! Ending a claim.

use std::sync::Arc;

use serde_json::json;

use super::Command;
use crate::board::scores::Result as ScoreOf;
use crate::board::settled::Settlement;
use crate::board::tasks::status;
use crate::board::transaction::Transaction;
use crate::board::{
    Key, Kind, Lease, Outcome, Reason, Refusal, Revision, Submitted, TaskState, Work, WorkState, check_value,
};

/// Ends the claim of `token` with what came of it, and tells the same in `status:<agent>:<id>`.
///
/// Only the claim's owner can, also under another name of its session, for models forget theirs. The same again
/// answers what was recorded; a token that is not current changes nothing: [`Refusal::Lost`].
#[derive(Clone, Debug)]
pub struct Submit {
    /// The token of the claim.
    pub token: Revision,
    /// What came of it.
    pub outcome: Outcome,
    /// What to tell of it.
    pub result: Option<Arc<str>>,
}

impl Submit {
    /// Returns the task that the caller's session holds under the token, and its lease.
    fn claim(&self, transaction: &Transaction<'_>) -> Option<(Key, Lease, Work)> {
        let session = transaction.caller().owner().session;
        let space = transaction.space();
        let mut tasks = space.fenced(self.token).filter(|key| key.kind() == Kind::Task);
        let key = tasks.next()?;
        let entry = space.get(key.as_str())?;
        let mut leases = entry.leases().iter();
        let lease = leases.find(|lease| lease.fence == self.token && lease.owner().session == session)?;
        Some((key.clone(), lease.clone(), entry.work()))
    }

    /// Returns what was recorded when the claim is over, or what is wrong with the token.
    fn recorded(&self, transaction: &mut Transaction<'_>) -> Result<Submitted, Refusal> {
        let (token, owner) = (self.token, transaction.caller().owner());
        if let Some(settled) = transaction.space().settled.get(token)
            && (settled.owner.session == owner.session || settled.owner.name == owner.name)
        {
            if settled.outcome != self.outcome {
                let (key, state) = (&settled.key, settled.state.name());
                let problem = format!("the claim of {key} is submitted already: {state}; claim another task");
                return Err(Refusal::Invalid {
                    field: "outcome",
                    problem,
                });
            }
            return Ok(Submitted {
                key: settled.key.clone(),
                state: settled.state,
            });
        }
        let is_lock = |key: &Key| key.kind() == Kind::Lock;
        if token > transaction.rev() || transaction.space().fenced(token).any(is_lock) {
            let what = format!("claim under token {token}; give the token that came with the task");
            return Err(Refusal::NotFound { what });
        }
        let refusal = transaction.lost(token);
        // It is told now.
        for one in transaction.space().holdings.of_session(owner.session) {
            let holdings = &mut transaction.space_mut().holdings;
            holdings.make_up(one.owner(), |loss| loss.fence == token);
        }
        Err(refusal)
    }
}

impl Command for Submit {
    type Answer = Submitted;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Submitted, Refusal> {
        let Some((key, lease, work)) = self.claim(transaction) else {
            return self.recorded(transaction);
        };
        let now = transaction.now();
        let taken = now.since(lease.granted);
        let (reason, work, score) = match self.outcome {
            Outcome::Done => (
                Reason::Submitted,
                work.ended(WorkState::Done),
                Some(ScoreOf::Done(taken)),
            ),
            Outcome::Failed => (
                Reason::Submitted,
                work.ended(WorkState::Failed),
                Some(ScoreOf::Failed(taken)),
            ),
            Outcome::Retry => (Reason::Retried, work.again(now), None),
        };
        let state = TaskState::from(work.state);
        let word = match state {
            TaskState::Pending | TaskState::Claimed => "retried",
            TaskState::Done => "completed",
            TaskState::Failed => "failed",
            TaskState::Dead => "dead",
        };
        let status = match &self.result {
            Some(result) => status(word, &key, [("result", json!(result))]),
            None => status(word, &key, []),
        };
        check_value(&status)?;
        let (namespace, name) = (transaction.caller().namespace, &lease.owner().name);
        let growth = transaction.growth_of_status(namespace, name, &key, &status);
        transaction.check(&growth)?;
        let rev = transaction.begin();
        transaction.end_claim(rev, &key, self.token, reason, work);
        transaction.put_status(rev, namespace, name, lease.owner(), &key, status);
        let space = transaction.space_mut();
        if let Some(score) = score {
            space.scores.add(name, score);
        }
        let settlement = Settlement {
            key: key.clone(),
            owner: Arc::clone(lease.owner()),
            outcome: self.outcome,
            state,
        };
        space.settled.add(self.token, settlement);
        Ok(Submitted { key, state })
    }
}
