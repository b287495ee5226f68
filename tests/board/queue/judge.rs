//! The judge: looks at a lock table before and after each step, and knows what is allowed.

use super::table::{Hold, Names, Place, Table, Who, Wish};

/// What is asked of a lock table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody asks for locks, and waits if need be.
    Acquire { who: Who, wish: Wish, wait: bool },
    /// The one in a place, counted over all places, gives up.
    Withdraw { place: usize, keep: bool },
    /// Somebody gives back one fence, or all.
    Release { who: Who, all: bool },
    /// Somebody locks in the original way, as somebody of the same session perhaps.
    RawLock {
        who: Who,
        named: Who,
        target: usize,
        seconds: u64,
    },
    /// Somebody gives a lock back in the original way, or deletes the key.
    RawRelease {
        who: Who,
        named: Who,
        target: usize,
        delete: bool,
    },
    /// Somebody writes two locks in one batch.
    Batch {
        who: Who,
        named: [Who; 2],
        targets: [usize; 2],
    },
    /// A connection closes, or its process dies.
    Depart { who: Who, died: bool },
    /// A session comes back, if it is away.
    Return { who: Who },
    /// Somebody calls something.
    Call { who: Who },
    /// A person ends a lease, counted over all, with those of the same fence or alone.
    Revoke { hold: usize, all: bool },
    /// Time passes.
    Wait { millis: u64 },
}

/// What a lock table answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Granted(u64),
    Held,
    Waiting(u64),
    Deadlock,
    /// The one who asked is not here.
    Left,
    /// Whatever else; the table shows what became of it.
    Nothing,
}

/// Something that is not allowed.
pub(super) type Fault = String;

pub(super) struct Judge {
    names: Names,
    before: Table,
    last_fence: u64,
}

impl Judge {
    pub(super) fn new() -> Self {
        Self {
            names: Names::new(),
            before: Table::default(),
            last_fence: 0,
        }
    }

    /// Looks at what `step` came to. `here` tells who is connected, a bit for each.
    pub(super) fn look(&mut self, step: Step, here: u16, said: Said, after: Table) -> Result<(), Fault> {
        self.exclusion(&after)?;
        self.progress(&after)?;
        if let Step::Acquire { who, wish, wait } = step {
            self.answer(who, wish, wait, here, said, &after)?;
        }
        self.order(step, &after)?;
        let granted: Vec<_> = after
            .holds
            .iter()
            .filter(|hold| !self.before.holds.contains(hold))
            .collect();
        self.fences(&granted, step)?;
        self.fairness(&granted, here, &after)?;
        self.last_fence = granted
            .iter()
            .map(|hold| hold.fence)
            .fold(self.last_fence, u64::max);
        self.before = after;
        Ok(())
    }

    /// I2: whoever hold what conflicts are one.
    fn exclusion(&self, after: &Table) -> Result<(), Fault> {
        for (at, hold) in after.holds.iter().enumerate() {
            let rival = |other: &&Hold| other.who != hold.who && self.names.conflict(other.wish, hold.wish);
            if let Some(other) = after.holds[..at].iter().find(rival) {
                return Err(format!("{hold:?} beside {other:?}"));
            }
        }
        Ok(())
    }

    /// I5: nobody waits for nothing, and nobody waits for himself.
    fn progress(&self, after: &Table) -> Result<(), Fault> {
        for (at, place) in after.places.iter().enumerate().filter(|(_, place)| place.open) {
            if after.blockers(&self.names, place.who, place.wish, at) == 0 {
                return Err(format!("{place:?} waits for nothing"));
            }
        }
        if after.is_circular(&self.names) {
            return Err("they wait for each other".to_owned());
        }
        Ok(())
    }

