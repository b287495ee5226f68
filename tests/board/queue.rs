//! The lock table under a million random steps: several owners, trees of targets, shared and exclusive, waits
//! that are given up and taken up again, silence, deaths, returns, a person, and the original way to lock.
//!
//! After each step a judge that shares no code with the board looks at the whole table. That it would notice
//! is shown by tables with mistakes.

mod judge;
mod real;
mod table;
mod toy;
mod traffic;

use judge::{Fault, Judge, Said, Step};
use real::Real;
use table::{Names, Table};
use toy::{Mistake, Toy};
use traffic::Traffic;

const STEPS: usize = 2_000;

/// A lock table that lets itself be looked at.
trait Tabled {
    fn take(&mut self, step: Step) -> Said;
    /// Returns who is connected, a bit for each.
    fn here(&self) -> u16;
    fn show(&self) -> Table;
    /// Compares what it says of itself with what it shows.
    fn look_inside(&self, _names: &Names) -> Result<(), Fault> {
        Ok(())
    }
}

/// Runs `steps` of the traffic of `seed`, and tells what was not allowed, if anything.
fn run(tabled: &mut impl Tabled, seed: u64, steps: usize, lively: bool) -> Result<(), Fault> {
    let (traffic, mut dice) = Traffic::of(seed, lively);
    let (mut judge, names) = (Judge::new(), Names::new());
    let mut table = Table::default();
    for at in 0..steps {
        let step = traffic.step(&mut dice, table.places.len(), table.holds.len());
        let said = tabled.take(step);
        let after = tabled.show();
        let mut told = judge.look(step, tabled.here(), said, after.clone());
        if told.is_ok() && at % 32 == 0 {
            told = tabled.look_inside(&names);
        }
        told.map_err(|fault| {
            format!("seed {seed}, step {at}, {step:?}: {fault}\nbefore {table:#?}\nafter {after:#?}")
        })?;
        table = after;
    }
    Ok(())
}

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
