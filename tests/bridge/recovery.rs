//! The board dies under its agents, again and again: they go on, hold what they held, and nothing happens twice.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::support::bridge::Client;
use crate::support::process::{BoardProcess, PATIENCE};
use crate::support::program::{Home, Ran, run};
use crate::support::raw::modern_meta;
use crate::support::wait::until;
use callboard::board::{Limits, ManualClock, Revision};
use callboard::snapshot;
use rustix::process::Signal;
use serde_json::{Value, json};

const AGENTS: usize = 6;
/// How often the board is killed.
const DEATHS: usize = 12;
/// How many writes each agent makes from one death to the next, at least.
const WRITES: u64 = 25;

/// An agent that counts, under a lock that it never gives back.
struct Counter {
    client: Client,
    name: String,
    last_id: u64,
    /// What it counted to, as far as it knows.
    value: u64,
    fence: u64,
    /// The highest revision that it was told.
    rev: u64,
    /// Writes that it was told of and that were gone after a death, since they had not been saved.
    lost: u64,
}

impl Counter {
    fn start(board: &BoardProcess, number: usize) -> Self {
        let name = format!("agent-{number}");
        let mut counter = Self {
            client: Client::of(board.socket(), &name),
            name,
            last_id: 0,
            value: 0,
            fence: 0,
            rev: 0,
            lost: 0,
        };
        let target = format!("src/{number}.rs");
        let locked = counter.call("acquireLock", json!({ "targets": [target], "ttl": 600 }));
        counter.fence = locked["fence"].as_u64().unwrap();
        counter
    }

    fn key(&self) -> String {
        format!("status:{}:count", self.name)
    }

    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.last_id += 1;
        let meta = modern_meta("counter", "1");
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        let (id, method) = (self.last_id, "tools/call");
        self.client
            .say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.client.read_answer(id);
        let text = answer["result"]["content"][0]["text"].as_str();
        serde_json::from_str(text.unwrap_or_else(|| panic!("no answer of a tool: {answer}"))).unwrap()
    }

    /// Counts on by one, by a write that succeeds only on the value before and under its lock.
    fn count(&mut self) {
        let (key, next) = (self.key(), self.value + 1);
        let mut op = json!({ "key": key, "value": next.to_string() });
        match self.value {
            0 => op["ifRev"] = 0.into(),
            value => op["ifValue"] = value.to_string().into(),
        }
        let told = self.call("updateStorage", json!({ "ops": [op], "ifFence": self.fence }));
        match told["error"].as_str() {
            None => {
                let rev = told["rev"].as_u64().unwrap();
                assert!(rev > self.rev, "{rev} after {}: revisions rise", self.rev);
                (self.rev, self.value) = (rev, next);
            }
            Some("CONFLICT") => {
                let found = told["value"].as_str().map_or(0, |value| value.parse().unwrap());
                assert!(
                    found < self.value,
                    "{next} was refused although it is new: {told}"
                );
                self.lost += self.value - found;
                self.value = found;
            }
            // The board was away for longer than bridges wait, or cannot say what it said: look.
            Some("UNAVAILABLE" | "REPEATED") => self.look(next),
            Some(_) => panic!("{} at {next}: {told}", self.name),
        }
    }

    fn look(&mut self, next: u64) {
        let key = self.key();
        let found = self.call("getStorage", json!({ "key": key }));
        if found["success"] == true {
            let found = found["value"].as_str().map_or(0, |value| value.parse().unwrap());
            assert!(found <= next, "{found} was never written");
            self.lost += self.value.saturating_sub(found);
            self.value = found;
        }
    }
}

fn command(board: &BoardProcess, line: &[&str]) -> Ran {
    let mut command = board.command();
    command.args(line);
    run(command, b"")
}

/// Reads the file in which the board is saved, which is whole at any time.
fn saved_rev(board: &BoardProcess) -> u64 {
    let file = std::fs::read(board.socket().with_extension("snapshot")).unwrap();
    let clock = Arc::new(ManualClock::default());
    let (moment, _) = snapshot::read(&*file, clock, Limits::default(), Revision::ZERO).unwrap();
    moment.rev.0
}

