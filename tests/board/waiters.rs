//! Those who wait for locks on a whole board, with real threads: each is served in turn or learns why not, and
//! one that gives up at the very moment of its grant leaves nothing behind.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::support::heart::{attach, board, key};
use callboard::board::{
    Board, Call, Grant, Introduction, Limits, ManualClock, Mode, NamespaceId, Pattern, Refusal, Secret,
    Session, SystemClock, Target, Wish,
};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

fn wish(target: &str) -> Wish {
    Wish {
        targets: Arc::from([Target::path(target)]),
        mode: Mode::Exclusive,
        why: None,
        ttl: Duration::from_secs(300),
    }
}

async fn lock(call: &Call<'_>, target: &str) -> Grant {
    call.acquire(wish(target), Duration::ZERO).await.unwrap()
}

/// Lets the agent of `session` wait for `target` until it has it.
fn waits(session: &Arc<Session>, target: &'static str) -> JoinHandle<Result<Grant, Refusal>> {
    let session = Arc::clone(session);
    tokio::spawn(async move { session.call().acquire(wish(target), PATIENCE).await })
}

/// Waits until `many` stand in the queue.
async fn until_waiting(board: &Board, namespace: NamespaceId, many: usize) {
    let mut news = board.news();
    let open = || {
        let waiters = board.waiters(namespace);
        waiters.iter().filter(|(waiter, _)| waiter.is_open()).count()
    };
    let all = async {
        while open() != many {
            news.changed().await.unwrap();
        }
    };
    timeout(PATIENCE, all).await.unwrap();
}

async fn ended<T>(task: JoinHandle<T>) -> T {
    timeout(PATIENCE, task).await.unwrap().unwrap()
}

fn holders(board: &Board, namespace: NamespaceId, target: &str) -> Vec<String> {
    let entry = board.get(namespace, &Target::path(target).key());
    let leases = entry.iter().flat_map(|entry| entry.leases());
    leases.map(|lease| lease.owner().name.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_serves_the_first_who_waits() {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| Arc::new(attach(&board, namespace, name)));
    let first = lock(&ann.call(), "src").await;
    let bob_waits = waits(&bob, "src/a");
    until_waiting(&board, namespace, 1).await;
    let cid_waits = waits(&cid, "src");
    until_waiting(&board, namespace, 2).await;
    ann.call().release(Some(first.fence)).unwrap();
    let second = ended(bob_waits).await.unwrap();
    assert!(second.fence > first.fence);
    assert_eq!(holders(&board, namespace, "src/a"), ["bob"]);
    until_waiting(&board, namespace, 1).await;
    bob.call().release(None).unwrap();
    assert!(ended(cid_waits).await.unwrap().fence > second.fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_cancelled_leaves_nothing_behind_and_the_next_is_served() {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| Arc::new(attach(&board, namespace, name)));
    lock(&ann.call(), "src").await;
    let bob_waits = waits(&bob, "src");
    until_waiting(&board, namespace, 1).await;
    let cid_waits = waits(&cid, "src");
    until_waiting(&board, namespace, 2).await;
    bob_waits.abort();
    assert!(
        timeout(PATIENCE, bob_waits)
            .await
            .unwrap()
            .unwrap_err()
            .is_cancelled()
    );
    until_waiting(&board, namespace, 1).await;
    ann.call().release(None).unwrap();
    ended(cid_waits).await.unwrap();
    assert_eq!(holders(&board, namespace, "src"), ["cid"]);
    assert!(board.holds(namespace, &bob.owner()).is_empty());
}

/// Polls `future` once and tells that it waits.
fn begin<F: Future<Output = Result<Grant, Refusal>>>(future: std::pin::Pin<&mut F>) {
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "{polled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_meets_its_cancellation_is_never_left_without_an_owner() {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| attach(&board, namespace, name));
    let runtime = tokio::runtime::Handle::current();
    for _ in 0..2_000 {
        let fence = lock(&ann.call(), "src").await.fence;
        let (bob_calls, cid_calls) = (bob.call(), cid.call());
        let mut bob_waits = Box::pin(bob_calls.acquire(wish("src"), PATIENCE));
        begin(bob_waits.as_mut());
        let mut cid_waits = pin!(cid_calls.acquire(wish("src"), PATIENCE));
        begin(cid_waits.as_mut());
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                ann.call().release(Some(fence)).unwrap();
            });
            scope.spawn(|| {
                let _entered = runtime.enter();
                start.wait();
                drop(bob_waits);
            });
        });
        let grant = timeout(PATIENCE, cid_waits).await.unwrap().unwrap();
        assert_eq!(holders(&board, namespace, "src"), ["cid"]);
        assert!(board.holds(namespace, &bob.owner()).is_empty());
        cid.call().release(Some(grant.fence)).unwrap();
    }
    until_waiting(&board, namespace, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_session_has_ended_while_it_waited_is_told_so_and_granted_nothing() {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| Arc::new(attach(&board, namespace, name)));
    lock(&ann.call(), "src").await;
    let bob_waits = waits(&bob, "src");
    until_waiting(&board, namespace, 1).await;
    let cid_waits = waits(&cid, "src");
    until_waiting(&board, namespace, 2).await;
    bob.tether().snapped();
    assert!(matches!(ended(bob_waits).await, Err(Refusal::NotFound { .. })));
    ann.call().release(None).unwrap();
    ended(cid_waits).await.unwrap();
    assert_eq!(holders(&board, namespace, "src"), ["cid"]);
    let late = bob.call().acquire(wish("docs"), Duration::ZERO).await;
    assert!(matches!(late, Err(Refusal::NotFound { .. })), "it has left");
}

