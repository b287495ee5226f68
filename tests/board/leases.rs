//! How long leases last, and what becomes of who loses one: the table of the design row by row, and at random
//! against a model that renews tick by tick as the table says.

use std::time::Duration;

use crate::bare::{Bare, exclusive, key};
use callboard::board::{
    Action, Caller, Condition, EventKind, Expire, Extend, Limits, Op, Reason, Refusal, Revoke, Set, Time,
    Update, Wish,
};
use proptest::prelude::*;

const LOCK: &str = "lock:src";

fn board() -> Bare {
    Bare::new(Limits::default())
}

/// Returns a board and an agent that has held `src` for five minutes at a time since the clock began.
fn held() -> (Bare, Caller) {
    let mut board = board();
    let ann = board.agent("ann", 1);
    board.lock(&ann, &["src"]);
    (board, ann)
}

/// Tells that the lock stands a nanosecond before `seconds` and not at them, and why it ended.
fn ends_at(board: &mut Bare, seconds: u64) -> Option<Reason> {
    let end = Time::default().after(Duration::from_secs(seconds));
    let nano = Duration::from_nanos(1);
    board.wait(end.since(board.now).saturating_sub(nano));
    assert!(board.get(LOCK).is_some(), "it ends before {seconds} s");
    board.wait(nano);
    assert!(board.get(LOCK).is_none(), "it does not end at {seconds} s");
    board.events(LOCK).last().unwrap().reason()
}

#[test]
fn the_connection_keeps_a_lock_and_the_idle_limit_ends_what_was_forgotten() {
    let (mut board, ann) = held();
    assert_eq!(ends_at(&mut board, 900 + 300), Some(Reason::Expired));
    let [loss] = &board.losses(&ann)[..] else {
        panic!("one is lost")
    };
    assert_eq!((loss.key.as_str(), loss.reason), (LOCK, Reason::Expired));
}

#[test]
fn any_call_renews() {
    let (mut board, ann) = held();
    board.wait_seconds(1_000);
    board.call(&ann);
    assert_eq!(ends_at(&mut board, 1_000 + 1_200), Some(Reason::Expired));
}

#[test]
fn a_closed_connection_leaves_the_grace_time() {
    let (mut board, ann) = held();
    board.wait_seconds(10);
    board.depart(&ann, false);
    assert_eq!(ends_at(&mut board, 10 + 30), Some(Reason::Disconnected));
}

#[test]
fn grace_adds_nothing_to_what_is_left() {
    let mut board = board();
    let ann = board.agent("ann", 1);
    let ttl = Duration::from_secs(12);
    let wish = Wish {
        ttl,
        ..exclusive(&["src"])
    };
    board.ask(&ann, wish, false).unwrap();
    board.wait_seconds(9);
    board.depart(&ann, false);
    // It was renewed last when the second third was over.
    assert_eq!(ends_at(&mut board, 8 + 12), Some(Reason::Disconnected));
}

#[test]
fn who_is_back_in_time_goes_on_and_who_is_late_has_lost() {
    let (mut board, ann) = held();
    board.depart(&ann, false);
    board.wait_seconds(29);
    let ann = board.come_back(&ann);
    assert_eq!(board.losses(&ann), []);
    assert_eq!(ends_at(&mut board, 29 + 1_200), Some(Reason::Expired));

    let (mut board, ann) = held();
    board.depart(&ann, false);
    board.wait_seconds(30);
    let ann = board.come_back(&ann);
    assert_eq!(board.losses(&ann)[0].reason, Reason::Disconnected);
    assert!(board.get(LOCK).is_none());
}

#[test]
fn a_dead_process_keeps_nothing_also_when_it_is_noticed_later() {
    let (mut board, ann) = held();
    board.depart(&ann, true);
    assert!(board.get(LOCK).is_none());
    assert_eq!(board.losses(&ann)[0].reason, Reason::Died);

    let (mut board, ann) = held();
    board.depart(&ann, false);
    board.wait_seconds(10);
    board.depart(&ann, true);
    assert!(board.get(LOCK).is_none());
}

#[test]
fn a_release_ends_it_at_once_and_once() {
    let (mut board, ann) = held();
    assert_eq!(board.release(&ann, None), ["src"]);
    assert_eq!(board.release(&ann, None), [""; 0]);
    assert_eq!(board.losses(&ann), []);
    assert_eq!(
        board.events(LOCK),
        [EventKind::Lease, EventKind::Drop(Reason::Released)]
    );
}

