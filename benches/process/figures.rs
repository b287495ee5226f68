//! Percentiles, and the table that is printed at the end.

use std::time::Duration;

/// Durations of many calls, sorted.
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    /// Sorts what was measured.
    pub(crate) fn new(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// Returns the duration below which `share` of the calls stayed, in microseconds.
    pub(crate) fn micros(&self, share: f64) -> f64 {
        let at = (self.0.len().saturating_sub(1) as f64 * share).round() as usize;
        self.0
            .get(at)
            .map_or(0.0, |duration| duration.as_secs_f64() * 1e6)
    }

    /// Returns the median in microseconds.
    pub(crate) fn p50(&self) -> f64 {
        self.micros(0.5)
    }

    /// Returns the 99th percentile in microseconds.
    pub(crate) fn p99(&self) -> f64 {
        self.micros(0.99)
    }
}

/// The rows measured so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 4]>,
}

impl Report {
    /// Adds a row: what, how much, the bar, and whether it was reached.
    pub(crate) fn row(&mut self, what: &str, reached: String, bar: &str, met: bool) {
        let verdict = if met { "yes" } else { "no" };
        self.rows
            .push([what.to_owned(), reached, bar.to_owned(), verdict.to_owned()]);
    }

    /// Prints all rows as a table that can be pasted into a README.
    pub(crate) fn print(&self) {
        println!("| what | reached | bar | met |\n| --- | --- | --- | --- |");
        for [what, reached, bar, met] in &self.rows {
            println!("| {what} | {reached} | {bar} | {met} |");
        }
    }
}
