//! A line that is typed for something to be done: how much more time a lease gets, what an agent is told.

use std::sync::Arc;
use std::time::Duration;

use super::Line;
use crate::board::{Key, NamespaceId, Revision, Time};
use crate::tui::action::Errand;
use crate::tui::pane::Left;

/// The minutes that are suggested for a lease, one after the other.
const SUGGESTIONS: [&str; 3] = ["5", "30", "60"];
/// The most minutes that a lease gets at once: a day.
const MAX_MINUTES: u64 = 1_440;
/// The most characters of a number of minutes.
const MAX_DIGITS: usize = 4;
/// The most characters of a message; more is better said in a file.
const MAX_MESSAGE: usize = 2_000;

/// A line that is typed, and what for.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What is done with it.
    pub purpose: Purpose,
    /// What is typed.
    pub line: Line,
}

/// What a typed line is for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// More time for a lease, in minutes.
    Extend {
        /// The namespace of the key.
        namespace: NamespaceId,
        /// The key.
        key: Key,
        /// The fence of the grant.
        fence: Revision,
        /// Who holds it, clean.
        holder: String,
        /// How much remains.
        left: Left,
    },
    /// A message to an agent.
    Message {
        /// The namespace of the agent.
        namespace: NamespaceId,
        /// Who is to get it.
        to: Arc<str>,
    },
}

impl Prompt {
    /// Returns the question for `purpose`, with the first suggestion filled in.
    pub fn new(purpose: Purpose) -> Self {
        let mut prompt = Self {
            line: Line::new(match purpose {
                Purpose::Extend { .. } => MAX_DIGITS,
                Purpose::Message { .. } => MAX_MESSAGE,
            }),
            purpose,
        };
        prompt.suggest();
        prompt
    }

    /// Tells whether there is anything to suggest.
    pub fn suggests(&self) -> bool {
        matches!(self.purpose, Purpose::Extend { .. })
    }

    /// Fills in the suggestion after the one that stands there.
    pub fn suggest(&mut self) {
        if self.suggests() {
            let at = SUGGESTIONS.iter().position(|known| *known == self.line.text());
            let next = at.map_or(0, |at| (at + 1) % SUGGESTIONS.len());
            self.line.fill(SUGGESTIONS[next]);
        }
    }

    /// Returns when the lease will end at the earliest, `None` when what was typed is no number of minutes.
    pub fn until(&self) -> Option<Time> {
        let Purpose::Extend { left, .. } = &self.purpose else {
            return None;
        };
        let minutes: u64 = self.line.text().trim().parse().ok()?;
        let more = Duration::from_secs(60 * minutes);
        (1..=MAX_MINUTES)
            .contains(&minutes)
            .then(|| left.until.after(more))
    }

    /// Returns what is to be done at `now`, or why what was typed will not do.
    pub fn errand(&self, now: Time) -> Result<Errand, String> {
        match &self.purpose {
            Purpose::Extend {
                namespace,
                key,
                fence,
                ..
            } => {
                let until = self.until();
                let until =
                    until.ok_or_else(|| format!("give a number of minutes from 1 to {MAX_MINUTES}"))?;
                Ok(Errand::Extend {
                    namespace: *namespace,
                    key: key.clone(),
                    fence: *fence,
                    by: until.since(now),
                })
            }
            Purpose::Message { namespace, to } => match self.line.text().trim() {
                "" => Err("there is no message to send; type one, or leave it with esc".to_owned()),
                body => Ok(Errand::Send {
                    namespace: *namespace,
                    to: Arc::clone(to),
                    body: Arc::from(body),
                }),
            },
        }
    }
}
