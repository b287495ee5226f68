//! Boards written down and read again: nothing is lost but time, nothing wrong is read, and who held something
//! has the grace time to come back.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use crate::support::image::{Clocks, attach, board, lock, now, records, restore, text, try_restore};
use crate::support::life::{live, steps};
use callboard::board::{
    Action, CallId, Clock, Compacted, Condition, EventKind, Key, Limits, Mode, Namespace, Op, Pattern,
    Reason, Record, Refusal, Revision, RevisionFile, Secret, Session, Time,
};
use callboard::snapshot;
use proptest::prelude::*;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Returns `records` without the difference between those who are there and those who may be back.
fn whoever_is_there(mut records: Vec<Record>) -> Vec<Record> {
    for record in &mut records {
        if let Record::Session(session) = record {
            session.gone_ms = None;
        }
    }
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// I1, I3, I12: what was is there again, and revisions go on above it.
    #[test]
    fn a_board_that_was_written_down_is_the_same_but_for_who_is_there(steps in steps()) {
        let clock = Clocks::at(1_000_000);
        let (before, _agents) = live(steps, &clock);
        let written = text(&before);
        let after = restore(&written, &clock);
        prop_assert_eq!(whoever_is_there(records(&before)), whoever_is_there(records(&after)));
        prop_assert!(after.rev() > before.rev());
        prop_assert_eq!(text(&after).lines().count(), written.lines().count());
    }

    #[test]
    fn a_torn_snapshot_makes_no_board(steps in steps(), cut in any::<prop::sample::Index>()) {
        let clock = Clocks::at(1_000_000);
        let (before, _agents) = live(steps, &clock);
        let written = text(&before).into_bytes();
        let whole = written.len();
        prop_assert!(try_restore(&written[..cut.index(whole)], &clock, 0).is_err());
    }

    #[test]
    fn whatever_the_bytes_are_nothing_panics(
        steps in steps(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let clock = Clocks::at(1_000_000);
        let _may_be_refused = try_restore(&noise, &clock, 0);
        let (before, _agents) = live(steps, &clock);
        let mut written = text(&before).into_bytes();
        let at = at.index(written.len());
        written[at] = byte;
        if let Ok((_, board)) = try_restore(&written, &clock, 0) {
            prop_assert!(board.sweep().is_ok(), "what was read is a board");
        }
    }
}

#[test]
fn who_comes_back_in_time_holds_what_it_held() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    let fence = lock(&agent, "src", Mode::Exclusive).unwrap().fence;
    agent.call_as("helper").unwrap();
    let owner = agent.owner();
    let clock = clock.later(60);
    let after = restore(&text(&before), &clock);
    let rival = attach(&after, "b");
    assert!(rival.owner().session > owner.session);
    let refused = lock(&rival, "src/a.rs", Mode::Shared);
    assert!(matches!(refused, Err(Refusal::Held(_))), "{refused:?}");
    clock.count.advance(seconds(29));
    let back = attach(&after, "a");
    assert_eq!(back.owner(), owner);
    assert_eq!(lock(&back, "src", Mode::Exclusive).unwrap().fence, fence);
    assert!(back.call().update(vec![check("task:1")], Some(fence)).is_ok());
    clock.count.advance(seconds(200));
    after.sweep().unwrap();
    assert!(
        lock(&rival, "src", Mode::Exclusive).is_err(),
        "the connection keeps it"
    );
    back.call().release(Some(fence)).unwrap();
    assert!(lock(&rival, "src", Mode::Exclusive).unwrap().fence > before.rev());
}

fn check(name: &str) -> Op {
    Op {
        action: Action::Check(key(name)),
        condition: Condition::default(),
    }
}