    /// The answer that the rules lead to, worked out on the table before.
    fn answer(
        &self,
        who: Who,
        wish: Wish,
        wait: bool,
        here: u16,
        said: Said,
        after: &Table,
    ) -> Result<(), Fault> {
        let (before, names) = (&self.before, &self.names);
        let allowed = if here & 1 << who == 0 {
            matches!(said, Said::Left)
        } else if let Some(fence) = before.covering(names, who, wish) {
            said == Said::Granted(fence)
        } else {
            let kept = before.kept(who, wish);
            let position = kept.unwrap_or_else(|| before.place_of(names, who, wish));
            let mut then = before.clone();
            if before.blockers(names, who, wish, position) == 0 {
                then.holds.push(Hold {
                    who,
                    wish,
                    fence: u64::MAX,
                });
                if then.is_circular(names) {
                    said == Said::Deadlock
                } else {
                    let mut new = after
                        .holds
                        .iter()
                        .filter(|hold| said == Said::Granted(hold.fence));
                    new.clone().fold(0, |set, hold| set | hold.wish.targets) == wish.targets
                        && new.all(|hold| hold.who == who && hold.wish.shared == wish.shared)
                }
            } else if !wait {
                said == Said::Held
            } else {
                match kept {
                    Some(kept) => then.places[kept].open = true,
                    None => then.places.insert(
                        position,
                        Place {
                            number: u64::MAX,
                            who,
                            wish,
                            open: true,
                        },
                    ),
                }
                if then.is_circular(names) {
                    said == Said::Deadlock
                } else {
                    let place = after
                        .places
                        .iter()
                        .find(|place| said == Said::Waiting(place.number));
                    place.is_some_and(|place| place.open && (place.who, place.wish) == (who, wish))
                }
            }
        };
        if allowed {
            Ok(())
        } else {
            Err(format!("the answer {said:?}"))
        }
    }

    /// Places stay in order, and new ones stand where the rules say (I6).
    fn order(&self, step: Step, after: &Table) -> Result<(), Fault> {
        let was = |place: &Place| {
            self.before
                .places
                .iter()
                .position(|one| one.number == place.number)
        };
        let known: Vec<_> = after.places.iter().filter_map(was).collect();
        if !known.is_sorted() {
            return Err("places changed their order".to_owned());
        }
        for (at, place) in after
            .places
            .iter()
            .enumerate()
            .filter(|(_, place)| was(place).is_none())
        {
            let next = after.places[at + 1..].iter().find_map(was);
            let expected = self.before.place_of(&self.names, place.who, place.wish);
            let is_asked = matches!(step, Step::Acquire { who, wait: true, .. } if who == place.who);
            if !is_asked || next.unwrap_or(self.before.places.len()) != expected {
                return Err(format!("{place:?} does not stand at {expected}"));
            }
        }
        Ok(())
    }

    /// I3: a fence is of one owner, and higher than all before it.
    fn fences(&self, granted: &[&Hold], step: Step) -> Result<(), Fault> {
        // One batch may lock for several owners: what it locks never overlaps.
        let batch = matches!(step, Step::Batch { .. });
        for hold in granted {
            let shared = granted
                .iter()
                .any(|other| other.fence == hold.fence && other.who != hold.who);
            if hold.fence <= self.last_fence || shared && !batch {
                return Err(format!("{hold:?} after the fence {}", self.last_fence));
            }
        }
        Ok(())
    }

    /// I6: nobody is granted what one who was there before, and goes on waiting, waits for; nobody who left is
    /// granted anything.
    fn fairness(&self, granted: &[&Hold], here: u16, after: &Table) -> Result<(), Fault> {
        let before = &self.before;
        for hold in granted {
            if here & 1 << hold.who == 0 {
                return Err(format!("{hold:?} has left"));
            }
            let same = granted
                .iter()
                .filter(|one| (one.who, one.fence) == (hold.who, hold.fence));
            let targets = same.fold(0, |set, one| set | one.wish.targets);
            let wish = Wish { targets, ..hold.wish };
            let own = before.places.iter().position(|place| {
                (place.who, place.wish) == (hold.who, wish)
                    && !after.places.iter().any(|one| one.number == place.number)
            });
            let position = own.unwrap_or_else(|| before.place_of(&self.names, hold.who, wish));
            let overtaken = before.places[..position].iter().find(|place| {
                place.open
                    && place.who != hold.who
                    && self.names.conflict(place.wish, wish)
                    && after.places.contains(place)
            });
            if let Some(place) = overtaken {
                return Err(format!("{hold:?} went before {place:?}"));
            }
        }
        Ok(())
    }
}
