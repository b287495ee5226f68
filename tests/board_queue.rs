//! The lock table under a million random steps: several owners, trees of targets, shared and exclusive, waits
//! that are given up and taken up again, silence, deaths, returns, a person, and the original way to lock.
//!
//! After each step a judge that shares no code with the board looks at the whole table. That it would notice
//! is shown by tables with mistakes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::panic, reason = "a helper of tests may fail the test")]

#[path = "support/queue/mod.rs"]
mod queue;

use queue::real::Real;
use queue::run;
use queue::toy::{Mistake, Toy};

const STEPS: usize = 2_000;

fn ledger(seeds: std::ops::Range<u64>, lively: bool) {
    for seed in seeds {
        let mut real = Real::new();
        let told = run(&mut real, seed, STEPS, lively).and_then(|()| real.drain(seed % 25 == 0));
        if let Err(fault) = told {
            panic!("seed {seed}: {fault}");
        }
    }
}

#[test]
fn requests_and_releases_alone() {
    ledger(0..125, false);
}

#[test]
fn all_that_can_happen_to_a_lock() {
    ledger(1_000..1_190, true);
}

#[test]
fn all_that_can_happen_to_a_lock_again() {
    ledger(2_000..2_190, true);
}

#[test]
fn a_table_without_mistakes_passes_and_each_mistake_is_found() {
    let passes = |mistake, seed| run(&mut Toy::new(mistake), seed, STEPS, false);
    for seed in 0..20 {
        passes(Mistake::None, seed).unwrap();
    }
    for mistake in Mistake::ALL {
        assert!((0..20).any(|seed| passes(mistake, seed).is_err()), "{mistake:?}");
    }
}
