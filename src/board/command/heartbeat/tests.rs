//! What an agent says of itself, and what it is answered.

use super::*;
use crate::board::trial::{Trial, key};
use crate::board::{Caller, Outcome, Reason};

const SECOND: Duration = Duration::from_secs(1);

fn beat(trial: &mut Trial, who: &Caller, progress: Option<&str>) -> Beat {
    let here = vec![Arc::clone(who.owner())];
    trial.apply(who, Heartbeat::new(progress, here).unwrap()).unwrap()
}

#[test]
fn what_an_agent_does_is_there_as_long_as_it_is() {
    let mut trial = Trial::new();
    let ann = trial.agent("ann", 1);
    let beat = |trial: &mut Trial, text| self::beat(trial, &ann, Some(text)).agents;
    assert_eq!(beat(&mut trial, "reading")[0].doing.as_deref(), Some("reading"));
    assert_eq!(trial.last(), [("agent:ann".to_owned(), EventKind::Lease)]);
    assert_eq!(beat(&mut trial, "writing")[0].doing.as_deref(), Some("writing"));
    assert_eq!(trial.last(), [("agent:ann".to_owned(), EventKind::Set)]);
    trial.wait(600 * SECOND);
    assert_eq!(trial.value("agent:ann"), r#"{"progress":"writing"}"#);
    trial.leaves(&ann, false);
    trial.wait(30 * SECOND);
    assert_eq!(
        trial.last(),
        [("agent:ann".to_owned(), EventKind::Drop(Reason::Disconnected))]
    );
    assert_eq!(trial.entry("agent:ann"), None);
    assert_eq!(trial.ledger.losses(trial.namespace, ann.owner()), []);
}

#[test]
fn a_new_session_of_the_name_speaks_for_it() {
    let mut trial = Trial::new();
    let (old, new) = (trial.agent("ann", 1), trial.agent("ann", 2));
    beat(&mut trial, &old, Some("old"));
    let here = vec![Arc::clone(new.owner())];
    let refused = trial.apply(&new, Heartbeat::new(Some("new"), here).unwrap());
    assert!(matches!(refused, Err(Refusal::Leased { .. })));
    trial.leaves(&old, false);
    assert_eq!(
        beat(&mut trial, &new, None).agents[0].doing,
        None,
        "it has said nothing yet"
    );
    let said = beat(&mut trial, &new, Some("new"));
    assert_eq!(said.agents[0].doing.as_deref(), Some("new"));
    let told = [EventKind::Drop(Reason::Disconnected), EventKind::Lease];
    assert_eq!(
        trial.last().into_iter().map(|(_, kind)| kind).collect::<Vec<_>>(),
        told
    );
}

#[test]
fn progress_goes_to_the_status_of_every_claim_and_the_answer_lists_what_is_held() {
    let mut trial = Trial::new();
    let ann = trial.agent("ann", 1);
    trial.set(&ann, "task:1", "x");
    trial.set(&ann, "task:2", "x");
    trial.set(&ann, "msg:bob:ann:1", "x");
    trial.receive(&ann, 1);
    let first = trial.claim(&ann);
    trial.claim(&ann);
    let held = beat(&mut trial, &ann, Some("half way"));
    assert_eq!(trial.last().len(), 3, "all in one revision");
    let status = r#"{"status":"in_progress","task":"task:1","attempt":1,"currentStep":"half way"}"#;
    assert_eq!(trial.value("status:ann:1"), status);
    let keys: Vec<_> = held.holds.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(
        keys,
        ["task:1", "task:2"],
        "neither what it says nor its messages"
    );
    assert_eq!((held.holds[0].fence, held.agents[0].holds), (first.token, 2));
    assert_eq!(held.remaining, Some(300 * SECOND));
    trial.wait(SECOND);
    let rev = trial.ledger.rev();
    let later = beat(&mut trial, &ann, None);
    assert_eq!(trial.ledger.rev(), rev, "without progress nothing is written");
    assert_eq!(
        (later.agents[0].idle, later.remaining),
        (SECOND, Some(299 * SECOND))
    );
    trial.submit(&ann, first.token, Outcome::Done).unwrap();
    beat(&mut trial, &ann, Some("the other one"));
    assert!(trial.value("status:ann:1").contains("completed"));
}

#[test]
fn a_value_of_somebody_else_is_not_taken_for_what_an_agent_says() {
    let mut trial = Trial::new();
    let (ann, bob) = (trial.agent("ann", 1), trial.agent("bob", 2));
    trial.set(&bob, "agent:ann", r#"{"progress":"nonsense"}"#);
    assert_eq!(beat(&mut trial, &ann, None).agents[0].doing, None);
    let said = beat(&mut trial, &ann, Some("true"));
    assert_eq!(said.agents[0].doing.as_deref(), Some("true"));
    let write = crate::board::Set::new(key("agent:ann"), Arc::from("x"), SECOND).unwrap();
    assert!(matches!(trial.apply(&bob, write), Err(Refusal::Leased { .. })));
}

#[test]
fn what_is_said_is_short() {
    let long = "é".repeat(MAX_PROGRESS);
    assert!(Heartbeat::new(Some(&long), Vec::new()).is_ok());
    let refused = Heartbeat::new(Some(&format!("{long}!")), Vec::new());
    assert!(matches!(
        refused,
        Err(Refusal::Invalid {
            field: "progress",
            ..
        })
    ));
}
