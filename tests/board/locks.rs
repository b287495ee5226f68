//! Locks of both kinds side by side, those that agents ask for and those that they write, and in whose way they
//! are. The queue is tested in `board_queue_rules` and `board_queue`.

use std::sync::Arc;
use std::time::Duration;

use crate::bare::{Bare, exclusive, key, shared};
use callboard::board::{
    Action, Condition, Delete, EventKind, Extend, Grant, Limits, Op, Reason, Refusal, Revision, Set, Term,
    Update,
};

const MINE: &str = r#"{"taskId":"3.1"}"#;
const RELEASED: &str = r#"{"released":true}"#;

fn holder(refusal: Refusal) -> String {
    match refusal {
        Refusal::Leased { holder, .. } => holder.name.to_string(),
        Refusal::Held(held) => held.holder.name.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_raw_lock_keeps_its_time_to_live_to_the_letter() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    board.set(&ann, "lock:a", MINE, 60).unwrap();
    for _ in 0..59 {
        board.wait_seconds(1);
        board.call(&ann);
        assert_eq!(holder(board.set(&bob, "lock:a", MINE, 60).unwrap_err()), "ann");
    }
    board.wait_seconds(1);
    assert_eq!(board.get("lock:a"), None);
    assert_eq!(board.events("lock:a"), [EventKind::Set, EventKind::Expire]);
    assert_eq!(board.losses(&ann)[0].reason, Reason::Expired);

    board.set(&ann, "lock:a", MINE, 80_000).unwrap();
    board.wait_seconds(79_999);
    assert_eq!(board.holders("lock:a"), ["ann"], "silence does not end it");
}

#[test]
fn a_raw_lock_is_given_back_by_any_session_of_its_name_at_once_and_by_nobody_else() {
    let mut board = Bare::new(Limits::default());
    let (first, second) = (board.agent("python-1", 1), board.agent("python-2", 2));
    let (again, rival) = (board.agent("impl-1", 3), board.agent("impl-2", 4));
    let named = r#"{"lockedBy":"impl-1"}"#;
    board.set(&first, "lock:a", named, 600).unwrap();
    assert_eq!(
        holder(board.set(&rival, "lock:a", RELEASED, 9).unwrap_err()),
        "impl-1"
    );
    assert_eq!(
        holder(board.set(&second, "lock:a", RELEASED, 9).unwrap_err()),
        "impl-1"
    );
    board.set(&again, "lock:a", RELEASED, 9).unwrap();
    assert_eq!(board.get("lock:a"), None);

    // A session for every call: the next one is called otherwise, and of the same program.
    board.set(&first, "lock:a", named, 600).unwrap();
    board.depart(&first, false);
    assert_eq!(
        holder(board.set(&rival, "lock:a", RELEASED, 9).unwrap_err()),
        "impl-1"
    );
    board.set(&second, "lock:a", RELEASED, 9).unwrap();
    assert_eq!(board.get("lock:a"), None);
}

#[test]
fn a_raw_lock_whose_session_is_gone_for_the_grace_time_is_for_anyone_to_release_or_take() {
    let (mut board, [ann, bob, cid]) = Bare::with_three();
    for (key, died) in [("lock:a", false), ("lock:b", true)] {
        let ann = board.come_back(&ann);
        board.set(&ann, key, MINE, 600).unwrap();
        board.depart(&ann, died);
        board.wait(Duration::from_millis(29_999));
        assert_eq!(holder(board.set(&bob, key, MINE, 9).unwrap_err()), "ann");
        assert!(
            board
                .apply(
                    &bob,
                    Delete {
                        key: crate::bare::key(key)
                    }
                )
                .is_err()
        );
        board.wait(Duration::from_millis(1));
        assert!(board.events(key).last().unwrap().reason().is_some());
        let left = board.get(key).unwrap();
        assert_eq!(
            (&*left.value, left.leases().len()),
            (MINE, 0),
            "the entry keeps its time to live"
        );
    }
    board.set(&bob, "lock:a", MINE, 9).unwrap();
    assert_eq!(board.holders("lock:a"), ["bob"]);
    assert!(board.apply(&cid, Delete { key: key("lock:b") }).unwrap());
    assert_eq!(board.get("lock:b"), None);
}

#[test]
fn a_lock_that_was_left_behind_is_taken_over_by_one_that_is_asked_for() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    board.set(&ann, "lock:a", MINE, 600).unwrap();
    board.depart(&ann, false);
    let ticket = board.queue(&bob, &["a"]);
    board.wait_seconds(30);
    assert_eq!(
        (board.served_names(), board.served[0].ticket),
        (vec!["bob".to_owned()], ticket)
    );
    assert_eq!(&*board.get("lock:a").unwrap().value, r#"{"lockedBy":"bob"}"#);
    board.release(&bob, None);
    assert_eq!(
        board.get("lock:a"),
        None,
        "nothing is left of the old time to live"
    );
}

#[test]
fn both_kinds_are_in_each_others_way_above_and_below() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    board.set(&ann, "lock:src/a", MINE, 600).unwrap();
    for target in ["src", "src/a", "src/a/x.rs", "."] {
        let refused = board.ask(&bob, exclusive(&[target]), false).unwrap_err();
        assert_eq!(holder(refused), "ann", "{target}");
        assert!(board.ask(&bob, shared(&[target]), false).is_err(), "{target}");
    }
    board.lock(&bob, &["docs"]);
    for raw in [
        "lock:docs",
        "lock:docs/",
        "lock:docs/a.md",
        "lock:./docs",
        "lock:.",
    ] {
        let refused = board.set(&ann, raw, MINE, 600).unwrap_err();
        assert_eq!(holder(refused), "bob", "{raw}");
    }
    board.set(&bob, "lock:docs/a.md", MINE, 600).unwrap();
    board.set(&ann, "lock:docs-old", MINE, 600).unwrap();
    board.set(&ann, "lock:docs:a", MINE, 600).unwrap();
}

