//! The dashboard: what it draws, what keys do, and the real thing in a terminal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod board;
mod changes;
mod quit;
mod real_loop;
mod small;
mod steer;
mod terminal;
mod update;
mod views;
