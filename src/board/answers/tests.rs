//! The rules by which answers are kept and found again.

use std::future::ready;

use super::kept::{ALL_BYTES, FRESH, KEPT_BYTES};
use super::*;
use crate::board::{Limits, ManualClock, RevisionFile};

fn board() -> (Board, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    let revisions = RevisionFile::in_memory();
    let board = Board::new(Arc::clone(&clock), Limits::default(), revisions, Revision::ZERO);
    (board, clock)
}

fn connect(board: &Board, secret: &str, repeats: &[i64]) -> Repeats {
    board.repeats(
        &Secret::from(secret),
        repeats.iter().map(|id| (CallId::Number(*id), Duration::ZERO)),
    )
}

async fn once(repeats: &mut Repeats, id: i64, text: &str) -> String {
    let line = repeats
        .slot(CallId::Number(id))
        .once(ready(Arc::from(text.as_bytes())))
        .await;
    String::from_utf8(line.to_vec()).unwrap()
}

#[tokio::test]
async fn an_announced_repeat_gets_the_first_answer_once() {
    let (board, _) = board();
    let mut first = connect(&board, "s", &[]);
    assert_eq!(once(&mut first, 1, "one").await, "one");
    let mut back = connect(&board, "s", &[1, 2]);
    assert_eq!(once(&mut back, 1, "again").await, "one");
    assert_eq!(once(&mut back, 2, "two").await, "two");
    assert_eq!(once(&mut back, 1, "reused").await, "reused");
    let mut later = connect(&board, "s", &[1]);
    assert_eq!(once(&mut later, 1, "again").await, "reused");
    let mut stranger = connect(&board, "t", &[1]);
    assert_eq!(once(&mut stranger, 1, "own").await, "own");
}

#[tokio::test]
async fn what_an_old_connection_serves_after_its_repeat_is_not_done_again() {
    let (board, _) = board();
    let mut old = connect(&board, "s", &[]);
    let mut back = connect(&board, "s", &[1, 2]);
    assert_eq!(once(&mut back, 1, "repeat").await, "repeat");
    assert_eq!(once(&mut old, 1, "late").await, "repeat");
    assert_eq!(once(&mut old, 2, "late").await, "late");
    assert_eq!(once(&mut back, 2, "repeat").await, "late");
}

#[tokio::test]
async fn a_repeat_waits_for_the_first_and_takes_over_when_that_is_dropped() {
    let (board, _) = board();
    let id = || CallId::Number(1);
    let mut first = connect(&board, "s", &[]);
    let (done, wait) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(first.slot(id()).once(async {
        let _ = wait.await;
        Arc::from(*b"first")
    }));
    let repeat = |text: &'static [u8]| {
        let slot = connect(&board, "s", &[1]).slot(id());
        tokio::spawn(slot.once(ready(Arc::from(text))))
    };
    tokio::task::yield_now().await;
    let second = repeat(b"second");
    done.send(()).unwrap();
    assert_eq!(
        (&*running.await.unwrap(), &*second.await.unwrap()),
        (&b"first"[..], &b"first"[..])
    );

    let mut next = connect(&board, "s", &[]);
    let abandoned = tokio::spawn(next.slot(id()).once(std::future::pending()));
    tokio::task::yield_now().await;
    let heir = repeat(b"heir");
    abandoned.abort();
    assert_eq!(&*heir.await.unwrap(), b"heir");
}

#[tokio::test]
async fn a_call_under_way_is_remembered_however_many_come_after_it_and_one_given_up_is_not() {
    let (board, _) = board();
    let mut session = connect(&board, "s", &[]);
    let under_way = session.slot(CallId::Number(0));
    drop(session.slot(CallId::Number(1)));
    for id in 2..1_000 {
        once(&mut session, id, "small").await;
    }
    let line: AnswerLine = Arc::from(*b"claimed");
    assert_eq!(under_way.once(ready(line)).await, Arc::from(*b"claimed"));
    let mut back = connect(&board, "s", &[0, 1]);
    assert_eq!(once(&mut back, 0, "claimed again").await, "claimed");
    assert_eq!(once(&mut back, 1, "done at last").await, "done at last");
    for id in 0..1_000 {
        drop(back.slot(CallId::Number(id)));
    }
    assert!(lock(&back.kept).marks.len() <= KEPT_ANSWERS + 1);
}

