//! Programs: what may happen to a board, drawn at random from little of everything.

use proptest::prelude::*;

/// The keys of a program, in key order: plain ones and locks.
pub(super) const KEYS: [&str; 6] = ["lock:a", "lock:b", "lock:c", "status:a", "task:a", "task:b"];
/// How many namespaces there are.
pub(super) const NAMESPACES: usize = 2;
/// The names of the sessions.
pub(super) const SESSIONS: [&str; 3] = ["ann", "bob", "eve"];
/// Patterns for lists and watches.
pub(super) const PATTERNS: [&str; 5] = ["*", "lock:*", "task:a", "*:a", "nothing:*"];

/// Values: plain ones of different lengths, and what the original design writes into locks.
pub(super) const VALUES: [&str; 7] = [
    "",
    "v",
    "a longer value",
    r#"{"lockedBy":"ann"}"#,
    r#"{"lockedBy":"sub"}"#,
    r#"{"released":true}"#,
    r#"{"released":true,"lockedBy":"sub"}"#,
];

/// One step of a program. Numbers are indexes into the constants above; what depends on the state of the
/// board is said in relation to it, so that a program stays meaningful when it shrinks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Time passes.
    Wait { millis: u64 },
    /// Time passes until the next deadline, or until a nanosecond before it.
    Deadline { before: bool },
    /// Somebody writes.
    Set {
        who: Who,
        key: usize,
        value: usize,
        seconds: u64,
    },
    /// Somebody removes.
    Delete { who: Who, key: usize },
    /// Somebody writes a batch; the first `count` of `ops` count.
    Update {
        who: Who,
        ops: [Write; 3],
        count: usize,
        fence: Fence,
    },
    /// The board's own sweep.
    Sweep { limit: usize },
    /// A person ends a key, having seen its present revision or an old one.
    Expire {
        namespace: usize,
        key: usize,
        stale: bool,
    },
    /// Somebody lists page by page.
    List {
        namespace: usize,
        pattern: usize,
        limit: usize,
    },
    /// A watcher, of which there is one for each pattern, looks for what is new to it.
    Watch {
        namespace: usize,
        pattern: usize,
        limit: usize,
    },
    /// The process is killed and starts again, empty, after everything it may have said.
    Restart,
}

/// On whose behalf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) session: usize,
    pub(super) namespace: usize,
}

/// One key of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) key: usize,
    pub(super) to: To,
    pub(super) seconds: u64,
    pub(super) bet: Bet,
}

/// What a batch makes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    Same,
    Value(usize),
    Gone,
}

/// What a batch bets on; the revisions are those that are stored, run out or not.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bet {
    None,
    Absent,
    Present,
    Stale,
    Value(usize),
}

/// What fence a batch gives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fence {
    None,
    /// That of the lease on a key, or one of nobody.
    Of(usize),
    /// A revision of late, fence or not.
    Back(u64),
}

/// Returns programs of exactly `length` steps.
pub(super) fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), length)
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    let seconds = || 1..10_u64;
    let look = || (0..NAMESPACES, 0..PATTERNS.len(), 1..4_usize);
    prop_oneof![
        12 => (0..4_000_u64).prop_map(|millis| Step::Wait { millis }),
        6 => any::<bool>().prop_map(|before| Step::Deadline { before }),
        20 => (who(), key(), 0..VALUES.len(), seconds())
            .prop_map(|(who, key, value, seconds)| Step::Set { who, key, value, seconds }),
        6 => (who(), key()).prop_map(|(who, key)| Step::Delete { who, key }),
        20 => (who(), [write(), write(), write()], 1..4_usize, fence())
            .prop_map(|(who, ops, count, fence)| Step::Update { who, ops, count, fence }),
        8 => (1..4_usize).prop_map(|limit| Step::Sweep { limit }),
        4 => (0..NAMESPACES, key(), prop::bool::weighted(0.3))
            .prop_map(|(namespace, key, stale)| Step::Expire { namespace, key, stale }),
        4 => look().prop_map(|(namespace, pattern, limit)| Step::List { namespace, pattern, limit }),
        8 => look().prop_map(|(namespace, pattern, limit)| Step::Watch { namespace, pattern, limit }),
        1 => prop::bool::weighted(0.3).prop_map(|yes| if yes { Step::Restart } else { Step::Sweep { limit: 9 } }),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    (0..SESSIONS.len(), 0..NAMESPACES).prop_map(|(session, namespace)| Who { session, namespace })
}

fn write() -> impl Strategy<Value = Write> {
    let to = prop_oneof![
        3 => Just(To::Same),
        5 => Just(To::Gone),
        13 => (0..VALUES.len()).prop_map(To::Value),
    ];
    let bet = prop_oneof![
        12 => Just(Bet::None),
        2 => Just(Bet::Absent),
        4 => Just(Bet::Present),
        1 => Just(Bet::Stale),
        2 => (0..VALUES.len()).prop_map(Bet::Value),
    ];
    (0..KEYS.len(), to, 1..10_u64, bet).prop_map(|(key, to, seconds, bet)| Write {
        key,
        to,
        seconds,
        bet,
    })
}

fn fence() -> impl Strategy<Value = Fence> {
    prop_oneof![
        8 => Just(Fence::None),
        2 => (0..KEYS.len()).prop_map(Fence::Of),
        1 => (0..30_u64).prop_map(Fence::Back),
    ]
}
