//! Who is attached, and under which name.

use std::time::Duration;

use super::*;
use crate::board::Secret;

fn enter(roster: &Roster, name: Option<&str>) -> Arc<Member> {
    let introduction = Introduction {
        name: name.map(str::to_owned),
        ..Introduction::default()
    };
    roster.enter(NamespaceId(0), introduction, None, Time::default(), |owner, _| {
        here(owner)
    })
}

fn here(owner: &Arc<Owner>) -> Arc<Presence> {
    Presence::new(Arc::clone(owner), Duration::from_secs(900), Time::default())
}

#[test]
fn two_live_sessions_never_share_a_name() {
    let roster = Roster::default();
    let first = enter(&roster, Some("worker"));
    let second = enter(&roster, Some("worker"));
    assert_eq!(
        (&*first.owner().name, &*second.owner().name),
        ("worker", "worker-2")
    );
    roster.leave(&first, Time::default(), || ());
    assert_eq!(&*enter(&roster, Some("worker")).owner().name, "worker");
}

#[test]
fn no_agent_is_taken_for_the_person() {
    let roster = Roster::default();
    assert_eq!(&*enter(&roster, Some("human")).owner().name, "human-2");
}

#[test]
fn who_gives_no_name_is_called_after_its_program() {
    let roster = Roster::default();
    let (first, second) = (enter(&roster, None), enter(&roster, None));
    assert_eq!(&*first.owner().name, "anonymous-1");
    assert!(roster.introduce(&first, "claude code", "2.1", Time::default(), here));
    assert!(!roster.introduce(&first, "claude code", "2.1", Time::default(), here));
    assert!(roster.introduce(&second, "claude code", "2.1", Time::default(), here));
    assert_eq!(
        (&*first.owner().name, &*second.owner().name),
        ("claude-code-1", "claude-code-2")
    );
    let named = enter(&roster, Some("lead"));
    assert!(roster.introduce(&named, "codex", "", Time::default(), here));
    assert_eq!(&*named.owner().name, "lead");
    assert_eq!(named.as_agents()[0].client.as_deref(), Some("codex"));
}

#[test]
fn an_agent_is_the_same_over_all_sessions_of_its_client_and_of_no_other() {
    let roster = Roster::default();
    let opened_by = |ppid| {
        let introduction = Introduction {
            ppid,
            ..Introduction::default()
        };
        roster.enter(NamespaceId(0), introduction, None, Time::default(), |owner, _| {
            here(owner)
        })
    };
    let [first, second, other, unknown] = [Some(7), Some(7), Some(8), None].map(opened_by);
    let thread = roster
        .actor_of_client(&first, "thread", Time::default(), here)
        .unwrap();
    let again = roster
        .actor_of_client(&second, "thread", Time::default(), here)
        .unwrap();
    assert!(Arc::ptr_eq(&thread, &again));
    for stranger in [other, unknown] {
        assert!(
            roster
                .actor_of_client(&stranger, "thread", Time::default(), here)
                .is_err()
        );
    }
    assert!(roster.actor(&second, "thread", Time::default(), here).is_err());
}

#[test]
fn a_secret_brings_a_session_back_also_before_its_old_connection_is_seen_to_close() {
    let roster = Roster::default();
    let enter_at = |secret: &str, namespace, now| {
        let introduction = Introduction {
            name: Some("worker".to_owned()),
            ..Introduction::default()
        };
        roster.enter(
            NamespaceId(namespace),
            introduction,
            Some(Secret::from(secret).fingerprint()),
            now,
            |owner, _| here(owner),
        )
    };
    let enter = |secret: &str, namespace| enter_at(secret, namespace, Time::default());
    let first = enter("s1", 0);
    let taken_over = enter("s1", 0);
    assert_eq!(first.owner(), taken_over.owner());
    roster.leave(&first, Time::default(), || ());
    assert_eq!(roster.len(), 1);
    roster.leave(&taken_over, Time::default(), || ());
    let later = Time::default().after(GRACE);
    let stranger = enter_at("s2", 0, later);
    assert_eq!(&*stranger.owner().name, "worker");
    let back = enter_at("s1", 0, later);
    assert_eq!(back.owner().session, first.owner().session);
    assert_eq!(
        &*back.owner().name,
        "worker-2",
        "the name has been given away meanwhile"
    );
    assert_ne!(
        enter("s1", 1).owner().session,
        first.owner().session,
        "another namespace is another session"
    );
}

