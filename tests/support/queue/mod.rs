//! Lock tables under hostile traffic: the ledger, and toys with mistakes, before the same judge.

pub(crate) mod judge;
pub(crate) mod real;
pub(crate) mod table;
pub(crate) mod toy;
pub(crate) mod traffic;

use judge::{Fault, Judge, Said, Step};
use table::Table;
use traffic::Traffic;

/// A lock table that lets itself be looked at.
pub(crate) trait Tabled {
    fn take(&mut self, step: Step) -> Said;
    /// Returns who is connected, a bit for each.
    fn here(&self) -> u16;
    fn show(&self) -> Table;
}

/// Runs `steps` of the traffic of `seed`, and tells what was not allowed, if anything.
pub(crate) fn run(tabled: &mut impl Tabled, seed: u64, steps: usize, lively: bool) -> Result<(), Fault> {
    let (traffic, mut dice) = Traffic::of(seed, lively);
    let mut judge = Judge::new();
    let mut table = Table::default();
    for at in 0..steps {
        let step = traffic.step(&mut dice, table.places.len(), table.holds.len());
        let said = tabled.take(step);
        let after = tabled.show();
        let told = judge.look(step, tabled.here(), said, after.clone());
        told.map_err(|fault| {
            format!("seed {seed}, step {at}, {step:?}: {fault}\nbefore {table:#?}\nafter {after:#?}")
        })?;
        table = after;
    }
    Ok(())
}
