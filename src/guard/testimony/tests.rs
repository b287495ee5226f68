use super::*;
use crate::board::SessionId;

const HERE: NamespaceId = NamespaceId(0);

fn at(seconds: u64) -> Time {
    Time::default().after(Duration::from_secs(seconds))
}

fn file() -> Target {
    Target::path("src/a.rs")
}

fn edit() -> Deed {
    Deed::Edit(vec![file()])
}

/// Ann holds the file, in session 1; bob and eve work in two others, dan with ann in hers.
struct Case {
    ann: Arc<Owner>,
    bob: Arc<Owner>,
    eve: Arc<Owner>,
    dan: Arc<Owner>,
    heard: Testimony,
}

impl Case {
    fn new() -> Self {
        let owner = |name, session| Owner::new(name, SessionId(session));
        Self {
            ann: owner("ann", 1),
            bob: owner("bob", 2),
            eve: owner("eve", 3),
            dan: owner("dan", 1),
            heard: Testimony::default(),
        }
    }

    /// Returns the case in which ann's hooks announced an edit from second 10 to 11.
    fn with_hooks() -> Self {
        let mut case = Self::new();
        let ann = Arc::clone(&case.ann);
        case.begins(&ann, edit(), "one", 10);
        case.heard.ends(HERE, &ann, Some("one"), at(11));
        case
    }

    fn begins(&mut self, agent: &Arc<Owner>, deed: Deed, call: &str, second: u64) {
        self.heard
            .begins(HERE, agent, Vec::new(), deed, Some(call), at(second));
    }

    fn author(&self, second: u64) -> Author {
        let holder = Holder {
            owner: &self.ann,
            is_session: false,
        };
        self.heard.author(HERE, holder, &file(), at(second))
    }
}

fn suspects(owner: &Arc<Owner>) -> Author {
    Author::Other(Some(Arc::clone(owner)))
}

#[test]
fn of_a_client_without_hooks_nobody_can_say() {
    let mut case = Case::new();
    assert_eq!(case.author(5), Author::Unknown);
    let bob = Arc::clone(&case.bob);
    case.begins(&bob, Deed::Command, "one", 4);
    assert_eq!(
        case.author(5),
        Author::Unknown,
        "others' hooks say nothing of ann's"
    );
    let dan = Arc::clone(&case.dan);
    case.begins(&dan, Deed::Edit(Vec::new()), "two", 1);
    assert_eq!(case.author(5), suspects(&bob), "those of her own client do");
}

#[test]
fn an_announced_edit_is_the_holder_s_own_from_its_beginning_until_a_moment_after_its_end() {
    let case = Case::with_hooks();
    for (second, author) in [
        (9, Author::Other(None)),
        (10, Author::Holder),
        (11, Author::Holder),
        (13, Author::Holder),
        (14, Author::Other(None)),
    ] {
        assert_eq!(case.author(second), author, "{second}");
    }
    let holder = Holder {
        owner: &case.ann,
        is_session: false,
    };
    let other = Target::path("src/b.rs");
    assert_eq!(
        case.heard.author(HERE, holder, &other, at(10)),
        Author::Other(None),
        "an edit is of the files that it names"
    );
}

#[test]
fn what_changes_during_the_holder_s_command_is_its_own() {
    let mut case = Case::with_hooks();
    let (ann, bob) = (Arc::clone(&case.ann), Arc::clone(&case.bob));
    case.begins(&ann, Deed::Command, "two", 100);
    case.begins(&bob, Deed::Command, "x", 100);
    assert_eq!(case.author(2_000), Author::Holder);
    case.heard.ends(HERE, &ann, Some("two"), at(2_100));
    assert_eq!(case.author(2_103), suspects(&bob));
}

