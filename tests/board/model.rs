//! Random programs on the ledger and on the board, step by step against a model written in the dumbest way.
//!
//! The clock is virtual, keys and owners are few and limits are small, so that everything meets everything.
//! After each step the answer, every read, the events, the tallies and the revision must be those of the model.

mod hearts;
mod naive;
mod planted;
mod program;
mod referee;

use hearts::{Alone, Whole};
use planted::{Fault, Planted};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use referee::Referee;

const STEPS: usize = 200;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(5_000))]

    /// The pure ledger, which decides.
    #[test]
    fn the_ledger_does_what_the_model_does(program in program::steps(STEPS)) {
        Referee::of(Alone::new()).run(&program)?;
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    /// The board, whose reads of one key come from the cache.
    #[test]
    fn the_board_shows_what_the_model_holds(program in program::steps(STEPS)) {
        Referee::of(Whole::new()).run(&program)?;
    }
}

/// The referee must notice faults: each of these is found within a few programs.
#[test]
fn planted_faults_are_found() {
    let mut runner = TestRunner::deterministic();
    let programs: Vec<_> = (0..40)
        .map(|_| program::steps(STEPS).new_tree(&mut runner).unwrap().current())
        .collect();
    for fault in Fault::ALL {
        let found = programs
            .iter()
            .any(|program| Referee::of(Planted::new(fault)).run(program).is_err());
        assert!(found, "{fault:?}");
    }
}
