//! How agents have done with their tasks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What an agent has made of its claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Tasks that it did.
    pub done: u64,
    /// Tasks of which it said that they cannot be done.
    pub failed: u64,
    /// Claims that it lost.
    pub lost: u64,
    /// How long it took from the claim to done or failed, on average; `None` before the first.
    pub mean: Option<Duration>,
}

/// The most names that are remembered; the one that was heard of least recently is forgotten.
const MAX_NAMES: usize = 1_000;

/// What a claim came to, for the one who had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    /// The task is done, so long after it was claimed.
    Done(Duration),
    /// The task cannot be done, as was found so long after it was claimed.
    Failed(Duration),
    /// The claim was lost.
    Lost,
}

/// The scores of a namespace, by name.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    names: BTreeMap<Arc<str>, Tally>,
    /// Rises with every result.
    results: u64,
}

/// What the claims of one name came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) lost: u64,
    /// How long those took that were ended by the agent itself.
    pub(crate) taken: Duration,
    /// The number of its last result.
    pub(crate) last: u64,
}

impl Scores {
    /// Adds what a claim of `name` came to.
    pub(crate) fn add(&mut self, name: &Arc<str>, result: Result) {
        let tally = self.heard_of(name);
        match result {
            Result::Done(taken) => {
                tally.done += 1;
                tally.taken = tally.taken.saturating_add(taken);
            }
            Result::Failed(taken) => {
                tally.failed += 1;
                tally.taken = tally.taken.saturating_add(taken);
            }
            Result::Lost => tally.lost += 1,
        }
    }

    /// Returns the tally of `name`, which is heard of now.
    fn heard_of(&mut self, name: &Arc<str>) -> &mut Tally {
        self.results += 1;
        if self.names.len() == MAX_NAMES && !self.names.contains_key(name) {
            let stalest = self.names.iter().min_by_key(|(_, tally)| tally.last);
            if let Some(stalest) = stalest.map(|(name, _)| Arc::clone(name)) {
                self.names.remove(&stalest);
            }
        }
        let tally = self.names.entry(Arc::clone(name)).or_default();
        tally.last = self.results;
        tally
    }

    /// Returns all tallies; the name that was heard of least recently comes first.
    pub(crate) fn to_save(&self) -> Vec<(Arc<str>, Tally)> {
        let tallies = self.names.iter();
        let mut tallies: Vec<_> = tallies.map(|(name, tally)| (Arc::clone(name), *tally)).collect();
        tallies.sort_by_key(|(_, tally)| tally.last);
        tallies
    }

    /// Takes over the tally of a name, in the order of [`Scores::to_save`].
    pub(crate) fn restore(&mut self, name: &Arc<str>, tally: Tally) {
        let heard_of = self.heard_of(name);
        let last = heard_of.last;
        *heard_of = Tally { last, ..tally };
    }

    /// Returns all scores in the order of the names.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, Score)> {
        let scores = self.names.iter();
        scores
            .map(|(name, tally)| (Arc::clone(name), tally.score()))
            .collect()
    }
}

impl Tally {
    fn score(&self) -> Score {
        let ended = self.done + self.failed;
        let mean = self.taken.as_nanos().checked_div(u128::from(ended));
        Score {
            done: self.done,
            failed: self.failed,
            lost: self.lost,
            mean: mean.map(|nanos| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_over_what_was_ended_by_the_agent_itself() {
        let mut scores = Scores::default();
        let ann: Arc<str> = Arc::from("ann");
        scores.add(&ann, Result::Lost);
        assert_eq!(scores.all()[0].1.mean, None);
        scores.add(&ann, Result::Done(Duration::from_secs(2)));
        scores.add(&ann, Result::Failed(Duration::from_secs(4)));
        let score = Score {
            done: 1,
            failed: 1,
            lost: 1,
            mean: Some(Duration::from_secs(3)),
        };
        assert_eq!(scores.all(), [(ann, score)]);
    }

    #[test]
    fn the_name_heard_of_least_recently_makes_room() {
        let mut scores = Scores::default();
        let name = |number: usize| Arc::from(format!("agent-{number}"));
        for number in 0..MAX_NAMES {
            scores.add(&name(number), Result::Lost);
        }
        scores.add(&name(0), Result::Lost);
        scores.add(&name(MAX_NAMES), Result::Lost);
        let names: Vec<_> = scores.all().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), MAX_NAMES);
        assert!(names.contains(&name(0)) && names.contains(&name(MAX_NAMES)));
        assert!(!names.contains(&name(1)), "the second has waited longest");
    }
}