#[test]
fn a_name_is_kept_for_who_may_be_back_in_a_moment_and_not_for_the_dead() {
    let roster = Roster::default();
    let enter = |secret: &str| {
        let introduction = Introduction {
            name: Some("worker".to_owned()),
            ..Introduction::default()
        };
        let secret = Some(Secret::from(secret).fingerprint());
        roster.enter(
            NamespaceId(0),
            introduction,
            secret,
            Time::default(),
            |owner, _| here(owner),
        )
    };
    let first = enter("s1");
    roster.actor(&first, "helper", Time::default(), here).unwrap();
    roster.leave(&first, Time::default(), || ());
    let stranger = enter("s2");
    assert_eq!(&*stranger.owner().name, "worker-2");
    let named = |now| roster.actor(&stranger, "helper", now, here);
    assert!(
        named(Time::default()).is_err(),
        "what it holds is held under that name"
    );
    assert_eq!(enter("s1").owner(), first.owner());

    let gone = enter("s3");
    assert_eq!(&*gone.owner().name, "worker-3");
    roster.leave(&gone, Time::default(), || ());
    roster.unless_taken_over(&gone, || ());
    let gone = enter("s4");
    assert_eq!(&*gone.owner().name, "worker-3", "the dead need no name");
    roster.unless_taken_over(&gone, || ());
    roster.leave(&gone, Time::default(), || ());
    assert_eq!(
        &*enter("s5").owner().name,
        "worker-3",
        "whichever is noticed first"
    );
}

#[test]
fn several_agents_share_a_session_under_names_of_their_own() {
    let roster = Roster::default();
    let (lead, other) = (enter(&roster, Some("lead")), enter(&roster, Some("other")));
    let helper = roster.actor(&lead, "helper", Time::default(), here).unwrap();
    assert_eq!(helper.owner().session, lead.owner().session);
    assert!(Arc::ptr_eq(
        &helper,
        &roster.actor(&lead, "helper", Time::default(), here).unwrap()
    ));
    assert!(Arc::ptr_eq(
        &lead.actor(),
        &roster.actor(&lead, "lead", Time::default(), here).unwrap()
    ));
    for taken in ["other", "human", "dead", ""] {
        assert!(
            roster.actor(&lead, taken, Time::default(), here).is_err(),
            "{taken}"
        );
    }
    assert!(roster.actor(&other, "helper", Time::default(), here).is_err());
    assert_eq!(&*enter(&roster, Some("helper")).owner().name, "helper-2");
    let names: Vec<_> = roster
        .agents()
        .into_iter()
        .map(|agent| agent.owner.name.to_string())
        .collect();
    assert_eq!(names, ["lead", "helper", "other", "helper-2"]);
}

#[test]
fn nobody_comes_back_while_an_end_is_being_noted() {
    let roster = Roster::default();
    let member = enter(&roster, None);
    let is_kept = || assert!(roster.members.try_lock().is_err());
    let mut noted = 0;
    roster.leave(&member, Time::default(), || {
        is_kept();
        noted += 1;
    });
    roster.unless_taken_over(&member, || {
        is_kept();
        noted += 1;
    });
    roster.leave(&member, Time::default(), || noted += 1);
    assert_eq!(noted, 2, "it leaves once, and may be mourned afterwards");
}

#[test]
fn nobody_begins_to_act_in_a_session_that_has_left() {
    let roster = Roster::default();
    let lead = enter(&roster, Some("lead"));
    roster.leave(&lead, Time::default(), || ());
    let late = roster.actor(&lead, "late", Time::default(), here);
    assert_eq!(late.unwrap_err(), Refusal::left());
}

