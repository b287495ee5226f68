//! Accepting connections, learning who is there, and ending all of it.
//!
//! Responsible for how many connections there may be and for the order of the end. Not for what a
//! connection does: that is `super::connection`.

use std::future::pending;
use std::io::Write as _;
use std::iter::repeat;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use rmcp::model::{ErrorData, ServerJsonRpcMessage};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Conversation, Ends, Wire};
use super::farewell::{Farewells, MAX_FAREWELLS};
use super::handover::{Ask, Successor};
use super::hello::Hello;
use super::lines::{Line, Lines};
use super::listen::{Claim, Listening};
use super::outbox::{Outbox, hang_up, to_line};
use super::peer::Peer;
use super::project::own_uid;
use super::traffic::Traffic;
use crate::board::{Board, Namespace, Repeats, Session, Tether};

/// How many connections are served at a time; one more is told so and closed.
pub const MAX_CONNECTIONS: usize = 1_024;

/// How long accepting rests when the system is out of files, which only a connection's end mends.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// Files of connections: the sockets, the processes behind them, and those that are watched for longer.
const CONNECTION_FILES: u64 = 2 * MAX_CONNECTIONS as u64 + MAX_FAREWELLS as u64;
/// Files besides connections: the terminal, the log, the lock, what the runtime needs.
const OTHER_FILES: u64 = 64;

/// A connection whose hello has been read, to make a handler for.
#[derive(Debug)]
pub struct Connection {
    /// The agent's session, or why it cannot have one: its requests are to be answered with that.
    pub session: Result<Arc<Session>, String>,
}

/// How a server is told to end.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Stop accepting, let what is in flight answer, then end.
    pub gently: CancellationToken,
    /// Let everybody go without an answer to what waits, but keep the socket: it is served on, here or elsewhere.
    pub pause: CancellationToken,
    /// End now.
    pub now: CancellationToken,
    /// How long what is in flight has.
    pub limit: Duration,
}

impl Stop {
    /// Returns a way to end a server; what is in flight has `limit` then.
    pub fn within(limit: Duration) -> Self {
        Self {
            gently: CancellationToken::new(),
            pause: CancellationToken::new(),
            now: CancellationToken::new(),
            limit,
        }
    }
}

/// Who serves the requests of connections.
#[derive(Clone, Copy, Debug)]
pub struct Handlers<F> {
    /// Makes the handler of a connection.
    pub make: F,
    /// Tells whether a tool of this name changes the board. A repeated call of one is applied once.
    pub changes: fn(&str) -> bool,
}

/// How a board is served no more.
#[derive(Debug)]
pub enum Ended {
    /// The socket is gone. Nobody else can serve the project before this is dropped.
    Closed(Claim),
    /// It was told to pause, and nobody uses the board any more: what was answered has been done, and what was
    /// not may be asked again. Who connects waits.
    Paused(Listening),
}

/// Serves `board` on `listening` until it is told to stop. Who asks for the board is sent to `successors`.
pub async fn serve<H, F>(
    listening: Listening,
    board: Board,
    handlers: Handlers<F>,
    traffic: Arc<Traffic>,
    successors: mpsc::Sender<Successor>,
    stop: Stop,
) -> Ended
where
    H: ServerHandler,
    F: Fn(Connection) -> H + Send + Sync + 'static,
{
    raise_file_limit();
    let leave = stop.gently.child_token();
    let door = Arc::new(Door {
        board,
        handlers,
        traffic,
        successors,
        ends: Ends {
            stop: stop.gently.clone(),
            pause: stop.pause.clone(),
        },
        farewells: Farewells::new(leave.clone()),
    });
    let connections = TaskTracker::new();
    let force = CancellationToken::new();
    let paused = loop {
        tokio::select! {
            biased;
            () = stop.gently.cancelled() => break false,
            () = stop.now.cancelled() => break false,
            () = stop.pause.cancelled() => break true,
            accepted = listening.accept() => match accepted {
                Ok(stream) => door.enter(stream, &connections, &force),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(OUT_OF_FILES).await;
                }
            },
        }
    };
    if paused {
        leave.cancel();
        connections.close();
        connections.wait().await;
        return Ended::Paused(listening);
    }
    let claim = listening.close();
    // Connections whose handlers only know this token must end too when the end is forced first.
    stop.gently.cancel();
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = stop.now.cancelled() => {}
        () = tokio::time::sleep(stop.limit) => {
            tracing::warn!(open = door.traffic.open(), "some connections did not end in time");
        }
    }
    force.cancel();
    connections.wait().await;
    Ended::Closed(claim)
}

