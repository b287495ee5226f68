//! What the heart alone costs: calls, ends on time, memory. No socket, no protocol, no screen.
//!
//! Run with `cargo bench --bench board`, or `-- --quick` for a short run on fewer keys.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark prints figures for people"
)]

#[path = "process/figures.rs"]
mod figures;

use std::collections::HashMap;
use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard::board::{
    Action, Board, Condition, EventKind, Introduction, Key, Limits, Namespace, Op, Pattern, Revision,
    RevisionFile, Session, Set, SystemClock, Time,
};
use figures::{Report, Sample};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The argument with which this program fills a board and tells what it weighs.
const FILL: &str = "--fill";
/// A value of 35 bytes.
const VALUE: &str = r#"{"state":"in_progress","percent":7}"#;
const HOUR: Duration = Duration::from_secs(3_600);
/// How often readers and writers call during a storm: as agents do, not in a loop that fights for the processor.
const PACE: Duration = Duration::from_micros(100);

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == FILL) {
        return fill(arguments[at + 1].parse()?);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let keys = if quick { 10_000 } else { 100_000 };
    let mut report = Report::default();
    measure_memory(&mut report, keys)?;
    measure_calls(&mut report, keys)?;
    measure_image(&mut report, keys)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(measure_staggered(&mut report, 400))?;
    runtime.block_on(measure_storm(&mut report, keys * 5))?;
    report.print();
    Ok(())
}

/// Returns an agent on a board that takes `keys` keys.
fn attach(keys: usize) -> Result<Session> {
    let limits = Limits {
        keys,
        bytes: usize::MAX,
        locks: keys,
        ..Limits::default()
    };
    let board = Board::new(
        SystemClock::new(),
        limits,
        RevisionFile::in_memory(),
        Revision::ZERO,
    );
    let namespace = board.open(&Namespace::default())?;
    Ok(board.attach(namespace, Introduction::default()))
}

/// Returns a key of 20 bytes.
fn key(number: usize) -> Result<Key> {
    Ok(Key::parse(&format!("status:agent-{number:07}"))?)
}

fn measure_calls(report: &mut Report, keys: usize) -> Result {
    let agent = attach(keys)?;
    let board = agent.board();
    let names: Vec<Key> = (0..keys).map(key).collect::<Result<_>>()?;
    for name in &names {
        agent.call().set(name.clone(), Arc::from(VALUE), HOUR)?;
    }
    let rare = Pattern::parse(names[0].as_str())?;
    let timed = |call: &mut dyn FnMut(&Key) -> Result| -> Result<Sample> {
        // A stride that meets every key once, in no order.
        let order = (0..keys).map(|number| &names[number * 7_919 % keys]);
        let durations = order.map(|name| {
            let before = board.clock().now();
            call(name)?;
            Ok(board.clock().now().since(before))
        });
        Ok(Sample::new(durations.collect::<Result<_>>()?))
    };
    let get = timed(&mut |name| {
        agent
            .call()
            .get(name)
            .map(drop)
            .ok_or_else(|| "it is there".into())
    })?;
    let set = timed(&mut |name| Ok(agent.call().set(name.clone(), Arc::from(VALUE), HOUR).map(drop)?))?;
    let update = timed(&mut |name| {
        let op = |name: &Key| -> Result<Op> {
            Ok(Op {
                action: Action::Set(Set::new(name.clone(), Arc::from(VALUE), HOUR)?),
                condition: Condition::default(),
            })
        };
        let mut bet = op(name)?;
        bet.condition.if_rev = agent.call().get(name).map(|entry| entry.rev);
        Ok(agent.call().update(vec![bet], None).map(drop)?)
    })?;
    for (what, sample, p50, p99) in [
        ("get", get, 2.0, 50.0),
        ("set", set, 10.0, 100.0),
        ("get, then compare-and-set", update, 15.0, 150.0),
    ] {
        report.row(
            &format!("{what} at {keys} keys, p50 / p99"),
            format!("{:.1} / {:.1} µs", sample.p50(), sample.p99()),
            &format!("{p50} / {p99} µs"),
            sample.p50() <= p50 && sample.p99() <= p99,
        );
    }
    let before = board.clock().now();
    board.latest_events(agent.namespace(), &rare, 100);
    let history = board.clock().now().since(before);
    report.row(
        "history of one key in a full ring",
        format!("{:.1} ms", history.as_secs_f64() * 1e3),
        "5 ms",
        history <= Duration::from_millis(5),
    );
    Ok(())
}

/// What saving costs: the image, for at most as long as which the board is held, and the lines of it, which hold
/// nobody up.
fn measure_image(report: &mut Report, keys: usize) -> Result {
    let agent = attach(keys)?;
    let board = agent.board();
    for number in 0..keys {
        agent.call().set(key(number)?, Arc::from(VALUE), HOUR)?;
    }
    let mut images = Vec::new();
    for _ in 0..20 {
        let before = board.clock().now();
        let image = board.image();
        images.push(board.clock().now().since(before));
        drop(image);
    }
    let before = board.clock().now();
    callboard::snapshot::write(&board.image(), &mut std::io::sink())?;
    let written = board.clock().now().since(before);
    let images = Sample::new(images);
    report.row(
        &format!("image of {keys} keys, p50 / p99"),
        format!("{:.1} / {:.1} ms", images.p50() / 1e3, images.p99() / 1e3),
        "20 / 50 ms",
        images.p50() <= 20e3 && images.p99() <= 50e3,
    );
    report.row(
        &format!("lines of {keys} keys"),
        format!("{:.0} ms", written.as_secs_f64() * 1e3),
        "250 ms",
        written <= Duration::from_millis(250),
    );
    Ok(())
}

