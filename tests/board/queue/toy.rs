//! A lock table as one would write it first, with mistakes that can be planted. It knows the queue and no
//! leases: steps about anything else do nothing.

use super::Tabled;
use super::judge::{Said, Step};
use super::table::{Hold, Names, Place, Table, Who, Wish};

/// What is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    None,
    /// New requests stand at the end, also behind those who wait for them: rule 4 is left out.
    NoOvertaking,
    /// A request that can be granted at once is, whatever its owner waits for elsewhere: rule 6 is left out.
    NoLookOnGrant,
    /// Whoever comes when it is free gets it.
    NoQueue,
    /// A release serves nobody.
    NoHandOver,
    /// A release serves one and no more.
    OneHandOver,
    /// Only equal names are in each other's way.
    OnlyEqual,
    /// Waiting is never refused.
    NoCircles,
    /// Fences start anew when nothing is held.
    OldFences,
}

impl Mistake {
    pub(super) const ALL: [Self; 8] = [
        Self::NoOvertaking,
        Self::NoLookOnGrant,
        Self::NoQueue,
        Self::NoHandOver,
        Self::OneHandOver,
        Self::OnlyEqual,
        Self::NoCircles,
        Self::OldFences,
    ];
}

pub(super) struct Toy {
    table: Table,
    names: Names,
    mistake: Mistake,
    last: u64,
}

impl Toy {
    pub(super) fn new(mistake: Mistake) -> Self {
        Self {
            table: Table::default(),
            names: Names::new(),
            mistake,
            last: 0,
        }
    }

    fn is_blocked(&self, who: Who, wish: Wish, position: usize) -> bool {
        if self.mistake == Mistake::OnlyEqual {
            let holds = self.table.holds.iter();
            return holds
                .filter(|hold| hold.who != who && !(hold.wish.shared && wish.shared))
                .any(|hold| hold.wish.targets & wish.targets != 0);
        }
        let position = if self.mistake == Mistake::NoQueue {
            0
        } else {
            position
        };
        self.table.blockers(&self.names, who, wish, position) != 0
    }

    fn grant(&mut self, who: Who, wish: Wish) -> u64 {
        if self.mistake == Mistake::OldFences && self.table.holds.is_empty() {
            self.last = 0;
        }
        self.last += 1;
        let fence = self.last;
        let each = (0..16)
            .map(|at| wish.targets & 1 << at)
            .filter(|target| *target != 0);
        let wish = |targets| Wish { targets, ..wish };
        let holds = each.map(|target| Hold {
            who,
            wish: wish(target),
            fence,
        });
        self.table.holds.extend(holds);
        fence
    }

    fn acquire(&mut self, who: Who, wish: Wish, wait: bool) -> Said {
        if let Some(fence) = self.table.covering(&self.names, who, wish) {
            return Said::Granted(fence);
        }
        let kept = self.table.kept(who, wish);
        let end = self.table.places.len();
        let position = kept.unwrap_or_else(|| match self.mistake {
            Mistake::NoOvertaking => end,
            _ => self.table.place_of(&self.names, who, wish),
        });
        if !self.is_blocked(who, wish, position) {
            let mut then = self.table.clone();
            then.holds.push(Hold { who, wish, fence: 0 });
            if self.mistake != Mistake::NoLookOnGrant && then.is_circular(&self.names) {
                return Said::Deadlock;
            }
            if let Some(kept) = kept {
                self.table.places.remove(kept);
            }
            return Said::Granted(self.grant(who, wish));
        }
        if !wait {
            return Said::Held;
        }
        let before = self.table.clone();
        let number = if let Some(kept) = kept {
            let place = &mut self.table.places[kept];
            place.open = true;
            place.number
        } else {
            self.last += 1;
            let number = self.last;
            self.table.places.insert(
                position,
                Place {
                    number,
                    who,
                    wish,
                    open: true,
                },
            );
            number
        };
        if self.mistake != Mistake::NoCircles && self.table.is_circular(&self.names) {
            self.table = before;
            self.table.places.retain(|place| place.number != number);
            return Said::Deadlock;
        }
        Said::Waiting(number)
    }

    fn hand_over(&mut self) {
        let free = |toy: &Self| {
            let mut places = toy.table.places.iter().enumerate();
            let free =
                |(at, place): &(usize, &Place)| place.open && !toy.is_blocked(place.who, place.wish, *at);
            places.find(free).map(|(at, _)| at)
        };
        while self.mistake != Mistake::NoHandOver
            && let Some(at) = free(self)
        {
            let Place { who, wish, .. } = self.table.places.remove(at);
            self.grant(who, wish);
            if self.mistake == Mistake::OneHandOver {
                break;
            }
        }
    }
}

impl Tabled for Toy {
    fn take(&mut self, step: Step) -> Said {
        match step {
            Step::Acquire { who, wish, wait } => return self.acquire(who, wish, wait),
            Step::Withdraw { place, keep } if place < self.table.places.len() => {
                if keep {
                    self.table.places[place].open = false;
                } else {
                    self.table.places.remove(place);
                }
            }
            Step::Release { who, all } => {
                let first = self.table.holds.iter().find(|hold| hold.who == who);
                let fence = first.map(|hold| hold.fence);
                let gone = |hold: &Hold| hold.who == who && (all || Some(hold.fence) == fence);
                self.table.holds.retain(|hold| !gone(hold));
            }
            _ => return Said::Nothing,
        }
        self.hand_over();
        Said::Nothing
    }

    fn here(&self) -> u16 {
        u16::MAX
    }

    fn show(&self) -> Table {
        self.table.clone()
    }
}
