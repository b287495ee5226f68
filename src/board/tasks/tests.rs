//! The rules of tasks, one by one, on a clock that stands until it is moved.

use super::*;
use crate::board::command::{Bury, Delete, Requeue, Return, Revoke, Take};
use crate::board::trial::{HOUR, INSTANT, TTL, Trial, key};
use crate::board::{
    Caller, Claimed, EventKind, Key, Limits, Loss, Outcome, Pattern, Reason, Refusal, Revision, Score, Set,
};

const SECOND: Duration = Duration::from_secs(1);

/// Returns a board with one task, and two agents.
fn trial() -> (Trial, Caller, Caller) {
    let mut trial = Trial::new();
    let (ann, bob) = (trial.agent("ann", 1), trial.agent("bob", 2));
    trial.set(&ann, "task:1", "what is to be done");
    (trial, ann, bob)
}

fn state(trial: &Trial, key: &str) -> &'static str {
    trial.entry(key).map_or("gone", |entry| entry.task_state().name())
}

#[test]
fn the_most_important_task_comes_first_and_then_the_oldest() {
    let mut trial = Trial::new();
    let ann = trial.agent("ann", 1);
    for (id, value) in [
        ("low", r#"{"priority":"low"}"#),
        ("plain", "no JSON at all"),
        ("medium", r#"{"priority":"Medium"}"#),
        ("high", r#"{"priority":"high"}"#),
        ("urgent", r#"{"priority":"urgent","complexity":{"deep":[1,2]}}"#),
        ("number", r#"{"priority":10.5}"#),
        ("text", r#"{"priority":"-11"}"#),
    ] {
        trial.set(&ann, &format!("task:{id}"), value);
    }
    let order: Vec<_> = (0..7).map(|_| trial.claim(&ann).key.to_string()).collect();
    assert_eq!(
        order.join(" "),
        "task:urgent task:number task:high task:plain task:medium task:low task:text"
    );
    assert_eq!(trial.idle(&ann).claimed, 7);
}

#[test]
fn a_claim_tells_of_itself_in_the_same_revision() {
    let (mut trial, ann, bob) = trial();
    let claim = trial.claim(&ann);
    assert_eq!(trial.ledger.rev(), claim.token);
    assert_eq!((claim.attempt, claim.remaining), (1, TTL));
    assert_eq!(&*claim.value, "what is to be done");
    let told = [
        ("task:1".to_owned(), EventKind::Lease),
        ("status:ann:1".to_owned(), EventKind::Set),
    ];
    assert_eq!(trial.last(), told);
    let status = r#"{"status":"in_progress","task":"task:1","attempt":1}"#;
    assert_eq!(trial.value("status:ann:1"), status);
    assert_eq!(state(&trial, "task:1"), "claimed");
    let idle = trial.idle(&bob);
    assert_eq!((idle.pending, idle.claimed), (0, 1));
    let write = Set::new(key("task:1"), Arc::from("mine"), HOUR).unwrap();
    assert!(matches!(trial.apply(&bob, write), Err(Refusal::Leased { .. })));
}

#[test]
fn only_the_one_it_is_addressed_to_gets_a_task() {
    let (mut trial, ann, bob) = trial();
    trial.set(&ann, "task:0", r#"{"agentId":"bob","priority":"high"}"#);
    assert_eq!(trial.claim(&ann).key, key("task:1"));
    let idle = trial.idle(&ann);
    assert_eq!((idle.pending, idle.claimed), (1, 1));
    assert_eq!(trial.claim(&bob).key, key("task:0"));
}

#[test]
fn a_pattern_narrows_what_is_claimed_and_counted() {
    let (mut trial, ann, _) = trial();
    trial.set(&ann, "task:ui.1", "x");
    let mut take = |pattern: &str| {
        let pattern = Pattern::parse(pattern).unwrap();
        trial.apply(&ann, Take { pattern, ttl: TTL }).unwrap()
    };
    let Claimed::Task(claim) = take("task:ui*") else {
        panic!("the task of the user interface is free")
    };
    assert_eq!(claim.key, key("task:ui.1"));
    let Claimed::Nothing(idle) = take("task:ui*") else {
        panic!("there is one such task")
    };
    assert_eq!((idle.pending, idle.claimed), (0, 1));
    assert!(
        matches!(take("status:*"), Claimed::Nothing(_)),
        "only tasks are claimed"
    );
}

#[test]
fn what_says_that_it_is_done_is_not_free() {
    let mut trial = Trial::new();
    let ann = trial.agent("ann", 1);
    for (id, status) in [("1", "completed"), ("2", "done"), ("3", "failed"), ("4", "open")] {
        trial.set(
            &ann,
            &format!("task:{id}"),
            &format!(r#"{{"status":"{status}"}}"#),
        );
    }
    let states = ["task:1", "task:2", "task:3", "task:4"].map(|key| state(&trial, key));
    assert_eq!(states, ["done", "done", "failed", "pending"]);
    assert_eq!(trial.claim(&ann).key, key("task:4"));
    assert_eq!(trial.idle(&ann).pending, 0);
    trial.set(&ann, "task:1", r#"{"status":"open"}"#);
    assert_eq!(
        trial.claim(&ann).key,
        key("task:1"),
        "whoever writes it anew brings it back"
    );
}

#[test]
fn a_submitted_claim_ends_in_one_revision_and_says_so_again() {
    let (mut trial, ann, _) = trial();
    for (outcome, state_name, word) in [
        (Outcome::Done, "done", "completed"),
        (Outcome::Failed, "failed", "failed"),
    ] {
        trial.set(&ann, "task:1", "again");
        let token = trial.claim(&ann).token;
        let submitted = trial.submit(&ann, token, outcome).unwrap();
        assert_eq!(submitted.state.name(), state_name);
        let told = [
            ("task:1".to_owned(), EventKind::Drop(Reason::Submitted)),
            ("status:ann:1".to_owned(), EventKind::Set),
        ];
        assert_eq!(trial.last(), told);
        let status = format!(r#"{{"status":"{word}","task":"task:1","result":"so it is"}}"#);
        assert_eq!(trial.value("status:ann:1"), status);
        assert_eq!(state(&trial, "task:1"), state_name);
        let rev = trial.ledger.rev();
        assert_eq!(trial.submit(&ann, token, outcome), Ok(submitted));
        assert_eq!(trial.ledger.rev(), rev, "nothing is done twice");
        let other = trial.submit(&ann, token, Outcome::Retry);
        assert!(matches!(other, Err(Refusal::Invalid { field: "outcome", .. })));
        assert_eq!(trial.idle(&ann).pending, 0);
    }
}

#[test]
fn what_is_given_back_comes_later_and_the_third_time_never() {
    let (mut trial, ann, bob) = trial();
    for (attempt, backoff) in [(1, 5), (2, 10)] {
        let claim = trial.claim(&ann);
        assert_eq!(claim.attempt, attempt);
        let submitted = trial.submit(&ann, claim.token, Outcome::Retry).unwrap();
        assert_eq!(submitted.state, TaskState::Pending);
        assert!(trial.value("status:ann:1").starts_with(r#"{"status":"retried""#));
        let idle = trial.idle(&bob);
        assert_eq!((idle.pending, idle.retry_after), (1, backoff * SECOND));
        trial.wait_almost(backoff * SECOND);
        assert_eq!(trial.idle(&bob).retry_after, INSTANT);
        trial.wait(INSTANT);
    }
    let token = trial.claim(&bob).token;
    assert_eq!(
        trial.submit(&bob, token, Outcome::Retry).unwrap().state,
        TaskState::Dead
    );
    trial.wait(HOUR);
    assert_eq!((trial.idle(&ann).pending, state(&trial, "task:1")), (0, "dead"));
    trial.wait(23 * HOUR);
    assert_eq!(state(&trial, "task:1"), "gone");
    let scores = trial.ledger.scores(trial.namespace);
    assert!(
        scores.is_empty(),
        "who gives back has neither done nor lost: {scores:?}"
    );
}

#[test]
fn a_lost_claim_counts_an_attempt_and_its_holder_is_told() {
    let (mut trial, ann, bob) = trial();
    let token = trial.claim(&ann).token;
    trial.leaves(&ann, true);
    trial.wait(Duration::ZERO);
    let told = [
        ("status:ann:1".to_owned(), EventKind::Set),
        ("task:1".to_owned(), EventKind::Drop(Reason::Died)),
    ];
    assert_eq!(trial.last(), told);
    let status = r#"{"status":"lost","task":"task:1","reason":"died"}"#;
    assert_eq!(trial.value("status:ann:1"), status);
    assert_eq!(trial.entry("task:1").unwrap().work().attempts, 1);
    assert_eq!(trial.idle(&bob).retry_after, 5 * SECOND);
    trial.wait(5 * SECOND);
    let claim = trial.claim(&bob);
    assert_eq!(claim.attempt, 2);
    let session = ann.owner().session;
    trial.apply(&ann, Return { session }).unwrap();
    let losses = trial.ledger.losses(trial.namespace, ann.owner());
    assert_eq!(losses.len(), 1);
    let refusal = trial.submit(&ann, token, Outcome::Done).unwrap_err();
    let Refusal::Lost { fence, loss, holder } = refusal else {
        panic!("{refusal:?}")
    };
    assert_eq!((fence, holder.as_ref()), (token, Some(bob.owner())));
    assert_eq!(loss.map(|loss: Box<Loss>| loss.reason), Some(Reason::Died));
    assert_eq!(
        trial.ledger.losses(trial.namespace, ann.owner()),
        [],
        "it has been told"
    );
    assert_eq!(
        state(&trial, "task:1"),
        "claimed",
        "a stale token changes nothing"
    );
    trial.submit(&bob, claim.token, Outcome::Done).unwrap();
    let scores = trial.ledger.scores(trial.namespace);
    let lost = Score {
        lost: 1,
        ..Score::default()
    };
    let done = Score {
        done: 1,
        mean: Some(Duration::ZERO),
        ..Score::default()
    };
    assert_eq!(scores, [(Arc::from("ann"), lost), (Arc::from("bob"), done)]);
}

#[test]
fn who_is_silent_for_too_long_loses_its_claim() {
    let (mut trial, ann, _) = trial();
    trial.claim(&ann);
    trial.wait_almost(Limits::default().idle + TTL);
    assert_eq!(state(&trial, "task:1"), "claimed");
    trial.wait(INSTANT);
    assert!(trial.value("status:ann:1").contains(r#""reason":"expired""#));
    assert_eq!(state(&trial, "task:1"), "pending");
}

#[test]
fn a_task_lost_three_times_is_dead_for_a_day_whatever_its_own_time() {
    let (mut trial, ann, _) = trial();
    for number in 1..=3 {
        let worker = trial.agent("worker", 10 + number);
        trial.claim(&worker);
        trial.leaves(&worker, true);
        trial.wait(10 * SECOND);
    }
    assert_eq!(state(&trial, "task:1"), "dead");
    let status = r#"{"status":"dead","task":"task:1","reason":"died"}"#;
    assert_eq!(trial.value("status:worker:1"), status);
    trial.wait(23 * HOUR);
    assert_eq!((state(&trial, "task:1"), trial.idle(&ann).pending), ("dead", 0));
    trial.set(&ann, "task:1", "written anew");
    assert_eq!(trial.claim(&ann).attempt, 1);
}

#[test]
fn a_claimed_task_outlives_its_own_time_and_ends_with_the_claim() {
    let (mut trial, ann, bob) = trial();
    let own = trial.entry("task:1").unwrap().deadline;
    let token = trial.claim(&ann).token;
    while trial.now < own {
        trial.wait(600 * SECOND);
        ann.presence.renew(trial.now);
    }
    assert_eq!(state(&trial, "task:1"), "claimed");
    assert_eq!(
        trial.submit(&ann, token, Outcome::Done).unwrap().state,
        TaskState::Done
    );
    assert_eq!(
        trial.last()[0],
        ("task:1".to_owned(), EventKind::Drop(Reason::Submitted))
    );
    assert_eq!(state(&trial, "task:1"), "gone");
    assert_eq!(
        trial.idle(&bob),
        Idle {
            pending: 0,
            claimed: 0,
            retry_after: 10 * SECOND
        }
    );
}

#[test]
fn a_task_that_its_holder_marked_as_done_is_done_when_the_holder_leaves() {
    let (mut trial, ann, bob) = trial();
    trial.claim(&ann);
    trial.set(&ann, "task:1", r#"{"status":"completed"}"#);
    assert_eq!(state(&trial, "task:1"), "claimed");
    trial.leaves(&ann, true);
    trial.wait(10 * SECOND);
    assert_eq!((state(&trial, "task:1"), trial.idle(&bob).pending), ("done", 0));
}

#[test]
fn a_token_is_good_for_all_names_of_its_session_and_for_nobody_else() {
    let (mut trial, ann, bob) = trial();
    let sub = trial.agent("sub", 1);
    let token = trial.claim(&sub).token;
    assert!(matches!(
        trial.submit(&bob, token, Outcome::Done),
        Err(Refusal::Lost { .. })
    ));
    trial.submit(&ann, token, Outcome::Done).unwrap();
    assert!(
        trial.value("status:sub:1").contains("completed"),
        "it is the status of who claimed it"
    );
    assert!(matches!(
        trial.submit(&bob, token, Outcome::Done),
        Err(Refusal::Lost { .. })
    ));
    let ahead = Revision(1_000_000);
    assert!(matches!(
        trial.submit(&ann, ahead, Outcome::Done),
        Err(Refusal::NotFound { .. })
    ));
}

#[test]
fn the_fence_of_a_lock_is_no_token() {
    let (mut trial, ann, _) = trial();
    trial.set(&ann, "lock:a", "{}");
    let fence = trial.ledger.rev();
    let refusal = trial.submit(&ann, fence, Outcome::Done);
    assert!(matches!(refusal, Err(Refusal::NotFound { .. })), "{refusal:?}");
}

#[test]
fn a_person_brings_a_task_back_or_gives_it_up() {
    let (mut trial, ann, bob) = trial();
    let person = trial.person();
    let token = trial.claim(&ann).token;
    let rev = trial.entry("task:1").unwrap().rev;
    let task = || key("task:1");
    let stale = Bury {
        key: task(),
        rev: Revision(1),
    };
    assert!(matches!(
        trial.apply(&person, stale),
        Err(Refusal::Changed { .. })
    ));
    trial.apply(&person, Requeue { key: task(), rev }).unwrap();
    assert_eq!(
        trial.last()[1],
        ("task:1".to_owned(), EventKind::Drop(Reason::Person))
    );
    assert!(trial.value("status:ann:1").contains(r#""reason":"person""#));
    assert!(matches!(
        trial.submit(&ann, token, Outcome::Done),
        Err(Refusal::Lost { .. })
    ));
    assert_eq!(
        trial.claim(&bob).attempt,
        1,
        "it is as if it had never been handed out"
    );
    let rev = trial.entry("task:1").unwrap().rev;
    trial.apply(&person, Bury { key: task(), rev }).unwrap();
    assert!(trial.value("status:bob:1").contains(r#""status":"dead""#));
    trial.wait(2 * HOUR);
    assert_eq!((state(&trial, "task:1"), trial.idle(&ann).pending), ("dead", 0));
    let rev = trial.entry("task:1").unwrap().rev;
    trial.apply(&person, Requeue { key: task(), rev }).unwrap();
    assert_eq!(trial.claim(&ann).attempt, 1);
    let other = Requeue {
        key: key("status:ann:1"),
        rev,
    };
    assert!(matches!(
        trial.apply(&person, other),
        Err(Refusal::Invalid { .. })
    ));
}

#[test]
fn a_claim_that_a_person_ends_is_lost() {
    let (mut trial, ann, _) = trial();
    let person = trial.person();
    let token = trial.claim(&ann).token;
    let leases = vec![(key("task:1"), token)];
    assert_eq!(trial.apply(&person, Revoke { leases }), Ok(1));
    assert_eq!(trial.entry("task:1").unwrap().work().attempts, 1);
    assert_eq!(
        trial.ledger.losses(trial.namespace, ann.owner())[0].reason,
        Reason::Person
    );
}

#[test]
fn a_claim_is_all_or_nothing() {
    let limits = Limits {
        keys: 1,
        ..Limits::default()
    };
    let mut trial = Trial::within(limits);
    let ann = trial.agent("ann", 1);
    trial.set(&ann, "task:1", "x");
    let rev = trial.ledger.rev();
    let full = Refusal::Full {
        which: "keys",
        limit: 1,
    };
    assert_eq!(trial.take(&ann), Err(full));
    assert_eq!((trial.ledger.rev(), state(&trial, "task:1")), (rev, "pending"));
}

#[test]
fn a_task_with_a_long_id_has_no_status_and_is_handed_out_all_the_same() {
    let mut trial = Trial::new();
    let ann = trial.agent("ann", 1);
    let long = format!("task:{}", "x".repeat(250));
    trial.set(&ann, &long, "x");
    let claim = trial.claim(&ann);
    assert_eq!(trial.last().len(), 1);
    trial.submit(&ann, claim.token, Outcome::Done).unwrap();
    assert_eq!(trial.last().len(), 1);
}

#[test]
fn a_full_board_ends_claims_all_the_same() {
    let limits = Limits {
        keys: 2,
        ..Limits::default()
    };
    let mut trial = Trial::within(limits);
    let (ann, bob) = (trial.agent("ann", 1), trial.agent("bob", 2));
    trial.set(&ann, "task:1", "x");
    trial.claim(&ann);
    let status = Delete {
        key: key("status:ann:1"),
    };
    trial.apply(&ann, status).unwrap();
    trial.set(&bob, "other", "x");
    trial.leaves(&ann, true);
    trial.wait(Duration::ZERO);
    assert_eq!(
        (state(&trial, "task:1"), trial.entry("status:ann:1")),
        ("pending", None)
    );
}

#[test]
fn nobody_who_left_is_handed_anything() {
    let (mut trial, ann, bob) = trial();
    trial.leaves(&ann, false);
    assert!(matches!(trial.take(&ann), Err(Refusal::NotFound { .. })));
    assert_eq!(trial.claim(&bob).attempt, 1);
}

#[test]
fn what_ran_out_is_neither_handed_out_nor_left_in_the_order() {
    let (mut trial, ann, _) = trial();
    trial.now = trial.now.after(HOUR);
    assert!(
        matches!(trial.take(&ann), Ok(Claimed::Nothing(_))),
        "it has run out, though nobody swept"
    );
    trial.wait(Duration::ZERO);
    assert_eq!(trial.idle(&ann).pending, 0);
}

#[test]
fn words_of_the_status_key_stay_within_the_grammar() {
    let task: Key = key("task:src/a%5B.rs");
    let status = status_key("ann", &task).unwrap();
    assert_eq!(Key::parse(status.as_str()), Ok(status.clone()));
    assert_eq!(status.as_str(), "status:ann:src/a%5B.rs");
}
