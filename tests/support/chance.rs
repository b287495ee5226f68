//! Chance that can be repeated: whoever draws from it says from which seed.

use std::time::Duration;

/// A sequence of numbers that its seed decides (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    /// Returns the sequence of the seed in `CALLBOARD_SEED`, or of `usual`, and prints which, so that a failure
    /// can be repeated.
    #[expect(clippy::print_stdout, reason = "only a failed test shows it")]
    pub(crate) fn new(usual: u64) -> Self {
        let given = std::env::var("CALLBOARD_SEED").ok();
        let state = given.map_or(usual, |seed| seed.parse().expect("a seed is a number"));
        println!("CALLBOARD_SEED={state}");
        Self { state }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    /// Tells whether something happens that happens `percent` times of a hundred.
    pub(crate) fn happens(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns a time of up to `longest`.
    pub(crate) fn up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(f64::from(u32::try_from(self.below(1_000)).expect("small")) / 1_000.0)
    }
}
