//! Many at once: pipelined connections, and fifty agents with one call each at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;
use crate::client::{Client, get_line, set_line};
use crate::figures::{Report, Sample};
use crate::processes::{board, responder};

const CONNECTIONS: usize = 8;
const IN_FLIGHT: usize = 64;
const AGENTS: usize = 50;

/// Measures throughput against the raw responder, and fairness among fifty.
pub(crate) fn measure(report: &mut Report, calls: usize) -> Result {
    let dir = tempfile::tempdir()?;
    let (raw_socket, socket) = (dir.path().join("r"), dir.path().join("s"));
    let _responder = responder(&raw_socket, None)?;
    let _board = board(&socket, None)?;
    let rounds = calls * 2 / IN_FLIGHT;
    let raw = throughput(&raw_socket, rounds)?;
    let ours = throughput(&socket, rounds)?;
    let ratio = ours / raw;
    report.row(
        "pipelined, 8 connections × 64",
        format!("{ours:.0} calls/s = {ratio:.2} × of {raw:.0}"),
        "≥ 0.35 ×",
        ratio >= 0.35,
    );
    let (sample, fewest, most) = fifty(&socket, Duration::from_millis(calls as u64 / 5))?;
    let p99 = sample.p99() / 1e3;
    let starved = fewest * 4 < most;
    report.row(
        "50 connections, one call each at a time, p99",
        format!("{p99:.1} ms; {fewest} to {most} calls each"),
        "< 10 ms, none starved",
        p99 < 10.0 && !starved,
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn throughput(socket: &Path, rounds: usize) -> Result<f64> {
    let start = Instant::now();
    let threads: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let socket = socket.to_owned();
            std::thread::spawn(move || pipeline(&socket, rounds).map_err(|error| error.to_string()))
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a client panicked")??;
    }
    Ok((CONNECTIONS * rounds * IN_FLIGHT) as f64 / start.elapsed().as_secs_f64())
}

fn pipeline(socket: &Path, rounds: usize) -> Result {
    let mut client = Client::connect(socket)?;
    client.open()?;
    let lines: Vec<u8> = (0..IN_FLIGHT)
        .flat_map(|id| {
            if id % 2 == 0 {
                set_line(id, id)
            } else {
                get_line(id, id)
            }
        })
        .collect();
    for _ in 0..rounds {
        client.send(&lines)?;
        for _ in 0..IN_FLIGHT {
            client.receive()?;
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn fifty(socket: &Path, span: Duration) -> Result<(Sample, usize, usize)> {
    let end = Instant::now() + span;
    let threads: Vec<_> = (0..AGENTS)
        .map(|agent| {
            let socket = socket.to_owned();
            std::thread::spawn(move || {
                let run = || -> Result<Vec<Duration>> {
                    let mut client = Client::connect(&socket)?;
                    client.open()?;
                    let mut took = Vec::new();
                    while Instant::now() < end {
                        took.push(client.call(&set_line(took.len(), agent))?);
                    }
                    Ok(took)
                };
                run().map_err(|error| error.to_string())
            })
        })
        .collect();
    let mut all = Vec::new();
    let (mut fewest, mut most) = (usize::MAX, 0);
    for thread in threads {
        let took = thread.join().map_err(|_| "a client panicked")??;
        (fewest, most) = (fewest.min(took.len()), most.max(took.len()));
        all.extend(took);
    }
    Ok((Sample::new(all), fewest, most))
}
