//! What locks, tasks and messages cost, against a write and a read in the same run.
//!
//! Over the socket as one agent calls, and inside the board where many wait or much is held. Run it with
//! `cargo bench --bench coordination`.

#![allow(clippy::print_stdout, reason = "a benchmark prints figures for people")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard::board::{
    Board, Introduction, Limits, Mode, Namespace, Revision, RevisionFile, Session, SystemClock, Target, Wish,
};
use callboard::mcp::{Handler, Setup, Toolset};
use callboard::net::Traffic;
use callboard::net::listen::Claim;
use callboard::net::project::Project;
use callboard::net::server::{Connection, Handlers, Stop, serve};
use callboard::target::Resolver;
use serde_json::{Value, json};
use tokio::sync::mpsc;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How often each pair of calls is made.
const PAIRS: usize = 5_000;
/// How many wait for one lock, and how often they are served in turn.
const WAITERS: usize = 10;
const TURNS: usize = 200;
/// How many locks are held while others are taken.
const HELD: usize = 10_000;
/// How long who waits is patient; nobody here waits that long.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = tempfile::Builder::new().prefix("cb").tempdir()?;
    let socket = runtime.block_on(async { serve_board(dir.path()) })?;
    over_the_socket(&socket)?;
    runtime.block_on(inside_the_board())
}

