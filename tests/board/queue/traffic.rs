//! Hostile traffic: few owners, many conflicts, everything at random.

use super::judge::Step;
use super::table::{Set, TARGETS, Who, Wish};

/// A generator of random numbers that is the same everywhere (splitmix64).
pub(super) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `many`.
    pub(super) fn below(&mut self, many: usize) -> usize {
        usize::try_from(self.next() % many as u64).unwrap()
    }

    fn is(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// What those do who share a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    /// How many owners there are.
    pub(super) owners: usize,
    /// How many of the targets are asked for; fewer make more conflicts.
    pub(super) targets: usize,
    /// Whether there is more than requests and releases: leases, sessions, the original way to lock.
    pub(super) lively: bool,
}

impl Traffic {
    /// Returns what happens next, when `places` wait and there are `holds`.
    pub(super) fn step(&self, dice: &mut Dice, places: usize, holds: usize) -> Step {
        let who = dice.below(self.owners);
        let hurry = places > 8;
        match dice.below(if self.lively { 100 } else { 78 }) {
            0..45 if !hurry => Step::Acquire {
                who,
                wish: self.wish(dice),
                wait: dice.is(70),
            },
            0..55 if places > 0 => Step::Withdraw {
                place: dice.below(places),
                keep: dice.is(70),
            },
            0..78 => Step::Release {
                who,
                all: dice.is(30),
            },
            78..84 => Step::RawLock {
                who,
                named: self.named(dice, who),
                target: self.target(dice),
                seconds: 1 + dice.below(60) as u64,
            },
            84..86 => Step::RawRelease {
                who,
                named: dice.below(self.owners),
                target: self.target(dice),
                delete: dice.is(50),
            },
            86 => Step::Batch {
                who,
                named: [self.named(dice, who), self.named(dice, who)],
                targets: [self.target(dice), self.target(dice)],
            },
            87 => Step::Depart {
                who,
                died: dice.is(30),
            },
            88..92 => Step::Return { who },
            92..94 if holds > 0 => Step::Revoke {
                hold: dice.below(holds),
                all: dice.is(50),
            },
            92..96 => Step::Call { who },
            _ => Step::Wait {
                millis: [1_000, 7_000, 31_000, 400_000][dice.below(4).min(dice.below(4))],
            },
        }
    }

    fn target(&self, dice: &mut Dice) -> usize {
        dice.below(self.targets)
    }

    fn wish(&self, dice: &mut Dice) -> Wish {
        let many = 1 + dice.below(3);
        let targets: Set = (0..many).fold(0, |set, _| set | 1 << self.target(dice));
        Wish {
            targets,
            shared: dice.is(30),
        }
    }

    /// Returns `who`, or the other one in its session.
    fn named(&self, dice: &mut Dice, who: Who) -> Who {
        let other = who ^ 1;
        if dice.is(60) || other >= self.owners {
            who
        } else {
            other
        }
    }
}

impl Traffic {
    /// Returns traffic of a shape that depends on `seed`.
    pub(super) fn of(seed: u64, lively: bool) -> (Self, Dice) {
        let mut dice = Dice(seed);
        let traffic = Self {
            owners: 3 + dice.below(6),
            targets: [4, 8, TARGETS.len()][dice.below(3)],
            lively,
        };
        (traffic, dice)
    }
}