#[test]
fn one_who_was_at_work_alone_is_named_and_of_several_nobody() {
    let mut case = Case::with_hooks();
    let (bob, eve) = (Arc::clone(&case.bob), Arc::clone(&case.eve));
    case.begins(&bob, Deed::Command, "x", 20);
    case.begins(&eve, Deed::Edit(vec![Target::path("README.md")]), "y", 20);
    assert_eq!(case.author(21), suspects(&bob));
    case.begins(&eve, edit(), "z", 22);
    assert_eq!(case.author(23), Author::Other(None));
    case.heard.ends(HERE, &bob, None, at(24));
    assert_eq!(case.author(30), suspects(&eve));
}

#[test]
fn an_agent_with_several_names_is_one_at_work_and_holds_under_each() {
    let mut case = Case::with_hooks();
    let (bob, eve) = (Arc::clone(&case.bob), Arc::clone(&case.eve));
    let worker = Owner::new("worker", bob.session);
    let others = vec![Arc::clone(&worker)];
    case.heard
        .begins(HERE, &bob, others, Deed::Command, Some("x"), at(20));
    assert_eq!(case.author(21), suspects(&bob));
    let holder = Holder {
        owner: &worker,
        is_session: false,
    };
    let author = |case: &Case, second| case.heard.author(HERE, holder, &file(), at(second));
    assert_eq!(author(&case, 21), Author::Holder);
    case.heard.ends(HERE, &bob, None, at(22));
    case.begins(&eve, Deed::Command, "y", 23);
    assert_eq!(author(&case, 25), suspects(&eve));
}

#[test]
fn a_sub_agent_of_the_holder_s_client_is_another_agent_unless_the_lock_is_raw() {
    let mut case = Case::with_hooks();
    let dan = Arc::clone(&case.dan);
    case.begins(&dan, Deed::Command, "x", 20);
    assert_eq!(case.author(21), suspects(&dan));
    let raw = Holder {
        owner: &case.ann,
        is_session: true,
    };
    assert_eq!(case.heard.author(HERE, raw, &file(), at(21)), Author::Holder);
}

#[test]
fn what_nobody_ended_ends_by_itself_and_namespaces_do_not_mix() {
    let mut case = Case::with_hooks();
    let bob = Arc::clone(&case.bob);
    case.begins(&bob, edit(), "x", 20);
    assert_eq!(case.author(600), suspects(&bob));
    assert_eq!(case.author(20 + 603), Author::Other(None));
    case.heard
        .begins(NamespaceId(1), &bob, Vec::new(), Deed::Command, None, at(1_000));
    assert_eq!(case.author(1_001), Author::Other(None));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut case = Case::with_hooks();
    for number in 0..2_000 {
        let agent = Owner::new(&format!("agent-{number}"), SessionId(9));
        for _ in 0..70 {
            case.begins(&agent, Deed::Command, "x", 100 + number);
        }
    }
    assert_eq!(case.heard.agents.len(), MAX_AGENTS);
    assert!(
        case.heard
            .agents
            .values()
            .all(|work| work.spells.len() <= MAX_DEEDS)
    );
    assert_eq!(case.author(5_000), Author::Unknown, "ann was forgotten first");
}

#[test]
fn many_edits_in_a_moment_push_out_nothing_that_is_still_to_be_heard_of() {
    let mut case = Case::new();
    let ann = Arc::clone(&case.ann);
    for number in 0..10 * MAX_DEEDS {
        let call = number.to_string();
        let deed = match number % 10 {
            0 => edit(),
            other => Deed::Edit(vec![Target::path(&format!("src/{other}.rs"))]),
        };
        case.begins(&ann, deed, &call, 10);
        case.heard.ends(HERE, &ann, Some(&call), at(10));
    }
    assert_eq!(case.author(10), Author::Holder);
    let known = case.heard.agents.values().map(|work| work.spells.len());
    assert_eq!(known.sum::<usize>(), 10);
    // One that is under way is another than the one before, whose end must not end it.
    case.begins(&ann, edit(), "a", 20);
    case.begins(&ann, edit(), "b", 20);
    case.heard.ends(HERE, &ann, Some("a"), at(20));
    assert_eq!(case.author(25), Author::Holder);
}
