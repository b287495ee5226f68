//! What a lock is for: a counter that many increase by reading, adding and writing. Real bridges, some of them
//! killed while they hold the lock, some paused until a person has expired it.
//!
//! The fence is what makes it safe. Without it, who overslept writes over what others did since.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::support::plain::Plain;
use crate::support::process::{BoardProcess, PATIENCE};
use crate::support::wait::until;
use serde_json::{Value, json};

const AGENTS: u32 = 16;
const COUNTER: &str = "progress:counter";
const LOCK: &str = "lock:counter.txt";
/// Of so many turns of an agent, one ends with its death, and one is slept through.
const KILLED: u32 = 97;
const PAUSED: u32 = 61;

/// Whether who writes shows that it still holds the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    Fenced,
    Blind,
}

#[test]
fn ten_thousand_fenced_increments_lose_none() {
    let (counted, written) = count_to(10_000, Write::Fenced);
    assert_eq!(written, counted);
}

#[test]
fn without_the_fence_the_loss_is_seen() {
    let (counted, written) = count_to(1_000, Write::Blind);
    assert!(
        written < counted,
        "{written} of {counted}: the check does not bite"
    );
}

/// Returns how many increments their agents were told to be done, and what the counter says.
fn count_to(goal: u32, write: Write) -> (u32, u32) {
    let board = BoardProcess::start();
    let person = Mutex::new(Plain::attach(&board.socket(), "watcher", "watcher"));
    let zero = person
        .lock()
        .unwrap()
        .tool("setStorage", &json!({"key": COUNTER, "value": "0"}));
    assert_eq!(zero["success"], json!(true), "{zero}");
    let done = AtomicU32::new(0);
    thread::scope(|scope| {
        for number in 0..AGENTS {
            let (board, person, done) = (&board, &person, &done);
            scope.spawn(move || {
                let mut agent = Agent {
                    board,
                    person,
                    done,
                    goal,
                    plain: Plain::through_bridge(board.command(), &name(number)),
                    name: name(number),
                    // So that not all of them die and sleep in the same turns.
                    turns: number * 5,
                    write,
                };
                while done.load(Ordering::SeqCst) < goal {
                    if agent.turn() {
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let written = read(&mut person.lock().unwrap());
    (done.into_inner(), written)
}

fn name(number: u32) -> String {
    format!("counter-{number}")
}

fn read(plain: &mut Plain) -> u32 {
    let read = plain.tool("getStorage", &json!({"key": COUNTER}));
    read["value"].as_str().unwrap().parse().unwrap()
}

struct Agent<'a> {
    board: &'a BoardProcess,
    person: &'a Mutex<Plain>,
    done: &'a AtomicU32,
    goal: u32,
    plain: Plain,
    name: String,
    turns: u32,
    write: Write,
}

impl Agent<'_> {
    /// Adds one, if it gets the lock and lives to the end; tells whether it was told that it is done.
    fn turn(&mut self) -> bool {
        self.turns += 1;
        let acquire = json!({"targets": ["counter.txt"], "why": "count", "waitMs": 5_000});
        let held = self.plain.tool("acquireLock", &acquire);
        let Some(fence) = held["fence"].as_u64() else {
            assert_eq!(held["error"], json!("HELD"), "{held}");
            return false;
        };
        let seen = read(&mut self.plain);
        if self.turns.is_multiple_of(KILLED) {
            let fresh = Plain::through_bridge(self.board.command(), &self.name);
            std::mem::replace(&mut self.plain, fresh).kill();
            return false;
        }
        if self.turns.is_multiple_of(PAUSED) {
            self.sleep_through(seen);
        }
        let written = self.add_one(seen, fence);
        self.plain.tool("releaseLock", &json!({"fence": fence}));
        written
    }

    /// Does nothing until a person has taken the lock away and another agent has counted on.
    fn sleep_through(&self, seen: u32) {
        let ask = |method: &str| {
            let mut person = self.person.lock().unwrap();
            person.request(method, &json!({"key": LOCK}));
            let counted = read(&mut person);
            drop(person);
            counted
        };
        ask("callboard/expire");
        until("somebody else has counted, or all is counted", PATIENCE, || {
            let counted = ask("ping") != seen || self.done.load(Ordering::SeqCst) >= self.goal;
            counted.then_some(())
        });
    }

    fn add_one(&mut self, seen: u32, fence: u64) -> bool {
        let value = (seen + 1).to_string();
        let answer: Value = match self.write {
            Write::Fenced => {
                let ops = json!([{"key": COUNTER, "value": value}]);
                let update = json!({"ops": ops, "ifFence": fence});
                self.plain.tool("updateStorage", &update)
            }
            Write::Blind => {
                let set = json!({"key": COUNTER, "value": value});
                self.plain.tool("setStorage", &set)
            }
        };
        if answer["success"] != json!(true) {
            assert_eq!(answer["error"], json!("LOST"), "{answer}");
        }
        answer["success"] == json!(true)
    }
}
