//! Boards that go on in another process: what they take along besides what a snapshot holds.

use std::sync::Arc;
use std::time::Duration;

use crate::support::image::{Clocks, attach, board, lock, now, restore, text, text_of, try_restore};
use callboard::board::{
    Board, Introduction, Key, Mode, Namespace, Opener, Pattern, Reason, Refusal, Revision, Secret, Session,
    Target, Wish,
};

/// Waits for `target` until the patience of an agent that asks again is over.
fn ask(session: &Session, target: &str) -> Option<Revision> {
    let asked = now(session.call().acquire(wish(target), Duration::from_millis(1)));
    asked.ok().map(|grant| grant.fence)
}

fn wish(target: &str) -> Wish {
    Wish {
        targets: Arc::from([Target::path(target)]),
        mode: Mode::Exclusive,
        why: None,
        ttl: Duration::from_secs(300),
    }
}

fn handed(board: &Board) -> String {
    text_of(&board.image_to_hand_over().unwrap())
}

fn set(session: &Session, key: &str) {
    let written = session
        .call()
        .set(Key::parse(key).unwrap(), Arc::from("v"), Duration::from_secs(60));
    written.unwrap();
}

fn keys(board: &Board, since: Revision) -> Result<Vec<String>, Revision> {
    let namespace = board.open(&Namespace::default()).unwrap();
    let told = board.events_after(namespace, since, &Pattern::all(), 100);
    told.map(|(events, _)| events.iter().map(|event| event.key.to_string()).collect())
        .map_err(|compacted| compacted.oldest)
}

#[test]
fn who_waited_first_is_still_served_first() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (holder, first, second) = (
        attach(&before, "h"),
        attach(&before, "one"),
        attach(&before, "two"),
    );
    lock(&holder, "src", Mode::Exclusive).unwrap();
    assert_eq!((ask(&first, "src"), ask(&second, "src")), (None, None));

    let clock = clock.later(1);
    let after = restore(&handed(&before), &clock);
    let (holder, second, first) = (attach(&after, "h"), attach(&after, "two"), attach(&after, "one"));
    // They ask again in another order, and nobody who comes now gets in between.
    let late = attach(&after, "late");
    assert_eq!((ask(&late, "src"), ask(&second, "src")), (None, None));
    assert_eq!(ask(&first, "src"), None);
    let waiting = after.waiters(holder.namespace());
    let names: Vec<_> = waiting.iter().map(|(waiter, _)| &*waiter.owner().name).collect();
    assert_eq!(names, ["one", "two", "late"]);
}

#[test]
fn what_is_granted_in_a_place_that_was_handed_over_hangs_on_its_holder_s_life() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (holder, waiter) = (attach(&before, "h"), attach(&before, "w"));
    lock(&holder, "src", Mode::Exclusive).unwrap();
    assert_eq!(ask(&waiter, "src"), None);

    let clock = clock.later(1);
    let after = restore(&handed(&before), &clock);
    let (holder, waiter, rival) = (attach(&after, "h"), attach(&after, "w"), attach(&after, "r"));
    let granted = now(async {
        let call = waiter.call();
        let asked = call.acquire(wish("src"), Duration::from_secs(5));
        let released = async { holder.call().release(None).unwrap() };
        tokio::join!(asked, released).0
    });
    let fence = granted.unwrap().fence;
    // It works on for longer than it could be silent, and keeps what it was granted.
    for _ in 0..20 {
        clock.count.advance(Duration::from_secs(100));
        waiter.call().note("heartbeat").unwrap();
        assert_eq!(lock(&waiter, "src", Mode::Exclusive).unwrap().fence, fence);
        after.sweep().unwrap();
    }
    // And when its process is gone, nothing is kept for it.
    let tether = waiter.tether();
    drop(waiter);
    tether.snapped();
    assert!(lock(&rival, "src", Mode::Exclusive).is_ok());
}

/// Goes on with `board` in another process, a second later.
fn hand_on(board: &Board, clock: &Clocks) -> (Board, Clocks) {
    let clock = clock.later(1);
    (restore(&handed(board), &clock), clock)
}

fn is_locked(board: &Board, target: &str) -> bool {
    board.sweep().unwrap();
    let main = board.open(&Namespace::default()).unwrap();
    let key = Key::parse(&format!("lock:{target}")).unwrap();
    board.get(main, &key).is_some()
}