/// Makes a call that is applied and answered with `text`.
async fn apply(repeats: &mut Repeats, id: i64, text: &str) {
    let slot = repeats.slot(CallId::Number(id));
    slot.mark().note(Revision(1));
    slot.once(ready(Arc::from(text.as_bytes()))).await;
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_number_bytes_and_time() {
    let (board, clock) = board();
    let mut session = connect(&board, "s", &[]);
    for id in 0..1_000 {
        once(&mut session, id, "small").await;
    }
    assert_eq!(lock(&session.kept).marks.len(), KEPT_ANSWERS);
    assert_eq!(lock(&session.kept).bytes, KEPT_ANSWERS * "small".len());
    drop(session);
    for secret in 0..KEPT_SESSIONS + 10 {
        clock.advance(Duration::from_millis(1));
        connect(&board, &secret.to_string(), &[]);
    }
    assert_eq!(lock(&board.answers().sessions).len(), KEPT_SESSIONS);
    clock.advance(KEPT_FOR);
    connect(&board, "late", &[]);
    assert_eq!(lock(&board.answers().sessions).len(), 1);
    assert_eq!(board.answers().bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_long_answer_is_kept_while_its_repeat_may_come_and_its_mark_after_that() {
    let (board, clock) = board();
    let mut session = connect(&board, "s", &[]);
    let long = "x".repeat(KEPT_BYTES + 1);
    apply(&mut session, 5, &long).await;
    apply(&mut session, 6, "small").await;
    let mut back = connect(&board, "s", &[5, 6]);
    assert_eq!(once(&mut back, 5, "again").await, long);
    assert_eq!(once(&mut back, 6, "again").await, "small");

    clock.advance(FRESH);
    apply(&mut back, 7, "small").await;
    assert_eq!(lock(&back.kept).bytes, 2 * "small".len());
    let mut back = connect(&board, "s", &[5, 6]);
    assert!(
        back.slot(CallId::Number(5)).mark().is_applied(),
        "it is not done again"
    );
    assert_eq!(once(&mut back, 6, "again").await, "small");
}

#[tokio::test]
async fn long_answers_of_all_sessions_have_so_much_room_and_no_more() {
    let (board, _) = board();
    let long = "x".repeat(ALL_BYTES / 4);
    let mut sessions = Vec::new();
    for secret in 0..4 {
        let mut session = connect(&board, &secret.to_string(), &[]);
        apply(&mut session, 5, &long).await;
        sessions.push(session);
    }
    let mut late = connect(&board, "late", &[]);
    apply(&mut late, 5, &long).await;
    apply(&mut late, 6, "small").await;
    assert_eq!(lock(&late.kept).bytes, "small".len());
    assert_eq!(
        board.answers().bytes.load(Ordering::Relaxed),
        ALL_BYTES + "small".len()
    );
    let mut back = connect(&board, "late", &[5, 6]);
    assert!(back.slot(CallId::Number(5)).mark().is_applied());
    assert_eq!(once(&mut back, 6, "again").await, "small");
    let mut first = connect(&board, "0", &[5]);
    assert_eq!(once(&mut first, 5, "again").await, long);
}

#[tokio::test]
async fn what_a_session_that_is_here_has_done_is_known_however_long_it_was_silent() {
    let (board, clock) = board();
    let mut quiet = connect(&board, "quiet", &[]);
    clock.advance(KEPT_FOR);
    connect(&board, "newcomer", &[]);
    apply(&mut quiet, 7, "sent").await;
    for secret in 0..KEPT_SESSIONS {
        clock.advance(Duration::from_millis(1));
        connect(&board, &secret.to_string(), &[]);
    }
    apply(&mut quiet, 8, "sent too").await;
    let saved = board.answers().in_image(Revision(1), board.clock().now());
    let ids: Vec<_> = saved.iter().map(|(_, mark)| mark.id().clone()).collect();
    assert_eq!(ids, [CallId::Number(7), CallId::Number(8)]);
    drop(quiet);
    let mut back = connect(&board, "quiet", &[7, 8]);
    assert_eq!(once(&mut back, 7, "again").await, "sent");
    assert_eq!(once(&mut back, 8, "again").await, "sent too");
}
