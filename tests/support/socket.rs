//! A board that is served on a real socket, in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Board, Clock, Key, Limits, Namespace, NamespaceId, Revision, RevisionFile, SystemClock,
};
use callboard::guard::Guard;
use callboard::mcp::{Handler, Setup, Toolset};
use callboard::net::Traffic;
use callboard::net::listen::Claim;
use callboard::net::project::Project;
use callboard::net::server::{Connection, Ended, Handlers, Stop, serve};
use callboard::target::Resolver;
use rmcp::ServerHandler;
use serde_json::json;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::raw::Raw;
use super::scene::SceneClock;

/// How long a state may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a folder of its own.
pub(crate) struct SocketServer {
    pub(crate) board: Board,
    pub(crate) socket: PathBuf,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) stop: Stop,
    pub(crate) ended: JoinHandle<Ended>,
    /// The project, which holds the socket too.
    pub(crate) dir: tempfile::TempDir,
}

impl SocketServer {
    /// Serves the tools of a board.
    pub(crate) fn start() -> Self {
        let dir = folder();
        let setup = Arc::new(Setup::new(Resolver::new(dir.path()), Toolset::All));
        let make = move |connection: Connection| match connection.session {
            Ok(session) => Handler::new(session, &setup),
            Err(reason) => Handler::turned_away(reason),
        };
        Self::within(dir, make)
    }

    /// Serves the tools of a board whose locked files are watched. Its clock runs, and can be advanced.
    pub(crate) fn guarded() -> (Self, SceneClock, Guard) {
        let dir = folder();
        let resolver = Resolver::new(dir.path());
        let setup = Arc::new(Setup::new(resolver.clone(), Toolset::All));
        let witness = setup.witness();
        let make = move |connection: Connection| match connection.session {
            Ok(session) => Handler::new(session, &setup),
            Err(reason) => Handler::away(reason),
        };
        let clock = SceneClock::running();
        let server = Self::on(clock.clone(), dir, make);
        let guard = Guard::start(server.board.clone(), resolver, witness);
        (server, clock, guard)
    }

    /// Serves what `make` makes of each connection.
    pub(crate) fn with<H: ServerHandler>(make: impl Fn(Connection) -> H + Send + Sync + 'static) -> Self {
        Self::within(folder(), make)
    }

    fn within<H: ServerHandler>(
        dir: tempfile::TempDir,
        make: impl Fn(Connection) -> H + Send + Sync + 'static,
    ) -> Self {
        Self::on(SystemClock::new(), dir, make)
    }

    fn on<H: ServerHandler>(
        clock: impl Clock + std::fmt::Debug,
        dir: tempfile::TempDir,
        make: impl Fn(Connection) -> H + Send + Sync + 'static,
    ) -> Self {
        let project = Project::locate(dir.path(), None, Some(dir.path())).unwrap();
        let listening = Claim::take(&project).unwrap().listen().unwrap();
        let revisions = RevisionFile::in_memory();
        let board = Board::new(clock, Limits::default(), revisions, Revision::ZERO);
        let stop = Stop::within(PATIENCE);
        let traffic = Arc::new(Traffic::default());
        let handlers = Handlers {
            make,
            changes: callboard::mcp::changes,
        };
        let ended = tokio::spawn(serve(
            listening,
            board.clone(),
            handlers,
            Arc::clone(&traffic),
            // Nobody hands this one over.
            mpsc::channel(1).0,
            stop.clone(),
        ));
        Self {
            board,
            socket: project.socket,
            traffic,
            stop,
            ended,
            dir,
        }
    }

    /// Connects, saying nothing yet.
    pub(crate) async fn stream(&self) -> UnixStream {
        UnixStream::connect(&self.socket).await.unwrap()
    }

    /// Connects a client that sends what the test tells it to.
    pub(crate) async fn raw(&self) -> Raw<UnixStream> {
        Raw::over(self.stream().await)
    }

    /// Connects a client of 2026-07-28.
    pub(crate) async fn agent(&self) -> Raw<UnixStream> {
        Raw::modern(self.stream().await)
    }

    /// Connects an agent that gives its name, as a bridge does.
    pub(crate) async fn named(&self, name: &str) -> Raw<UnixStream> {
        self.named_in(name, "").await
    }

    /// Connects an agent that gives its name and works in `directory` of the project.
    pub(crate) async fn named_in(&self, name: &str, directory: &str) -> Raw<UnixStream> {
        let mut agent = self.agent().await;
        let directory = self.dir.path().join(directory);
        let hello = json!({ "callboard/hello": { "name": name, "cwd": directory } });
        agent.send(&hello.to_string()).await;
        agent
    }

    /// Returns who holds the lock under `key`.
    pub(crate) fn holder(&self, key: &str) -> Option<String> {
        let entry = self.board.get(self.namespace(), &Key::parse(key).unwrap())?;
        Some(entry.lease()?.owner().name.to_string())
    }

    /// Returns how many stand in line for locks.
    pub(crate) fn in_line(&self) -> usize {
        let waiters = self.board.waiters(self.namespace());
        waiters.iter().filter(|(waiter, _)| waiter.is_open()).count()
    }

    pub(crate) fn namespace(&self) -> NamespaceId {
        self.board.open(&Namespace::default()).unwrap()
    }

    /// Waits until `state` holds.
    pub(crate) async fn until(&self, name: &str, state: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while !state(self) {
                look.tick().await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain until {name}");
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("cb").tempdir().unwrap()
}