#[test]
fn who_comes_back_brings_those_who_shared_the_session_and_their_names() {
    let roster = Roster::default();
    let enter = |name: &str, secret: &str| {
        let introduction = Introduction {
            name: Some(name.to_owned()),
            ..Introduction::default()
        };
        let secret = Some(Secret::from(secret).fingerprint());
        roster.enter(
            NamespaceId(0),
            introduction,
            secret,
            Time::default().after(GRACE),
            |owner, _| here(owner),
        )
    };
    let first = enter("lead", "s1");
    for name in ["helper", "other"] {
        roster.actor(&first, name, Time::default(), here).unwrap();
    }
    first.expect("call-1", "helper");
    first.note_alias(&Arc::from("bob"), &Arc::from("lead"), Time::default());
    roster.leave(&first, Time::default(), || ());
    assert_eq!(&*enter("other", "s2").owner().name, "other");

    let back = enter("lead", "s1");
    let names = |member: &Member| {
        let agents = member.as_agents().into_iter();
        agents
            .map(|agent| agent.owner.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&back),
        ["lead", "helper"],
        "one name is another's meanwhile"
    );
    assert_eq!(back.expected("call-1").as_deref(), Some("helper"));
    assert_eq!(back.aliases("lead"), [Arc::from("bob")]);
    assert_eq!(
        names(&enter("lead", "s1")),
        ["lead", "helper"],
        "also over a live one"
    );
}

#[test]
fn the_one_who_called_least_lately_makes_room_for_another_unless_it_is_busy() {
    let roster = Roster::default();
    let lead = enter(&roster, Some("lead"));
    let call = |name: &str, at| {
        let actor = roster.actor(&lead, name, Time::default(), here).unwrap();
        actor.called("heartbeat", Time::from_nanos(at));
    };
    for number in 0..64_u64 {
        call(&format!("agent-{number}"), 64 - number);
    }
    lead.note_alias(&Arc::from("agent-62"), &Arc::from("agent-0"), Time::default());
    assert!(roster.actor(&lead, "late", Time::default(), here).is_err());
    let busy = |owner: &Owner| *owner.name == *"agent-63";
    for known in ["lead", "agent-63"] {
        Roster::make_room(&lead, known, busy);
    }
    assert!(lead.other("agent-62").is_some(), "who is known needs no room");
    Roster::make_room(&lead, "late", busy);
    assert!(lead.other("agent-63").is_some() && lead.other("agent-62").is_none());
    assert!(lead.aliases("agent-0").is_empty());
    call("late", 100);
    Roster::make_room(&lead, "later", |_| true);
    assert!(roster.actor(&lead, "later", Time::default(), here).is_err());
}

#[test]
fn all_who_left_a_moment_ago_can_come_back_and_of_the_others_only_so_many() {
    let roster = Roster::default();
    let come = |number: usize, now| {
        let name = number.to_string();
        let secret = Secret::from(&*name).fingerprint();
        let introduction = Introduction {
            name: Some(name),
            ..Introduction::default()
        };
        let presence = |owner: &Arc<Owner>, _| here(owner);
        roster.enter(NamespaceId(0), introduction, Some(secret), now, presence)
    };
    let is_back = |number: usize, was: &Member, now| {
        let back = come(number, now);
        roster.leave(&back, now, || ());
        back.owner().session == was.owner().session
    };
    let start = Time::default();
    let all: Vec<_> = (0..MAX_AWAY).map(|number| come(number, start)).collect();
    for member in &all {
        roster.leave(member, start, || ());
    }
    assert!(is_back(0, &all[0], start) && is_back(MAX_AWAY - 1, &all[MAX_AWAY - 1], start));
    let one_more = come(MAX_AWAY, start);
    roster.leave(&one_more, start, || ());
    assert_eq!(lock(&roster.departed).len(), MAX_AWAY, "there is an end of it");

    let late = start.after(GRACE);
    roster.leave(&come(MAX_AWAY + 1, late), late, || ());
    assert_eq!(lock(&roster.departed).len(), MAX_DEPARTED);
    assert!(
        is_back(MAX_AWAY, &one_more, late),
        "the others can, while there is room"
    );
}

