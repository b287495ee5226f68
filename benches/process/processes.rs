//! The processes that are measured: board, bridge and raw responder, each on a socket of its own.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixListener;

use crate::client::{Client, get_line};
use crate::figures::{Report, Sample};
use crate::{RESPONDER, Result};

/// A child that ends with its owner.
pub(crate) struct Process {
    pub(crate) child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left of it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells whether processes can be pinned to a processor here.
pub(crate) fn can_pin() -> bool {
    let probe = Command::new("taskset")
        .args(["-c", "0", "true"])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// Returns a command for `program`, pinned to `cpu` if one is given.
fn command(program: &Path, cpu: Option<&str>) -> Command {
    let Some(cpu) = cpu else {
        return Command::new(program);
    };
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", cpu]).arg(program);
    pinned
}

/// Returns the program, for the board on `socket`, pinned to `cpu` if one is given.
pub(crate) fn callboard(cpu: Option<&str>, socket: &Path) -> Command {
    let mut command = command(Path::new(env!("CARGO_BIN_EXE_callboard")), cpu);
    command.env("CALLBOARD_SOCKET", socket).stderr(Stdio::null());
    command
}

/// Starts a headless board and waits until it listens.
pub(crate) fn board(socket: &Path, cpu: Option<&str>) -> Result<Process> {
    let mut command = callboard(cpu, socket);
    command.arg("--no-tui").stdin(Stdio::null()).stdout(Stdio::null());
    listening(command, socket)
}

/// Starts a bridge to `socket` with piped streams.
pub(crate) fn bridge(socket: &Path, cpu: Option<&str>) -> Result<Process> {
    let mut command = callboard(cpu, socket);
    command
        .args(["bridge", "--no-spawn"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    Ok(Process {
        child: command.spawn()?,
    })
}

/// Starts this program as a raw responder and waits until it listens.
pub(crate) fn responder(socket: &Path, cpu: Option<&str>) -> Result<Process> {
    let mut command = command(&std::env::current_exe()?, cpu);
    command.arg(RESPONDER).arg(socket).stdin(Stdio::null());
    listening(command, socket)
}

fn listening(mut command: Command, socket: &Path) -> Result<Process> {
    let process = Process {
        child: command.spawn()?,
    };
    let (_open, pause) = std::sync::mpsc::channel::<()>();
    for _ in 0..2_000 {
        if UnixStream::connect(socket).is_ok() {
            return Ok(process);
        }
        // Nobody sends: the pause is the time-out.
        let _timed_out = pause.recv_timeout(Duration::from_millis(5));
    }
    Err(format!("nobody listens on {}", socket.display()).into())
}

/// Serves a constant answer to each line, on the same runtime as the board: the floor of a server that has
/// to hold many connections. It looks at nothing that it reads.
pub(crate) fn respond(socket: &Path) -> Result {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = UnixListener::bind(socket)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer_lines(stream));
        }
    })
}

/// Reads a line and writes the answer, until the peer has gone.
async fn answer_lines(stream: tokio::net::UnixStream) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        line.clear();
        writer.write_all(ANSWER).await?;
    }
    Ok(())
}

const ANSWER: &[u8] = concat!(
    r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"success\":true,"#,
    r#"\"key\":\"status:agent-1:3.1\",\"timestamp\":\"2025-10-15T14:30:00.123Z\"}"}],"structuredContent":"#,
    r#"{"success":true,"key":"status:agent-1:3.1","timestamp":"2025-10-15T14:30:00.123Z"}}}"#,
    "\n",
)
.as_bytes();

/// Returns the resident memory of a process in mebibytes.
pub(crate) fn resident(pid: u32) -> Result<f64> {
    let output = Command::new("ps")
        .args(["-o", "rss=", "-p", &pid.to_string()])
        .output()?;
    let kibibytes: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(kibibytes / 1024.0)
}

/// Measures how soon board and bridge answer after their start, and what they weigh.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn measure_start_and_memory(report: &mut Report) -> Result {
    let (mut boards, mut bridges) = (Vec::new(), Vec::new());
    let (mut board_memory, mut bridge_memory) = (0.0_f64, 0.0_f64);
    for _ in 0..10 {
        let dir = tempfile::tempdir()?;
        let socket: PathBuf = dir.path().join("s");
        let start = Instant::now();
        let board = board_at_once(&socket)?;
        boards.push(start.elapsed());
        board_memory = board_memory.max(resident(board.child.id())?);
        let start = Instant::now();
        let mut bridge = bridge(&socket, None)?;
        let mut client = Client::of(&mut bridge.child)?;
        client.open()?;
        bridges.push(start.elapsed());
        for id in 1..=100 {
            client.call(&get_line(id, id % 10))?;
        }
        bridge_memory = bridge_memory.max(resident(bridge.child.id())?);
    }
    let (boards, bridges) = (Sample::new(boards).p50() / 1e3, Sample::new(bridges).p50() / 1e3);
    report.row(
        "board: start to first answer",
        format!("{boards:.1} ms"),
        "≤ 30 ms",
        boards <= 30.0,
    );
    report.row(
        "bridge: start to first answer",
        format!("{bridges:.1} ms"),
        "≤ 5 ms",
        bridges <= 5.0,
    );
    let (board, bridge) = (board_memory, bridge_memory);
    report.row(
        "board: resident when empty",
        format!("{board:.1} MiB"),
        "≤ 20 MB",
        board <= 20.0,
    );
    report.row(
        "bridge: resident after 100 calls",
        format!("{bridge:.1} MiB"),
        "≤ 4 MB",
        bridge <= 4.0,
    );
    Ok(())
}

/// Measures how long the first agent of a project waits, whose bridge starts the board.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn measure_first_agent(report: &mut Report) -> Result {
    let mut firsts = Vec::new();
    for _ in 0..10 {
        let dir = tempfile::tempdir()?;
        let socket: PathBuf = dir.path().join("s");
        let start = Instant::now();
        let mut bridge = callboard(None, &socket)
            .arg("bridge")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut client = Client::of(&mut bridge)?;
        client.open()?;
        client.call(&get_line(1, 1))?;
        firsts.push(start.elapsed());
        let stopped = callboard(None, &socket).arg("stop").output()?;
        if !stopped.status.success() {
            return Err("the bridge has started no board".into());
        }
        drop(client);
        bridge.wait()?;
    }
    let first = Sample::new(firsts).p50() / 1e3;
    report.row(
        "bridge that starts the board: start to first call",
        format!("{first:.1} ms"),
        "≤ 50 ms",
        first <= 50.0,
    );
    Ok(())
}

/// Starts a board and polls its socket without a pause until the first answer.
fn board_at_once(socket: &Path) -> Result<Process> {
    let mut command = callboard(None, socket);
    command.arg("--no-tui").stdin(Stdio::null()).stdout(Stdio::null());
    let mut process = Process {
        child: command.spawn()?,
    };
    loop {
        if let Ok(mut client) = Client::connect(socket) {
            client.open()?;
            return Ok(process);
        }
        if let Some(status) = process.child.try_wait()? {
            return Err(format!("the board ended with {status}").into());
        }
    }
}
