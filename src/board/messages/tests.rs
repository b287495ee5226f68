//! The rules of messages, one by one, on a clock that stands until it is moved.

use super::*;
use crate::board::command::{Earlier, Receive, Send, Update};
use crate::board::trial::{HOUR, Trial, key};
use crate::board::{Action, Caller, Condition, EventKind, Limits, Op, Reason, Refusal, Set, WorkState};

const SECOND: Duration = Duration::from_secs(1);

fn trial() -> (Trial, Caller, Caller) {
    let mut trial = Trial::new();
    let (ann, bob) = (trial.agent("ann", 1), trial.agent("bob", 2));
    (trial, ann, bob)
}

fn send(trial: &mut Trial, from: &Caller, to: &str, body: &str) -> Result<Revision, Refusal> {
    let send = Send::new(to, Arc::from(body))?;
    let everyone = ["ann", "bob", "eve"].map(Arc::from).to_vec();
    trial.apply(from, send.with_everyone(everyone))
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.body).collect()
}

#[test]
fn a_message_is_delivered_in_order_and_confirmed_by_the_next_call() {
    let (mut trial, ann, bob) = trial();
    let first = send(&mut trial, &ann, "bob", "one \"quoted\"").unwrap();
    send(&mut trial, &ann, "bob", "two").unwrap();
    let key = format!("msg:bob:{first}");
    let value = r#"{"from":"ann","to":"bob","body":"one \"quoted\""}"#;
    assert_eq!(trial.value(&key), value, "who reads the storage understands it");
    trial.wait(SECOND);
    let received = trial.receive(&bob, 1);
    let message = Message {
        id: first,
        from: Arc::from("ann"),
        body: Arc::from("one \"quoted\""),
        deliveries: 1,
        age: SECOND,
    };
    assert_eq!(received, [message]);
    assert_eq!(trial.last(), [(key.clone(), EventKind::Lease)]);
    assert_eq!(bodies(&trial.receive(&bob, 1)), ["two"]);
    assert_eq!(trial.last()[0], (key.clone(), EventKind::Drop(Reason::Confirmed)));
    assert_eq!(trial.entry(&key), None);
    assert!(trial.receive(&bob, 1).is_empty());
    let rev = trial.ledger.rev();
    assert!(trial.receive(&bob, 1).is_empty());
    assert_eq!(trial.ledger.rev(), rev, "nothing to do is no revision");
}

#[test]
fn the_original_way_to_write_lands_in_the_same_queue() {
    let (mut trial, ann, bob) = trial();
    trial.set(&ann, "msg:lead:bob:2025-10-15T14:30:00Z", "raw");
    send(&mut trial, &ann, "bob", "sent").unwrap();
    trial.set(&ann, "msg:human:bob:1", "not from the person");
    let received = trial.receive(&bob, 9);
    let told: Vec<_> = received.iter().map(|one| (&*one.from, &*one.body)).collect();
    assert_eq!(
        told,
        [("lead", "raw"), ("ann", "sent"), ("ann", "not from the person")]
    );
}

#[test]
fn what_is_no_message_is_in_no_queue() {
    let (mut trial, ann, bob) = trial();
    for key in [
        "msg:bob",
        "msg:bob:1",
        "msg:a:x/y:1",
        "msg:a::1",
        "msg:dead:bob:1",
        "msg:a:dead:1",
    ] {
        trial.set(&ann, key, "x");
    }
    assert!(trial.receive(&bob, 9).is_empty());
    let dead = trial.agent("dead", 3);
    assert!(trial.receive(&dead, 9).is_empty());
    for name in ["", "dead", "   "] {
        let refusal = send(&mut trial, &ann, name, "x");
        assert!(
            matches!(refusal, Err(Refusal::Invalid { field: "to", .. })),
            "{name}"
        );
    }
}

#[test]
fn a_key_that_somebody_guessed_does_not_hide_the_message() {
    let (mut trial, ann, bob) = trial();
    let next = trial.ledger.rev().next().next();
    trial.set(&ann, &format!("msg:bob:{next}"), "guessed");
    assert_eq!(send(&mut trial, &ann, "bob", "true"), Ok(next));
    assert_eq!(bodies(&trial.receive(&bob, 9)), ["true"]);
}

