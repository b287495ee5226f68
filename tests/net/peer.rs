//! The end of the process behind a connection: over the real socket, with processes that are really killed.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::support::process::{BoardProcess, PATIENCE};
use crate::support::socket::SocketServer;
use crate::support::wait::until;
use callboard::board::{Mode, Namespace, Owner, Pattern, Reason, Target, Wish};
use callboard::mcp::{Handler, Setup, Toolset};
use callboard::net::server::Connection;
use callboard::target::Resolver;
use serde_json::{Value, json};
use tokio::runtime::Handle;

/// Where a peer connects.
const SOCKET: &str = "CALLBOARD_TEST_SOCKET";
/// What a peer does there: one of the roles below.
const ROLE: &str = "CALLBOARD_TEST_ROLE";
/// Leaves the socket to a child, makes a call that waits, and waits to be killed.
const HEIR: &str = "leaves an heir";
/// Leaves the socket to a child, says nothing, and waits to be killed.
const SILENT: &str = "leaves an heir without a word";
/// Leaves the socket to a child, makes many calls, and exits without reading an answer.
const LAST_WORDS: &str = "exits after its last words";
/// Closes the socket when it is sent a line, and waits to be killed.
const CLOSES: &str = "closes before it ends";
/// How many keys the last words set.
const WORDS: usize = 200;

/// A process at the other end of a connection. It and its child end when this is dropped.
struct Peer {
    child: Child,
    input: ChildStdin,
}