async fn measure_staggered(report: &mut Report, count: usize) -> Result {
    let agent = attach(count)?;
    let board = agent.board().clone();
    let sweeper = tokio::spawn({
        let board = board.clone();
        async move { board.keep_swept().await }
    });
    let mut deadlines: HashMap<Key, Time> = HashMap::new();
    for number in 0..count {
        let name = key(number)?;
        let ttl = Duration::from_millis(200) + Duration::from_micros(number as u64 * 7_919 % 2_000_000);
        agent.call().set(name.clone(), Arc::from(VALUE), ttl)?;
        let entry = agent.call().get(&name).ok_or("it is there")?;
        deadlines.insert(name, entry.deadline);
    }
    let (mut late, mut early, mut since) = (Vec::new(), 0, Revision::ZERO);
    while late.len() + early < count {
        let watched = agent.call().watch(&Pattern::all(), Some(since), HOUR).await?;
        let heard = board.clock().now();
        since = watched.rev;
        for event in watched
            .events
            .iter()
            .filter(|event| event.kind == EventKind::Expire)
        {
            let deadline = deadlines[&event.key];
            if event.at < deadline {
                early += 1;
            } else {
                late.push(heard.since(deadline));
            }
        }
    }
    sweeper.abort();
    let late = Sample::new(late);
    report.row(
        &format!("{count} ends one after the other: heard late, p50 / p99 / most"),
        format!(
            "{:.1} / {:.1} / {:.1} ms",
            late.p50() / 1e3,
            late.p99() / 1e3,
            late.micros(1.0) / 1e3
        ),
        "20 ms, none early",
        early == 0 && late.micros(1.0) <= 20_000.0,
    );
    Ok(())
}

async fn measure_storm(report: &mut Report, count: usize) -> Result {
    let agent = attach(count + 2)?;
    let board = agent.board().clone();
    let stays = Key::parse("lock:stays")?;
    agent.call().set(stays.clone(), Arc::from(VALUE), HOUR)?;
    let end = board
        .clock()
        .now()
        .after(Duration::from_micros(count as u64 * 20));
    for number in 0..count {
        let ttl = end.since(board.clock().now()).max(Duration::from_millis(1));
        agent.call().set(key(number)?, Arc::from(VALUE), ttl)?;
    }
    let over = Arc::new(AtomicBool::new(false));
    let paced = |mut call: Box<dyn FnMut() + Send>| {
        let (board, over) = (board.clone(), Arc::clone(&over));
        std::thread::spawn(move || {
            let mut durations = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let before = board.clock().now();
                call();
                let after = board.clock().now();
                if after >= end {
                    durations.push(after.since(before));
                }
                std::thread::park_timeout(PACE);
            }
            Sample::new(durations)
        })
    };
    let agent = Arc::new(agent);
    let (reads, writes) = (Arc::clone(&agent), Arc::clone(&agent));
    let name = stays.clone();
    let reader = paced(Box::new(move || assert!(reads.call().get(&name).is_some())));
    let writer = paced(Box::new(move || {
        let written = writes.call().set(stays.clone(), Arc::from(VALUE), HOUR);
        assert!(written.is_ok(), "{written:?}");
    }));
    let sweeper = tokio::spawn({
        let board = board.clone();
        async move { board.keep_swept().await }
    });
    let mut look = tokio::time::interval(Duration::from_millis(20));
    while board.stats(agent.namespace()).keys() > 1 {
        look.tick().await;
    }
    let took = board.clock().now().since(end);
    over.store(true, Ordering::Relaxed);
    sweeper.abort();
    let (reads, writes) = (
        reader.join().map_err(|_| "the reader failed")?,
        writer.join().map_err(|_| "the writer failed")?,
    );
    let what = format!("{count} ends at once");
    report.row(
        &format!("{what}: slowest read"),
        format!("{:.2} ms", reads.micros(1.0) / 1e3),
        "5 ms",
        reads.micros(1.0) <= 5_000.0,
    );
    report.row(
        &format!("{what}: write p50 / p99"),
        format!("{:.2} / {:.2} ms", writes.p50() / 1e3, writes.p99() / 1e3),
        "20 ms",
        writes.p99() <= 20_000.0,
    );
    report.row(
        &format!("{what}: all told after"),
        format!("{:.1} s", took.as_secs_f64()),
        "3 s",
        took <= Duration::from_secs(3),
    );
    Ok(())
}

fn measure_memory(report: &mut Report, keys: usize) -> Result {
    let output = Command::new(std::env::current_exe()?)
        .args([FILL, &keys.to_string()])
        .output()?;
    let told = String::from_utf8(output.stdout)?;
    let bytes: f64 = told.trim().parse()?;
    report.row(
        &format!("memory of an entry at {keys} keys, ring of events included"),
        format!("{bytes:.0} bytes"),
        "600 bytes",
        bytes <= 600.0,
    );
    Ok(())
}

/// Fills a board in this fresh process and prints how many resident bytes an entry costs.
fn fill(keys: usize) -> Result {
    let agent = attach(keys)?;
    let before = resident()?;
    for number in 0..keys {
        agent.call().set(key(number)?, Arc::from(VALUE), HOUR)?;
    }
    let after = resident()?;
    let entry = agent.call().get(&key(0)?).ok_or("it is there")?;
    assert_eq!((entry.value.len(), key(0)?.as_str().len()), (35, 20));
    println!("{}", (after - before) as f64 / keys as f64);
    Ok(())
}

/// Returns the resident bytes of this process.
fn resident() -> Result<u64> {
    let pid = std::process::id().to_string();
    let output = Command::new("ps").args(["-o", "rss=", "-p", &pid]).output()?;
    let kibibytes: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(kibibytes * 1_024)
}
