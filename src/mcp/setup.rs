//! What is the same for every connection of a server.

use crate::mcp::tools::Toolset;
use crate::target::Resolver;

/// What is the same for every connection of a server.
#[derive(Debug)]
pub struct Setup {
    /// Says what the targets are that agents write.
    pub resolver: Resolver,
    /// The tools that are served.
    pub tools: Toolset,
}