#[test]
fn a_board_that_dies_under_load_comes_back_with_all_that_was_saved_and_nothing_is_done_twice() {
    let mut board = BoardProcess::start();
    let counters: Vec<_> = (0..AGENTS).map(|number| Counter::start(&board, number)).collect();
    // From now on the locks are known to whoever comes after this board.
    let mut saved = command(&board, &["snapshot", "first"]).json()[0]["rev"]
        .as_u64()
        .unwrap();
    let progress: Arc<[AtomicU64]> = (0..AGENTS).map(|_| AtomicU64::new(0)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let running: Vec<_> = counters
        .into_iter()
        .enumerate()
        .map(|(number, mut counter)| {
            let (progress, stop) = (Arc::clone(&progress), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let before = counter.value;
                    counter.count();
                    if counter.value > before {
                        progress[number].fetch_add(1, Ordering::SeqCst);
                    }
                }
                counter
            })
        })
        .collect();
    for death in 0..DEATHS {
        let before: Vec<_> = progress
            .iter()
            .map(|count| count.load(Ordering::SeqCst))
            .collect();
        until("everybody has counted on", PATIENCE, || {
            let mut counts = progress.iter().zip(&before);
            let all = counts.all(|(count, before)| count.load(Ordering::SeqCst) >= before + WRITES);
            (all || running.iter().any(thread::JoinHandle::is_finished)).then_some(())
        });
        let rival = command(&board, &["set", "lock:src/0.rs", "mine"]);
        assert!(rival.stderr.contains("Key is leased"), "{rival:?}");
        if death % 2 == 0 {
            // Some die with much that was not saved, some right after they were.
            command(&board, &["snapshot", "copy", "--force"]).json();
        }
        board.restart(Signal::KILL);
        let rev = saved_rev(&board);
        assert!(rev >= saved, "{rev} after {saved}");
        saved = rev;
    }
    stop.store(true, Ordering::SeqCst);
    let counters: Vec<_> = running.into_iter().map(|one| one.join().unwrap()).collect();
    let lost: u64 = counters.iter().map(|counter| counter.lost).sum();
    let counted: u64 = progress.iter().map(|count| count.load(Ordering::SeqCst)).sum();
    let standing: u64 = counters.iter().map(|counter| counter.value).sum();
    assert!(
        standing + lost >= counted,
        "{standing} stand, {lost} were lost, {counted} were counted"
    );
    for mut counter in counters {
        let found = counter.call("getStorage", json!({ "key": counter.key() }));
        assert_eq!(found["value"], counter.value.to_string());
        let released = counter.call("releaseLock", json!({ "fence": counter.fence }));
        assert_eq!(released["released"].as_array().unwrap().len(), 1, "{released}");
    }
}

/// A bridge that the test plays itself, so that it can leave an answer unread.
struct Line(BufReader<UnixStream>);

impl Line {
    fn open(socket: &Path, repeats: &[u64]) -> Self {
        let stream = until("the board listens", PATIENCE, || UnixStream::connect(socket).ok());
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut line = Self(BufReader::new(stream));
        let hello = json!({ "name": "ann", "secret": "the secret of a test", "repeats": repeats });
        line.say(&json!({ "callboard/hello": hello }));
        line
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.0.get_mut(), "{message}").unwrap();
    }

    fn append(&mut self, id: u64) {
        let op = json!({ "key": format!("task:{id}"), "value": "v", "ifRev": 0 });
        let arguments = json!({ "ops": [op] });
        let meta = modern_meta("test", "1");
        let params = json!({ "name": "updateStorage", "arguments": arguments, "_meta": meta });
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
    }

    fn answer(&mut self, id: u64) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], id);
        serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap()
    }
}

#[test]
fn what_was_done_and_saved_but_not_answered_is_answered_by_the_next_board() {
    let mut board = BoardProcess::start();
    let mut line = Line::open(&board.socket(), &[]);
    line.append(1);
    let rev = until("the request is done", PATIENCE, || {
        let rows = command(&board, &["ls", "task:1"]).json();
        rows.first().map(|row| row["rev"].clone())
    });
    command(&board, &["snapshot", "copy"]).json();
    board.restart(Signal::KILL);
    let mut back = Line::open(&board.socket(), &[1, 2]);
    for id in [1, 2] {
        back.append(id);
        let told = back.answer(id);
        assert_eq!(told["success"], true, "{id}: {told}");
        assert_eq!(
            told["rev"] == rev,
            id == 1,
            "the first was not done again: {told}"
        );
    }
    let file = std::fs::read_to_string(board.socket().with_extension("snapshot")).unwrap();
    assert!(
        !file.contains("the secret of a test"),
        "only its hash is written down"
    );
}

/// The answer is missing only when a board dies between a deed and its answer, and was saved just then.
#[test]
fn what_was_done_and_whose_answer_nobody_knows_is_not_done_again() {
    let home = Home::new();
    let (socket, copy) = (home.path().join("s"), home.path().join("copy"));
    let mut board = home.serve(&["--socket", "s"]);
    let mut line = Line::open(&socket, &[]);
    line.append(1);
    assert_eq!(line.answer(1)["success"], true);
    home.run(&["snapshot", "copy", "--socket", "s"]).json();
    board.send(Signal::TERM);
    board.wait_end();
    let forgotten: Vec<_> = std::fs::read_to_string(&copy)
        .unwrap()
        .lines()
        .map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            if let Some(answer) = record.get_mut("answer").and_then(Value::as_object_mut) {
                assert!(answer.remove("line").is_some(), "it was known");
            }
            record.to_string() + "\n"
        })
        .collect();
    std::fs::write(&copy, forgotten.concat()).unwrap();
    let _board = home.serve(&["--socket", "s", "--restore", "copy"]);
    let mut back = Line::open(&socket, &[1]);
    back.append(1);
    let told = back.answer(1);
    assert_eq!(told["error"], "REPEATED", "{told}");
    assert!(
        told["hint"]
            .as_str()
            .unwrap()
            .contains("look at what it has done")
    );
    back.append(2);
    assert_eq!(back.answer(2)["success"], true);
}
