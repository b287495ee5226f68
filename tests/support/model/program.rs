//! Programs: what may happen to a board, drawn at random from little of everything.

use proptest::prelude::*;

/// The keys of a program: plain ones and locks, in two groups that patterns can tell apart.
pub(crate) const KEYS: [&str; 5] = ["lock:a", "lock:b", "status:a", "task:a", "task:b"];
/// How many namespaces there are.
pub(crate) const NAMESPACES: usize = 2;
/// The sessions, each with the names under which it may write.
pub(crate) const SESSIONS: [&str; 3] = ["ann", "bob", "eve"];

/// Values: plain ones of different lengths, and what the original design writes into locks.
pub(crate) const VALUES: [&str; 7] = [
    "",
    "v",
    "a longer value",
    r#"{"lockedBy":"ann"}"#,
    r#"{"lockedBy":"sub"}"#,
    r#"{"released":true}"#,
    r#"{"released":true,"lockedBy":"sub"}"#,
];

/// One step of a program. Numbers are indexes into the constants above.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Time passes.
    Wait { millis: u64 },
    /// Somebody acts in a namespace.
    Act {
        session: usize,
        namespace: usize,
        act: Act,
    },
    /// The board's own sweep.
    Sweep { limit: usize },
    /// A person ends a key, having seen its present revision or an old one.
    Expire {
        namespace: usize,
        key: usize,
        stale: bool,
    },
    /// The process is killed and starts again, empty, after everything it may have said.
    Restart,
}

/// What an agent does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Set { key: usize, value: usize, seconds: u64 },
    Delete { key: usize },
    Update { ops: Vec<Write>, fence: Option<usize> },
}

/// One key of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) key: usize,
    pub(crate) to: To,
    pub(crate) seconds: u64,
    pub(crate) condition: Bet,
}

/// What a batch makes of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To {
    Same,
    Value(usize),
    Gone,
}

/// What a batch bets on, relative to what is there: it comes true or not.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bet {
    None,
    Absent,
    Present,
    StaleRev,
    Value(usize),
}

/// Returns programs of exactly `length` steps.
pub(crate) fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), length)
}

fn step() -> impl Strategy<Value = Step> {
    let act = (0..SESSIONS.len(), 0..NAMESPACES, act());
    prop_oneof![
        6 => (0..4_000_u64).prop_map(|millis| Step::Wait { millis }),
        16 => act.prop_map(|(session, namespace, act)| Step::Act { session, namespace, act }),
        3 => (1..4_usize).prop_map(|limit| Step::Sweep { limit }),
        2 => (0..NAMESPACES, 0..KEYS.len(), prop::bool::weighted(0.3))
            .prop_map(|(namespace, key, stale)| Step::Expire { namespace, key, stale }),
        1 => prop::bool::weighted(0.1).prop_map(|yes| if yes { Step::Restart } else { Step::Sweep { limit: 9 } }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let write = (0..KEYS.len(), to(), 1..10_u64, bet()).prop_map(|(key, to, seconds, condition)| Write {
        key,
        to,
        seconds,
        condition,
    });
    prop_oneof![
        5 => (0..KEYS.len(), 0..VALUES.len(), 1..10_u64)
            .prop_map(|(key, value, seconds)| Act::Set { key, value, seconds }),
        2 => (0..KEYS.len()).prop_map(|key| Act::Delete { key }),
        3 => (prop::collection::vec(write, 1..4), prop::option::weighted(0.2, 0..KEYS.len()))
            .prop_map(|(ops, fence)| Act::Update { ops, fence }),
    ]
}

fn to() -> impl Strategy<Value = To> {
    prop_oneof![
        3 => Just(To::Same),
        5 => Just(To::Gone),
        13 => (0..VALUES.len()).prop_map(To::Value),
    ]
}

fn bet() -> impl Strategy<Value = Bet> {
    prop_oneof![
        4 => Just(Bet::None),
        1 => Just(Bet::Absent),
        2 => Just(Bet::Present),
        1 => Just(Bet::StaleRev),
        1 => (0..VALUES.len()).prop_map(Bet::Value),
    ]
}
