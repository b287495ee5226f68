//! The Model Context Protocol: what agents can call, read and follow, and in which words they are answered.
//!
//! Responsible for schemas, for reading arguments, for calls into the board and for the shape of answers,
//! in both eras of the protocol. Not for bytes on a socket and not for any rule of coordination: those are
//! the board's.
//!
//! Invariants:
//!
//! - The server judges arguments, not the library: a bad one gets the contract's text, never `-32602`.
//! - A refusal of the board becomes words in one place, `answer`.
//! - The lists of tools, prompts and resources are the same for every connection, and also without a board.
//! - Whatever a connection can make the server remember or send is bounded.

mod answer;
mod custom;
mod handler;
mod instructions;
mod nearest;
mod prompts;
mod report;
mod resources;
mod subscriptions;
mod tools;

pub use handler::Handler;
pub use tools::changes;
