//! Threads on one board, their calls recorded and judged by a linearizability checker. Planted faults prove
//! that the checker bites.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use crate::support::heart::{attach, board, key, set, write};
use crate::support::registers::{Apart, Call, Die, REGISTERS, Together, record};
use callboard::board::{Action, Condition, Delete, Key, Limits, Op, Pattern, Refusal, Session, SystemClock};
use porcupine_rs::{CheckResult, Operation, check_operations_timeout};

const KEYS: [&str; REGISTERS] = ["status:a", "status:b", "task:c"];
const CLIENTS: u32 = 8;
const HOUR: Duration = Duration::from_secs(3_600);
/// How long the checker may search; a history that it cannot decide fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    /// What a client last saw: its bet in compare-and-set.
    static KNOWN: Cell<[u32; REGISTERS]> = const { Cell::new([0; REGISTERS]) };
}

#[test]
fn calls_of_one_key_have_one_order() {
    for seed in 0..20 {
        let agents = agents();
        let history: Vec<Operation<Apart>> = record(CLIENTS, 1_000, seed, |id, die, value| {
            single(&agents[id as usize], die, value, swap)
        });
        assert_eq!(
            check_operations_timeout(&history, PATIENCE),
            CheckResult::Ok,
            "seed {seed}"
        );
    }
}

#[test]
fn batches_and_lists_are_whole_and_have_one_order_with_reads() {
    for seed in 0..20 {
        let agents = agents();
        let history: Vec<Operation<Together>> = record(CLIENTS, 400, seed, |id, die, value| {
            any(&agents[id as usize], die, value, set_all)
        });
        assert_eq!(
            check_operations_timeout(&history, PATIENCE),
            CheckResult::Ok,
            "seed {seed}"
        );
    }
}

#[test]
fn looking_first_and_writing_then_is_found_out() {
    let found = (0..20).any(|seed| {
        let agents = agents();
        let history: Vec<Operation<Apart>> = record(CLIENTS, 400, seed, |id, die, value| {
            single(&agents[id as usize], die, value, look_then_set)
        });
        check_operations_timeout(&history, PATIENCE) == CheckResult::Illegal
    });
    assert!(found);
}

#[test]
fn a_batch_in_pieces_is_found_out() {
    let found = (0..20).any(|seed| {
        let agents = agents();
        let history: Vec<Operation<Together>> = record(CLIENTS, 400, seed, |id, die, value| {
            any(&agents[id as usize], die, value, set_each)
        });
        check_operations_timeout(&history, PATIENCE) == CheckResult::Illegal
    });
    assert!(found);
}

/// A counter that everybody raises by compare-and-set of the revision loses nothing.
#[test]
fn nothing_is_lost_from_a_counter() {
    const EACH: usize = 1_000;
    let agents = agents();
    std::thread::scope(|scope| {
        for agent in &agents {
            scope.spawn(|| (0..EACH).for_each(|_| raise(agent, "progress:global")));
        }
    });
    let sum = agents[0].call().get(&key("progress:global")).unwrap();
    assert_eq!(*sum.value, (EACH * agents.len()).to_string());
    assert_eq!(agents[0].board().rev(), sum.rev, "each raise is one revision");
}

