//! The ledger as a lock table, with leases, sessions and the original way to lock.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Acquire, Acquired, Action, Attend, Caller, Command, Condition, Delete, Depart, Effects, Key, Ledger,
    Limits, Mode, Namespace, NamespaceId, Op, Owner, Refusal, Release, Return, Revision, Revoke, SessionId,
    Set, Sweep, Target, Term, Time, Update, Waiter, Withdraw,
};

use super::Tabled;
use super::judge::{Fault, Said, Step};
use super::table::{Hold, Names, Place, TARGETS, Table, Who, Wish};

/// Who there may be: the odd ones share the session of the one before.
pub(super) const OWNERS: [&str; 8] = ["ann", "ann-2", "bob", "bob-2", "cid", "cid-2", "dee", "dee-2"];

pub(super) struct Real {
    ledger: Ledger,
    namespace: NamespaceId,
    now: Time,
    callers: Vec<Caller>,
    person: Caller,
    targets: Vec<Target>,
    keys: Vec<Key>,
    here: u16,
}

fn session(who: Who) -> SessionId {
    SessionId(who as u64 / 2 + 1)
}

fn target(text: &str) -> Target {
    match Target::split_name(text) {
        Some((kind, name)) => Target::named(kind, name),
        None => Target::path(text),
    }
}

impl Real {
    pub(super) fn new() -> Self {
        let mut ledger = Ledger::new(Revision::ZERO, Limits::default());
        let namespace = ledger.open(&Namespace::default()).unwrap();
        let now = Time::default();
        let targets: Vec<_> = TARGETS.iter().map(|text| target(text)).collect();
        let mut caller = |owner| Caller {
            namespace,
            presence: ledger.presence(namespace, &owner, now),
        };
        let callers = OWNERS.iter().enumerate();
        let callers = callers
            .map(|(who, name)| caller(Owner::new(name, session(who))))
            .collect();
        let person = caller(Owner::human());
        Self {
            person,
            callers,
            namespace,
            now,
            keys: targets.iter().map(Target::key).collect(),
            targets,
            here: u16::MAX,
            ledger,
        }
    }

    fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> (Result<C::Answer, Refusal>, Effects) {
        self.ledger.apply(self.now, caller, command)
    }

    fn quietly<C: Command>(&mut self, caller: &Caller, command: C) -> Said {
        let caller = caller.clone();
        self.apply(&caller, command)
            .0
            .map_or_else(|refusal| said(&refusal), |_| Said::Nothing)
    }

    /// Makes a call of `who`, which renews what it holds.
    fn as_call<C: Command>(&mut self, who: Who, command: C) -> Said {
        let caller = self.callers[who].clone();
        self.quietly(&caller, Attend);
        self.quietly(&caller, command)
    }

    fn acquire(&mut self, who: Who, wish: Wish, wait: bool) -> Said {
        let targets = self.targets.iter().enumerate();
        let targets = targets.filter(|(at, _)| wish.targets & 1 << at != 0);
        let wish = callboard::board::Wish {
            targets: targets.map(|(_, target)| target.clone()).collect(),
            mode: if wish.shared {
                Mode::Shared
            } else {
                Mode::Exclusive
            },
            why: None,
            ttl: Duration::from_secs(20 + 10 * who as u64),
        };
        let caller = self.callers[who].clone();
        let acquire = Acquire::new(wish, wait).unwrap();
        match self.apply(&caller, acquire).0 {
            Ok(Acquired::Granted(grant)) => Said::Granted(grant.fence.0),
            Ok(Acquired::Waiting(ticket)) => Said::Waiting(ticket.0),
            Err(refusal) => said(&refusal),
        }
    }

