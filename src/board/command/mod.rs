//! What can be done to the board: one file per command, each a plain value that knows how to apply itself.

mod acquire;
mod attendance;
mod bury;
mod claim;
mod delete;
mod expire;
mod extend;
mod heartbeat;
mod receive;
mod refusals;
mod release;
mod report;
mod requeue;
mod revoke;
mod send;
mod set;
mod submit;
mod sweep;
mod update;
mod withdraw;

pub use acquire::{Acquire, Acquired, MAX_TARGETS};
pub use attendance::{Attend, Depart, Return};
pub use bury::Bury;
pub use claim::Take;
pub use delete::Delete;
pub use expire::Expire;
pub use extend::Extend;
pub use heartbeat::{Beat, Heartbeat, Holding1, Present};
pub use receive::{Earlier, Receive};
pub use release::Release;
pub use report::Report;
pub use requeue::Requeue;
pub use revoke::Revoke;
pub use send::Send;
pub use set::Set;
pub use submit::Submit;
pub use sweep::{Sweep, Swept};
pub use update::{Action, Condition, Op, Update};
pub use withdraw::Withdraw;

use super::transaction::Transaction;
use super::{Presence, Refusal};

/// A change of the board.
///
/// A command makes all its checks before it begins a revision, so that a refused one changes nothing.
pub trait Command {
    /// What the caller is told.
    type Answer;

    /// Applies the command.
    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Self::Answer, Refusal>;
}

/// Refuses to hand anything to an owner whose connection has closed: nobody would take it.
fn refuse_who_left(holder: &Presence) -> Result<(), Refusal> {
    match holder.gone() {
        Some(_) => Err(Refusal::NotFound {
            what: "session that waits; it has left".to_owned(),
        }),
        None => Ok(()),
    }
}
