//! Changes of locked files by somebody else than their holder.
//!
//! The board cannot see files; whoever can tells it, by [`Report`](super::Report). Here is kept who must be told:
//! the holder, with its next answer, and whoever was seen at work meanwhile. Each is told once. Nothing of it is
//! in an image of the board: what stands in a file is to be read there.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Key, Owner, Revision, Target, Time};

/// The most changes that are remembered; the oldest is forgotten first.
const MAX_KNOWN: usize = 256;
/// The most changes of one hold that are remembered, so that a large directory does not push out the others.
const MAX_OF_HOLD: usize = 16;

/// A change of a locked file that its holder has not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intrusion {
    /// The lock.
    pub key: Key,
    /// The fence under which it is held.
    pub fence: Revision,
    /// Who holds it.
    pub holder: Arc<Owner>,
    /// The file that was changed: what is locked, or something below it.
    pub file: Target,
    /// Who alone was at work in a way that can have changed it, if that is known.
    pub suspect: Option<Arc<Owner>>,
    /// When it was seen.
    pub at: Time,
}

impl Intrusion {
    fn is_of(&self, key: &Key, fence: Revision) -> bool {
        self.fence == fence && self.key == *key
    }

    fn is_same(&self, other: &Self) -> bool {
        self.is_of(&other.key, other.fence) && self.file == other.file
    }
}

/// A change, and who has not heard of it yet.
#[derive(Clone, Debug)]
struct Known {
    intrusion: Intrusion,
    untold: Vec<Arc<Owner>>,
}

/// The changes of one namespace, in the order in which they were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Intrusions(VecDeque<Known>);

impl Intrusions {
    /// Adds a change, in the place of an earlier one of the same file; what is not held any more is forgotten.
    pub(crate) fn add(&mut self, intrusion: Intrusion, is_held: impl Fn(&Intrusion) -> bool) {
        self.0
            .retain(|known| is_held(&known.intrusion) && !known.intrusion.is_same(&intrusion));
        let is_of_hold = |known: &Known| known.intrusion.is_of(&intrusion.key, intrusion.fence);
        if self.0.iter().filter(|known| is_of_hold(known)).count() >= MAX_OF_HOLD
            && let Some(first) = self.0.iter().position(is_of_hold)
        {
            self.0.remove(first);
        }
        if self.0.len() >= MAX_KNOWN {
            self.0.pop_front();
        }
        let holder = Arc::clone(&intrusion.holder);
        let untold = std::iter::once(holder).chain(intrusion.suspect.clone());
        self.0.push_back(Known {
            untold: untold.collect(),
            intrusion,
        });
    }

    /// Returns what `owner` has not heard of.
    pub(crate) fn untold(&self, owner: &Owner) -> impl Iterator<Item = &Intrusion> {
        let known = self.0.iter();
        let untold = known.filter(move |known| known.untold.iter().any(|one| **one == *owner));
        untold.map(|known| &known.intrusion)
    }

    /// Notes that `owner` has heard of `told`.
    pub(crate) fn tell(&mut self, owner: &Owner, told: &[Intrusion]) {
        for known in &mut self.0 {
            if told.contains(&known.intrusion) {
                known.untold.retain(|one| **one != *owner);
            }
        }
    }

    /// Returns every change that is remembered, in the order in which they were seen.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Intrusion> {
        self.0.iter().map(|known| &known.intrusion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::SessionId;

    fn seen(fence: u64, file: &str, at: u64) -> Intrusion {
        Intrusion {
            key: Target::path("src").key(),
            fence: Revision(fence),
            holder: Owner::new("ann", SessionId(1)),
            file: Target::path(file),
            suspect: Some(Owner::new("bob", SessionId(2))),
            at: Time::from_nanos(at),
        }
    }

    fn untold(intrusions: &Intrusions, intrusion: &Intrusion) -> [usize; 2] {
        let suspect = intrusion.suspect.as_ref().unwrap();
        [&intrusion.holder, suspect].map(|owner| intrusions.untold(owner).count())
    }

    #[test]
    fn holder_and_suspect_are_told_once_each() {
        let mut intrusions = Intrusions::default();
        let one = seen(1, "src/a", 1);
        intrusions.add(one.clone(), |_| true);
        assert_eq!(untold(&intrusions, &one), [1, 1]);
        intrusions.tell(&one.holder, std::slice::from_ref(&one));
        assert_eq!(untold(&intrusions, &one), [0, 1]);
        let again = seen(1, "src/a", 2);
        intrusions.add(again.clone(), |_| true);
        assert_eq!(untold(&intrusions, &again), [1, 1]);
        intrusions.tell(&again.holder, &[one]);
        assert_eq!(untold(&intrusions, &again), [1, 1], "a later change is news");
    }

    #[test]
    fn what_is_held_no_more_is_forgotten_and_no_hold_takes_all_the_room() {
        let mut intrusions = Intrusions::default();
        intrusions.add(seen(1, "src/a", 1), |_| true);
        for at in 2..40 {
            let held = |one: &Intrusion| one.fence != Revision(1);
            intrusions.add(seen(2, &format!("src/{at}"), at), held);
        }
        assert_eq!(intrusions.all().count(), MAX_OF_HOLD);
        assert_eq!(intrusions.all().last().unwrap().at, Time::from_nanos(39));
        for fence in 3..1_000 {
            intrusions.add(seen(fence, "src/a", fence), |_| true);
        }
        assert_eq!(intrusions.all().count(), MAX_KNOWN);
    }
}