#[test]
fn a_person_ends_it_at_once_if_it_is_what_was_on_the_screen() {
    let (mut board, ann) = held();
    let (person, lease) = (board.person(), board.get(LOCK).unwrap().leases()[0].clone());
    let revoke = |fence| Revoke {
        leases: vec![(key(LOCK), fence)],
    };
    assert_eq!(board.apply(&person, revoke(lease.fence.next())), Ok(0));
    assert_eq!(board.apply(&person, revoke(lease.fence)), Ok(1));
    assert!(board.get(LOCK).is_none());
    assert_eq!(board.losses(&ann)[0].reason, Reason::Person);
    assert_eq!(board.events(LOCK).last(), Some(&EventKind::Drop(Reason::Person)));

    let (mut board, ann) = held();
    let (person, rev) = (board.person(), board.get(LOCK).unwrap().rev);
    board.apply(&person, Expire { key: key(LOCK), rev }).unwrap();
    assert_eq!(board.losses(&ann)[0].reason, Reason::Person);
    assert_eq!(board.events(LOCK), [EventKind::Lease, EventKind::Expire]);
}

#[test]
fn a_person_extends_it_whatever_becomes_of_its_holder() {
    let (mut board, ann) = held();
    let (person, fence) = (board.person(), board.get(LOCK).unwrap().leases()[0].fence);
    let extend = Extend {
        key: key(LOCK),
        fence,
        by: Duration::from_secs(600),
    };
    board.apply(&person, extend).unwrap();
    board.depart(&ann, true);
    assert_eq!(ends_at(&mut board, 600), Some(Reason::Died));
}

#[test]
fn a_stall_of_the_board_is_given_back() {
    let (mut board, ann) = held();
    board.depart(&ann, false);
    board.now = board.now.after(Duration::from_secs(40));
    board.ledger.give_back(Duration::from_secs(15));
    board.sweep();
    assert_eq!(ends_at(&mut board, 30 + 15), Some(Reason::Disconnected));
}

#[test]
fn who_lost_is_told_until_it_has_it_again_or_gives_it_up() {
    for made_up in [0, 1, 2] {
        let (mut board, ann) = held();
        board.wait_seconds(1_200);
        board.call(&ann);
        let fence = board.losses(&ann)[0].fence;
        for _ in 0..3 {
            let notices = board.ledger.notices(board.now, board.namespace, &ann.presence);
            assert_eq!(notices.unwrap().lost.len(), 1);
        }
        match made_up {
            0 => drop(board.release(&ann, Some(fence))),
            1 => drop(board.lock(&ann, &["src"])),
            _ => drop(board.lock(&ann, &["."])),
        }
        assert_eq!(board.losses(&ann), []);
        assert_eq!(
            board.ledger.notices(board.now, board.namespace, &ann.presence),
            None
        );
    }
}

#[test]
fn a_stale_fence_changes_nothing() {
    let (mut board, ann) = held();
    let bob = board.agent("bob", 2);
    let stale = board.get(LOCK).unwrap().leases()[0].fence;
    let write = |fence| {
        let ops = vec![Op {
            action: Action::Set(Set::new(key("task:1"), "v".into(), Duration::from_secs(9)).unwrap()),
            condition: Condition::default(),
        }];
        Update::new(ops, Some(fence)).unwrap()
    };
    board.apply(&ann, write(stale)).unwrap();
    assert!(matches!(
        board.apply(&bob, write(stale)),
        Err(Refusal::Lost { loss: None, .. })
    ));
    board.wait_seconds(1_200);
    let current = board.lock(&bob, &["src"]).fence;
    assert!(current > stale);
    board.call(&ann);
    let rev = board.ledger.rev();
    let Err(Refusal::Lost { fence, loss, holder }) = board.apply(&ann, write(stale)) else {
        panic!("the fence is stale")
    };
    assert_eq!(
        (fence, loss.unwrap().reason, &*holder.unwrap().name),
        (stale, Reason::Expired, "bob")
    );
    assert_eq!(board.release(&ann, Some(stale)), [""; 0]);
    assert_eq!(board.release(&ann, Some(current)), [""; 0], "it is another's");
    assert_eq!((board.ledger.rev(), board.get("task:1")), (rev, None));
    board.apply(&bob, write(current)).unwrap();
}

