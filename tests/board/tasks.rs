//! Tasks under fire, on the ledger with a virtual clock: sixteen workers who die, go silent, lose their
//! connection and submit too late, among tasks that kill whoever touches them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::support::chance::Chance;
use crate::support::heart::{attach, board, key, set};
use crate::support::virtual_time::VirtualTime;
use callboard::board::{
    Attend, Caller, Claim, Claimed, Command, Depart, EventKind, Key, Kind, Ledger, Limits, Namespace,
    NamespaceId, Outcome, Owner, Pattern, Reason, Refusal, Return, Revision, SessionId, Submit, Submitted,
    Sweep, Take, TaskState, Time,
};

const WORKERS: usize = 16;
const TASKS: usize = 20_000;
/// Every so manyeth task kills whoever claims it.
const POISON: usize = 100;
const DAY: Duration = Duration::from_secs(86_400);
const TTL: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// A ledger, everything that must be true of it, and a copy made of its events alone.
struct Shop {
    ledger: Ledger,
    namespace: NamespaceId,
    person: Caller,
    now: Time,
    sessions: u64,
    /// The token of each task that is claimed.
    current: BTreeMap<Key, Revision>,
    /// How often each task was lost or given back.
    missed: BTreeMap<Key, u8>,
    /// The tasks of which the end was submitted.
    submitted: BTreeSet<Key>,
    copy: BTreeMap<Key, Arc<str>>,
    cursor: Revision,
}

impl Shop {
    fn new() -> Self {
        let limits = Limits {
            keys: 200_000,
            idle: IDLE,
            ..Limits::default()
        };
        let mut ledger = Ledger::new(Revision::ZERO, limits);
        let namespace = ledger.open(&Namespace::default()).unwrap();
        let presence = ledger.presence(namespace, &Owner::human(), Time::default());
        Self {
            person: Caller { namespace, presence },
            ledger,
            namespace,
            now: Time::default(),
            sessions: 0,
            current: BTreeMap::new(),
            missed: BTreeMap::new(),
            submitted: BTreeSet::new(),
            copy: BTreeMap::new(),
            cursor: Revision::ZERO,
        }
    }

    fn enter(&mut self, name: &str) -> Caller {
        self.sessions += 1;
        let owner = Owner::new(name, SessionId(self.sessions));
        Caller {
            namespace: self.namespace,
            presence: self.ledger.presence(self.namespace, &owner, self.now),
        }
    }

    /// Applies `command` and checks what it did to tasks.
    fn apply<C: Command>(&mut self, who: &Caller, command: C) -> Result<C::Answer, Refusal> {
        let (answer, effects) = self.ledger.apply(self.now, who, command);
        for change in effects.changes {
            if change.key.kind() != Kind::Task {
                continue;
            }
            let entry = change.entry.as_deref();
            match change.kind {
                EventKind::Lease => {
                    let before = self.current.insert(change.key.clone(), change.rev);
                    assert_eq!(before, None, "two tokens are current for {}", change.key);
                    assert!(!self.submitted.contains(&change.key), "{} was over", change.key);
                    assert_eq!(entry.unwrap().lease().unwrap().fence, change.rev);
                }
                EventKind::Drop(reason) => {
                    let before = self.current.remove(&change.key);
                    assert!(before.is_some(), "{} was held by nobody", change.key);
                    if reason == Reason::Submitted {
                        assert!(
                            self.submitted.insert(change.key.clone()),
                            "{} ended twice",
                            change.key
                        );
                        continue;
                    }
                    let missed = self.missed.entry(change.key.clone()).or_default();
                    *missed += 1;
                    let entry = entry.expect("its own time is not over");
                    assert_eq!(entry.work().attempts, *missed, "{}", change.key);
                    let dead = entry.task_state() == TaskState::Dead;
                    assert_eq!(dead, *missed == 3, "{} after {missed} attempts", change.key);
                }
                kind => assert_eq!(kind, EventKind::Set, "{} ended by itself", change.key),
            }
        }
        answer
    }

    /// Lets time pass, and ends what is over by then.
    fn wait(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        let person = self.person.clone();
        self.apply(&person, Sweep { limit: 4_096 }).unwrap();
        self.replay();
    }

    fn replay(&mut self) {
        let events = self
            .ledger
            .events_after(self.namespace, self.cursor, &Pattern::all(), usize::MAX);
        let (events, cursor) = events.expect("it is read before it is forgotten");
        for event in events {
            match event.value {
                Some(value) => drop(self.copy.insert(event.key, value)),
                None => drop(self.copy.remove(&event.key)),
            }
        }
        self.cursor = cursor;
    }