#[test]
fn who_is_gone_has_the_grace_time_once_however_often_the_board_changes_hands() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (gone, there) = (attach(&before, "gone"), attach(&before, "there"));
    lock(&gone, "src", Mode::Exclusive).unwrap();
    lock(&there, "docs", Mode::Exclusive).unwrap();
    assert_eq!(ask(&gone, "docs"), None, "its place is kept as long");
    drop(gone);
    let (mut board, mut clock) = (before, clock);
    for _ in 0..2 {
        clock.count.advance(Duration::from_secs(13));
        (board, clock) = hand_on(&board, &clock);
    }
    // Twice thirteen seconds and twice one, and there is one more.
    clock.count.advance(Duration::from_secs(1));
    assert!(is_locked(&board, "src") && is_locked(&board, "docs"));
    let main = board.open(&Namespace::default()).unwrap();
    assert_eq!(board.waiters(main).len(), 1);
    clock.count.advance(Duration::from_secs(1));
    assert!(!is_locked(&board, "src"));
    assert_eq!(board.waiters(main).len(), 0);
    let losses = board.losses(main, &attach(&board, "gone").owner());
    assert_eq!(losses[0].reason, Reason::Disconnected);
    // Who was there is gone since the first change of hands.
    clock.count.advance(Duration::from_secs(12));
    assert!(is_locked(&board, "docs"));
    clock.count.advance(Duration::from_secs(1));
    assert!(!is_locked(&board, "docs"));
}

#[test]
fn a_change_of_hands_is_no_sign_of_life() {
    let clock = Clocks::at(1_000);
    let (mut board, mut clock) = (board(&clock), clock);
    let mut agent = attach(&board, "a");
    let fence = lock(&agent, "src", Mode::Exclusive).unwrap().fence;
    // It is there all the time, and says nothing for as long as it may, and then for as long as its lock lasts.
    for _ in 0..3 {
        clock.count.advance(Duration::from_secs(398));
        drop(agent);
        (board, clock) = hand_on(&board, &clock);
        agent = attach(&board, "a");
        assert!(is_locked(&board, "src"));
    }
    clock.count.advance(Duration::from_secs(3));
    assert!(!is_locked(&board, "src"), "fifteen minutes and its five");
    assert_eq!(board.losses(agent.namespace(), &agent.owner())[0].fence, fence);
}

#[test]
fn the_name_of_one_who_left_long_ago_is_free_and_that_of_one_who_was_there_is_not() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    drop(attach(&before, "long-gone"));
    let _there = attach(&before, "there");
    clock.count.advance(Duration::from_secs(31));
    for written in [handed(&before), text(&before)] {
        let clock = clock.later(1);
        let after = restore(&written, &clock);
        let called = |name: &str| {
            let introduction = Introduction {
                name: Some(name.to_owned()),
                ..Introduction::default()
            };
            let namespace = after.open(&Namespace::default()).unwrap();
            after.attach(namespace, introduction).owner().name.to_string()
        };
        assert_eq!(called("long-gone"), "long-gone");
        assert_eq!(called("there"), "there-2");
    }
}

#[test]
fn a_watcher_misses_nothing_and_is_not_told_that_it_might() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    set(&agent, "task:1");
    let seen = before.rev();
    set(&agent, "task:2");
    let clock = clock.later(1);
    let after = restore(&handed(&before), &clock);
    assert_eq!(keys(&after, seen), Ok(vec!["task:2".to_owned()]));
    assert_eq!(keys(&after, before.rev()), Ok(vec![]));
    set(&attach(&after, "a"), "task:3");
    assert_eq!(keys(&after, seen).unwrap(), ["task:2", "task:3"]);
    // What is only saved does not pretend to know.
    let saved = restore(&text(&before), &clock);
    assert!(keys(&saved, seen).is_err());
}

#[test]
fn what_runs_out_while_the_board_changes_hands_ends_with_an_event() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    set(&agent, "task:1");
    let seen = before.rev();
    clock.count.advance(Duration::from_secs(61));
    let after = restore(&handed(&before), &clock.later(1));
    assert_eq!(keys(&after, seen), Ok(vec!["task:1".to_owned()]));
    assert_eq!(
        after.rev(),
        Revision(seen.0 + 2),
        "the end, and the beginning of the next process"
    );
}

