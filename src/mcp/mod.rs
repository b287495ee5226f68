//! The Model Context Protocol: what agents can call, read and follow, and in which words they are answered.
//!
//! Responsible for schemas, for reading arguments, for calls into the board and for the shape of answers,
//! in both eras of the protocol. Not for bytes on a socket and not for any rule of coordination: those are
//! the board's.
//!
//! Invariants:
//!
//! - The server judges arguments, not the library: a bad one gets the contract's text, never `-32602`.
//! - A refusal of the board becomes words in one place, `fault`.
//! - Who calls is decided in one place, `identity`.
//! - The lists of tools, prompts and resources are the same for every connection, and also without a board.
//! - Whatever a connection can make the server remember or send is bounded.

mod answer;
mod custom;
mod fault;
mod handler;
mod hooks;
mod identity;
mod instructions;
mod nearest;
mod notices;
mod prompts;
mod report;
mod resources;
mod reunion;
mod setup;
mod subscriptions;
mod targets;
mod tools;
mod waiting;
mod worktrees;

pub use handler::Handler;
pub use setup::Setup;
pub use tools::{Toolset, changes};
