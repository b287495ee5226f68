//! Ends on time with the real sweeper and the real clock: never early, each exactly one event, on a board
//! that nobody calls and in a storm. What moka does badly on its own is tried here against the whole board.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::support::heart::{attach, board, caller, key, set};
use callboard::board::{
    Board, Event, EventKind, Key, Limits, ManualClock, NamespaceId, Pattern, Refusal, Revision, RevisionFile,
    Session, SystemClock, Time,
};

const HOUR: Duration = Duration::from_secs(3_600);
/// How long an end may take to be told before the test gives up; being late is the benchmark's business.
const PATIENCE: Duration = Duration::from_secs(60);

/// A board that is swept for as long as this lives.
struct Swept {
    board: Board,
    agent: Session,
    sweeper: tokio::task::JoinHandle<()>,
}

impl Swept {
    fn new() -> Self {
        let limits = Limits {
            keys: 200_000,
            ..Limits::default()
        };
        let (board, namespace) = board(SystemClock::new(), limits);
        Self::over(board, namespace)
    }

    fn over(board: Board, namespace: NamespaceId) -> Self {
        let sweeper = board.clone();
        Self {
            agent: attach(&board, namespace, "ann"),
            sweeper: tokio::spawn(async move { sweeper.keep_swept().await }),
            board,
        }
    }

    fn set(&self, key_text: &str, ttl: Duration) -> Time {
        self.agent.call().set(key(key_text), Arc::from("v"), ttl).unwrap();
        self.agent.call().get(&key(key_text)).unwrap().deadline
    }

    /// Returns the expiries after `since` as soon as there are `count`, and what else came until then.
    async fn ends(&self, since: Revision, count: usize) -> (Vec<Event>, Vec<Event>) {
        let (mut ends, mut others, mut since) = (Vec::new(), Vec::new(), since);
        while ends.len() < count {
            let all = Pattern::all();
            let watched = self
                .agent
                .call()
                .watch(&all, Some(since), PATIENCE)
                .await
                .unwrap();
            assert!(!watched.events.is_empty(), "{} of {count} ended", ends.len());
            since = watched.rev;
            let (ended, other): (Vec<_>, Vec<_>) = watched
                .events
                .into_iter()
                .partition(|event| event.kind == EventKind::Expire);
            ends.extend(ended);
            others.extend(other);
        }
        (ends, others)
    }
}

