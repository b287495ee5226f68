//! Reads, writes, compare-and-set, batches and lists of eight clients, recorded over the real socket and
//! judged by a linearizability checker. A client with the classic mistake proves that the checker bites.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::plain::Plain;
use crate::support::process::BoardProcess;
use crate::support::registers::{Call, Die, REGISTERS, Together, record};
use porcupine_rs::{CheckResult, Operation, check_operations_timeout};
use serde_json::{Value, json};

const CLIENTS: u32 = 8;
const HISTORIES: u64 = 10;
const CALLS: u32 = 400;
const KEYS: [&str; REGISTERS] = ["status:a", "status:b", "task:c"];
/// How long the checker may search; a history that it cannot decide fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

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
    for seed in 0..HISTORIES {
        let history = history(Swapping::Atomic, seed);
        let verdict = check_operations_timeout(&history, PATIENCE);
        assert_eq!(verdict, CheckResult::Ok, "seed {seed}, {} calls", history.len());
    }
}

#[test]
fn looking_first_and_writing_then_is_found_out() {
    let found = (0..HISTORIES).any(|seed| {
        check_operations_timeout(&history(Swapping::Naive, seed), PATIENCE) == CheckResult::Illegal
    });
    assert!(found, "the checker missed a planted bug in {HISTORIES} histories");
}

fn history(swapping: Swapping, seed: u64) -> Vec<Operation<Together>> {
    let board = BoardProcess::start();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| Mutex::new(Client::connect(&board.socket(), swapping)))
        .collect();
    record(CLIENTS, CALLS, seed, |id, die, value| {
        clients[id as usize].lock().unwrap().play(die, value)
    })
}

struct Client {
    plain: Plain,
    swapping: Swapping,
    /// What each key was last seen to hold: the bets of compare-and-set.
    known: [u32; REGISTERS],
}

impl Client {
    fn connect(socket: &Path, swapping: Swapping) -> Self {
        Self {
            plain: Plain::connect(socket),
            swapping,
            known: [0; REGISTERS],
        }
    }

    fn play(&mut self, die: Die, value: u32) -> Call {
        let key = die.key();
        match die.percent() {
            0..40 => Call::Get {
                key,
                seen: self.get(key),
            },
            40..60 => {
                self.set(key, value);
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
                self.tool("updateStorage", &json!({"ops": ops}));
                Call::SetAll { value }
            }
            _ => Call::List { seen: self.list() },
        }
    }

    fn get(&mut self, key: usize) -> u32 {
        let seen = number(&self.tool("getStorage", &json!({"key": KEYS[key]}))["value"]);
        self.known[key] = seen;
        seen
    }

    fn set(&mut self, key: usize, value: u32) {
        let stored = self.tool(
            "setStorage",
            &json!({"key": KEYS[key], "value": value.to_string()}),
        );
        assert_eq!(stored["success"], json!(true), "{stored}");
    }

    fn swap(&mut self, key: usize, from: u32, to: u32) -> bool {
        match self.swapping {
            Swapping::Atomic => {
                let mut op = json!({"key": KEYS[key], "value": to.to_string()});
                match from {
                    0 => op["ifRev"] = json!(0),
                    from => op["ifValue"] = json!(from.to_string()),
                }
                self.tool("updateStorage", &json!({"ops": [op]}))["success"] == json!(true)
            }
            Swapping::Naive => {
                let free = self.get(key) == from;
                if free {
                    self.set(key, to);
                }
                free
            }
        }
    }

    fn list(&mut self) -> [u32; REGISTERS] {
        let listed = self.tool("listKeys", &json!({"pattern": "*", "values": true}));
        let rows = listed["keys"].as_array().unwrap();
        KEYS.map(|key| {
            let row = rows.iter().find(|row| row["key"] == key);
            row.map_or(0, |row| number(&row["value"]))
        })
    }

    fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        self.plain.tool(name, arguments)
    }
}

fn number(value: &Value) -> u32 {
    value.as_str().map_or(0, |text| text.parse().unwrap())
}
