//! Reads, writes, compare-and-set and batches of eight clients, recorded over the real socket and judged by
//! a linearizability checker. A client with the classic mistake proves that the checker bites.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use porcupine_rs::{CheckResult, Model, Operation, check_operations_timeout};
use serde_json::{Value, json};
use support::process::BoardProcess;

const CLIENTS: u32 = 8;
const HISTORIES: usize = 10;
const CALLS: u32 = 400;
const KEYS: [&str; 3] = ["status:a", "status:b", "lock-free:c"];
/// How long the checker may search; a history that it cannot decide fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client did and saw. Zero stands for a key that does not exist.
#[derive(Clone, Debug)]
enum Call {
    Get {
        key: usize,
        seen: u32,
    },
    Set {
        key: usize,
        value: u32,
    },
    Swap {
        key: usize,
        from: u32,
        to: u32,
        done: bool,
    },
    SetAll {
        value: u32,
    },
    List {
        seen: [u32; 3],
    },
}

/// Three registers that change one call at a time.
#[derive(Clone, Debug)]
struct Registers;

impl Model for Registers {
    type State = [u32; 3];
    type Op = Call;
    type Metadata = ();

    fn init() -> [u32; 3] {
        [0; 3]
    }

    fn step(state: &[u32; 3], call: &Call) -> (bool, [u32; 3]) {
        let with = |key: usize, value| {
            let mut next = *state;
            next[key] = value;
            next
        };
        match *call {
            Call::Get { key, seen } => (state[key] == seen, *state),
            Call::Set { key, value } => (true, with(key, value)),
            Call::Swap {
                key,
                from,
                to,
                done: true,
            } => (state[key] == from, with(key, to)),
            Call::Swap {
                key,
                from,
                done: false,
                ..
            } => (state[key] != from, *state),
            Call::SetAll { value } => (true, [value; 3]),
            Call::List { seen } => (*state == seen, *state),
        }
    }
}

/// How a client swaps a value for another.
#[derive(Clone, Copy)]
enum Swapping {
    /// By the board's compare-and-set.
    Atomic,
    /// By looking first and writing then: the mistake that the original recipe for locks makes.
    Naive,
}

#[test]
fn eight_clients_over_the_socket_see_one_order() {
    for round in 0..HISTORIES {
        let history = record(Swapping::Atomic, round as u32);
        let verdict = check_operations_timeout(&history, PATIENCE);
        assert_eq!(
            verdict,
            CheckResult::Ok,
            "history {round} of {} calls",
            history.len()
        );
    }
}

#[test]
fn looking_first_and_writing_then_is_found_out() {
    let found = (0..HISTORIES).any(|round| {
        let history = record(Swapping::Naive, round as u32);
        check_operations_timeout(&history, PATIENCE) == CheckResult::Illegal
    });
    assert!(found, "the checker missed a planted bug in {HISTORIES} histories");
}

fn record(swapping: Swapping, round: u32) -> Vec<Operation<Registers>> {
    let board = BoardProcess::start();
    let clock = AtomicI64::new(0);
    let start = Barrier::new(CLIENTS as usize);
    let (socket, clock, start) = (board.socket(), &clock, &start);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|id| {
                let mut client = Client::connect(&socket, id, swapping);
                scope.spawn(move || {
                    start.wait();
                    client.run(clock, round)
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    })
}

struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    id: u32,
    swapping: Swapping,
    /// What each key was last seen to hold: the bets of compare-and-set.
    known: [u32; 3],
}

impl Client {
    fn connect(socket: &Path, id: u32, swapping: Swapping) -> Self {
        let writer = UnixStream::connect(socket).unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        let mut client = Self {
            reader,
            writer,
            id,
            swapping,
            known: [0; 3],
        };
        let info = json!({"name": "checker", "version": "1"});
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
        client.request("initialize", &params);
        client
    }

    fn run(&mut self, clock: &AtomicI64, round: u32) -> Vec<Operation<Registers>> {
        let mut dice = u64::from(round * CLIENTS + self.id + 1);
        (1..=CALLS)
            .map(|number| {
                dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let value = self.id * CALLS + number;
                let call_time = clock.fetch_add(1, Ordering::SeqCst);
                let op = self.play(
                    (dice >> 33) as usize % 100,
                    (dice >> 40) as usize % KEYS.len(),
                    value,
                );
                let return_time = clock.fetch_add(1, Ordering::SeqCst);
                Operation {
                    client_id: Some(self.id),
                    call_time,
                    return_time,
                    op,
                    metadata: None,
                }
            })
            .collect()
    }

    fn play(&mut self, die: usize, key: usize, value: u32) -> Call {
        match die {
            0..40 => Call::Get {
                key,
                seen: self.get(key),
            },
            40..60 => {
                self.tool(
                    "setStorage",
                    json!({"key": KEYS[key], "value": value.to_string()}),
                );
                Call::Set { key, value }
            }
            60..90 => {
                let from = self.known[key];
                let done = self.swap(key, from, value);
                Call::Swap {
                    key,
                    from,
                    to: value,
                    done,
                }
            }
            90..95 => {
                let ops = KEYS.map(|key| json!({"key": key, "value": value.to_string()}));
                self.tool("updateStorage", json!({"ops": ops}));
                Call::SetAll { value }
            }
            _ => {
                let listed = self.tool("listKeys", json!({"pattern": "*", "values": true}));
                let rows = listed["keys"].as_array().unwrap();
                let find = |key: &str| {
                    rows.iter()
                        .find(|row| row["key"] == key)
                        .map_or(0, |row| number(&row["value"]))
                };
                Call::List { seen: KEYS.map(find) }
            }
        }
    }

    fn get(&mut self, key: usize) -> u32 {
        let seen = number(&self.tool("getStorage", json!({"key": KEYS[key]}))["value"]);
        self.known[key] = seen;
        seen
    }

    fn swap(&mut self, key: usize, from: u32, to: u32) -> bool {
        match self.swapping {
            Swapping::Atomic => {
                let mut op = json!({"key": KEYS[key], "value": to.to_string()});
                match from {
                    0 => op["ifRev"] = json!(0),
                    from => op["ifValue"] = json!(from.to_string()),
                }
                self.tool("updateStorage", json!({"ops": [op]}))["success"] == json!(true)
            }
            Swapping::Naive => {
                let free = self.get(key) == from;
                if free {
                    self.tool("setStorage", json!({"key": KEYS[key], "value": to.to_string()}));
                }
                free
            }
        }
    }

    fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let answer = self.request("tools/call", &json!({"name": name, "arguments": arguments}));
        serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap()
    }

    fn request(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        writeln!(self.writer, "{request}").unwrap();
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

fn number(value: &Value) -> u32 {
    value.as_str().map_or(0, |text| text.parse().unwrap())
}