#[test]
fn everyone_else_gets_a_copy_in_one_revision() {
    let (mut trial, ann, bob) = trial();
    send(&mut trial, &ann, "*", "hello").unwrap();
    assert_eq!(trial.last().len(), 2);
    assert!(trial.receive(&ann, 9).is_empty());
    assert_eq!(bodies(&trial.receive(&bob, 9)), ["hello"]);
    let person = trial.person();
    send(&mut trial, &person, "*", "from outside").unwrap();
    assert_eq!(&*trial.receive(&ann, 9)[0].from, "human");
    let alone = Send::new("*", Arc::from("x"))
        .unwrap()
        .with_everyone(vec![Arc::from("ann")]);
    assert!(matches!(trial.apply(&ann, alone), Err(Refusal::NotFound { .. })));
}

#[test]
fn a_lapsed_delivery_comes_again_in_its_old_place() {
    let (mut trial, ann, bob) = trial();
    for body in ["one", "two"] {
        send(&mut trial, &ann, "bob", body).unwrap();
    }
    assert_eq!(bodies(&trial.receive(&bob, 1)), ["one"]);
    trial.leaves(&bob, false);
    let newer = trial.agent("bob", 3);
    assert!(newer.presence.is_to_be_told(), "something waits for it");
    assert_eq!(
        bodies(&trial.receive(&newer, 9)),
        ["one", "two"],
        "at once for a new session"
    );
    trial.wait(Limits::default().idle + DELIVERY);
    newer.presence.renew(trial.now);
    let again = trial.receive(&newer, 9);
    assert_eq!(bodies(&again), ["one", "two"]);
    assert_eq!((again[0].deliveries, again[1].deliveries), (3, 2));
    assert_eq!(
        trial.ledger.losses(trial.namespace, bob.owner()),
        [],
        "nobody is told of it"
    );
}

#[test]
fn a_delivery_is_kept_for_a_session_that_comes_back() {
    let (mut trial, ann, bob) = trial();
    send(&mut trial, &ann, "bob", "one").unwrap();
    trial.receive(&bob, 9);
    trial.leaves(&bob, false);
    trial.wait(29 * SECOND);
    bob.presence.come_back(trial.now);
    assert!(trial.receive(&bob, 9).is_empty());
    assert_eq!(trial.last()[0].1, EventKind::Drop(Reason::Confirmed));
}

#[test]
fn what_was_delivered_in_a_lost_answer_comes_again_in_its_place_and_is_confirmed_by_the_next_call() {
    let (mut trial, ann, bob) = trial();
    for body in ["one", "two", "three"] {
        send(&mut trial, &ann, "bob", body).unwrap();
    }
    assert_eq!(bodies(&trial.receive(&bob, 2)), ["one", "two"]);
    let repeat = Receive {
        limit: 2,
        earlier: Earlier::Lost,
    };
    let again = trial.apply(&bob, repeat).unwrap();
    assert_eq!((bodies(&again.messages), again.more), (vec!["one", "two"], 1));
    assert_eq!(again.messages[0].deliveries, 2);
    assert_eq!(bodies(&trial.receive(&bob, 2)), ["three"]);
}

#[test]
fn a_call_that_goes_on_waiting_confirms_nothing() {
    let (mut trial, ann, bob) = trial();
    send(&mut trial, &ann, "bob", "one").unwrap();
    trial.receive(&bob, 9);
    let waiting = Receive {
        limit: 9,
        earlier: Earlier::Kept,
    };
    assert!(trial.apply(&bob, waiting).unwrap().messages.is_empty());
    trial.leaves(&bob, true);
    trial.wait(Duration::ZERO);
    assert_eq!(
        trial
            .ledger
            .notices(trial.now, trial.namespace, &bob.presence)
            .unwrap()
            .inbox,
        1
    );
}

