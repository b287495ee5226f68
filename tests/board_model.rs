//! Random programs on the ledger and on the board, step by step against a model written in the dumbest way.
//!
//! The clock is virtual, keys and owners are few and limits are small, so that everything meets everything.
//! After each step the answer, every read, the events, the tallies and the revision must be those of the model.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/model/naive.rs"]
mod naive;
#[path = "support/model/program.rs"]
mod program;
#[path = "support/model/subject.rs"]
mod subject;

use naive::{Naive, Said};
use program::{KEYS, NAMESPACES, Step};
use proptest::prelude::*;
use subject::{BoardSubject, LedgerSubject, Subject};

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
        run(&mut LedgerSubject::new(), &program)?;
    }
}

proptest! {
    #![proptest_config(config(500))]

    /// The board, whose reads of one key come from the cache.
    #[test]
    fn the_board_shows_what_the_model_holds(program in program::steps(STEPS)) {
        run(&mut BoardSubject::new(), &program)?;
    }
}

/// The model itself must notice a mistake: a ledger that forgets one step in a hundred is found out.
#[test]
fn a_forgotten_step_is_found_out() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let found = (0..20).any(|_| {
        let program = program::steps(STEPS).new_tree(&mut runner).unwrap().current();
        run(
            &mut Forgetful {
                honest: LedgerSubject::new(),
                step: 0,
            },
            &program,
        )
        .is_err()
    });
    assert!(found);
}

fn run(subject: &mut impl Subject, program: &[Step]) -> Result<(), TestCaseError> {
    let mut model = Naive::new();
    for (at, step) in program.iter().enumerate() {
        let before = model.rev();
        let expected = model.take(step);
        let told = subject.take(step);
        prop_assert_eq!(&told, &expected, "the answer to step {}: {:?}", at, step);
        prop_assert!(model.rev() >= before, "a revision went back at step {}", at);
        prop_assert_eq!(
            subject.rev(),
            model.rev(),
            "the revision after step {}: {:?}",
            at,
            step
        );
        for namespace in 0..NAMESPACES {
            for key in KEYS {
                let (seen, held) = (subject.get(namespace, key), model.get(namespace, key));
                prop_assert_eq!(
                    seen,
                    held,
                    "{} of {} after step {}: {:?}",
                    key,
                    namespace,
                    at,
                    step
                );
            }
            prop_assert_eq!(
                subject.list(namespace),
                model.list(namespace),
                "the list after step {}",
                at
            );
            prop_assert_eq!(
                subject.tally(namespace),
                model.tally(namespace),
                "the tally after step {}",
                at
            );
            let news = subject.news(namespace);
            prop_assert_eq!(
                &news,
                &model.news(namespace),
                "the events of step {}: {:?}",
                at,
                step
            );
            model.replay(namespace, &news);
            prop_assert!(
                model.replica_is_store(namespace),
                "events do not make the store, step {}",
                at
            );
        }
    }
    Ok(())
}

/// A ledger that does not hear every hundredth step.
struct Forgetful {
    honest: LedgerSubject,
    step: usize,
}

impl Subject for Forgetful {
    fn take(&mut self, step: &Step) -> Said {
        self.step += 1;
        if self.step.is_multiple_of(100) {
            Said::Nothing
        } else {
            self.honest.take(step)
        }
    }
    fn rev(&self) -> u64 {
        self.honest.rev()
    }
    fn get(&self, namespace: usize, key: &str) -> Option<naive::Held> {
        self.honest.get(namespace, key)
    }
    fn list(&self, namespace: usize) -> Vec<String> {
        self.honest.list(namespace)
    }
    fn tally(&self, namespace: usize) -> (usize, usize, usize) {
        self.honest.tally(namespace)
    }
    fn news(&mut self, namespace: usize) -> Vec<naive::Happened> {
        self.honest.news(namespace)
    }
}
