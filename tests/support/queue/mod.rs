//! Lock tables under hostile traffic: the ledger, and toys with mistakes, before the same judge.

pub(crate) mod judge;
pub(crate) mod real;
pub(crate) mod table;
pub(crate) mod toy;
pub(crate) mod traffic;

use judge::{Fault, Judge, Said, Step};
use table::{Names, Table};
use traffic::Traffic;

/// A lock table that lets itself be looked at.
pub(crate) trait Tabled {
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
pub(crate) fn run(tabled: &mut impl Tabled, seed: u64, steps: usize, lively: bool) -> Result<(), Fault> {
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
