//! What can be done to the board: one file per command, each a plain value that knows how to apply itself.

mod acquire;
mod attendance;
mod bury;
mod delete;
mod expire;
mod extend;
mod release;
mod requeue;
mod revoke;
mod send;
mod set;
mod sweep;
mod update;
mod withdraw;

pub use acquire::{Acquire, Acquired, MAX_TARGETS};
pub use attendance::{Attend, Depart, Return};
pub use bury::Bury;
pub use delete::Delete;
pub use expire::Expire;
pub use extend::Extend;
pub use release::Release;
pub use requeue::Requeue;
pub use revoke::Revoke;
pub use send::Send;
pub use set::Set;
pub use sweep::{Sweep, Swept};
pub use update::{Action, Condition, Op, Update};
pub use withdraw::Withdraw;

pub(super) use acquire::growth_of;

use super::Refusal;
use super::transaction::Transaction;

/// A change of the board.
///
/// A command makes all its checks before it begins a revision, so that a refused one changes nothing.
pub trait Command {
    /// What the caller is told.
    type Answer;

    /// Applies the command.
    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Self::Answer, Refusal>;
}