#[test]
fn a_raw_lock_waits_its_turn_but_its_holder_may_renew_it() {
    let (mut board, [ann, bob, cid]) = Bare::with_three();
    board.set(&ann, "lock:src/a", MINE, 60).unwrap();
    board.queue(&bob, &["src"]);
    let refused = board.set(&cid, "lock:src/b", MINE, 60).unwrap_err();
    assert_eq!(holder(refused), "bob", "it came first");
    board.wait_seconds(30);
    board.set(&ann, "lock:src/a", MINE, 60).unwrap();
    board.set(&ann, "lock:src/b", MINE, 10).unwrap();
    board.wait_seconds(59);
    assert_eq!(board.served_names(), [""; 0]);
    board.wait_seconds(1);
    assert_eq!(board.served_names(), ["bob"]);
}

#[test]
fn a_raw_lock_that_has_run_out_holds_nobody_up_before_it_is_swept() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    board.set(&ann, "lock:src", MINE, 60).unwrap();
    board.set(&ann, "lock:src/a", MINE, 600).unwrap();
    board.now = board.now.after(Duration::from_secs(60));
    board.lock(&bob, &["src/b"]);
    assert_eq!(
        holder(board.ask(&bob, exclusive(&["src"]), false).unwrap_err()),
        "ann"
    );
    board.release(&bob, None);
    board.lock(&ann, &["src"]);
    assert_eq!(
        board.events("lock:src"),
        [EventKind::Set, EventKind::Expire, EventKind::Lease]
    );
}

#[test]
fn an_owner_of_both_kinds_has_each_for_as_long_as_it_says() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    let raw = board.set(&ann, "lock:a", MINE, 600).unwrap();
    let grant = board.lock(&ann, &["a"]);
    assert_eq!(
        (grant.fence, grant.remaining),
        (raw, Duration::from_secs(600)),
        "it has it already"
    );
    let both = board.lock(&ann, &["a", "b"]);
    assert_ne!(both.fence, raw);
    assert_eq!(board.release(&ann, Some(both.fence)), ["a", "b"]);
    assert_eq!(board.holders("lock:a"), ["ann"]);
    assert_eq!(
        board.get("lock:a").unwrap().ends(board.now),
        board.now.after(Duration::from_secs(600))
    );

    board.lock(&ann, &["a", "b"]);
    assert_eq!(board.release(&ann, Some(raw)), ["a"]);
    board.wait_seconds(700);
    assert_eq!(board.holders("lock:a"), ["ann"]);
    assert_eq!(board.release(&ann, None), ["a", "b"]);
    assert_eq!(board.get("lock:a"), None);

    let raw = board.set(&ann, "lock:a", MINE, 60).unwrap();
    board.lock(&ann, &["a", "b"]);
    board.wait_seconds(60);
    let left: Vec<_> = board
        .get("lock:a")
        .unwrap()
        .leases()
        .iter()
        .map(|lease| lease.term)
        .collect();
    assert_eq!(
        left,
        [Term::Renewed(Duration::from_secs(300))],
        "the raw one has run out"
    );
    assert_eq!(
        board
            .losses(&ann)
            .iter()
            .map(|loss| loss.fence)
            .collect::<Vec<_>>(),
        [raw]
    );
    assert!(board.ask(&bob, exclusive(&["a"]), false).is_err());
}

#[test]
fn a_shared_lock_is_not_for_one_of_its_holders_to_delete_or_write() {
    let (mut board, [ann, bob, cid]) = Bare::with_three();
    board.lock_as(&ann, &shared(&["src"]));
    board.lock_as(&bob, &shared(&["src"]));
    assert_eq!(
        &*board.get("lock:src").unwrap().value,
        r#"{"lockedBy":"ann, bob","mode":"shared"}"#
    );
    let delete = || Delete { key: key("lock:src") };
    assert!(board.apply(&ann, delete()).is_err());
    assert!(board.set(&ann, "lock:src", RELEASED, 9).is_err());
    assert!(board.set(&cid, "lock:src", MINE, 9).is_err());
    assert!(board.set(&cid, "lock:src/a", MINE, 9).is_err());
    assert_eq!(board.release(&bob, None), ["src"]);
    assert_eq!(
        &*board.get("lock:src").unwrap().value,
        r#"{"lockedBy":"ann","mode":"shared"}"#
    );
    assert!(board.apply(&ann, delete()).unwrap());
    board.set(&cid, "lock:src", MINE, 9).unwrap();
}

