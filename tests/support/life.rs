//! Lives of three agents on a board, made up at random: writes, locks, tasks, messages, comings and goings.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Action, Board, CallId, Condition, Key, Kind, Mode, Op, Outcome, Pattern, Secret, Session, Set,
};
use proptest::prelude::*;

use super::image::{Clocks, attach, board, lock, now};

const KEYS: [&str; 6] = [
    "task:1",
    "status:a:1",
    "lock:src",
    "lock:src/a.rs",
    "lock:%5Bx%5D",
    "note:ä",
];

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// One step of somebody's life.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Write {
        who: usize,
        key: usize,
        value: String,
        ttl: u64,
    },
    Remove {
        who: usize,
        key: usize,
    },
    Lock {
        who: usize,
        target: usize,
        shared: bool,
    },
    Release {
        who: usize,
    },
    Batch {
        who: usize,
        value: String,
    },
    Once {
        who: usize,
        id: i64,
        answered: bool,
    },
    Claim {
        who: usize,
    },
    Submit {
        who: usize,
        outcome: Outcome,
    },
    Send {
        who: usize,
        to: usize,
    },
    Receive {
        who: usize,
    },
    Leave {
        who: usize,
    },
    Pass {
        millis: u64,
    },
}

/// Returns lives of three agents.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0..3usize;
    let value = prop_oneof![
        3 => "[ -~äß\"\\\\]{0,12}",
        1 => any::<String>(),
        1 => Just(r#"{"lockedBy":"b"}"#.to_owned()),
        1 => Just(r#"{"released":true}"#.to_owned()),
    ];
    let step = prop_oneof![
        4 => (who.clone(), 0..KEYS.len() - 1, value.clone(), 1..4_000u64)
            .prop_map(|(who, key, value, ttl)| Step::Write { who, key, value, ttl }),
        1 => (who.clone(), 0..KEYS.len() - 1).prop_map(|(who, key)| Step::Remove { who, key }),
        3 => (who.clone(), 0..4usize, any::<bool>())
            .prop_map(|(who, target, shared)| Step::Lock { who, target, shared }),
        1 => who.clone().prop_map(|who| Step::Release { who }),
        1 => (who.clone(), value).prop_map(|(who, value)| Step::Batch { who, value }),
        1 => (who.clone(), 0..9i64, any::<bool>())
            .prop_map(|(who, id, answered)| Step::Once { who, id, answered }),
        2 => who.clone().prop_map(|who| Step::Claim { who }),
        1 => (who.clone(), prop_oneof![Just(Outcome::Done), Just(Outcome::Failed), Just(Outcome::Retry)])
            .prop_map(|(who, outcome)| Step::Submit { who, outcome }),
        2 => (who.clone(), 0..3usize).prop_map(|(who, to)| Step::Send { who, to }),
        1 => who.clone().prop_map(|who| Step::Receive { who }),
        1 => who.prop_map(|who| Step::Leave { who }),
        2 => (1..400_000u64).prop_map(|millis| Step::Pass { millis }),
    ];
    prop::collection::vec(step, 0..40)
}

/// Lives through `steps`; what is refused is no matter.
pub(crate) fn live(steps: Vec<Step>, clock: &Clocks) -> (Board, Vec<Option<Session>>) {
    let board = board(clock);
    let mut agents: Vec<Option<Session>> = (0..3).map(|_| None).collect();
    for step in steps {
        let (Step::Write { who, .. }
        | Step::Remove { who, .. }
        | Step::Lock { who, .. }
        | Step::Release { who }
        | Step::Batch { who, .. }
        | Step::Once { who, .. }
        | Step::Claim { who }
        | Step::Submit { who, .. }
        | Step::Send { who, .. }
        | Step::Receive { who }
        | Step::Leave { who }) = step
        else {
            let Step::Pass { millis } = step else {
                unreachable!()
            };
            clock.count.advance(Duration::from_millis(millis));
            continue;
        };
        let name = ["a", "b", "c"][who];
        let agent = agents[who].get_or_insert_with(|| attach(&board, name));
        let call = agent.call();
        let _noted = call.note("test");
        match step {
            Step::Write {
                key: at, value, ttl, ..
            } => {
                let _may_be_held = call.set(key(KEYS[at]), Arc::from(value), seconds(ttl));
            }
            Step::Remove { key: at, .. } => {
                let _may_be_held = call.delete(key(KEYS[at]));
            }
            Step::Lock { target, shared, .. } => {
                let mode = if shared { Mode::Shared } else { Mode::Exclusive };
                let _may_be_held = lock(agent, ["src", "src/a.rs", "docs/[x] y", "."][target], mode);
            }
            Step::Release { .. } => {
                call.release(None).unwrap();
            }
            Step::Batch { value, .. } => {
                let set = |at: usize| Op {
                    action: Action::Set(Set::new(key(KEYS[at]), Arc::from(&*value), seconds(60)).unwrap()),
                    condition: Condition::default(),
                };
                let _may_be_held = call.update(vec![set(0), set(1)], None);
            }
            Step::Once { id, answered, .. } => {
                let slot = board.repeats(&Secret::from(name), []).slot(CallId::Number(id));
                let call = agent.call().marked(Some(slot.mark()));
                let _may_be_held = call.set(key("task:once"), Arc::from("x"), seconds(60));
                if answered {
                    let line = slot.once(ready(Arc::from(*b"{\"a\":\"\\u0000\"}\n")));
                    now(line);
                }
            }
            Step::Claim { .. } => {
                let tasks = Pattern::prefix("task:");
                let _none_may_be_free = now(call.claim(&tasks, seconds(300), Duration::ZERO));
            }
            Step::Submit { outcome, .. } => {
                let held = board.holds(agent.namespace(), call.owner());
                if let Some((_, task)) = held.iter().find(|(key, _)| key.kind() == Kind::Task) {
                    let token = task.lease().unwrap().fence;
                    let _may_be_late = call.submit(token, outcome, Some(Arc::from("so it is")));
                }
            }
            Step::Send { to, .. } => {
                let _nobody_may_be_here = call.send(["a", "b", "*"][to], Arc::from("hello"));
            }
            Step::Receive { .. } => {
                let _there_may_be_no_room = now(call.receive(2, Duration::ZERO));
            }
            Step::Leave { .. } => agents[who] = None,
            Step::Pass { .. } => unreachable!(),
        }
    }
    (board, agents)
}