#[test]
fn what_cannot_have_happened_is_refused() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (holder, waiter) = (attach(&before, "h"), attach(&before, "w"));
    lock(&holder, "src", Mode::Exclusive).unwrap();
    ask(&waiter, "src");
    set(&holder, "task:1");
    let good = handed(&before);
    assert!(try_restore(good.as_bytes(), &clock, 0).is_ok());
    for (from, to) in [
        (
            r#"{"history":{"namespace":"main","after":0}}"#,
            r#"{"history":{"namespace":"main","after":9}}"#,
        ),
        (
            r#"{"event":{"namespace":"main","rev":2"#,
            r#"{"event":{"namespace":"main","rev":3"#,
        ),
        (r#""kind":"lease""#, r#""kind":"borrow""#),
        (r#""targets":["src"]"#, r#""target":["src"]"#),
    ] {
        assert!(good.contains(from), "{from} is not in {good}");
        let told = try_restore(good.replacen(from, to, 1).as_bytes(), &clock, 0);
        assert!(told.is_err(), "{to}");
    }
}

#[test]
fn no_more_wait_than_a_queue_may_hold() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (holder, waiter) = (attach(&before, "h"), attach(&before, "w"));
    lock(&holder, "src", Mode::Exclusive).unwrap();
    ask(&waiter, "src");
    let good = handed(&before);
    let place = good.lines().find(|line| line.starts_with(r#"{"place""#)).unwrap();
    let many = good.replacen(place, &[place; 1_001].join("\n"), 1);
    let told = try_restore(many.as_bytes(), &clock, 0).unwrap_err().to_string();
    let refusal = Refusal::Full {
        which: "waiters",
        limit: 1_000,
    };
    assert!(told.contains(&refusal.to_string()), "{told}");
}

/// Attaches a bridge of the client's process 7.
fn bridge(board: &Board, secret: &str) -> Session {
    let introduction = Introduction {
        name: Some("codex".to_owned()),
        ppid: Some(7),
        ..Introduction::default()
    };
    let namespace = board.open(&Namespace::default()).unwrap();
    board.resume(namespace, introduction, Some(Secret::from(secret)))
}

#[test]
fn an_agent_is_the_same_over_another_bridge_of_its_client_after_the_change_of_hands() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (first, second) = (bridge(&before, "s1"), bridge(&before, "s2"));
    let thread = second.call_in_client("codex-B").unwrap().owner().clone();
    let own = Wish {
        targets: Arc::from([Target::path("b.rs")]),
        mode: Mode::Exclusive,
        why: None,
        ttl: Duration::from_secs(300),
    };
    now(second.call_as("codex-B").unwrap().acquire(own, Duration::ZERO)).unwrap();
    second.call_of(&thread, "bob").unwrap();
    drop(first);

    let clock = clock.later(1);
    for (text, aliases) in [
        (handed(&before), vec![Arc::from("bob")]),
        // What an agent calls itself is not saved, what it holds is.
        (text(&before), vec![]),
    ] {
        let after = restore(&text, &clock);
        let (second, first) = (bridge(&after, "s2"), bridge(&after, "s1"));
        let found = first.call_in_client("codex-B").unwrap();
        assert_eq!(*found.owner(), thread);
        assert_eq!(after.holds(first.namespace(), found.owner()).len(), 1);
        assert_eq!(second.aliases("codex-B"), aliases);
        assert!(second.named().contains(&thread.name), "who is stopped is found");
    }
}

#[test]
fn who_wrote_a_raw_lock_takes_nobody_s_name_along() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let (writer, named) = (attach(&before, "writer"), attach(&before, "impl-1"));
    let lock = Key::parse("lock:a.rs").unwrap();
    let value = Arc::from(r#"{"lockedBy":"impl-1"}"#);
    writer.call().set(lock, value, Duration::from_secs(60)).unwrap();
    drop(named);
    let after = restore(&handed(&before), &clock.later(1));
    assert_eq!(&*attach(&after, "impl-1").owner().name, "impl-1");
}

#[test]
fn who_may_still_come_is_awaited_for_the_grace_time_whoever_opened_its_session() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let first = bridge(&before, "s1");
    let namespace = first.namespace();
    let awaits = |board: &Board, processes: &[u32]| {
        let program = None;
        board.awaits(namespace, Opener { processes, program })
    };
    assert!(!awaits(&before, &[7]), "it is here");
    let text = handed(&before);
    drop(first);
    assert!(awaits(&before, &[7]) && !awaits(&before, &[8]));

    let clock = clock.later(1);
    let after = restore(&text, &clock);
    assert!(awaits(&after, &[7]) && awaits(&after, &[8]), "nobody knows yet");
    assert!(!awaits(&after, &[]), "a person's command");
    let _first = bridge(&after, "s1");
    assert!(!awaits(&after, &[7]) && !awaits(&after, &[8]));
    let late = restore(&text, &clock);
    clock.count.advance(Duration::from_secs(30));
    assert!(!awaits(&late, &[7]));
}

#[test]
fn all_that_a_board_serves_at_a_time_have_what_they_held_after_the_change_of_hands() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let sessions: Vec<_> = (0..1_024)
        .map(|number| attach(&before, &format!("a{number}")))
        .collect();
    for (number, session) in sessions.iter().enumerate() {
        lock(session, &format!("f/{number}"), Mode::Exclusive).unwrap();
    }
    // Nobody is connected any more when the board goes.
    drop(sessions);
    let after = restore(&handed(&before), &clock.later(1));
    drop(attach(&after, "first"));
    let holds = |number: &usize| {
        let back = attach(&after, &format!("a{number}"));
        after.holds(back.namespace(), &back.owner()).len() == 1
    };
    assert_eq!((0..1_024).filter(holds).count(), 1_024);
}