#[test]
fn a_batch_locks_for_several_agents_of_a_session_but_nothing_for_two() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    let lock = |key: &str, name: &str| Op {
        action: Action::Set(
            Set::new(
                crate::bare::key(key),
                Arc::from(format!(r#"{{"lockedBy":"{name}"}}"#)),
                Duration::from_secs(60),
            )
            .unwrap(),
        ),
        condition: Condition::default(),
    };
    let batch = |ops: Vec<Op>| Update::new(ops, None).unwrap();
    for other in ["lock:src/a", "lock:src/", "lock:."] {
        let refused = board.apply(&ann, batch(vec![lock("lock:src", "x"), lock(other, "y")]));
        assert!(
            matches!(refused, Err(Refusal::Invalid { field: "ops", .. })),
            "{other}"
        );
    }
    assert_eq!(board.ledger.rev(), Revision::ZERO);
    board
        .apply(&ann, batch(vec![lock("lock:src", "x"), lock("lock:docs", "y")]))
        .unwrap();
    assert_eq!(
        (board.holders("lock:src"), board.holders("lock:docs")),
        (vec!["x".into()], vec!["y".into()])
    );
    board.lock(&bob, &["tests"]);
    let rev = board.ledger.rev();
    let refused = board.apply(
        &ann,
        batch(vec![lock("lock:etc", "x"), lock("lock:tests/a", "y")]),
    );
    assert_eq!(
        (holder(refused.unwrap_err()), board.ledger.rev()),
        ("bob".to_owned(), rev)
    );
    assert_eq!(board.get("lock:etc"), None);
}

#[test]
fn names_in_locks_leave_nothing_behind() {
    let (mut board, [ann, ..]) = Bare::with_three();
    for number in 0..100 {
        let value = format!(r#"{{"lockedBy":"sub-{number}"}}"#);
        board.set(&ann, "lock:a", &value, 60).unwrap();
        let released = format!(r#"{{"lockedBy":"sub-{number}","released":true}}"#);
        board.set(&ann, "lock:a", &released, 60).unwrap();
    }
    let all = format!("{:?}", board.ledger);
    let (holdings, _) = all.split_once("history").unwrap();
    assert!(
        holdings.contains("ann") && !holdings.contains("sub-"),
        "{holdings}"
    );
}

#[test]
fn who_has_left_takes_nothing_any_more() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    board.lock(&bob, &["b"]);
    board.depart(&ann, false);
    for (wish, wait) in [("a", false), ("b", true)] {
        let refused = board.ask(&ann, exclusive(&[wish]), wait);
        assert!(matches!(refused, Err(Refusal::NotFound { .. })), "{refused:?}");
    }
    assert!(board.set(&ann, "lock:a", MINE, 9).is_err());
    assert_eq!(board.ledger.queue(board.namespace).count(), 0);
    let ann = board.come_back(&ann);
    board.lock(&ann, &["a"]);
}

#[test]
fn a_long_path_is_locked_by_its_hash() {
    let (mut board, [ann, bob, _]) = Bare::with_three();
    let long = format!("src/{}/x.rs", "long".repeat(100));
    let held = |grant: Grant| grant.targets[0].key();
    let hashed = held(board.lock(&ann, &[&long]));
    assert!(hashed.as_str().starts_with("lock:%23"), "{hashed}");
    for target in [&*long, "src", "."] {
        assert!(board.ask(&bob, exclusive(&[target]), false).is_err(), "{target}");
    }
    assert!(board.set(&bob, hashed.as_str(), MINE, 60).is_err());
    assert!(board.set(&bob, "lock:src", MINE, 60).is_err());
    let entry = board.get(hashed.as_str()).unwrap();
    assert!(entry.value.contains(&long));
    assert_eq!(board.release(&ann, None), std::slice::from_ref(&long));
    board.lock(&bob, &["src"]);
    assert!(board.ask(&ann, exclusive(&[&long]), false).is_err());
}

#[test]
fn a_person_who_extends_a_raw_lock_extends_its_entry() {
    let (mut board, [ann, ..]) = Bare::with_three();
    let fence = board.set(&ann, "lock:a", MINE, 60).unwrap();
    let person = board.person();
    let extend = Extend {
        key: key("lock:a"),
        fence,
        by: Duration::from_secs(600),
    };
    board.apply(&person, extend).unwrap();
    board.depart(&ann, false);
    board.wait_seconds(599);
    assert_eq!(board.holders("lock:a"), ["ann"]);
    board.wait_seconds(1);
    assert_eq!(board.get("lock:a"), None);
}
