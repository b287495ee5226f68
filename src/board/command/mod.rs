//! What can be done to the board: one file per command, each a plain value that knows how to apply itself.

mod delete;
mod expire;
mod set;
mod sweep;
mod update;

pub use delete::Delete;
pub use expire::Expire;
pub use set::Set;
pub use sweep::{Sweep, Swept};
pub use update::{Action, Condition, Op, Update};

use super::Refusal;
use super::ledger::Transaction;

/// A change of the board.
///
/// A command makes all its checks before it begins a revision, so that a refused one changes nothing.
pub trait Command {
    /// What the caller is told.
    type Answer;

    /// Applies the command.
    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Self::Answer, Refusal>;
}