impl Peer {
    /// Starts this test program again, for nothing but [`the_peer`] in the `role` given.
    fn start(socket: &Path, role: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "peer::the_peer_that_the_other_tests_start"])
            .env(SOCKET, socket)
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        Self { child, input }
    }

    fn send_line(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Checks that the child, which inherited the socket, still runs.
    fn assert_heir_lives(&mut self) {
        // Of all processes only the heir can still read this, so that there is no error tells that it can.
        self.send_line();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; its child ends with the input.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test by itself: the others start this program again, to have a process that they can kill.
#[test]
fn the_peer_that_the_other_tests_start() {
    let (Some(socket), Ok(role)) = (std::env::var_os(SOCKET), std::env::var(ROLE)) else {
        return;
    };
    let mut stream = UnixStream::connect(socket).unwrap();
    let hello = json!({ "callboard/hello": { "name": "lead", "secret": "s1" } }).to_string();
    match &*role {
        HEIR => {
            let wait = call(1, "watchStorage", &json!({ "pattern": "*", "waitMs": 50_000 }));
            let mut heir = heir_of(&stream);
            writeln!(stream, "{hello}\n{wait}").unwrap();
            heir.wait().unwrap();
        }
        SILENT => {
            heir_of(&stream).wait().unwrap();
        }
        LAST_WORDS => {
            let set = |n| {
                call(
                    n,
                    "setStorage",
                    &json!({ "key": format!("word:{n}"), "value": "v" }),
                )
            };
            let words: Vec<String> = (0..WORDS).map(set).collect();
            let _heir = heir_of(&stream);
            writeln!(stream, "{hello}\n{}", words.join("\n")).unwrap();
            std::process::exit(0);
        }
        CLOSES => {
            writeln!(stream, "{hello}").unwrap();
            let mut input = std::io::stdin();
            input.read_exact(&mut [0]).unwrap();
            drop(stream);
            input.read_to_end(&mut Vec::new()).unwrap();
        }
        role => unreachable!("no role is called {role:?}"),
    }
}

/// Starts a process that has the socket as its output and lives until a line or the end comes from the test.
fn heir_of(stream: &UnixStream) -> Child {
    let socket = OwnedFd::from(stream.try_clone().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", "read line"]).stdout(socket);
    command.spawn().unwrap()
}

fn call(id: usize, tool: &str, arguments: &Value) -> String {
    let params = json!({ "name": tool, "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string()
}

/// A server whose agents hold a lock from the first moment.
fn server() -> SocketServer {
    SocketServer::with(|connection: Connection| {
        let session = connection.session.unwrap();
        let wish = Wish {
            targets: Arc::from([Target::path("src")]),
            mode: Mode::Exclusive,
            why: None,
            ttl: Duration::from_secs(300),
        };
        let call = session.call();
        let lock = call.acquire(wish, Duration::ZERO);
        tokio::task::block_in_place(|| Handle::current().block_on(lock)).unwrap();
        let setup = Setup::new(Resolver::new(Path::new("/")), Toolset::All);
        Handler::new(Arc::clone(&session), &Arc::new(setup))
    })
}

/// Waits until an agent is attached, and returns who it is.
async fn attached(server: &SocketServer) -> Arc<Owner> {
    server
        .until("it is attached", |server| server.board.agents().len() == 1)
        .await;
    Arc::clone(&server.board.agents()[0].owner)
}

/// Returns why an agent has lost its lock, `None` while it is kept for it.
fn fate(server: &SocketServer, owner: &Owner) -> Option<Reason> {
    let namespace = server.board.open(&Namespace::default()).unwrap();
    let losses = server.board.losses(namespace, owner);
    losses.first().map(|loss| loss.reason)
}

async fn assert_dies(server: &SocketServer, owner: &Owner) {
    server
        .until("it has lost its lock", |server| fate(server, owner).is_some())
        .await;
    assert_eq!(fate(server, owner), Some(Reason::Died));
}

async fn all_closed(server: &SocketServer) {
    server
        .until("the connection is closed", |server| server.traffic.open() == 0)
        .await;
    server
        .until("nobody is attached", |server| server.board.agents().is_empty())
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_is_gone_although_its_child_has_the_socket() {
    let server = server();
    let mut peer = Peer::start(&server.socket, HEIR);
    let owner = attached(&server).await;
    server
        .until("the call waits", |server| {
            server.board.agents().iter().any(|agent| agent.calls == 1)
        })
        .await;
    assert_eq!(fate(&server, &owner), None);
    peer.kill();
    all_closed(&server).await;
    assert_dies(&server, &owner).await;
    peer.assert_heir_lives();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_sent_before_its_end_is_served() {
    let server = server();
    let mut peer = Peer::start(&server.socket, LAST_WORDS);
    peer.child.wait().unwrap();
    let namespace = server.board.open(&Namespace::default()).unwrap();
    let heard = |server: &SocketServer| {
        let words = Pattern::parse("word:*").unwrap();
        server.board.list(namespace, &words, None, WORDS).rows.len()
    };
    server
        .until("the last word is heard", |server| heard(server) == WORDS)
        .await;
    all_closed(&server).await;
    peer.assert_heir_lives();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_closes_its_connection_is_gone_only_when_it_ends() {
    let server = server();
    let mut peer = Peer::start(&server.socket, CLOSES);
    let owner = attached(&server).await;
    peer.send_line();
    all_closed(&server).await;
    assert_eq!(fate(&server, &owner), None);
    peer.kill();
    assert_dies(&server, &owner).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_server_does_not_wait_for_processes_that_have_left() {
    let server = server();
    let mut peer = Peer::start(&server.socket, CLOSES);
    let owner = attached(&server).await;
    peer.send_line();
    all_closed(&server).await;
    server.stop.gently.cancel();
    server
        .until("the server has ended", |server| server.ended.is_finished())
        .await;
    assert_eq!(fate(&server, &owner), None);
}

#[test]
fn no_descriptor_is_left_of_the_dead() {
    let board = BoardProcess::start();
    let own = format!("/proc/{}/fd", board.pid());
    let files = || -> Vec<String> {
        let files = fs::read_dir(&own).unwrap();
        let targets = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        targets
            .map(|target| target.to_string_lossy().into_owned())
            .collect()
    };
    let watched = || files().iter().filter(|file| file.contains("pidfd")).count();
    // Once it has answered, it has opened what it needs for itself, and has seen who only looked whether it listens.
    assert!(board.command().arg("stats").output().unwrap().status.success());
    until("nobody is watched", PATIENCE, || (watched() == 0).then_some(()));
    let before = files().len();
    let mut peers: Vec<Peer> = (0..10)
        .map(|number| Peer::start(&board.socket(), [HEIR, SILENT, CLOSES][number % 3]))
        .collect();
    until("all are watched", PATIENCE, || {
        (watched() == peers.len()).then_some(())
    });
    peers.iter_mut().for_each(Peer::kill);
    // The socket of who asked may still have been open before.
    until("nothing is left", PATIENCE, || {
        (files().len() <= before && watched() == 0).then_some(())
    });
}
