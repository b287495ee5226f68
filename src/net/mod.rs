//! Bytes on the local socket: where it is, who may come, how messages are framed.
//!
//! Responsible for the project's socket, for accepting and counting connections, for framing and
//! back-pressure, and for the bridge between a client's stdio and the socket; also for who serves: for starting a
//! board in a process of its own, and for handing one from process to process. Not for what the messages mean:
//! that is [`crate::mcp`].
//!
//! Invariants:
//!
//! - One server for each project: whoever holds the lock file serves, and a handover never lets go of it.
//! - What a connection may keep in flight is bounded; a peer that does not read is not read from.
//! - A peer of another user is refused, by the board and by who connects to it.
//! - A connection ends with the process that made it, whoever else has its socket.

pub mod bridge;
mod connection;
mod era;
mod farewell;
mod foothold;
pub mod handover;
pub mod hello;
mod holder;
pub mod launch;
mod lines;
pub mod listen;
mod message;
mod outbox;
mod peer;
pub mod project;
mod reach;
mod repository;
pub mod server;
mod serving;
mod traffic;
mod transport;

pub use connection::MAX_WAITING;
pub use foothold::Foothold;
pub use lines::MAX_LINE;
pub use reach::reach;
pub use traffic::Traffic;
