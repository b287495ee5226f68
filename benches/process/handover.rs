//! What agents notice when the board changes hands: the longest that a call takes while panes come and go.

use std::io::{Read, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use vt100::Parser;

use crate::Result;
use crate::client::{Client, line};
use crate::figures::{Report, Sample};
use crate::processes::{board, bridge, callboard};

const AGENTS: u32 = 20;
/// The calls of all agents in a second.
const PACE: u32 = 2_000;
/// How often a pane is opened and quit.
const PANES: usize = 20;
/// The size of the panes.
const ROWS: NonZeroU16 = NonZeroU16::new(24).unwrap();
const COLUMNS: NonZeroU16 = NonZeroU16::new(80).unwrap();
/// How long a pane may take to show what is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures the calls of agents that count by compare-and-set, so that one lost or done twice ends the measurement.
pub(crate) fn measure(report: &mut Report) -> Result {
    let dir = tempfile::tempdir()?;
    let socket = dir.path().join("s");
    let _first = board(&socket, None)?;
    let stop = Arc::new(AtomicBool::new(false));
    let agents: Vec<_> = (0..AGENTS)
        .map(|agent| {
            let (socket, stop) = (socket.clone(), Arc::clone(&stop));
            thread::spawn(move || count(&socket, agent, &stop).map_err(|error| error.to_string()))
        })
        .collect();
    let shown = (0..PANES).try_for_each(|_| show_and_leave(&socket, dir.path()));
    stop.store(true, Ordering::Relaxed);
    let mut took = Vec::new();
    for agent in agents {
        took.extend(agent.join().map_err(|_| "an agent panicked")??);
    }
    callboard(None, &socket)
        .arg("stop")
        .stdout(Stdio::null())
        .status()?;
    shown?;
    let (calls, sample) = (took.len(), Sample::new(took));
    let longest = sample.micros(1.0) / 1e3;
    report.row(
        "20 panes come and go, 20 agents through bridges, 2,000 calls/s: longest call",
        format!(
            "{longest:.0} ms (p50 {:.2}, p99 {:.1}); {calls} calls, none lost or done twice",
            sample.p50() / 1e3,
            sample.p99() / 1e3
        ),
        "≤ 500 ms",
        longest <= 500.0,
    );
    Ok(())
}

/// Counts until it is told to stop, and returns how long each call took.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn count(socket: &Path, agent: u32, stop: &AtomicBool) -> Result<Vec<Duration>> {
    let mut bridge = bridge(socket, None)?;
    let mut client = Client::of(&mut bridge.child)?;
    client.open()?;
    let (_open, pause) = channel::<()>();
    let mut took = Vec::new();
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let done = took.len();
        let condition = match done {
            0 => r#""ifRev":0"#.to_owned(),
            _ => format!(r#""ifValue":"{done}""#),
        };
        let op = format!(
            r#"{{"key":"counter:{agent}","value":"{}",{condition}}}"#,
            done + 1
        );
        let call = line(done + 1, "updateStorage", &format!(r#"{{"ops":[{op}]}}"#));
        took.push(client.call(&call)?);
        if client.heard("CONFLICT") {
            return Err(format!("call {done} of agent {agent} was lost, or one was done twice").into());
        }
        next += Duration::from_secs(1) * AGENTS / PACE;
        wait(&pause, next.saturating_duration_since(Instant::now()));
    }
    Ok(took)
}

/// Opens the dashboard, and quits it so that the board goes on without it.
fn show_and_leave(socket: &Path, directory: &Path) -> Result {
    let pty = native_pty_system().openpty(PtySize {
        rows: ROWS.get(),
        cols: COLUMNS.get(),
        ..PtySize::default()
    })?;
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_callboard"));
    command.env("CALLBOARD_SOCKET", socket);
    command.env("TERM", "xterm-256color");
    command.cwd(directory);
    let mut child = pty.slave.spawn_command(command)?;
    drop(pty.slave);
    let screen = Screen(Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0))));
    thread::spawn({
        let (output, screen) = (pty.master.try_clone_reader()?, screen.clone());
        move || screen.read(output)
    });
    let mut keys = pty.master.take_writer()?;
    let shown = screen
        .wait_for(&format!("{AGENTS} agents"))
        .and_then(|()| Ok(keys.write_all(b"q")?))
        .and_then(|()| screen.wait_for("are attached"))
        .and_then(|()| Ok(keys.write_all(b"\r")?))
        .and_then(|()| wait_end(&mut *child));
    if shown.is_err() {
        child.kill()?;
    }
    shown
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn wait_end(child: &mut (dyn Child + Send + Sync)) -> Result {
    let (_open, pause) = channel::<()>();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("the pane ended with {status}").into()),
            None => wait(&pause, Duration::from_millis(5)),
        }
    }
    Err("the pane does not end".into())
}

/// What a pane shows.
#[derive(Clone)]
struct Screen(Arc<Mutex<Parser>>);

impl Screen {
    fn read(&self, mut output: impl Read) {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .process(&bytes[..count]);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn wait_for(&self, text: &str) -> Result {
        let (_open, pause) = channel::<()>();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let screen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let shown = screen.screen().contents().contains(text);
            drop(screen);
            if shown {
                return Ok(());
            }
            wait(&pause, Duration::from_millis(5));
        }
        Err(format!("the pane does not show {text:?}").into())
    }
}

/// Nobody sends: the pause is the time-out.
fn wait(pause: &Receiver<()>, time: Duration) {
    let _timed_out = pause.recv_timeout(time);
}