#[test]
fn who_does_not_come_back_has_lost_it_to_the_restart() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    let fence = lock(&agent, "src", Mode::Exclusive).unwrap().fence;
    let helper = agent.call_as("helper").unwrap();
    helper
        .set(key("lock:raw"), Arc::from("{}"), seconds(600))
        .unwrap();
    let clock = clock.later(5);
    let after = restore(&text(&before), &clock);
    let since = after.rev();
    let main = after.open(&Namespace::default()).unwrap();
    clock.count.advance(Duration::from_millis(29_999));
    after.sweep().unwrap();
    assert!(after.get(main, &key("lock:src")).is_some());
    clock.count.advance(Duration::from_millis(1));
    after.sweep().unwrap();
    assert_eq!(after.get(main, &key("lock:src")), None);
    let raw = after.get(main, &key("lock:raw")).unwrap();
    assert!(raw.leases().is_empty(), "anyone may take it");
    assert_eq!(raw.deadline.since(clock.now()), seconds(600 - 5 - 30));
    let (events, _) = after.events_after(main, since, &Pattern::all(), 9).unwrap();
    let ends: Vec<_> = events
        .iter()
        .map(|event| (event.key.as_str(), event.kind))
        .collect();
    let restart = EventKind::Drop(Reason::Restart);
    assert_eq!(ends, [("lock:src", restart), ("lock:raw", restart)]);
    let losses = after.losses(main, &agent.owner());
    assert_eq!((losses[0].fence, losses[0].reason), (fence, Reason::Restart));
    // It is told when it comes after all, also by the next board.
    let back = attach(&restore(&text(&after), &clock), "a");
    assert_eq!(back.call().notices().unwrap().lost, losses_of(&back));
    assert_eq!(losses_of(&back)[0].fence, fence);
}

#[test]
fn what_was_lost_keeps_a_name_that_is_too_long_for_its_key() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    let names = ["設計書".repeat(10), format!("db:{}", "設計書".repeat(10))];
    for name in &names {
        lock(&agent, name, Mode::Exclusive).unwrap();
    }
    let after = restore(&text(&before), &clock);
    clock.count.advance(seconds(30));
    after.sweep().unwrap();
    let back = attach(&restore(&text(&after), &clock), "a");
    let losses = losses_of(&back);
    let lost = losses
        .iter()
        .map(|loss| loss.target.as_ref().unwrap().text().into_owned());
    assert_eq!(lost.collect::<Vec<_>>(), names);
}

fn losses_of(session: &Session) -> Vec<callboard::board::Loss> {
    session.board().losses(session.namespace(), &session.owner())
}

#[test]
fn time_to_live_goes_on_by_the_wall_clock_and_never_grows() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    for (name, ttl) in [("task:short", 60), ("task:long", 3_600)] {
        agent.call().set(key(name), Arc::from("v"), seconds(ttl)).unwrap();
    }
    let main = agent.namespace();
    for (passed, short, long) in [
        (0, Some(60), 3_600),
        (59, Some(1), 3_541),
        (60, None, 3_540),
        (-900, Some(60), 3_600),
    ] {
        let clock = clock.later(passed);
        let after = restore(&text(&before), &clock);
        let left = |name| {
            let entry = after.get(main, &key(name))?;
            Some(entry.deadline.since(clock.now()).as_secs())
        };
        assert_eq!(
            (left("task:short"), left("task:long")),
            (short, Some(long)),
            "{passed}"
        );
        let ended = after.sweep().unwrap().expired;
        assert_eq!(
            ended,
            usize::from(short.is_none()),
            "what ended meanwhile is one event"
        );
    }
}

