//! Rules of the board that were once broken, or that only an odd moment can break.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::heart::{attach, board, caller, key, set, write};
use callboard::board::{
    Board, Clock, Delete, EventKind, Limits, ManualClock, NamespaceId, Pattern, Refusal, Revision, Time,
};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

type Meanwhile = Box<dyn FnOnce(&ManualClock) + Send>;

/// A clock that does something between two moments, as a thread that was not scheduled would see it.
#[derive(Default)]
struct Interrupted {
    clock: ManualClock,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupted")
    }
}

impl Clock for Interrupted {
    fn now(&self) -> Time {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile(&self.clock);
        }
        self.clock.now()
    }

    fn wall(&self) -> jiff::Timestamp {
        self.clock.wall()
    }
}

#[test]
fn a_key_that_is_rewritten_in_time_is_never_missing() {
    let clock = Arc::new(Interrupted::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    let caller = caller(namespace, 1);
    board.apply(&caller, set("status:a", "first", SECOND)).unwrap();
    let writer = board.clone();
    *clock.meanwhile.lock().unwrap() = Some(Box::new(move |clock| {
        writer.apply(&caller, set("status:a", "second", HOUR)).unwrap();
        clock.advance(MINUTE);
    }));
    let seen = board.get(namespace, &key("status:a"));
    assert_eq!(
        seen.map(|entry| entry.value.to_string()).as_deref(),
        Some("second")
    );
}

#[test]
fn the_fence_of_two_locks_holds_until_both_are_gone() {
    let (board, namespace) = board(ManualClock::default(), Limits::default());
    let agent = attach(&board, namespace, "ann");
    let both = vec![write("lock:a", "", HOUR), write("lock:b", "", HOUR)];
    let fence = agent.call().update(both, None).unwrap();
    let fenced = || {
        agent
            .call()
            .update(vec![write("status:ann", "on it", HOUR)], Some(fence))
    };
    fenced().unwrap();
    for (lock, held) in [("lock:a", true), ("lock:b", false)] {
        agent.call().delete(key(lock)).unwrap();
        assert_eq!(fenced().is_ok(), held, "after {lock}");
    }
    let lost = Refusal::Lost {
        fence,
        loss: None,
        holder: None,
    };
    assert_eq!(fenced(), Err(lost));
}

#[test]
fn what_has_run_out_takes_no_room_although_nobody_swept_it() {
    let clock = Arc::new(ManualClock::default());
    let limits = Limits {
        keys: 10,
        bytes: 100,
        locks: 2,
        ..Limits::default()
    };
    let (board, namespace) = board(Arc::clone(&clock), limits);
    let agent = attach(&board, namespace, "ann");
    let fill = |name: &str| agent.call().set(key(name), Arc::from("0123456789"), SECOND);
    for number in 0..10 {
        fill(&format!("task:{number}")).unwrap();
    }
    let full = |which, limit| Err(Refusal::Full { which, limit });
    assert_eq!(fill("task:10"), full("keys", 10));
    clock.advance(SECOND);
    // The batch needs the room of all ten, and each of them ends with one event.
    let long = "x".repeat(100);
    let rev = agent
        .call()
        .update(vec![write("task:10", &long, HOUR)], None)
        .unwrap();
    let events = board.latest_events(namespace, &Pattern::all(), 11);
    assert_eq!(events[0].rev, rev);
    assert!(events[1..].iter().all(|event| event.kind == EventKind::Expire));
    assert_eq!(
        agent.call().set(key("task:11"), Arc::from("y"), SECOND),
        full("bytes", 100)
    );
}

#[tokio::test]
async fn a_watch_ends_on_time_on_a_board_that_always_has_news() {
    let (board, namespace) = board(ManualClock::default(), Limits::default());
    let agent = attach(&board, namespace, "ann");
    let busy = {
        let board = board.clone();
        tokio::spawn(async move {
            loop {
                bump(&board, namespace);
                tokio::task::yield_now().await;
            }
        })
    };
    let locks = Pattern::prefix("lock:");
    let agent = agent.call();
    let watch = agent.watch(&locks, None, Duration::from_millis(50));
    let watched = tokio::time::timeout(Duration::from_secs(20), watch).await;
    busy.abort();
    let watched = watched.unwrap().unwrap();
    assert!(watched.events.is_empty());
    assert!(
        watched.rev > Revision::ZERO,
        "the cursor moves on although nothing matched"
    );
}

#[tokio::test]
async fn a_commit_at_any_moment_wakes_the_watcher() {
    let (board, namespace) = board(ManualClock::default(), Limits::default());
    let agent = attach(&board, namespace, "ann");
    let mut since = board.rev();
    let writer = {
        let board = board.clone();
        tokio::task::spawn_blocking(move || (0..2_000).for_each(|_| bump(&board, namespace)))
    };
    let mut seen = 0;
    while seen < 2_000 {
        let all = Pattern::all();
        let watched = agent.call().watch(&all, Some(since), MINUTE).await.unwrap();
        for event in &watched.events {
            assert_eq!(event.rev, since.next(), "a gap or a repetition");
            since = event.rev;
            seen += 1;
        }
        assert_eq!(since, watched.rev);
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_cursor_of_another_board_is_refused() {
    let (board, namespace) = board(ManualClock::default(), Limits::default());
    let agent = attach(&board, namespace, "ann");
    let refused = agent
        .call()
        .watch(&Pattern::all(), Some(Revision(7)), Duration::ZERO)
        .await;
    assert!(matches!(refused, Err(Refusal::Invalid { field: "since", .. })));
}

#[test]
fn a_delete_that_meets_what_has_run_out_tells_that_nothing_was_there() {
    let clock = Arc::new(ManualClock::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    let caller = caller(namespace, 1);
    board.apply(&caller, set("status:a", "v", SECOND)).unwrap();
    clock.advance(SECOND);
    assert!(!board.apply(&caller, Delete { key: key("status:a") }).unwrap());
    let events = board.latest_events(namespace, &Pattern::all(), 9);
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Expire, EventKind::Set]);
}

fn bump(board: &Board, namespace: NamespaceId) {
    board
        .apply(&caller(namespace, 9), set("progress:global", "1 %", HOUR))
        .unwrap();
}