#[test]
fn what_nobody_confirms_is_kept_for_people_after_five_deliveries() {
    let (mut trial, ann, _) = trial();
    let sent = send(&mut trial, &ann, "bob", "poison").unwrap();
    for session in 0..u64::from(MAX_DELIVERIES) {
        let bob = trial.agent("bob", 10 + session);
        let received = trial.receive(&bob, 9);
        assert_eq!(u64::from(received[0].deliveries), session + 1);
        trial.leaves(&bob, true);
    }
    let bob = trial.agent("bob", 20);
    assert!(trial.receive(&bob, 9).is_empty());
    let told = [
        (format!("msg:bob:{sent}"), EventKind::Drop(Reason::Died)),
        (format!("msg:dead:bob:{sent}"), EventKind::Set),
    ];
    assert_eq!(trial.last(), told);
    let dead = trial.entry(&told[1].0).unwrap();
    assert_eq!((&*dead.by.name, dead.work().state), ("ann", WorkState::Open));
    trial.wait(2 * HOUR);
    assert!(trial.entry(&told[1].0).is_some());
    trial.wait(22 * HOUR);
    assert_eq!(trial.entry(&told[1].0), None);
}

#[test]
fn a_full_queue_refuses_by_command_by_hand_and_in_a_batch() {
    let (mut trial, ann, bob) = trial();
    for number in 1..MAX_MESSAGES {
        trial.set(&ann, &format!("msg:ann:bob:{number}"), "x");
    }
    let full = || Refusal::Full {
        which: "messages",
        limit: MAX_MESSAGES,
    };
    let write = |key_text: &str| Set::new(key(key_text), Arc::from("x"), HOUR).unwrap();
    let both = ["msg:ann:bob:a", "msg:eve:bob:a"].map(|key| Op {
        action: Action::Set(write(key)),
        condition: Condition::default(),
    });
    let batch = Update::new(both.to_vec(), None).unwrap();
    assert_eq!(trial.apply(&ann, batch), Err(full()));
    send(&mut trial, &ann, "bob", "the last").unwrap();
    trial.receive(&bob, 1);
    assert_eq!(
        send(&mut trial, &ann, "bob", "x"),
        Err(full()),
        "delivered ones count"
    );
    assert_eq!(
        send(&mut trial, &ann, "*", "x"),
        Err(full()),
        "all get it or none"
    );
    assert_eq!(trial.apply(&ann, write("msg:ann:bob:last")), Err(full()));
    trial.set(&ann, "msg:ann:bob:999", "what is there may be changed");
    send(&mut trial, &ann, "eve", "x").unwrap();
    trial.receive(&bob, 1);
    send(&mut trial, &ann, "bob", "x").unwrap();
    trial.now = trial.now.after(HOUR);
    send(&mut trial, &ann, "bob", "what ran out takes no room").unwrap();
}

#[test]
fn an_answer_is_not_longer_than_a_client_can_take() {
    let (mut trial, ann, bob) = trial();
    let long = "x".repeat(3 << 20);
    for _ in 0..2 {
        send(&mut trial, &ann, "bob", &long).unwrap();
    }
    let earlier = Earlier::Confirmed;
    let received = trial.apply(&bob, Receive { limit: 9, earlier }).unwrap();
    assert_eq!((received.messages.len(), received.more), (1, 1));
    assert_eq!(trial.receive(&bob, 9).len(), 1);
    let too_long = "x".repeat(crate::board::MAX_VALUE_CHARS);
    assert_eq!(
        send(&mut trial, &ann, "bob", &too_long),
        Err(Refusal::ValueTooLong)
    );
}

#[test]
fn who_is_sent_something_is_told_that_it_waits() {
    let (mut trial, ann, bob) = trial();
    bob.presence.tell(false);
    send(&mut trial, &ann, "bob", "x").unwrap();
    assert!(bob.presence.is_to_be_told());
    let notices = trial.ledger.notices(trial.now, trial.namespace, &bob.presence);
    assert_eq!(notices.unwrap().inbox, 1);
    trial.receive(&bob, 9);
    assert_eq!(
        trial.ledger.notices(trial.now, trial.namespace, &bob.presence),
        None
    );
}