#[test]
fn revisions_go_on_above_all_that_was_handed_out_and_old_cursors_are_told() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    let rev = agent
        .call()
        .set(key("task:1"), Arc::from("v"), seconds(60))
        .unwrap();
    for start in [0, 1_000_000] {
        let (moment, after) = try_restore(text(&before).as_bytes(), &clock, start).unwrap();
        assert_eq!(moment.rev, rev);
        assert_eq!(after.rev(), Revision(rev.0.max(start) + 1));
        let main = after.open(&Namespace::default()).unwrap();
        assert_eq!(after.get(main, &key("task:1")).unwrap().rev, rev);
        for old in [rev, Revision(start.max(1))] {
            let told = after.events_after(main, old, &Pattern::all(), 1);
            let oldest = after.rev().next();
            assert_eq!(
                told,
                Err(Compacted {
                    oldest,
                    rev: after.rev()
                })
            );
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("revision");
    let (revisions, start) = RevisionFile::open(path.clone()).unwrap();
    let read = snapshot::read(text(&before).as_bytes(), clock.clone(), Limits::default(), start);
    let board = read.unwrap().1.finish(revisions).unwrap();
    let next = RevisionFile::open(path).unwrap().1;
    assert!(next >= board.rev(), "what is shown is set aside before");
}

#[test]
fn a_request_is_in_the_image_if_what_it_did_is() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    let secret = Secret::from("a");
    let mut first = before.repeats(&secret, []);
    let write = |id: i64, slot: &callboard::board::Slot| {
        let call = agent.call().marked(Some(slot.mark()));
        call.set(key(&format!("task:{id}")), Arc::from("v"), seconds(60))
            .unwrap();
    };
    let mut slots: Vec<_> = (1..=3).map(|id| (id, first.slot(CallId::Number(id)))).collect();
    let (late, ()) = (
        slots.pop().unwrap(),
        slots.iter().for_each(|(id, slot)| write(*id, slot)),
    );
    let image = before.image();
    // Applied after the image, and answered; the first of the others is answered after it too.
    write(late.0, &late.1);
    for (id, slot) in [late, slots.remove(0)] {
        let line = format!("{{\"answer\":{id}}}\n");
        now(slot.once(ready(Arc::from(line.into_bytes()))));
    }
    let after = restore(&crate::support::image::text_of(&image), &clock);
    let mut back = after.repeats(&secret, [1, 2, 3].map(|id| (CallId::Number(id), Duration::ZERO)));
    let [one, two, three] = [1, 2, 3].map(|id| back.slot(CallId::Number(id)));
    assert!(one.mark().is_applied() && two.mark().is_applied() && !three.mark().is_applied());
    let made = |slot: callboard::board::Slot| {
        let line = now(slot.once(ready(Arc::from(*b"made"))));
        String::from_utf8(line.to_vec()).unwrap()
    };
    assert_eq!(made(one), "{\"answer\":1}\n");
    assert_eq!(made(two), "made", "whoever makes it sees that it was applied");
    assert_eq!(made(three), "made");
    let main = agent.namespace();
    let there = |id| after.get(main, &key(&format!("task:{id}"))).is_some();
    assert_eq!([1, 2, 3].map(there), [true, true, false]);
}