    fn raw(&self, target: usize, named: Option<Who>, released: bool, seconds: u64) -> Set {
        let name = named
            .map(|who| format!(r#","lockedBy":"{}""#, OWNERS[who]))
            .unwrap_or_default();
        let value = Arc::from(format!(r#"{{"released":{released}{name}}}"#));
        Set::new(self.keys[target].clone(), value, Duration::from_secs(seconds)).unwrap()
    }

    fn who(&self, owner: &Owner) -> Who {
        let who = self.callers.iter().position(|caller| **caller.owner() == *owner);
        who.unwrap_or_else(|| panic!("nobody is called {owner}"))
    }

    /// Lets everybody give back what is held and go, and tells what is left of them: it should be nothing. To
    /// look behind the keys and places takes its time, so that is done only when `thoroughly`.
    pub(super) fn drain(mut self, thoroughly: bool) -> Result<(), Fault> {
        for who in 0..OWNERS.len() {
            self.take(Step::Return { who });
        }
        let open = |real: &Self| real.ledger.queue(real.namespace).position(Waiter::is_open);
        while let Some(place) = open(&self) {
            self.take(Step::Withdraw { place, keep: false });
        }
        for who in 0..OWNERS.len() {
            self.take(Step::Release { who, all: true });
        }
        for who in (0..OWNERS.len()).step_by(2) {
            self.take(Step::Depart { who, died: false });
        }
        self.quietly(
            &self.person.clone(),
            Depart {
                session: SessionId::BOARD,
                died: false,
            },
        );
        // A lock that was written in the original way may outlive its session.
        self.take(Step::Wait { millis: 100_000 });
        let table = self.show();
        if table != Table::default() || self.ledger.next_deadline().is_some() {
            return Err(format!("{table:?} is left"));
        }
        let all = if thoroughly {
            format!("{:?}", self.ledger)
        } else {
            String::new()
        };
        let empty = [
            "entries: {}",
            "deadlines: {}",
            "fences: {}",
            "locks: 0",
            "held: {}",
            "owners: {}",
            "dues: {}",
            "waiters: []",
            "kept: {}",
            "starved: {}",
        ];
        match empty.iter().find(|part| thoroughly && !all.contains(**part)) {
            None => Ok(()),
            Some(part) => Err(format!("not {part} in {}", &all[..all.find("history").unwrap()])),
        }
    }

    /// Compares what the ledger says of itself with what its entries and places say.
    fn introspect(&self, names: &Names) -> Result<(), Fault> {
        let table = self.show();
        for (at, (waiter, blockers)) in self.ledger.waiters(self.now, self.namespace).iter().enumerate() {
            let place = table.places[at];
            let expected = table.blockers(names, place.who, place.wish, at);
            let told = blockers.iter().fold(0, |set, owner| set | 1 << self.who(owner));
            if expected != told {
                return Err(format!(
                    "{waiter:?} is said to wait for {told:b}, not {expected:b}"
                ));
            }
        }
        for (who, caller) in self.callers.iter().enumerate() {
            let held = self.ledger.holds(self.namespace, caller.owner());
            let mut told: Vec<_> = held
                .iter()
                .map(|(key, _)| self.keys.iter().position(|one| one == key).unwrap())
                .collect();
            let own = table.holds.iter().filter(|hold| hold.who == who);
            let mut expected: Vec<_> = own
                .map(|hold| hold.wish.targets.trailing_zeros() as usize)
                .collect();
            told.sort_unstable();
            told.dedup();
            expected.dedup();
            if told != expected {
                return Err(format!("{who} is said to hold {told:?}, not {expected:?}"));
            }
        }
        Ok(())
    }
}

fn said(refusal: &Refusal) -> Said {
    match refusal {
        Refusal::Held(_) => Said::Held,
        Refusal::Deadlock(_) => Said::Deadlock,
        Refusal::NotFound { .. } => Said::Left,
        _ => Said::Nothing,
    }
}

impl Tabled for Real {
    fn take(&mut self, step: Step) -> Said {
        match step {
            Step::Acquire { who, wish, wait } => {
                let caller = self.callers[who].clone();
                self.quietly(&caller, Attend);
                self.acquire(who, wish, wait)
            }
            Step::Withdraw { place, keep } => {
                let Some(waiter) = self.ledger.queue(self.namespace).nth(place) else {
                    return Said::Nothing;
                };
                let (ticket, who) = (waiter.ticket, self.who(waiter.owner()));
                self.as_call(who, Withdraw { ticket, keep })
            }
            Step::Release { who, all } => {
                let held = self.ledger.holds(self.namespace, self.callers[who].owner());
                let first = held.first().and_then(|(_, entry)| Some(entry.lease()?.fence));
                let fence = first.filter(|_| !all);
                self.as_call(who, Release { fence })
            }
            Step::RawLock {
                who,
                named,
                target,
                seconds,
            } => {
                let set = self.raw(target, (named != who).then_some(named), false, seconds);
                self.as_call(who, set)
            }
            Step::RawRelease {
                who,
                target,
                delete: true,
                ..
            } => {
                let key = self.keys[target].clone();
                self.as_call(who, Delete { key })
            }
            Step::RawRelease {
                who, named, target, ..
            } => {
                let set = self.raw(target, (named != who).then_some(named), true, 5);
                self.as_call(who, set)
            }
            Step::Batch { who, named, targets } => {
                let op = |at: usize| Op {
                    action: Action::Set(self.raw(targets[at], Some(named[at]), false, 9)),
                    condition: Condition::default(),
                };
                let ops = vec![op(0), op(1)];
                Update::new(ops, None).map_or(Said::Nothing, |update| self.as_call(who, update))
            }
            Step::Depart { who, died } => {
                self.here &= !(3 << (who / 2 * 2));
                let session = session(who);
                self.quietly(&self.person.clone(), Depart { session, died })
            }
            Step::Return { who } => {
                let session = session(who);
                self.quietly(&self.person.clone(), Return { session });
                self.here |= 3 << (who / 2 * 2);
                for who in [who / 2 * 2, who / 2 * 2 + 1] {
                    let owner = Arc::clone(self.callers[who].owner());
                    self.callers[who].presence = self.ledger.presence(self.namespace, &owner, self.now);
                }
                Said::Nothing
            }
            Step::Call { who } => self.quietly(&self.callers[who].clone(), Attend),
            Step::Revoke { hold, all } => {
                let holds = self.show().holds;
                let Some(hold) = holds.get(hold) else {
                    return Said::Nothing;
                };
                let same = holds
                    .iter()
                    .filter(|one| *one == hold || all && one.fence == hold.fence);
                let lease = |hold: &Hold| {
                    let at = hold.wish.targets.trailing_zeros() as usize;
                    (self.keys[at].clone(), Revision(hold.fence))
                };
                let leases = same.map(lease).collect();
                self.quietly(&self.person.clone(), Revoke { leases })
            }
            Step::Wait { millis } => {
                self.now = self.now.after(Duration::from_millis(millis));
                self.quietly(&self.person.clone(), Sweep { limit: usize::MAX })
            }
        }
    }

    fn here(&self) -> u16 {
        self.here
    }

    fn look_inside(&self, names: &Names) -> Result<(), Fault> {
        self.introspect(names)
    }

    fn show(&self) -> Table {
        let mut holds = Vec::new();
        for (at, key) in self.keys.iter().enumerate() {
            let entry = self.ledger.get(self.now, self.namespace, key.as_str());
            for lease in entry.iter().flat_map(|entry| entry.leases()) {
                let shared = lease.mode == Mode::Shared;
                assert!(!(shared && lease.term == Term::Entry), "a raw lock is exclusive");
                holds.push(Hold {
                    who: self.who(lease.owner()),
                    wish: Wish {
                        targets: 1 << at,
                        shared,
                    },
                    fence: lease.fence.0,
                });
            }
        }
        let places = self.ledger.queue(self.namespace).map(|waiter| Place {
            number: waiter.ticket.0,
            who: self.who(waiter.owner()),
            wish: Wish {
                targets: waiter.wish.targets.iter().fold(0, |set, target| {
                    let at = self.targets.iter().position(|one| one == target).unwrap();
                    set | 1 << at
                }),
                shared: waiter.wish.mode == Mode::Shared,
            },
            open: waiter.is_open(),
        });
        Table {
            places: places.collect(),
            holds,
        }
    }
}