    fn store(&self) -> BTreeMap<Key, Arc<str>> {
        let (mut store, mut after) = (BTreeMap::new(), None);
        loop {
            let from = after.as_ref().map(Key::as_str);
            let page = self
                .ledger
                .list(self.now, self.namespace, &Pattern::all(), from, 10_000);
            let rows = page.rows.into_iter();
            store.extend(rows.map(|(key, entry)| (key, Arc::clone(&entry.value))));
            after = page.cursor;
            if after.is_none() {
                return store;
            }
        }
    }

    /// Submits, and checks that exactly a current token is taken.
    fn submit(&mut self, who: &Caller, claim: &Claim, outcome: Outcome) -> Option<Submitted> {
        let is_current = self.current.get(&claim.key) == Some(&claim.token);
        let before = self.ledger.rev();
        let (token, result) = (claim.token, None);
        let answer = self.apply(
            who,
            Submit {
                token,
                outcome,
                result,
            },
        );
        match answer {
            Ok(submitted) => {
                assert!(is_current, "{submitted:?} by a stale token");
                Some(submitted)
            }
            Err(Refusal::Lost { fence, .. }) => {
                assert_eq!((fence, is_current), (token, false));
                assert_eq!(self.ledger.rev(), before, "a stale token changed something");
                None
            }
            Err(refusal) => panic!("{refusal}"),
        }
    }
}

/// One who works.
struct Worker {
    name: String,
    caller: Caller,
    claim: Option<Claim>,
    /// Until when nothing is heard of it.
    away: Time,
}

impl Worker {
    fn is_here(&self) -> bool {
        self.caller.presence.gone().is_none()
    }

    /// Does one thing.
    fn act(&mut self, shop: &mut Shop, chance: &mut Chance) {
        if !self.is_here() && self.claim.is_some() {
            // It is back on a new connection, perhaps too late.
            let session = self.caller.owner().session;
            shop.apply(&self.caller, Return { session }).unwrap();
        } else if !self.is_here() {
            self.caller = shop.enter(&self.name);
        }
        shop.apply(&self.caller, Attend).unwrap();
        match self.claim.take() {
            None => self.look_for_work(shop),
            Some(claim) => self.work(claim, shop, chance),
        }
    }

    fn look_for_work(&mut self, shop: &mut Shop) {
        let pattern = Pattern::prefix("task:");
        match shop.apply(&self.caller, Take { pattern, ttl: TTL }).unwrap() {
            Claimed::Task(claim) => {
                let is_poison = claim.value.contains("poison");
                self.claim = Some(claim);
                if is_poison {
                    self.die(shop);
                }
            }
            Claimed::Nothing(idle) => self.away = shop.now.after(idle.retry_after),
        }
    }

    fn work(&mut self, claim: Claim, shop: &mut Shop, chance: &mut Chance) {
        let outcome = match chance.below(100) {
            0..4 => {
                self.claim = Some(claim);
                return self.die(shop);
            }
            4..8 => {
                // The connection breaks, for less or for more than the grace time.
                let session = self.caller.owner().session;
                shop.apply(&self.caller, Depart { session, died: false }).unwrap();
                return self.stay_away(claim, shop, chance.up_to(60 * SECOND));
            }
            8..11 => return self.stay_away(claim, shop, IDLE + chance.up_to(2 * TTL)),
            11..15 => Outcome::Retry,
            15..20 => Outcome::Failed,
            _ => Outcome::Done,
        };
        let answer = shop.submit(&self.caller, &claim, outcome);
        if chance.happens(5) {
            // The answer was lost, so it asks again.
            let before = shop.ledger.rev();
            let (token, result) = (claim.token, None);
            let again = shop.apply(
                &self.caller,
                Submit {
                    token,
                    outcome,
                    result,
                },
            );
            assert_eq!((again.ok(), shop.ledger.rev()), (answer, before));
        }
    }

    fn die(&mut self, shop: &mut Shop) {
        self.claim = None;
        let session = self.caller.owner().session;
        shop.apply(&self.caller, Depart { session, died: true }).unwrap();
    }

    fn stay_away(&mut self, claim: Claim, shop: &Shop, time: Duration) {
        self.claim = Some(claim);
        self.away = shop.now.after(time);
    }
}

