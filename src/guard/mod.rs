//! An eye on the files that are locked: who changes one that somebody else holds is noticed afterwards.
//!
//! A hook keeps an agent's edits from files that others hold. What a shell command, a formatter, an editor or any
//! other program writes, no hook can foresee. So the directories of locked files are watched, and a change that is
//! not the holder's own is reported to the board, which tells the holder, whoever is suspected, and the person.
//!
//! Responsible for what is watched, for telling a change of content from a mere touch, and for the question whose
//! change it was. Not for locks, and not for what agents are told: that is the board's and the protocol's.
//!
//! Whose change it was is nowhere written down, so there is a rule, and [`Testimony`] is that rule:
//!
//! - A change is its holder's own when the holder's hooks announced an edit of that file, or a shell command, that
//!   was under way then or had ended a moment before. It is under way until its hooks tell that the agent is about
//!   to go on.
//! - Of a holder whose client has not announced anything, any change may be its own, so nobody is told of it.
//! - Any other change is somebody else's. If the hooks of just one other agent announced what can have made it,
//!   that agent is named as who was at work meanwhile; it is a suspect, and is told so.
//!
//! Invariants:
//!
//! - Only what is locked is watched: the directory of a locked file, and a locked directory with those below it,
//!   but neither `.git` nor caches. Nothing is watched when nothing is locked, and nothing wakes up then.
//! - A lock never waits for the watcher and never fails because of it. What cannot be watched is logged once.
//! - Everything is bounded: directories, files whose content is known, changes that wait to be looked at.
//! - No change that was made while a file was not yet watched is reported: a few milliseconds after the grant.

mod beat;
mod contents;
mod ear;
mod patrol;
mod testimony;
mod watches;
mod witness;

pub use patrol::Guard;
pub use testimony::{Author, Deed, Holder, Testimony};
pub use witness::Witness;
