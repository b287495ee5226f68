//! The board without a server: rules, models, random programs, threads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod bare;
mod concurrent;
mod expiry;
mod handed;
mod image;
mod leases;
mod locks;
mod messages;
mod model;
mod queue;
mod queue_rules;
mod rules;
mod tasks;
mod waiters;