struct Door<F> {
    board: Board,
    handlers: Handlers<F>,
    traffic: Arc<Traffic>,
    successors: mpsc::Sender<Successor>,
    ends: Ends,
    farewells: Farewells,
}

impl<H, F> Door<F>
where
    H: ServerHandler,
    F: Fn(Connection) -> H + Send + Sync + 'static,
{
    /// Serves one more connection in a task, or says why not.
    fn enter(self: &Arc<Self>, stream: UnixStream, connections: &TaskTracker, force: &CancellationToken) {
        let peer = match Peer::of(&stream) {
            Ok(peer) if peer.uid == own_uid() => peer,
            Ok(peer) => {
                tracing::warn!(uid = peer.uid, "refused a connection of another user");
                return self.traffic.refuse();
            }
            Err(error) => {
                tracing::warn!(%error, "refused a connection of nobody");
                return self.traffic.refuse();
            }
        };
        if !self.traffic.enter(MAX_CONNECTIONS) {
            self.traffic.refuse();
            return turn_away(stream);
        }
        let door = Arc::clone(self);
        let force = force.clone();
        connections.spawn(async move {
            let left = Left(Arc::clone(&door.traffic));
            let tether = tokio::select! {
                () = force.cancelled() => return,
                tether = door.serve(stream, &peer) => tether,
            };
            drop(left);
            if let Some(tether) = tether {
                door.farewells.see_off(&peer, &tether).await;
            }
        });
    }

    /// Serves until the peer closes or its process is gone, and returns what ties its session to the process.
    async fn serve(&self, mut stream: UnixStream, peer: &Peer) -> Option<Tether> {
        let mut lines = Lines::default();
        // Who says nothing takes no place on the roster.
        let first = tokio::select! {
            () = self.ends.stop.cancelled() => return None,
            () = self.ends.pause.cancelled() => return None,
            first = first_line(&mut stream, &mut lines) => first?,
            () = peer.gone() => {
                // What it has sent can still be read, and then comes the end.
                hang_up(&stream);
                first_line(&mut stream, &mut lines).await?
            }
        };
        if let Line::Whole(range) = &first
            && let Some(ask) = Ask::read(lines.bytes(range))
        {
            self.introduce(stream, peer.pid, ask);
            return None;
        }
        let (reader, writer) = stream.into_split();
        let wire = Wire {
            reader,
            outbox: Arc::new(Outbox::new(writer)),
            lines,
        };
        let outbox = Arc::clone(&wire.outbox);
        // A child that inherited the socket may keep it open for ever, but is not the agent. What the process
        // sent is served, and then its input ends.
        let watched = async {
            peer.gone().await;
            outbox.hang_up();
            pending().await
        };
        tokio::select! {
            tether = self.converse(wire, first, peer.pid) => tether,
            never = watched => never,
        }
    }

    /// Tells the host who asks for the board.
    fn introduce(&self, stream: UnixStream, pid: Option<u32>, ask: Result<Ask, serde_json::Error>) {
        let successor = match ask.map(|ask| Successor::of(stream, pid, ask)) {
            Ok(Ok(Some(successor))) => successor,
            Ok(Ok(None)) => return tracing::info!(pid, "a process of another version asked for the board"),
            Ok(Err(error)) => return tracing::warn!(%error, "a process that asks for the board is not heard"),
            Err(error) => return tracing::warn!(%error, "a process asks for the board in another language"),
        };
        if let Err(error) = self.successors.try_send(successor) {
            error
                .into_inner()
                .refuse("the board is changing hands already, or ending");
        }
    }

    async fn converse(&self, wire: Wire, first: Line, pid: Option<u32>) -> Option<Tether> {
        let (hello, first) = match first {
            Line::Whole(range) => match Hello::read(wire.lines.bytes(&range)) {
                Some(hello) => (Some(hello), None),
                None => (None, Some(Line::Whole(range))),
            },
            Line::TooLong => (None, Some(Line::TooLong)),
        };
        let hello = hello.unwrap_or_else(|| Ok(Hello::default()));
        let repeats = hello.as_ref().ok().and_then(|hello| self.repeats(hello));
        let session = match hello {
            Ok(hello) => self.attach(&hello, pid).map(Arc::new),
            Err(error) => Err(format!(
                "the bridge's hello cannot be read ({error}); run the same version of callboard on both sides"
            )),
        };
        if let Err(reason) = &session {
            tracing::warn!(%reason, "an agent cannot be attached");
        }
        let tether = session.as_ref().ok().map(|session| session.tether());
        let handler = (self.handlers.make)(Connection { session });
        let changes = self.handlers.changes;
        let traffic = Arc::clone(&self.traffic);
        let ends = Ends {
            stop: self.ends.stop.child_token(),
            pause: self.ends.pause.clone(),
        };
        // What handlers have started beside their answers ends with the connection.
        let _end = ends.stop.clone().drop_guard();
        Conversation::new(wire, handler, repeats, changes, traffic, ends)
            .run(first)
            .await;
        tether
    }

    /// Returns what the session that said `hello` may find; who has no secret cannot come back.
    fn repeats(&self, hello: &Hello) -> Option<Repeats> {
        let waited = hello.waited_ms.iter().copied().chain(repeat(0));
        let ids = hello.repeats.iter().cloned().zip(waited);
        let ids = ids.filter_map(|(id, waited)| {
            let id = serde_json::from_value(id).ok()?;
            Some((id, Duration::from_millis(waited)))
        });
        Some(self.board.repeats(hello.secret.as_ref()?, ids))
    }

    fn attach(&self, hello: &Hello, pid: Option<u32>) -> Result<Session, String> {
        let namespace = match &hello.namespace {
            Some(name) => {
                Namespace::parse(name).map_err(|problem| format!("namespace {name:?}: {problem}"))?
            }
            None => Namespace::default(),
        };
        let namespace = self
            .board
            .open(&namespace)
            .map_err(|refusal| refusal.to_string())?;
        let mut introduction = hello.introduction();
        introduction.pid = introduction.pid.or(pid);
        Ok(self.board.resume(namespace, introduction, hello.secret.clone()))
    }
}

/// Counts a connection out, however it ends.
struct Left(Arc<Traffic>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.left();
    }
}

/// Reads up to the end of the first line, `None` when there is none.
async fn first_line(stream: &mut UnixStream, lines: &mut Lines) -> Option<Line> {
    loop {
        if let Some(line) = lines.next() {
            return Some(line);
        }
        match lines.fill(stream).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Says that there are too many connections. What the socket does not take at once is not worth waiting for.
fn turn_away(stream: UnixStream) {
    let text = format!("the board serves {MAX_CONNECTIONS} connections already; close some and try again");
    let error = ErrorData::internal_error(text, None);
    let line = to_line(&ServerJsonRpcMessage::error(error, None));
    tracing::warn!("refused a connection: there are {MAX_CONNECTIONS}");
    // Not through the runtime, which does not know yet that a fresh socket can be written to.
    let told = stream.into_std().and_then(|mut stream| stream.write_all(&line));
    if let Err(error) = told {
        tracing::debug!(%error, "the refused connection was not told why");
    }
}

/// Lets this process have as many open files as it needs for all connections, as far as it may.
fn raise_file_limit() {
    let wanted = CONNECTION_FILES + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the system allows too few open files for all connections");
        }
    }
}