/// Of many who lock at once one wins, and the others are told who.
#[test]
fn a_lock_has_one_holder() {
    let agents = agents();
    for round in 0..200 {
        let lock = format!("lock:{round}");
        let answers: Vec<_> = std::thread::scope(|scope| {
            let takers: Vec<_> = agents
                .iter()
                .map(|agent| scope.spawn(|| agent.call().set(key(&lock), Arc::from("{}"), HOUR)))
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        let entry = agents[0].call().get(&key(&lock)).unwrap();
        let holder = entry.lease().unwrap().owner();
        for (agent, answer) in agents.iter().zip(answers) {
            match answer {
                Ok(rev) => assert_eq!((rev, &agent.owner()), (entry.rev, holder)),
                Err(Refusal::Leased { holder: told, .. }) => assert_eq!(told, *holder),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

fn agents() -> Vec<Session> {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let name = |number| format!("agent-{number}");
    (0..CLIENTS)
        .map(|number| attach(&board, namespace, &name(number)))
        .collect()
}

fn single(agent: &Session, die: Die, value: u32, swap: fn(&Session, usize, u32, u32) -> bool) -> Call {
    let at = die.key();
    match die.percent() {
        0..40 => Call::Get {
            key: at,
            seen: look(agent, at),
        },
        40..55 => {
            put(agent, at, value);
            Call::Set { key: at, value }
        }
        55..65 => Call::Delete {
            key: at,
            existed: agent.call().delete(key(KEYS[at])).unwrap(),
        },
        _ => {
            let from = KNOWN.get()[at];
            Call::Swap {
                key: at,
                from,
                to: value,
                done: swap(agent, at, from, value),
            }
        }
    }
}

fn any(agent: &Session, die: Die, value: u32, set_all: fn(&Session, u32)) -> Call {
    match die.percent() {
        0..60 => Call::Get {
            key: die.key(),
            seen: look(agent, die.key()),
        },
        60..70 => {
            set_all(agent, value);
            Call::SetAll { value }
        }
        70..78 => {
            let from = KNOWN.get()[0];
            Call::SwapAll {
                from,
                to: value,
                done: swap_all(agent, from, value),
            }
        }
        78..82 => {
            let ops = KEYS.map(|text| Op {
                action: Action::Delete(Delete { key: key(text) }),
                condition: Condition::default(),
            });
            agent.call().update(ops.to_vec(), None).unwrap();
            Call::DeleteAll
        }
        82..88 => {
            let rows = agent.call().list(&Pattern::all(), None, 10).rows;
            let find = |text: &str| rows.iter().find(|(key, _)| key.as_str() == text);
            Call::List {
                seen: KEYS.map(|text| find(text).map_or(0, |(_, entry)| entry.value.parse().unwrap())),
            }
        }
        _ => single(agent, die, value, swap),
    }
}

fn look(agent: &Session, at: usize) -> u32 {
    let entry = agent.call().get(&key(KEYS[at]));
    let seen = entry.map_or(0, |entry| entry.value.parse().unwrap());
    let mut known = KNOWN.get();
    known[at] = seen;
    KNOWN.set(known);
    seen
}

fn put(agent: &Session, at: usize, value: u32) {
    agent
        .call()
        .set(key(KEYS[at]), Arc::from(value.to_string()), HOUR)
        .unwrap();
}

fn swap(agent: &Session, at: usize, from: u32, to: u32) -> bool {
    done(agent.call().update(vec![bet(KEYS[at], from, to)], None))
}

/// The mistake that the original recipe for locks makes.
fn look_then_set(agent: &Session, at: usize, from: u32, to: u32) -> bool {
    let free = look(agent, at) == from;
    if free {
        std::thread::yield_now();
        put(agent, at, to);
    }
    free
}

fn set_all(agent: &Session, value: u32) {
    let ops = KEYS.map(|text| write(text, &value.to_string(), HOUR));
    agent.call().update(ops.to_vec(), None).unwrap();
}

/// The mistake of a client that has no batches.
fn set_each(agent: &Session, value: u32) {
    for at in 0..KEYS.len() {
        put(agent, at, value);
        std::thread::yield_now();
    }
}

fn swap_all(agent: &Session, from: u32, to: u32) -> bool {
    let mut ops = KEYS.map(|text| write(text, &to.to_string(), HOUR));
    ops[0] = bet(KEYS[0], from, to);
    done(agent.call().update(ops.to_vec(), None))
}

fn bet(text: &str, from: u32, to: u32) -> Op {
    let condition = match from {
        0 => Condition {
            if_rev: Some(callboard::board::Revision::ZERO),
            if_value: None,
        },
        from => Condition {
            if_rev: None,
            if_value: Some(Arc::from(from.to_string())),
        },
    };
    Op {
        action: Action::Set(set(text, &to.to_string(), HOUR)),
        condition,
    }
}

fn done<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> bool {
    match answer {
        Ok(_) => true,
        Err(Refusal::Conflict { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

fn raise(agent: &Session, text: &str) {
    let counter: Key = key(text);
    loop {
        let entry = agent.call().get(&counter);
        let count: u64 = entry.as_ref().map_or(0, |entry| entry.value.parse().unwrap());
        let op = Op {
            action: Action::Set(set(text, &(count + 1).to_string(), HOUR)),
            condition: Condition {
                if_rev: Some(entry.map_or(callboard::board::Revision::ZERO, |entry| entry.rev)),
                if_value: None,
            },
        };
        if done(agent.call().update(vec![op], None)) {
            return;
        }
    }
}
