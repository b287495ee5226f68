//! What agents see: the contract of each tool, both eras, resources, hooks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod budget;
mod contract;
mod coordination;
mod counter;
mod eras;
mod guard_files;
mod hook_handover;
mod hook_long_names;
mod hook_lost;
mod hook_names;
mod hook_open;
mod hook_rules;
mod hook_wake;
mod linearizable;
mod locking;
mod patterns;
mod resources;
mod situations;
mod socket;
mod tools;
mod waiting;
mod watch;
mod workflow;
mod worktrees;