#[test]
fn every_task_comes_to_exactly_one_end_whoever_dies() {
    let mut chance = Chance::new(7);
    let mut shop = Shop::new();
    let manager = shop.enter("manager");
    for number in 0..TASKS {
        let value = match number {
            _ if number % POISON == 0 => "poison",
            _ if chance.happens(10) => r#"{"priority":"high"}"#,
            _ => "{}",
        };
        shop.apply(&manager, set(&format!("task:{number}"), value, DAY))
            .unwrap();
    }
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let name = format!("worker-{number}");
            Worker {
                caller: shop.enter(&name),
                name,
                claim: None,
                away: Time::default(),
            }
        })
        .collect();
    let over = |shop: &Shop| {
        let tasks = shop.missed.values().filter(|missed| **missed == 3).count();
        shop.submitted.len() + tasks
    };
    while over(&shop) < TASKS {
        shop.wait(chance.up_to(SECOND));
        for worker in &mut workers {
            if worker.away <= shop.now {
                worker.act(&mut shop, &mut chance);
            }
        }
        assert!(
            shop.now < Time::default().after(DAY),
            "{} of {TASKS} are over",
            over(&shop)
        );
    }
    shop.wait(SECOND);
    assert_eq!(shop.store(), shop.copy, "the events tell all");
    assert!(shop.current.is_empty());
    for number in 0..TASKS {
        let key = key(&format!("task:{number}"));
        let entry = shop.ledger.get(shop.now, shop.namespace, key.as_str()).unwrap();
        let dead = shop.missed.get(&key) == Some(&3);
        assert_ne!(dead, shop.submitted.contains(&key), "{key} has exactly one end");
        let state = entry.task_state();
        assert_eq!(state == TaskState::Dead, dead, "{key} is {}", state.name());
        assert!(dead || number % POISON != 0, "{key} is poison");
    }
    let scores = shop.ledger.scores(shop.namespace);
    let (ended, lost) = scores.iter().fold((0, 0), |(ended, lost), (_, score)| {
        (ended + score.done + score.failed, lost + score.lost)
    });
    assert_eq!(usize::try_from(ended).unwrap(), shop.submitted.len());
    assert!(lost > 1_000, "hardly anybody died: {lost}");
}

/// Returns the task that was claimed.
fn claimed(claimed: Result<Claimed, Refusal>) -> Claim {
    match claimed.unwrap() {
        Claimed::Task(claim) => claim,
        Claimed::Nothing(idle) => panic!("nothing came: {idle:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_a_task_as_soon_as_there_is_one() {
    let (board, namespace) = board(VirtualTime::new(), Limits::default());
    let (ann, bob) = (attach(&board, namespace, "ann"), attach(&board, namespace, "bob"));
    let tasks = Pattern::prefix("task:");
    let (ann, bob) = (ann.call(), bob.call());
    let waiting = ann.claim(&tasks, TTL, 50 * SECOND);
    let writing = async {
        bob.set(key("status:x"), Arc::from("no task"), DAY).unwrap();
        bob.set(key("task:1"), Arc::from("x"), DAY).unwrap();
    };
    let (claim, ()) = tokio::join!(waiting, writing);
    let claim = claimed(claim);
    assert_eq!((claim.key, board.clock().now()), (key("task:1"), Time::default()));
    let began = board.clock().now();
    let idle = bob.claim(&tasks, TTL, 2 * SECOND).await.unwrap();
    assert!(matches!(idle, Claimed::Nothing(idle) if idle.claimed == 1));
    assert_eq!(board.clock().now().since(began), 2 * SECOND);
    ann.submit(claim.token, Outcome::Retry, None).unwrap();
    let again = claimed(bob.claim(&tasks, TTL, 50 * SECOND).await);
    assert_eq!(again.attempt, 2);
    let waited = board.clock().now().since(began);
    assert!(
        waited >= 7 * SECOND && waited < 8 * SECOND,
        "the backoff is five seconds: {waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_or_leaves_claims_nothing() {
    let (board, namespace) = board(VirtualTime::new(), Limits::default());
    let bob = attach(&board, namespace, "bob");
    let tasks = Pattern::prefix("task:");
    {
        let ann = attach(&board, namespace, "ann");
        let ann = ann.call();
        let waiting = ann.claim(&tasks, TTL, 50 * SECOND);
        assert!(tokio::time::timeout(SECOND, waiting).await.is_err());
        bob.call().set(key("task:1"), Arc::from("x"), DAY).unwrap();
    }
    let claim = claimed(bob.call().claim(&tasks, TTL, Duration::ZERO).await);
    assert_eq!(claim.attempt, 1);
    let beat = bob.call().heartbeat(Some("testing")).unwrap();
    assert_eq!(beat.agents.len(), 1);
    assert_eq!((&*beat.agents[0].name, beat.agents[0].holds), ("bob", 1));
    assert_eq!(beat.agents[0].doing.as_deref(), Some("testing"));
    assert_eq!(beat.holds[0].fence, claim.token);
}
