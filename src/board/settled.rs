//! What claims came to that were submitted, so that a repeated answer finds what the first one said.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Key, Outcome, Owner, Revision, TaskState};

/// How many are remembered; the oldest is forgotten.
const MAX_SETTLED: usize = 10_000;

/// A claim that was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settlement {
    /// The task.
    pub(crate) key: Key,
    /// Who had claimed it.
    pub(crate) owner: Arc<Owner>,
    /// What was submitted.
    pub(crate) outcome: Outcome,
    /// What became of the task.
    pub(crate) state: TaskState,
}

/// The claims of a namespace that were submitted lately, by their tokens.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    claims: BTreeMap<Revision, Settlement>,
    order: VecDeque<Revision>,
}

impl Settled {
    /// Remembers what the claim of `token` came to.
    pub(crate) fn add(&mut self, token: Revision, settlement: Settlement) {
        self.claims.insert(token, settlement);
        self.order.push_back(token);
        if self.order.len() > MAX_SETTLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.claims.remove(&oldest);
        }
    }

    /// Returns what all claims came to, the one that was settled first first.
    pub(crate) fn to_save(&self) -> Vec<(Revision, Settlement)> {
        let claims = self.order.iter();
        claims
            .filter_map(|token| Some((*token, self.claims.get(token)?.clone())))
            .collect()
    }

    /// Returns what the claim of `token` came to.
    pub(crate) fn get(&self, token: Revision) -> Option<&Settlement> {
        self.claims.get(&token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::SessionId;

    #[test]
    fn those_settled_last_are_remembered_whenever_they_were_claimed() {
        let settlement = Settlement {
            key: Key::parse("task:1").unwrap(),
            owner: Owner::new("ann", SessionId(1)),
            outcome: Outcome::Done,
            state: TaskState::Done,
        };
        let mut settled = Settled::default();
        for token in 1..=MAX_SETTLED as u64 {
            settled.add(Revision(token), settlement.clone());
        }
        settled.add(Revision::ZERO, settlement.clone());
        assert_eq!(settled.get(Revision::ZERO), Some(&settlement));
        assert_eq!(settled.get(Revision(1)), None);
        assert_eq!(settled.claims.len(), MAX_SETTLED);
    }
}
