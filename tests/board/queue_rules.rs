//! The queue in scenes that can be read: who is refused and why, whose place is kept, what there is room for.
//! At large it is tested in `board_queue`.

use std::time::Duration;

use crate::bare::{Bare, exclusive, shared};
use callboard::board::{Acquired, Caller, Limits, Mode, Refusal, Target, Ticket, Withdraw};

const MINE: &str = r#"{"taskId":"3.1"}"#;

#[test]
fn locks_are_counted_by_holds() {
    let mut board = Bare::new(Limits {
        locks: 3,
        ..Limits::default()
    });
    let [ann, bob, cid] =
        [("ann", 1), ("bob", 2), ("cid", 3)].map(|(name, session)| board.agent(name, session));
    board.lock_as(&ann, &shared(&["a"]));
    board.lock_as(&bob, &shared(&["a"]));
    let refusal = Refusal::Full {
        which: "locks",
        limit: 3,
    };
    let full = Err(refusal.clone());
    assert_eq!(board.ask(&cid, exclusive(&["b", "c"]), true), full);
    assert_eq!(board.ask(&cid, shared(&["a", "b"]), false), full);
    board.set(&ann, "lock:b", MINE, 60).unwrap();
    assert_eq!(board.ask(&cid, shared(&["a"]), false), full);
    assert_eq!(board.set(&ann, "lock:c", MINE, 60).unwrap_err(), refusal);
    board.release(&bob, None);
    board.lock(&ann, &["a"]);
}

#[test]
fn who_waits_for_nothing_but_room_is_served_when_there_is_some() {
    let mut board = Bare::new(Limits {
        keys: 3,
        ..Limits::default()
    });
    let [ann, bob, cid] =
        [("ann", 1), ("bob", 2), ("cid", 3)].map(|(name, session)| board.agent(name, session));
    board.lock(&ann, &["a"]);
    board.queue(&bob, &["a", "b"]);
    board.queue(&cid, &["a"]);
    board.set(&cid, "task:1", "v", 60).unwrap();
    board.set(&cid, "task:2", "v", 600).unwrap();
    board.release(&ann, None);
    assert_eq!(
        board.served_names(),
        [""; 0],
        "bob finds no room, and cid stands behind bob"
    );
    assert_eq!(board.ledger.waiters(board.now, board.namespace)[0].1, []);
    let ticket = board.ledger.queue(board.namespace).next().unwrap().ticket;
    board.wait_seconds(60);
    assert_eq!(
        (board.served_names(), board.served[0].ticket),
        (vec!["bob".to_owned()], ticket)
    );
    board.release(&bob, None);
    assert_eq!(board.served_names(), ["bob", "cid"]);
}

#[test]
fn a_thousand_wait_and_no_more() {
    let mut board = Bare::new(Limits::default());
    let ann = board.agent("ann", 1);
    board.lock(&ann, &["."]);
    let mut tickets: Vec<Ticket> = Vec::new();
    for number in 0..1_000 {
        let agent = board.agent("agent", 2 + number);
        tickets.push(board.queue(&agent, &["a"]));
    }
    let late = board.agent("late", 5_000);
    let full = Refusal::Full {
        which: "waiters",
        limit: 1_000,
    };
    assert_eq!(board.ask(&late, exclusive(&["a"]), true), Err(full));
    assert!(
        matches!(board.ask(&late, exclusive(&["a"]), false), Err(Refusal::Held(held)) if held.position == 1_001)
    );
    board.ask(&late, exclusive(&["port:1"]), true).unwrap();
    let first = board.agent("agent", 2);
    let withdraw = |keep| Withdraw {
        ticket: tickets[0],
        keep,
    };
    assert!(board.apply(&first, withdraw(true)).unwrap().is_some());
    assert!(
        board.ask(&late, exclusive(&["a"]), true).is_err(),
        "a kept place is a place"
    );
    board.wait_seconds(30);
    board.ask(&late, exclusive(&["a"]), true).unwrap();
}