fn over_the_socket(socket: &Path) -> Result {
    let mut agent = Agent::attach(socket, "worker")?;
    let mut reader = Agent::attach(socket, "reader")?;
    let status = json!({"key": "status:worker:1", "value": r#"{"status":"in_progress"}"#});
    let base = measured(|_| {
        let (set, _) = agent.call("setStorage", &status)?;
        let (get, _) = agent.call("getStorage", &json!({"key": "status:worker:1"}))?;
        Ok(set + get)
    })?;
    let lock = measured(|_| {
        let (acquire, _) = agent.call("acquireLock", &json!({"targets": ["src/auth"]}))?;
        let (release, _) = agent.call("releaseLock", &json!({}))?;
        Ok(acquire + release)
    })?;
    let task = measured(|number| {
        agent.call(
            "setStorage",
            &json!({"key": format!("task:{number}"), "value": "{}"}),
        )?;
        let (claim, claimed) = agent.call("claimTask", &json!({}))?;
        let done = json!({"token": claimed["token"], "outcome": "done"});
        let (submit, _) = agent.call("submitTask", &done)?;
        Ok(claim + submit)
    })?;
    let message = measured(|_| {
        let (send, _) = agent.call("sendMessage", &json!({"to": "reader", "body": "done"}))?;
        let (receive, _) = reader.call("receiveMessages", &json!({}))?;
        Ok(send + receive)
    })?;
    println!(
        "{:<44} {:>10} {:>10} {:>7}",
        "over the socket, both calls of a pair", "p50", "p99", "ratio"
    );
    for (what, (p50, p99)) in [
        ("setStorage + getStorage", base),
        ("acquireLock + releaseLock", lock),
        ("claimTask + submitTask", task),
        ("sendMessage + receiveMessages", message),
    ] {
        println!(
            "{what:<44} {p50:>10.1?} {p99:>10.1?} {:>6.2}x",
            p50.div_duration_f64(base.0)
        );
    }
    Ok(())
}

/// Returns the median and the 99th percentile of what `pair` says that it took.
fn measured(mut pair: impl FnMut(usize) -> Result<Duration>) -> Result<(Duration, Duration)> {
    let mut times = (0..PAIRS).map(&mut pair).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    Ok((times[PAIRS / 2], times[PAIRS * 99 / 100]))
}

async fn inside_the_board() -> Result {
    println!("\n{:<44} {:>10} {:>10}", "inside the board", "p50", "p99");
    let board = board();
    let row = |what: &str, mut times: Vec<Duration>| {
        times.sort_unstable();
        let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{what:<44} {p50:>10.1?} {p99:>10.1?}");
    };
    let agent = attach(&board, "worker")?;
    row("acquire + release, nothing else held", pairs(&agent).await?);
    row("a lock handed over, 10 waiters", handed_over(&board).await?);
    let hoarder = attach(&board, "hoarder")?;
    for number in 0..HELD - WAITERS {
        let target = format!("held/{}/{number}.rs", number % 100);
        hoarder.call().acquire(wish(&target), Duration::ZERO).await?;
    }
    row("acquire + release, 10,000 held by another", pairs(&agent).await?);
    row("acquire + release, 10,000 held by itself", pairs(&hoarder).await?);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn pairs(agent: &Session) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(PAIRS);
    for _ in 0..PAIRS {
        let start = Instant::now();
        let grant = agent.call().acquire(wish("src/auth"), Duration::ZERO).await?;
        agent.call().release(Some(grant.fence))?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Returns how long each of ten waiters waited from the release of the one before it.
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
async fn handed_over(board: &Board) -> Result<Vec<Duration>> {
    let mut sessions = Vec::new();
    for number in 0..=WAITERS {
        sessions.push(Arc::new(attach(board, &format!("waiter-{number}"))?));
    }
    let mut times = Vec::new();
    for _ in 0..TURNS {
        let first = sessions[0].call();
        let grant = first.acquire(wish("src/auth"), Duration::ZERO).await?;
        let waiting: Vec<_> = sessions[1..]
            .iter()
            .map(|session| {
                let session = Arc::clone(session);
                tokio::spawn(async move {
                    let call = session.call();
                    let grant = call.acquire(wish("src/auth"), PATIENCE).await?;
                    let granted = Instant::now();
                    call.release(Some(grant.fence))?;
                    Result::Ok((granted, Instant::now()))
                })
            })
            .collect();
        while board.waiters(first.namespace()).len() < WAITERS {
            tokio::task::yield_now().await;
        }
        let mut released = Instant::now();
        first.release(Some(grant.fence))?;
        let mut moments = Vec::new();
        for one in waiting {
            moments.push(one.await??);
        }
        moments.sort_unstable();
        for (granted, then) in moments {
            times.push(granted.saturating_duration_since(released));
            released = then;
        }
    }
    Ok(times)
}

fn wish(path: &str) -> Wish {
    Wish {
        targets: Arc::from([Target::path(path)]),
        mode: Mode::Exclusive,
        why: None,
        ttl: Duration::from_secs(300),
    }
}

fn board() -> Board {
    let revisions = RevisionFile::in_memory();
    Board::new(SystemClock::new(), Limits::default(), revisions, Revision::ZERO)
}

fn attach(board: &Board, name: &str) -> Result<Session> {
    let introduction = Introduction {
        name: Some(name.to_owned()),
        ..Introduction::default()
    };
    Ok(board.attach(board.open(&Namespace::default())?, introduction))
}

fn serve_board(dir: &Path) -> Result<PathBuf> {
    let project = Project::locate(dir, None, Some(dir))?;
    let listening = Claim::take(&project)?.listen()?;
    let setup = Arc::new(Setup::new(Resolver::new(dir), Toolset::All));
    let handlers = Handlers {
        make: move |connection: Connection| match connection.session {
            Ok(session) => Handler::new(session, &setup),
            Err(reason) => Handler::away(reason),
        },
        changes: callboard::mcp::changes,
    };
    let stop = Stop::within(Duration::ZERO);
    let traffic = Arc::new(Traffic::default());
    tokio::spawn(serve(
        listening,
        board(),
        handlers,
        traffic,
        mpsc::channel(1).0,
        stop,
    ));
    Ok(project.socket)
}

/// A client that writes a line and reads the next.
struct Agent {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    answer: String,
}

impl Agent {
    fn attach(socket: &Path, name: &str) -> Result<Self> {
        let mut writer = UnixStream::connect(socket)?;
        writeln!(writer, "{}", json!({"callboard/hello": {"name": name}}))?;
        Ok(Self {
            reader: BufReader::new(writer.try_clone()?),
            writer,
            answer: String::new(),
        })
    }

    /// Calls a tool; returns how long the answer took, and its body.
    #[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
    fn call(&mut self, tool: &str, arguments: &Value) -> Result<(Duration, Value)> {
        let params = json!({"name": tool, "arguments": arguments});
        let mut line =
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
        line.push('\n');
        self.answer.clear();
        let start = Instant::now();
        self.writer.write_all(line.as_bytes())?;
        self.reader.read_line(&mut self.answer)?;
        let took = start.elapsed();
        let answer: Value = serde_json::from_str(&self.answer)?;
        let text = answer["result"]["content"][0]["text"].as_str();
        let body: Value = serde_json::from_str(text.ok_or_else(|| self.answer.clone())?)?;
        if body["success"] == json!(true) {
            Ok((took, body))
        } else {
            Err(format!("{tool}: {body}").into())
        }
    }
}
