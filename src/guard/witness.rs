//! Where hooks tell what agents are about to do, and what they have done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::testimony::{Author, Deed, Holder, Testimony};
use crate::board::{Call, NamespaceId, Target, Time};

/// A cheap handle to what hooks have told; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Witness(Arc<Mutex<Testimony>>);

impl Witness {
    /// Notes that the agent with `names` begins with `deed`, the tool use that its client calls `call`. The first of
    /// its names is the one by which its hooks are known.
    pub fn begins(&self, names: &[Call<'_>], deed: Deed, call: Option<&str>) {
        let Some((agent, others)) = names.split_first() else {
            return;
        };
        let now = agent.board().clock().now();
        let others = others.iter().map(|name| Arc::clone(name.owner())).collect();
        self.heard()
            .begins(agent.namespace(), agent.owner(), others, deed, call, now);
    }

    /// Notes that the tool use `call` of `agent` is over, or whatever it does when that has no name.
    pub fn ends(&self, agent: &Call<'_>, call: Option<&str>) {
        let now = agent.board().clock().now();
        self.heard().ends(agent.namespace(), agent.owner(), call, now);
    }

    /// Tells whether `agent` may be in the middle of something.
    pub fn is_at_work(&self, agent: &Call<'_>) -> bool {
        let now = agent.board().clock().now();
        self.heard().is_at_work(agent.namespace(), agent.owner(), now)
    }

    /// Returns who changed `file` at the moment `at`, while `holder` had locked it.
    pub(super) fn author(
        &self,
        namespace: NamespaceId,
        holder: Holder<'_>,
        file: &Target,
        at: Time,
    ) -> Author {
        self.heard().author(namespace, holder, file, at)
    }

    fn heard(&self) -> MutexGuard<'_, Testimony> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