#[test]
fn a_kept_place_is_taken_again_and_forgotten_after_half_a_minute() {
    let (mut board, [ann, bob, cid]) = Bare::with_three();
    board.lock(&ann, &["a"]);
    let place = board.queue(&bob, &["a"]);
    board.queue(&cid, &["a"]);
    let withdraw = Withdraw {
        ticket: place,
        keep: true,
    };
    let Ok(Some(Refusal::Held(held))) = board.apply(&bob, withdraw) else {
        panic!("it is held")
    };
    assert_eq!((&*held.holder.name, held.position), ("ann", 1));
    board.wait_seconds(29);
    assert_eq!(board.queue(&bob, &["a"]), place);
    board
        .apply(
            &bob,
            Withdraw {
                ticket: place,
                keep: true,
            },
        )
        .unwrap();
    board.wait_seconds(30);
    assert_ne!(board.queue(&bob, &["a"]), place);
    board.release(&ann, None);
    assert_eq!(
        board.served_names(),
        ["cid"],
        "bob came too late for the old place"
    );
}

#[test]
fn who_is_in_the_way_is_told_that_others_wait() {
    let (mut board, [ann, bob, cid]) = Bare::with_three();
    board.lock(&ann, &["src"]);
    let wanted = |board: &Bare, agent: &Caller| {
        let notices = board.ledger.notices(board.now, board.namespace, &agent.presence);
        let wanted = notices.map(|notices| notices.wanted).unwrap_or_default();
        wanted
            .iter()
            .map(|one| one.by.name.to_string())
            .collect::<Vec<_>>()
    };
    board.queue(&bob, &["src/a"]);
    board.wait_seconds(1);
    board.queue(&cid, &["src/a"]);
    assert_eq!(wanted(&board, &ann), ["bob", "cid"]);
    assert_eq!(wanted(&board, &bob), [""; 0], "bob holds nothing");
    board.release(&ann, None);
    assert_eq!(wanted(&board, &ann), [""; 0]);
    assert_eq!(wanted(&board, &bob), ["cid"]);
}

#[test]
fn a_circle_names_what_stands_in_it() {
    let (mut board, [ann, bob, cid]) = Bare::with_three();
    board.lock(&ann, &["a", "x"]);
    board.lock(&bob, &["b", "y"]);
    board.lock(&cid, &["c"]);
    board.queue(&ann, &["b/1"]);
    board.queue(&bob, &["c"]);
    let Err(Refusal::Deadlock(circle)) = board.ask(&cid, exclusive(&["a"]), true) else {
        panic!("it would never end")
    };
    let text = |targets: &[Target]| targets.iter().map(ToString::to_string).collect::<Vec<_>>();
    let stuck: Vec<_> = circle
        .0
        .iter()
        .map(|one| (one.owner.name.to_string(), text(&one.holds), text(&one.wants)))
        .collect();
    let expected = [("cid", "c", "a"), ("ann", "a", "b/1"), ("bob", "b", "c")];
    let expected =
        expected.map(|(who, holds, wants)| (who.to_owned(), vec![holds.to_owned()], vec![wants.to_owned()]));
    assert_eq!(stuck, expected);
    assert!(matches!(
        board.ask(&cid, exclusive(&["a"]), false),
        Err(Refusal::Held(_))
    ));
    board.release(&cid, None);
    assert_eq!(board.served_names(), ["bob"]);
}

#[test]
fn a_lock_that_is_held_as_strongly_is_answered_again() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    let grant = board.lock(&ann, &["src", "docs"]);
    board.queue(&bob, &["src/a"]);
    for wish in [exclusive(&["src/a", "docs/b"]), shared(&["docs"])] {
        let again = board.lock_as(&ann, &wish);
        assert_eq!(
            (again.fence, again.remaining),
            (grant.fence, Duration::from_secs(300))
        );
    }
    let weak = board.lock_as(&ann, &shared(&["tests"]));
    let strong = board.lock(&ann, &["tests"]);
    assert_ne!(weak.fence, strong.fence);
    let modes: Vec<_> = board
        .get("lock:tests")
        .unwrap()
        .leases()
        .iter()
        .map(|lease| lease.mode)
        .collect();
    assert_eq!(modes, [Mode::Shared, Mode::Exclusive]);
    assert!(matches!(
        board.ask(&ann, shared(&["src"]), true),
        Ok(Acquired::Granted(_))
    ));
}