#[test]
fn no_secret_is_written_down() {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let _agent = attach(&before, "hush-hush");
    let answered = before
        .repeats(&Secret::from("hush-hush-too"), [])
        .slot(CallId::Number(1));
    let _other = attach(&before, "b").call().marked(Some(answered.mark())).set(
        key("task:1"),
        Arc::from("v"),
        seconds(60),
    );
    let image = format!("{:?}", before.image());
    let written = text(&before);
    let named = written.replace(r#""name":"hush-hush""#, "");
    assert!(!named.contains("hush-hush"), "{named}");
    assert!(!image.contains("hush-hush-too"));
    assert!(written.contains(&Secret::from("hush-hush").fingerprint().to_string()));
}

#[test]
fn what_breaks_a_rule_is_named_with_its_line() {
    let good = lines().join("\n") + "\n";
    let swapped = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        told(&good.replacen(from, to, 1))
    };
    for (from, to, problem) in [
        (
            r#""version":1"#,
            r#""version":2"#,
            "it is of version 2, and this callboard reads version 1",
        ),
        (
            r#""callboard":"snapshot""#,
            r#""callboard":"x""#,
            "it is no snapshot of a board",
        ),
        (
            r#""entries":2"#,
            r#""entries":3"#,
            "it says that it has 3 entries, but it has 2",
        ),
        (
            r#""lines":4"#,
            r#""lines":5"#,
            "it says that it has 5 lines, but it has 4",
        ),
        (
            r#""key":"task:1""#,
            r#""key":"task 1""#,
            "line 4: Invalid key format",
        ),
        (
            r#""key":"task:1""#,
            r#""key":"lock:src""#,
            "line 4: lock:src is there a second time",
        ),
        (
            r#""ttlMs":60000"#,
            r#""ttl":60000"#,
            "line 4: unknown field `ttl`",
        ),
        (
            r#","ttlMs":60000"#,
            "",
            "line 4: task:1 has neither a time to live nor a lease",
        ),
        (
            r#""rev":2"#,
            r#""rev":1"#,
            "line 4: revision 2 is not one of those before the snapshot",
        ),
        (
            r#""lastSession":1"#,
            r#""lastSession":0"#,
            "line 2: there was no session 1",
        ),
        (
            r#""name":"a""#,
            r#""name":"a b""#,
            r#"line 2: "a b" is no name of an agent"#,
        ),
        (r#"{"session""#, r#"{"later""#, "line 2: unknown variant `later`"),
    ] {
        let text = swapped(from, to);
        assert!(text.starts_with(problem), "{from} -> {to}: {text}");
    }
}

/// Returns a snapshot of a lock and a task, line by line.
fn lines() -> Vec<String> {
    let clock = Clocks::at(1_000);
    let before = board(&clock);
    let agent = attach(&before, "a");
    lock(&agent, "src", Mode::Exclusive).unwrap();
    agent
        .call()
        .set(key("task:1"), Arc::from("v"), seconds(60))
        .unwrap();
    let lines: Vec<_> = text(&before).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5, "header, session, lock, task, end: {lines:?}");
    lines
}

fn told(text: &str) -> String {
    let refused = try_restore(text.as_bytes(), &Clocks::at(1_000), 0);
    refused.unwrap_err().to_string()
}

#[test]
fn what_is_there_twice_or_too_much_or_not_at_all_is_named_with_its_line() {
    let lines = lines();
    let good = lines.join("\n") + "\n";
    let twice = told(&good.replacen(&lines[1], &format!("{0}\n{0}", lines[1]), 1));
    assert_eq!(twice, "line 3: session 1 is there a second time");
    assert_eq!(
        told(&good.replacen(&lines[4], "", 1)),
        "line 5: EOF while parsing a value at line 1 column 0"
    );
    assert_eq!(told(&format!("{good}\n")), "line 5: this should be the end");
    assert_eq!(
        told(&(lines[..4].join("\n") + "\n")),
        "it ends after line 4, in the middle"
    );
    assert_eq!(told(""), "it is no snapshot of a board");
    let below = lines[2]
        .replace("lock:src", "lock:src/a")
        .replace(r#""session":1"#, r#""session":0"#);
    let contested = told(&good.replacen(&lines[3], &below, 1));
    assert_eq!(
        contested,
        "line 4: lock:src/a is locked by two agents who exclude each other"
    );
    let few = Limits {
        keys: 1,
        ..Limits::default()
    };
    let full = snapshot::read(good.as_bytes(), Clocks::at(1_000), few, Revision::ZERO).unwrap_err();
    assert_eq!(
        full.to_string(),
        "line 4: Storage full: it may hold 1 keys; allow more with --max-keys"
    );
}

#[test]
fn an_image_is_of_one_moment_and_leaves_out_what_is_over() {
    let clock = Clocks::at(1_000);
    let board = board(&clock);
    let agent = attach(&board, "a");
    for ttl in [1, 2] {
        agent
            .call()
            .set(key(&format!("task:{ttl}")), Arc::from("v"), seconds(ttl))
            .unwrap();
    }
    clock.count.advance(seconds(1));
    let image = board.image();
    agent.call().delete(key("task:2")).unwrap();
    let keys = image.records().filter_map(|record| match record {
        Record::Entry(entry) => Some(entry.key.to_string()),
        _ => None,
    });
    assert_eq!(keys.collect::<Vec<_>>(), ["task:2"]);
    assert_eq!(image.moment().at, clock.wall());
    assert!(clock.now() > Time::default());
}
