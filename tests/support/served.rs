//! A board that is served over streams in memory: the protocol without socket and process.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Board, Clock, Introduction, Limits, ManualClock, Namespace, Revision, RevisionFile, Time,
};
use callboard::mcp::{Handler, Setup, Toolset};
use callboard::target::Resolver;
use rmcp::ServiceExt as _;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::DuplexStream;
use tokio_util::sync::CancellationToken;

use super::raw::Raw;

/// A board whose clock stands still until it is turned.
pub(crate) struct Served {
    pub(crate) board: Board,
    clock: Turned,
    /// Stops every connection, as the end of the server does.
    pub(crate) stop: CancellationToken,
    /// The project, with nothing in it.
    pub(crate) root: tempfile::TempDir,
    setup: Arc<Setup>,
}

#[derive(Clone, Debug, Default)]
struct Turned(Arc<ManualClock>);

impl Clock for Turned {
    fn now(&self) -> Time {
        self.0.now()
    }

    fn wall(&self) -> jiff::Timestamp {
        self.0.wall()
    }
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::offering(Toolset::All, limits)
    }

    pub(crate) fn offering(tools: Toolset, limits: Limits) -> Self {
        let clock = Turned::default();
        let board = Board::new(clock.clone(), limits, RevisionFile::in_memory(), Revision::ZERO);
        let root = tempfile::tempdir().unwrap();
        let resolver = Resolver::new(root.path());
        Self {
            board,
            clock,
            stop: CancellationToken::new(),
            root,
            setup: Arc::new(Setup::new(resolver, tools)),
        }
    }

    /// Turns the clock and ends what has run out.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.0.advance(by);
        self.board.sweep().unwrap();
    }

    /// Returns the handler of a new agent.
    pub(crate) fn handler(&self, name: &str) -> Handler {
        self.introduced(Introduction {
            name: (!name.is_empty()).then(|| name.to_owned()),
            ..Introduction::default()
        })
    }

    /// Returns the handler of a new agent that says this of itself.
    pub(crate) fn introduced(&self, introduction: Introduction) -> Handler {
        let namespace = self.board.open(&Namespace::default()).unwrap();
        let session = self.board.attach(namespace, introduction);
        Handler::new(Arc::new(session), &self.setup)
    }

    /// Connects a new agent and returns its end of the stream.
    pub(crate) fn connect(&self, name: &str) -> DuplexStream {
        serve(self.handler(name), self.stop.child_token())
    }

    /// Connects a new agent that calls tools with no opening.
    pub(crate) fn agent(&self, name: &str) -> Raw<DuplexStream> {
        Raw::modern(self.connect(name))
    }
}

/// Serves `handler` until `stop` and returns the client's end of the stream.
pub(crate) fn serve(handler: Handler, stop: CancellationToken) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let (read, write) = tokio::io::split(ours);
        let transport = AsyncRwTransport::new_server(read, write).with_max_line_length(64 << 20);
        if let Ok(service) = handler.serve_with_ct(transport, stop).await {
            service.waiting().await.unwrap();
        }
    });
    theirs
}