/// Adds a session that `process` opened, of `program` if that is known.
fn opened(roster: &Roster, process: u32, program: Option<&str>) -> Arc<Member> {
    let introduction = Introduction {
        ppid: Some(process),
        ..Introduction::default()
    };
    let secret = format!("{process} {program:?}");
    let secret = Some(Secret::from(secret.as_str()).fingerprint());
    let enter = |owner: &Arc<Owner>, _| here(owner);
    let member = roster.enter(NamespaceId(0), introduction, secret, Time::default(), enter);
    if let Some(program) = program {
        roster.introduce(&member, program, "1", Time::default(), here);
    }
    member
}

#[test]
fn a_client_inside_another_is_not_taken_for_it() {
    let roster = Roster::default();
    let outer = opened(&roster, 7, Some("claude-code"));
    let names = |program: Option<&str>| {
        let processes = &[9, 8, 7];
        let found = roster.opened_by(Opener { processes, program });
        let names = found.iter().map(|one| one.owner().name.to_string());
        names.collect::<Vec<_>>()
    };
    let awaits = |program: &str| {
        let (processes, program) = (&[9, 8, 7], Some(program));
        roster.awaits(NamespaceId(0), Opener { processes, program }, Time::default())
    };
    assert_eq!(names(Some("claude-code")), ["claude-code-1"]);
    assert!(names(Some("codex")).is_empty() && !awaits("codex"));

    let inner = opened(&roster, 8, None);
    assert!(
        awaits("codex") && awaits("claude-code"),
        "nobody knows yet whose it is"
    );
    assert!(names(Some("codex")).is_empty());
    roster.introduce(&inner, "codex-mcp-client", "1", Time::default(), here);
    assert_eq!(names(Some("codex")), ["codex-mcp-client-1"]);
    assert_eq!(names(Some("claude-code")), ["claude-code-1"]);
    assert!(!awaits("codex") && !awaits("claude-code"));

    roster.introduce(&outer, "codex-mcp-client", "1", Time::default(), here);
    roster.leave(&inner, Time::default(), || ());
    assert!(awaits("codex"), "the inner one may be back");
    roster.unless_taken_over(&inner, || ());
    assert!(!awaits("codex"));
    assert!(
        names(Some("codex")).is_empty(),
        "the one whose session ended is not the one around it"
    );
}

#[test]
fn who_comes_back_is_of_the_same_program_at_once() {
    let roster = Roster::default();
    let member = opened(&roster, 7, Some("codex-mcp-client"));
    roster.leave(&member, Time::default(), || ());
    let secret = member.secret;
    let enter = |owner: &Arc<Owner>, _| here(owner);
    let back = roster.enter(
        NamespaceId(0),
        member.introduction.clone(),
        secret,
        Time::default(),
        enter,
    );
    assert_eq!(back.as_agents()[0].client.as_deref(), Some("codex-mcp-client 1"));
}

#[test]
fn a_name_that_an_agent_gave_itself_is_its_own_until_it_is_silent_for_long() {
    let roster = Roster::default();
    let session = enter(&roster, Some("one"));
    let at = |seconds| Time::default().after(Duration::from_secs(seconds));
    let actor = |name: &str| roster.actor(&session, name, Time::default(), here).unwrap();
    let [backend, main, first, second] = ["backend", "one", "first", "second"].map(actor);
    let note = |actor: &Arc<Actor>, seconds| {
        actor.called("hook", at(seconds));
        session.note_alias(&backend.owner().name, &actor.owner().name, at(seconds));
        session.known_as("backend").unwrap()
    };
    for (agent, seconds, expected) in [
        (&first, 0, &first),
        (&second, 299, &first),
        (&second, 300, &second),
    ] {
        assert!(Arc::ptr_eq(&note(agent, seconds), expected), "at {seconds} s");
    }
    session.dismiss("second");
    for (agent, seconds) in [(&main, 301), (&first, 10_000)] {
        assert!(Arc::ptr_eq(&note(agent, seconds), &main), "at {seconds} s");
    }
}
