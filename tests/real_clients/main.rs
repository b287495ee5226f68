//! callboard with the real clients, each against a model that says what a script says: what their users see, from
//! `callboard setup` on.
//!
//! `tests/real_clients.sh install` installs the clients, pinned, into a folder of their own. What is not there is
//! skipped with a line that says so.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and says why"
)]

mod claude;
mod claude_agents;
mod claude_cleared;
mod claude_resumed;
mod claude_terminal;
mod claude_woken;
mod codex;
mod configs;
mod gemini;
mod model;
mod opencode;
mod stage;
#[path = "../support/mod.rs"]
mod support;
