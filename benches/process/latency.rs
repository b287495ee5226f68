//! One call at a time: over the socket, through the bridge, and in the first hundred calls.

use std::io::{Read, Write};
use std::time::Duration;

use crate::Result;
use crate::client::{Client, get_line, set_line};
use crate::figures::{Report, Sample};
use crate::processes::{board, bridge, responder};

/// Measures with every process pinned to `cpu`, or where the system puts them.
pub(crate) fn measure(report: &mut Report, calls: usize, cpu: Option<&str>) -> Result {
    let dir = tempfile::tempdir()?;
    let (raw_socket, socket) = (dir.path().join("r"), dir.path().join("s"));
    let _responder = responder(&raw_socket, cpu)?;
    let _board = board(&socket, cpu)?;
    pin_self(cpu)?;

    let mut raw = Client::connect(&raw_socket)?;
    let mut direct = Client::connect(&socket)?;
    direct.open()?;
    let mut bridge_process = bridge(&socket, cpu)?;
    let mut bridged = Client::of(&mut bridge_process.child)?;
    bridged.open()?;

    let firsts = first_hundreds(&socket, cpu)?;
    // The three take turns, so that the machine's moods hit them alike.
    let (mut raws, mut directs, mut bridgeds) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..20 {
        let skip = if round == 0 { calls / 20 } else { 0 };
        for (client, into) in [
            (&mut raw as &mut dyn Caller, &mut raws),
            (&mut direct, &mut directs),
            (&mut bridged, &mut bridgeds),
        ] {
            let mut took = client.calls(calls / 20)?;
            into.extend(took.drain(skip.min(took.len())..));
        }
    }
    let (raw, direct, bridged) = (Sample::new(raws), Sample::new(directs), Sample::new(bridgeds));
    let place = if cpu.is_some() { ", all on one CPU" } else { "" };
    let micros = |sample: &Sample| format!("{:.0} / {:.0} µs", sample.p50(), sample.p99());
    report.row(
        &format!("raw responder, p50 / p99{place}"),
        micros(&raw),
        "",
        true,
    );
    let (p50, p99) = (direct.p50() / raw.p50(), direct.p99() / raw.p99());
    report.row(
        &format!("one call over the socket, p50 / p99{place}"),
        format!("{} = {p50:.2} × / {p99:.2} ×", micros(&direct)),
        "≤ 1.3 × / ≤ 2 ×",
        p50 <= 1.3 && p99 <= 2.0,
    );
    let times = bridged.p50() / raw.p50();
    let (bar, met) = match cpu {
        None => ("≤ 2.5 ×, < 200 µs", times <= 2.5 && bridged.p50() < 200.0),
        Some(_) => (
            "≤ 30 µs, p99 ≤ 2 × p50",
            bridged.p50() <= 30.0 && bridged.p99() <= 2.0 * bridged.p50(),
        ),
    };
    let what = format!("one call through the bridge, p50 / p99{place}");
    report.row(&what, format!("{} = {times:.2} ×", micros(&bridged)), bar, met);
    let cold = firsts.p50() / bridged.p50();
    let what = format!("first 100 calls of a fresh bridge, p50{place}");
    report.row(
        &what,
        format!("{:.0} µs = {cold:.2} × warm", firsts.p50()),
        "≤ 1.5 × warm",
        cold <= 1.5,
    );
    Ok(())
}

/// Returns the first hundred calls of each of ten fresh bridges.
fn first_hundreds(socket: &std::path::Path, cpu: Option<&str>) -> Result<Sample> {
    let mut firsts = Vec::new();
    for _ in 0..10 {
        let mut process = bridge(socket, cpu)?;
        let mut client = Client::of(&mut process.child)?;
        client.open()?;
        firsts.extend(client.calls(100)?);
    }
    Ok(Sample::new(firsts))
}

trait Caller {
    fn calls(&mut self, count: usize) -> Result<Vec<Duration>>;
}

impl<R: Read, W: Write> Caller for Client<R, W> {
    /// Writes and reads in turn.
    fn calls(&mut self, count: usize) -> Result<Vec<Duration>> {
        (0..count)
            .map(|id| {
                self.call(&if id % 2 == 0 {
                    set_line(id, id % 100)
                } else {
                    get_line(id, id % 100)
                })
            })
            .collect()
    }
}

/// Pins this process, which is the client of all measurements.
fn pin_self(cpu: Option<&str>) -> Result {
    let pid = std::process::id().to_string();
    let all = format!("0-{}", std::thread::available_parallelism()?.get() - 1);
    if crate::processes::can_pin() {
        let mut taskset = std::process::Command::new("taskset");
        taskset
            .args(["-a", "-c", "-p", cpu.unwrap_or(&all), &pid])
            .stdout(std::process::Stdio::null());
        taskset.status()?;
    }
    Ok(())
}
