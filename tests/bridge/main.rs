//! The bridge between a client's pipes and the socket: what it carries, what it outlives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod away;
mod cuts;
mod lines;
mod process;
mod recovery;
mod restart;
mod spawn;
