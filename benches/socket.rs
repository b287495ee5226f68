//! What a call over the socket costs, against a raw responder on the same kind of socket in the same run.
//!
//! The raw responder reads a line and writes a fixed answer of the same size, and knows nothing else. Run it
//! with `cargo bench --bench socket`.

#![allow(clippy::print_stdout, reason = "a benchmark prints figures for people")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::board::{Board, Limits, Revision, RevisionFile, SystemClock};
use callboard::mcp::{Handler, Setup, Toolset};
use callboard::net::Traffic;
use callboard::net::listen::Claim;
use callboard::net::project::Project;
use callboard::net::server::{Connection, Handlers, Stop, serve};
use callboard::target::Resolver;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Calls that are measured one at a time.
const CALLS: usize = 20_000;
/// Connections that pipeline, calls that each has in flight, and how often it fills that window.
const CONNECTIONS: usize = 8;
const WINDOW: usize = 64;
const ROUNDS: usize = 400;
/// How often everything is measured, in turns; the best of each is shown, as noise only adds.
const RUNS: usize = 5;

const GET: &str = concat!(
    r#"{"method":"tools/call","params":{"name":"getStorage","arguments":{"key":"status:agent-1:task-1"}},"#,
    r#""jsonrpc":"2.0","id":4}"#,
    "\n"
);
const SET: &str = concat!(
    r#"{"method":"tools/call","params":{"name":"setStorage","arguments":{"key":"status:agent-1:task-1","#,
    r#""value":"{\"state\":\"in_progress\",\"percent\":40}","ttl":600}},"jsonrpc":"2.0","id":4}"#,
    "\n"
);
const MODERN: &str = concat!(
    r#"{"method":"tools/call","params":{"name":"getStorage","arguments":{"key":"status:agent-1:task-1"},"#,
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"claude-code","title":"Claude Code","version":"2.1.329"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{"roots":{"listChanged":true}},"#,
    r#""claudecode/toolUseId":"toolu_01","progressToken":4}},"jsonrpc":"2.0","id":4}"#,
    "\n"
);

fn main() -> Result<(), Failure> {
    let dir = tempfile::Builder::new().prefix("cb").tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let board = runtime.block_on(async { serve_board(dir.path()) })?;
    let answer = ask_once(&board, SET)?;
    let raw = dir.path().join("raw");
    runtime.block_on(async { serve_raw(&raw, answer) })?;

    let cases = [
        ("raw responder", &raw, GET),
        ("setStorage", &board, SET),
        ("getStorage", &board, GET),
        ("getStorage, stateless", &board, MODERN),
    ];
    let mut found = [Found::WORST; 4];
    for _ in 0..RUNS {
        for (found, (_, socket, line)) in found.iter_mut().zip(cases) {
            found.improve(one_at_a_time(socket, line)?, pipelined(socket, line)?);
        }
    }
    println!("{:<22} {:>16} {:>18} {:>22}", "", "p50", "p99", "pipelined");
    let [base, ..] = found;
    for (found, (name, ..)) in found.iter().zip(cases) {
        println!(
            "{name:<22} {:>8.1?} {:>6.2}x {:>9.1?} {:>7.2}x {:>12.0}/s {:>6.2}x",
            found.p50,
            found.p50.div_duration_f64(base.p50),
            found.p99,
            found.p99.div_duration_f64(base.p99),
            found.per_second,
            found.per_second / base.per_second,
        );
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Found {
    p50: Duration,
    p99: Duration,
    per_second: f64,
}

impl Found {
    const WORST: Self = Self {
        p50: Duration::MAX,
        p99: Duration::MAX,
        per_second: 0.0,
    };

    fn improve(&mut self, (p50, p99): (Duration, Duration), per_second: f64) {
        self.p50 = self.p50.min(p50);
        self.p99 = self.p99.min(p99);
        self.per_second = self.per_second.max(per_second);
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn one_at_a_time(socket: &Path, line: &str) -> Result<(Duration, Duration), Failure> {
    let mut stream = UnixStream::connect(socket)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut answer = Vec::new();
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        stream.write_all(line.as_bytes())?;
        answer.clear();
        reader.read_until(b'\n', &mut answer)?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times.get(CALLS * share / 100).copied().unwrap_or_default();
    Ok((at(50), at(99)))
}

/// Returns the calls a second of all connections together.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn pipelined(socket: &Path, line: &str) -> Result<f64, Failure> {
    let window = line.repeat(WINDOW);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(|| fill_windows(socket, window.as_bytes())))
            .collect();
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        Ok::<(), Failure>(())
    })?;
    let calls = u32::try_from(CONNECTIONS * WINDOW * ROUNDS)?;
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}

fn fill_windows(socket: &Path, window: &[u8]) -> Result<(), Failure> {
    let mut stream = UnixStream::connect(socket)?;
    let mut reader = BufReader::with_capacity(1 << 16, stream.try_clone()?);
    for _ in 0..ROUNDS {
        stream.write_all(window)?;
        for _ in 0..WINDOW {
            reader.skip_until(b'\n')?;
        }
    }
    Ok(())
}

fn ask_once(socket: &Path, line: &str) -> Result<Vec<u8>, Failure> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(line.as_bytes())?;
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut answer)?;
    Ok(answer)
}

fn serve_board(dir: &Path) -> Result<PathBuf, Failure> {
    let project = Project::locate(dir, None, Some(dir))?;
    let listening = Claim::take(&project)?.listen()?;
    let revisions = RevisionFile::in_memory();
    let board = Board::new(SystemClock::new(), Limits::default(), revisions, Revision::ZERO);
    let setup = Arc::new(Setup::new(Resolver::new(dir), Toolset::All));
    let handlers = Handlers {
        make: move |connection: Connection| match connection.session {
            Ok(session) => Handler::new(session, &setup),
            Err(reason) => Handler::away(reason),
        },
        changes: callboard::mcp::changes,
    };
    let stop = Stop::within(Duration::ZERO);
    tokio::spawn(serve(
        listening,
        board,
        handlers,
        Arc::new(Traffic::default()),
        mpsc::channel(1).0,
        stop,
    ));
    Ok(project.socket)
}

fn serve_raw(socket: &Path, answer: Vec<u8>) -> Result<(), Failure> {
    let listener = tokio::net::UnixListener::bind(socket)?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let (reader, mut writer) = stream.split();
                let mut reader = tokio::io::BufReader::new(reader);
                let mut line = Vec::new();
                while reader
                    .read_until(b'\n', &mut line)
                    .await
                    .is_ok_and(|count| count > 0)
                {
                    if writer.write_all(&answer).await.is_err() {
                        break;
                    }
                    line.clear();
                }
            });
        }
    });
    Ok(())
}
