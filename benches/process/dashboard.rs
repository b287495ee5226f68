//! What the dashboard costs: calls with it against calls without, and its idling.

use std::path::Path;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::Result;
use crate::client::{Client, set_line};
use crate::figures::{Report, Sample};
use crate::processes::board;

/// The pace of the load: calls a second.
const PACE: u32 = 10_000;

/// Measures p99 at 10,000 calls a second with and without a screen, and the idle dashboard's use of CPU.
pub(crate) fn measure(report: &mut Report, calls: usize) -> Result {
    let dir = tempfile::tempdir()?;
    let (headless_socket, socket) = (dir.path().join("h"), dir.path().join("s"));
    let _headless = board(&headless_socket, None)?;

    let pty = native_pty_system().openpty(PtySize {
        rows: 40,
        cols: 120,
        ..PtySize::default()
    })?;
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_callboard"));
    command.env("CALLBOARD_SOCKET", &socket);
    command.env("TERM", "xterm-256color");
    command.cwd(dir.path());
    let mut child = pty.slave.spawn_command(command)?;
    drop(pty.slave);
    let mut screen = pty.master.try_clone_reader()?;
    std::thread::spawn(move || std::io::copy(&mut screen, &mut std::io::sink()));
    let (_open, pause) = std::sync::mpsc::channel::<()>();
    for _ in 0..2_000 {
        if socket.exists() {
            break;
        }
        let _timed_out = pause.recv_timeout(Duration::from_millis(5));
    }

    // The two take turns, so that the machine's moods hit them alike.
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        without.extend(paced(&headless_socket, calls / 2)?);
        with.extend(paced(&socket, calls / 2)?);
    }
    let (without, with) = (Sample::new(without), Sample::new(with));
    let ratio = with.p99() / without.p99();
    report.row(
        "dashboard on, 10,000 calls/s, p99",
        format!("{:.0} µs = {ratio:.2} × headless", with.p99()),
        "≤ 1.2 ×",
        ratio <= 1.2,
    );

    if let Some(pid) = child.process_id() {
        let before = ticks(pid);
        let span = Duration::from_secs(5);
        let _timed_out = pause.recv_timeout(span);
        if let (Some(before), Some(after)) = (before, ticks(pid)) {
            let percent = (after - before) as f64 / span.as_secs_f64();
            report.row(
                "dashboard idle, CPU",
                format!("{percent:.1} %"),
                "0 %",
                percent < 0.5,
            );
        }
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Makes calls at the given pace, at once when one is overdue, and returns how long each took.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn paced(socket: &Path, calls: usize) -> Result<Vec<Duration>> {
    let mut client = Client::connect(socket)?;
    client.open()?;
    let mut took = Vec::with_capacity(calls);
    let mut next = Instant::now();
    for id in 0..calls {
        while Instant::now() < next {
            std::hint::spin_loop();
        }
        next += Duration::from_secs(1) / PACE;
        took.push(client.call(&set_line(id, id % 50))?);
    }
    Ok(took)
}

/// Returns the hundredths of a second of CPU that a process has used, where the system tells so finely.
fn ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}
