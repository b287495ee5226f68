//! The program as people and scripts run it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

#[path = "../support/mod.rs"]
mod support;

mod claude_plugin;
mod displaced;
mod doctor;
mod git_hook;
mod guard;
mod handover;
mod hook;
mod lifetime;
mod newcomer;
mod owner;
mod scripts;
mod security;
mod serve;
mod setup;
mod setup_files;
mod setup_hooks;
mod setup_twice;
mod snapshot;
mod wake;
mod words;