/// A lease by the table: renewed tick by tick.
#[derive(Clone, Copy, Debug)]
struct Naive {
    ttl: u64,
    active: u64,
    ticks: u64,
    deadline: u64,
    gone: Option<u64>,
    at_least: u64,
}

const IDLE: u64 = 900_000;

impl Naive {
    fn new(ttl: u64, now: u64) -> Self {
        Self {
            ttl,
            active: now,
            ticks: 0,
            deadline: now + ttl,
            gone: None,
            at_least: 0,
        }
    }

    fn pass(&mut self, now: u64) {
        let tick = self.ttl / 3;
        loop {
            let next = (self.ticks + 1) * tick;
            let open = self.gone.is_none_or(|gone| self.active + next <= gone);
            if !open || next > IDLE || self.active + next > now {
                return;
            }
            self.ticks += 1;
            self.deadline = self.active + next + self.ttl;
        }
    }

    fn renew(&mut self, now: u64) {
        *self = Self {
            at_least: self.at_least,
            ..Self::new(self.ttl, now.max(self.active))
        };
    }

    fn stand_still(&mut self, millis: u64) {
        self.active += millis;
        self.deadline += millis;
        self.gone = self.gone.map(|gone| gone + millis);
    }

    fn end(&self) -> u64 {
        self.deadline.max(self.at_least)
    }
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    Wait(u64),
    Call,
    Close,
    Die,
    Return,
    Extend(u64),
    Stall(u64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => (0..400_000_u64).prop_map(Turn::Wait),
        4 => (0..31_000_u64).prop_map(Turn::Wait),
        3 => Just(Turn::Call),
        3 => Just(Turn::Close),
        1 => Just(Turn::Die),
        3 => Just(Turn::Return),
        1 => (0..900_000_u64).prop_map(Turn::Extend),
        1 => (0..20_000_u64).prop_map(Turn::Stall),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Never early, never late, whatever happens between.
    #[test]
    fn a_lease_lasts_as_the_table_says(
        thirds in 1..200_000_u64,
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        let mut board = board();
        let person = board.person();
        let mut ann = board.agent("ann", 1);
        let wish = Wish { ttl: Duration::from_millis(3 * thirds), ..exclusive(&["src"]) };
        let (mut now, mut naive, mut fence) = (0, None::<Naive>, None);
        for turn in turns {
            if let Turn::Wait(millis) | Turn::Stall(millis) = turn {
                now += millis;
                board.now = board.now.after(Duration::from_millis(millis));
            }
            match (turn, &mut naive) {
                (Turn::Wait(_), Some(lease)) => lease.pass(now),
                (Turn::Stall(millis), lease) => {
                    board.ledger.give_back(Duration::from_millis(millis));
                    if let Some(lease) = lease {
                        lease.stand_still(millis);
                    }
                }
                (Turn::Call, Some(lease)) if lease.gone.is_none() => {
                    board.call(&ann);
                    lease.renew(now);
                }
                (Turn::Call, None) => {
                    fence = Some(board.lock_as(&ann, &wish).fence);
                    naive = Some(Naive::new(3 * thirds, now));
                }
                (Turn::Close | Turn::Die, Some(lease)) => {
                    let died = matches!(turn, Turn::Die);
                    board.depart(&ann, died);
                    let gone = *lease.gone.get_or_insert(now);
                    lease.deadline = lease.deadline.min(if died { now } else { gone + 30_000 });
                }
                (Turn::Return, Some(lease)) if lease.gone.is_some() => {
                    ann = board.come_back(&ann);
                    lease.renew(now);
                }
                (Turn::Extend(millis), Some(lease)) => {
                    let by = Duration::from_millis(millis);
                    board.apply(&person, Extend { key: key(LOCK), fence: fence.unwrap(), by }).unwrap();
                    lease.at_least = lease.at_least.max(now + millis);
                }
                _ => {}
            }
            board.sweep();
            if let Some(lease) = naive.filter(|lease| lease.end() <= now) {
                naive = None;
                if lease.gone.is_some() {
                    ann = board.come_back(&ann);
                }
            }
            let ends = board.get(LOCK).map(|entry| entry.ends(board.now).as_nanos() / 1_000_000);
            prop_assert_eq!(ends, naive.map(|lease| lease.end()), "{:?} at {}: {:?}", turn, now, naive);
        }
    }
}
