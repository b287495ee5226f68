//! Boards written down: the format of a snapshot, files that are whole or not there, and the keeper that saves
//! a running board.
//!
//! Responsible for lines, versions, files and when a board is saved. Not for what a board is made of, nor for
//! what fits together: that is [`crate::board`].
//!
//! Invariants:
//!
//! - A snapshot appears under its name whole or not at all, whenever the process or the machine dies.
//! - Reading is strict: one byte too few, one unknown word, one rule broken, and there is no board.
//! - No secret is in it, only hashes; and nobody but its owner can read the file.

mod file;
mod format;
mod keeper;

pub use file::{Existing, copy};
pub use format::{Problem, RestoreError, Restored, read, restore, write};
pub use keeper::{Keeper, SaveError, Saved, Saver};
