//! The original way to lock, as agents write it: look whether the key exists, then set it. Over real sockets.

use std::sync::Barrier;
use std::thread;

use crate::support::plain::Plain;
use crate::support::process::{BoardProcess, PATIENCE};
use crate::support::wait::until;
use serde_json::{Value, json};

const AGENTS: usize = 8;
const ROUNDS: usize = 1_000;
const LOCK: &str = "lock:src/auth/auth.ts";

fn hold(by: &str) -> Value {
    let value = json!({"lockedBy": by, "taskId": "3.1"}).to_string();
    json!({"key": LOCK, "value": value, "ttl": 60})
}

fn release() -> Value {
    json!({"key": LOCK, "value": r#"{"released":true}"#, "ttl": 60})
}

/// Everybody sees a free lock and everybody takes it, eight at a time: the race of the original recipe.
#[test]
fn of_eight_agents_that_look_and_then_set_one_holds_each_time() {
    let board = BoardProcess::start();
    let (looked, all_set) = (Barrier::new(AGENTS), Barrier::new(AGENTS));
    let agent = |number: usize| {
        let name = format!("impl-{number}");
        let mut plain = Plain::attach(&board.socket(), &name, &format!("secret-{number}"));
        let mut won = Vec::new();
        for round in 0..ROUNDS {
            let seen = plain.tool("getStorage", &json!({"key": LOCK}));
            assert_eq!(seen["exists"], json!(false), "round {round}: {seen}");
            looked.wait();
            let set = plain.tool("setStorage", &hold(&name));
            all_set.wait();
            if set["success"] == json!(true) {
                won.push(round);
                let held = plain.tool("getStorage", &json!({"key": LOCK}));
                assert!(held["value"].as_str().unwrap().contains(&name), "{held}");
                assert_eq!(plain.tool("setStorage", &release())["success"], json!(true));
            } else {
                assert_eq!(set["error"], json!("Key is leased"), "{set}");
            }
            looked.wait();
        }
        won
    };
    let mut winners: Vec<usize> = thread::scope(|scope| {
        let agent = &agent;
        let agents: Vec<_> = (0..AGENTS)
            .map(|number| scope.spawn(move || agent(number)))
            .collect();
        agents
            .into_iter()
            .flat_map(|agent| agent.join().unwrap())
            .collect()
    });
    winners.sort_unstable();
    let rounds: Vec<usize> = (0..ROUNDS).collect();
    assert_eq!(winners, rounds, "each round has exactly one holder");
}

/// The adapters of `LangChain` open a session for every call, and give no name.
#[test]
fn a_client_with_a_session_for_every_call_locks_and_releases() {
    let board = BoardProcess::start();
    let mut watcher = Plain::attach(&board.socket(), "watcher", "watcher");
    let mut once = |tool: &str, arguments: &Value| {
        let answer = Plain::connect(&board.socket()).tool(tool, arguments);
        until("the session is over", PATIENCE, || {
            let stats = watcher.request("callboard/stats", &json!({}));
            (stats["result"]["agents"] == json!(1)).then_some(())
        });
        answer
    };
    for by in ["impl-1", "plain-1"] {
        assert_eq!(once("setStorage", &hold(by))["success"], json!(true));
        let rival = once("setStorage", &hold("impl-2"));
        assert_eq!(rival["error"], json!("Key is leased"), "{rival}");
        assert_eq!(once("getStorage", &json!({"key": LOCK}))["exists"], json!(true));
        let again = once("setStorage", &hold(by));
        assert_eq!(
            again["success"],
            json!(true),
            "its own lock, taken in another session: {again}"
        );
        assert_eq!(once("setStorage", &release())["success"], json!(true));
        assert_eq!(once("getStorage", &json!({"key": LOCK}))["exists"], json!(false));
    }
    assert_eq!(once("setStorage", &hold("impl-1"))["success"], json!(true));
    let stranger = Plain::attach(&board.socket(), "other", "other").tool("setStorage", &release());
    assert_eq!(stranger["error"], json!("Key is leased"), "{stranger}");
    let deleted = once("deleteStorage", &json!({"key": LOCK}));
    assert_eq!(deleted["deleted"], json!(true), "{deleted}");
}
