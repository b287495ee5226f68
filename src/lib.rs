//! callboard: the board backstage where coding agents coordinate.
//!
//! One process serves agents over a local socket and shows people what they coordinate. The modules, and
//! the direction in which they depend on each other (each knows only those above it):
//!
//! - [`board`]: the heart. Keys, entries, revisions, events, deadlines. Knows no protocol and no screen.
//! - [`target`]: from what agents write to what a lock is on. Alone asks the file system what a path is.
//! - [`snapshot`]: boards written down, and read again after an unclean end.
//! - [`guard`]: an eye on the files that are locked. Tells the board when somebody else changes one.
//! - [`hook`]: what clients' hooks send and get. Turns their JSON into one form and back.
//! - [`mcp`]: the protocol. Tools, resources, prompts and subscriptions, each a call into the board.
//! - [`net`]: the local socket, the framing on it, the bridge to a client's stdio, and which process serves.
//! - [`tui`]: the dashboard. Reads the board like anybody else, and draws.
//! - [`telemetry`]: where the log goes: to the dashboard's log pane, or to stderr.
//! - [`cli`]: the command line. Options, exit codes, scripts, and all of the above put together.

pub mod board;
pub mod cli;
pub mod guard;
pub mod hook;
pub mod mcp;
pub mod net;
pub mod snapshot;
pub mod target;
pub mod telemetry;
pub mod tui;