impl Drop for Swept {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_idle_board_the_end_is_told_without_any_call() {
    let swept = Swept::new();
    let deadline = swept.set("lock:a", Duration::from_millis(200));
    let since = swept.board.rev();
    let mut news = swept.board.news();
    news.mark_unchanged();
    // Not even a watcher: the sweeper alone makes the news.
    tokio::time::timeout(PATIENCE, news.changed())
        .await
        .unwrap()
        .unwrap();
    let (ends, _) = swept.ends(since, 1).await;
    assert_eq!((ends.len(), ends[0].key.as_str()), (1, "lock:a"));
    assert!(ends[0].at >= deadline);
    assert_eq!(swept.agent.call().get(&key("lock:a")), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_sweeper_is_woken_by_what_ends_sooner() {
    let swept = Swept::new();
    swept.set("task:long", HOUR);
    tokio::task::yield_now().await;
    for round in 0..20 {
        let since = swept.board.rev();
        swept.set("task:short", Duration::from_millis(5 + round));
        let (ends, _) = swept.ends(since, 1).await;
        assert_eq!(ends[0].key.as_str(), "task:short");
    }
    assert!(swept.agent.call().get(&key("task:long")).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_deadlines_one_after_the_other() {
    let swept = Swept::new();
    let since = swept.board.rev();
    let deadlines: HashMap<Key, Time> = (0..400)
        .map(|number| {
            let name = format!("task:{number}");
            // In no order, so that the next deadline is often a sooner one.
            let ttl = Duration::from_millis(300 + number * 7 % 400);
            (key(&name), swept.set(&name, ttl))
        })
        .collect();
    let (ends, sets) = swept.ends(since, 400).await;
    assert_eq!((ends.len(), sets.len()), (400, 400));
    let mut last = Time::default();
    for event in &ends {
        assert!(event.at >= deadlines[&event.key], "{} ended early", event.key);
        assert!(deadlines[&event.key] >= last, "in the order of deadlines");
        last = deadlines[&event.key];
    }
    let different: std::collections::HashSet<_> = ends.iter().map(|event| &event.key).collect();
    assert_eq!(different.len(), 400);
    assert_eq!(swept.board.stats(swept.agent.namespace()).expirations, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_everything_ends_once_and_reads_go_on() {
    const MANY: usize = 30_000;
    let swept = Swept::new();
    swept.set("status:stays", HOUR);
    let since = swept.board.rev();
    let end = swept.board.clock().now().after(Duration::from_secs(3));
    let names: Vec<Key> = (0..MANY).map(|number| key(&format!("task:{number}"))).collect();
    for name in &names {
        let ttl = end.since(swept.board.clock().now()).max(Duration::from_millis(1));
        swept.agent.call().set(name.clone(), Arc::from("v"), ttl).unwrap();
    }
    let reader = {
        let (board, namespace, names) = (swept.board.clone(), swept.agent.namespace(), names.clone());
        tokio::task::spawn_blocking(move || {
            let mut names = names.iter().cycle();
            while board.stats(namespace).keys() > 1 {
                assert!(board.get(namespace, &key("status:stays")).is_some());
                let name = names.next().unwrap();
                let before = board.clock().now();
                let found = board.get(namespace, name);
                assert!(
                    found.is_none_or(|entry| entry.is_live(before)),
                    "read after its end"
                );
            }
        })
    };
    let (ends, others) = swept.ends(since, MANY).await;
    assert_eq!((ends.len(), others.len()), (MANY, MANY));
    let different: std::collections::HashSet<_> = ends.iter().map(|event| &event.key).collect();
    assert_eq!(different.len(), MANY);
    reader.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ended_is_not_read_and_ends_later() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let (revisions, start) = RevisionFile::open(home.join("revision")).unwrap();
    let board = Board::new(SystemClock::new(), Limits::default(), revisions, start);
    let namespace = board.open(&callboard::board::Namespace::default()).unwrap();
    let caller = caller(namespace, 1);
    let ttl = Duration::from_millis(100);
    board.apply(&caller, set("lock:a", "", ttl)).unwrap();
    let deadline = board.get(namespace, &key("lock:a")).unwrap().deadline;
    board.settle().unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    let refused = board.apply(&caller, set("lock:b", "", HOUR));
    assert!(matches!(refused, Err(Refusal::Revisions(_))), "{refused:?}");
    let since = Revision::ZERO;
    let swept = Swept::over(board, namespace);
    let clock = swept.board.clock();
    tokio::time::timeout(PATIENCE, async {
        while clock.now() < deadline {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(swept.agent.call().get(&key("lock:a")), None);
    std::fs::create_dir(&home).unwrap();
    let (ends, _) = swept.ends(since, 1).await;
    assert_eq!(ends[0].key.as_str(), "lock:a");
}

/// moka forgets the deadline of a key after 65,535 updates; the board's own index does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_beaten_still_ends_on_time() {
    let swept = Swept::new();
    for _ in 0..65_536 {
        swept
            .agent
            .call()
            .set(key("agent:1"), Arc::from("beat"), HOUR)
            .unwrap();
    }
    let since = swept.board.rev();
    let deadline = swept.set("agent:1", Duration::from_millis(100));
    let (ends, others) = swept.ends(since, 1).await;
    assert_eq!((ends.len(), others.len()), (1, 1));
    assert!(ends[0].at >= deadline);
    assert_eq!(swept.agent.call().get(&key("agent:1")), None);
    swept.set("agent:1", HOUR);
    assert!(swept.agent.call().get(&key("agent:1")).is_some());
}

/// A bounded cache drops what is new in favour of what is read often.
#[test]
fn fresh_locks_are_never_dropped() {
    let (board, namespace) = board(ManualClock::default(), Limits::default());
    let agent = attach(&board, namespace, "ann");
    let status = |number| key(&format!("status:{number}"));
    for number in 0..2_000 {
        agent.call().set(status(number), Arc::from("v"), HOUR).unwrap();
    }
    for number in (0..5).flat_map(|_| 0..2_000) {
        assert!(agent.call().get(&status(number)).is_some());
    }
    let lock = |number| key(&format!("lock:{number}"));
    for number in 0..500 {
        agent.call().set(lock(number), Arc::from(""), HOUR).unwrap();
    }
    for number in (0..5).flat_map(|_| 0..2_000) {
        assert!(agent.call().get(&status(number)).is_some());
    }
    assert!((0..500).all(|number| agent.call().get(&lock(number)).is_some()));
}

/// moka keeps the first deadline of a key unless told otherwise.
#[test]
fn a_key_that_is_set_again_lives_as_long_as_the_last_write_says() {
    let clock = Arc::new(ManualClock::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    let caller = caller(namespace, 1);
    for seconds in [2, 60, 10] {
        let ttl = Duration::from_secs(seconds);
        board.apply(&caller, set("lock:a", "", ttl)).unwrap();
    }
    clock.advance(Duration::from_secs(10) - Duration::from_nanos(1));
    assert_eq!(board.sweep().unwrap().expired, 0);
    assert!(board.get(namespace, &key("lock:a")).is_some());
    clock.advance(Duration::from_nanos(1));
    assert_eq!(board.get(namespace, &key("lock:a")), None);
    assert_eq!(board.sweep().unwrap().expired, 1);
}

/// moka calls an end that a write came upon a replacement.
#[test]
fn a_write_over_what_has_run_out_swallows_no_end() {
    let clock = Arc::new(ManualClock::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    let caller = caller(namespace, 1);
    let ttl = Duration::from_secs(1);
    for _ in 0..3 {
        board.apply(&caller, set("task:a", "v", ttl)).unwrap();
        clock.advance(ttl);
    }
    assert_eq!(board.sweep().unwrap().expired, 1);
    let events = board.latest_events(namespace, &Pattern::all(), 10);
    let kinds: Vec<_> = events.iter().rev().map(|event| event.kind).collect();
    let (set, expire) = (EventKind::Set, EventKind::Expire);
    assert_eq!(kinds, [set, expire, set, expire, set, expire]);
    let revisions: Vec<_> = events.iter().rev().map(|event| event.rev.0).collect();
    assert_eq!(revisions, [1, 2, 3, 4, 5, 6]);
}