#[tokio::test(start_paused = true)]
async fn who_waited_in_vain_is_told_its_place_which_is_kept() {
    let (board, namespace) = board(ManualClock::default(), Limits::default());
    let [ann, bob, cid] = ["ann", "bob", "cid"].map(|name| Arc::new(attach(&board, namespace, name)));
    lock(&ann.call(), "src").await;
    let Err(Refusal::Held(held)) = bob.call().acquire(wish("src"), Duration::from_secs(5)).await else {
        panic!("it is held")
    };
    assert_eq!((&*held.holder.name, held.position), ("ann", 1));
    let cid_waits = waits(&cid, "src");
    until_waiting(&board, namespace, 1).await;
    let bob_waits = waits(&bob, "src");
    until_waiting(&board, namespace, 2).await;
    ann.call().release(None).unwrap();
    ended(bob_waits).await.unwrap();
    assert_eq!(holders(&board, namespace, "src"), ["bob"], "it came first");
    bob.call().release(None).unwrap();
    ended(cid_waits).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_are_served_one_after_the_other_in_the_order_in_which_they_came() {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let ann = attach(&board, namespace, "ann");
    lock(&ann.call(), "src").await;
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..50 {
        let session = attach(&board, namespace, &format!("agent-{number}"));
        let served = Arc::clone(&served);
        tasks.push(tokio::spawn(async move {
            let grant = session.call().acquire(wish("src"), PATIENCE).await.unwrap();
            served.lock().unwrap().push((number, grant.fence));
            session.call().release(Some(grant.fence)).unwrap();
        }));
        until_waiting(&board, namespace, number + 1).await;
    }
    ann.call().release(None).unwrap();
    for task in tasks {
        ended(task).await;
    }
    let served = std::mem::take(&mut *served.lock().unwrap());
    assert!(served.iter().map(|(number, _)| *number).eq(0..50), "{served:?}");
    assert!(served.is_sorted_by_key(|(_, fence)| *fence));
    assert_eq!(board.get(namespace, &key("lock:src")), None);
}

/// Lets `seconds` pass in steps in which the sweeper is on time.
fn pass(board: &Board, clock: &ManualClock, seconds: u64) {
    for _ in 0..2 * seconds {
        clock.advance(Duration::from_millis(500));
        board.sweep().unwrap();
    }
}

#[tokio::test]
async fn a_board_that_stood_still_ends_no_lease_and_one_that_did_not_ends_it_on_time() {
    let clock = Arc::new(ManualClock::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    let secret = || Some(Secret::from("s1"));
    let ann = board.resume(namespace, Introduction::default(), secret());
    lock(&ann.call(), "src").await;
    drop(ann);
    pass(&board, &clock, 29);
    clock.advance(Duration::from_secs(5));
    board.sweep().unwrap();
    assert!(
        board.get(namespace, &key("lock:src")).is_some(),
        "it has a second left"
    );
    let ann = board.resume(namespace, Introduction::default(), secret());
    assert_eq!(board.losses(namespace, &ann.owner()), []);
    drop(ann);
    pass(&board, &clock, 29);
    assert!(board.get(namespace, &key("lock:src")).is_some());
    pass(&board, &clock, 1);
    assert_eq!(board.get(namespace, &key("lock:src")), None);
}

#[tokio::test]
async fn who_is_cut_off_and_comes_back_in_time_stands_where_it_stood() {
    let (board, namespace) = board(SystemClock::new(), Limits::default());
    let ann = attach(&board, namespace, "ann");
    lock(&ann.call(), "src").await;
    let come = |name: &str| {
        let introduction = Introduction {
            name: Some(name.to_owned()),
            ..Introduction::default()
        };
        let session = board.resume(namespace, introduction, Some(Secret::from(name)));
        Arc::new(session)
    };
    for name in ["bob", "cid", "dan"] {
        let session = come(name);
        begin(Box::pin(session.call().acquire(wish("src"), PATIENCE)).as_mut());
        match name {
            "dan" => session.tether().snapped(),
            _ => drop(session),
        }
    }
    // They ask again in another order; a process that is gone is not waited for.
    let (dan, cid, bob) = (come("dan"), come("cid"), come("bob"));
    let queue = [&dan, &cid, &bob].map(|session| waits(session, "src"));
    until_waiting(&board, namespace, 3).await;
    let waiting = board.waiters(namespace);
    let names: Vec<_> = waiting.iter().map(|(waiter, _)| &*waiter.owner().name).collect();
    assert_eq!(names, ["bob", "cid", "dan"]);
    queue.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn nobody_sees_a_lock_end_that_comes_back() {
    let clock = Arc::new(ManualClock::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    for observe in 0..3 {
        let ann = attach(&board, namespace, "ann");
        lock(&ann.call(), "src").await;
        pass(&board, &clock, 1_199);
        assert_eq!(holders(&board, namespace, "src"), ["ann"]);
        // Nobody sweeps any more.
        clock.advance(Duration::from_secs(1));
        match observe {
            0 => assert_eq!(board.get(namespace, &key("lock:src")), None),
            1 => assert!(board.list(namespace, &Pattern::all(), None, 9).rows.is_empty()),
            _ => {}
        }
        ann.call().note("heartbeat").unwrap();
        assert_eq!(
            board.get(namespace, &key("lock:src")),
            None,
            "the call came too late"
        );
        assert_eq!(ann.call().notices().unwrap().lost.len(), 1);
    }
}

#[tokio::test]
async fn a_call_renews_without_the_ledger() {
    let clock = Arc::new(ManualClock::default());
    let (board, namespace) = board(Arc::clone(&clock), Limits::default());
    let ann = attach(&board, namespace, "ann");
    lock(&ann.call(), "src").await;
    let rev = board.rev();
    for _ in 0..10 {
        pass(&board, &clock, 800);
        ann.call().note("getStorage").unwrap();
    }
    pass(&board, &clock, 1_199);
    assert_eq!(
        (holders(&board, namespace, "src"), board.rev()),
        (vec!["ann".to_owned()], rev)
    );
    pass(&board, &clock, 1);
    assert_eq!(board.get(namespace, &key("lock:src")), None);
}
