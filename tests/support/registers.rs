//! Registers as a linearizability checker knows them, and the recording of histories.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicI64, Ordering};

use porcupine_rs::{Model, Operation};

/// How many registers there are.
pub(crate) const REGISTERS: usize = 3;

/// What a client did and saw. Zero stands for a key that does not exist.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Get {
        key: usize,
        seen: u32,
    },
    Set {
        key: usize,
        value: u32,
    },
    Delete {
        key: usize,
        existed: bool,
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
    SwapAll {
        from: u32,
        to: u32,
        done: bool,
    },
    DeleteAll,
    List {
        seen: [u32; REGISTERS],
    },
}

/// Registers that change one call at a time.
#[derive(Clone, Debug)]
pub(crate) struct Together;

impl Model for Together {
    type State = [u32; REGISTERS];
    type Op = Call;
    type Metadata = ();

    fn init() -> Self::State {
        [0; REGISTERS]
    }

    fn step(state: &Self::State, call: &Call) -> (bool, Self::State) {
        let with = |key: usize, value| {
            let mut next = *state;
            next[key] = value;
            next
        };
        match *call {
            Call::Get { key, seen } => (state[key] == seen, *state),
            Call::Set { key, value } => (true, with(key, value)),
            Call::Delete { key, existed } => ((state[key] != 0) == existed, with(key, 0)),
            Call::Swap { key, from, to, done } if done => (state[key] == from, with(key, to)),
            Call::Swap { key, from, .. } => (state[key] != from, *state),
            Call::SetAll { value } => (true, [value; REGISTERS]),
            Call::SwapAll { from, to, done } if done => (state[0] == from, [to; REGISTERS]),
            Call::SwapAll { from, .. } => (state[0] != from, *state),
            Call::DeleteAll => (true, [0; REGISTERS]),
            Call::List { seen } => (*state == seen, *state),
        }
    }
}

/// The same registers judged one by one, for histories of calls that name one key.
#[derive(Clone, Debug)]
pub(crate) struct Apart;

impl Model for Apart {
    type State = [u32; REGISTERS];
    type Op = Call;
    type Metadata = ();

    fn partition_operations(history: &[Operation<Self>]) -> Vec<Vec<Operation<Self>>> {
        let mut parts: BTreeMap<usize, Vec<Operation<Self>>> = BTreeMap::new();
        for one in history {
            match one.op {
                Call::Get { key, .. }
                | Call::Set { key, .. }
                | Call::Delete { key, .. }
                | Call::Swap { key, .. } => parts.entry(key).or_default().push(one.clone()),
                batch => unreachable!("{batch:?} names no single key"),
            }
        }
        parts.into_values().collect()
    }

    fn init() -> Self::State {
        Together::init()
    }

    fn step(state: &Self::State, call: &Call) -> (bool, Self::State) {
        Together::step(state, call)
    }
}

/// Lets `clients` threads make `calls` calls each, all at once, and returns what was recorded.
///
/// `play` makes one call; it is given the client, a die, and a value that nobody else writes.
pub(crate) fn record<M: Model<Op = Call>>(
    clients: u32,
    calls: u32,
    seed: u64,
    play: impl Fn(u32, Die, u32) -> Call + Sync,
) -> Vec<Operation<M>> {
    let clock = AtomicI64::new(0);
    let start = Barrier::new(clients as usize);
    let (clock, start, play) = (&clock, &start, &play);
    let client = move |id: u32| {
        let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(id + 1);
        start.wait();
        (1..=calls).map(move |number| {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let call_time = clock.fetch_add(1, Ordering::SeqCst);
            let op = play(id, Die(dice >> 24), id * calls + number);
            Operation {
                client_id: Some(id),
                call_time,
                return_time: clock.fetch_add(1, Ordering::SeqCst),
                op,
                metadata: None,
            }
        })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|id| scope.spawn(move || client(id).collect::<Vec<_>>()))
            .collect();
        let recorded = threads.into_iter().map(|thread| thread.join().unwrap());
        recorded.flatten().collect()
    })
}

/// A throw of the dice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Die(u64);

impl Die {
    /// Returns a percentage.
    pub(crate) fn percent(self) -> u64 {
        self.0 % 100
    }

    /// Returns a register.
    pub(crate) fn key(self) -> usize {
        (self.0 / 100) as usize % REGISTERS
    }
}
