//! Messages under fire, on the ledger with a virtual clock: sixteen agents whose connections are cut before and
//! after they have read, and who fall silent.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::support::chance::Chance;
use crate::support::heart::{attach, board, key, set};
use crate::support::virtual_time::VirtualTime;
use callboard::board::{
    Attend, Caller, Command, Depart, Earlier, EventKind, Kind, Ledger, Limits, Namespace, NamespaceId, Owner,
    Reason, Receive, Refusal, Revision, Send, SessionId, Sweep, Time,
};

const AGENTS: usize = 16;
const MESSAGES: usize = 50_000;
const IDLE: Duration = Duration::from_secs(30);
const DELIVERY: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);

/// A ledger, and what must be true of it.
struct Post {
    ledger: Ledger,
    namespace: NamespaceId,
    person: Caller,
    now: Time,
    sessions: u64,
    /// The keys of messages that were delivered and not confirmed, and have come back to the queue since.
    returned: BTreeSet<String>,
    /// The messages that were given up.
    dead: usize,
    confirmed: usize,
}

impl Post {
    fn new() -> Self {
        let limits = Limits {
            idle: IDLE,
            ..Limits::default()
        };
        let mut ledger = Ledger::new(Revision::ZERO, limits);
        let namespace = ledger.open(&Namespace::default()).unwrap();
        let presence = ledger.presence(namespace, &Owner::human(), Time::default());
        Self {
            person: Caller { namespace, presence },
            ledger,
            namespace,
            now: Time::default(),
            sessions: 0,
            returned: BTreeSet::new(),
            dead: 0,
            confirmed: 0,
        }
    }

    fn enter(&mut self, name: &str) -> Caller {
        self.sessions += 1;
        let owner = Owner::new(name, SessionId(self.sessions));
        Caller {
            namespace: self.namespace,
            presence: self.ledger.presence(self.namespace, &owner, self.now),
        }
    }

    fn apply<C: Command>(&mut self, who: &Caller, command: C) -> Result<C::Answer, Refusal> {
        let (answer, effects) = self.ledger.apply(self.now, who, command);
        for change in effects.changes {
            if change.key.kind() != Kind::Msg {
                continue;
            }
            let key = change.key.as_str();
            match change.kind {
                EventKind::Drop(Reason::Confirmed) => self.confirmed += 1,
                EventKind::Drop(_) => drop(self.returned.insert(key.to_owned())),
                EventKind::Set if key.starts_with("msg:dead:") => self.dead += 1,
                EventKind::Set | EventKind::Lease => {}
                kind => panic!("{key}: {kind:?}"),
            }
        }
        answer
    }
}

/// One message, as those see it who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    key: String,
    rev: Revision,
    body: Arc<str>,
}

/// One who sends and receives.
struct Agent {
    name: String,
    caller: Caller,
    /// What was sent to it and it has not read, in order.
    expected: VecDeque<Sent>,
    /// What it has read and may see again after a cut.
    read: Vec<Sent>,
    /// Until when nothing is heard of it.
    away: Time,
    again: usize,
}

impl Agent {
    /// Receives, and checks that it gets what is next, and what it had read only after a cut.
    fn receive(&mut self, post: &mut Post, chance: &mut Chance) {
        let (limit, earlier) = (1 + chance.below(20), Earlier::Confirmed);
        post.apply(&self.caller, Attend).unwrap();
        let received = post.apply(&self.caller, Receive { limit, earlier }).unwrap();
        let cut = chance.below(100);
        if cut < 6 {
            // Before the answer has come: it has read nothing.
            return self.is_cut(post, chance);
        }
        for message in received.messages {
            let seen = self.read.iter().position(|sent| sent.body == message.body);
            if let Some(at) = seen {
                let sent = &self.read[at];
                assert!(post.returned.contains(&sent.key), "{sent:?} came twice");
                assert!(message.deliveries > 1, "{message:?}");
                self.again += 1;
                continue;
            }
            let next = loop {
                let next = self.expected.pop_front().expect("nobody sent more");
                if next.body == message.body {
                    break next;
                }
                assert!(self.is_dead(&next, post), "{next:?} was skipped for {message:?}");
            };
            self.read.push(next);
        }
        if cut < 12 {
            // After the answer has come, but before the next call.
            self.is_cut(post, chance);
        } else if cut < 13 {
            self.away = post.now.after(IDLE + DELIVERY + SECOND);
        } else {
            // Nothing that was confirmed comes again; the last answer is not confirmed yet.
            let keep = self.read.len().saturating_sub(100);
            self.read.drain(..keep);
        }
    }

    /// Tells whether a message to this agent was given up.
    fn is_dead(&self, sent: &Sent, post: &Post) -> bool {
        let dead = format!("msg:dead:{}:{}", self.name, sent.rev);
        post.ledger.get(post.now, post.namespace, &dead).is_some()
    }

    fn is_cut(&mut self, post: &mut Post, chance: &mut Chance) {
        let session = self.caller.owner().session;
        let died = chance.happens(50);
        post.apply(&self.caller, Depart { session, died }).unwrap();
        self.caller = post.enter(&self.name);
    }
}

/// Sends one message, or one to everyone, or writes one by hand; returns how many were sent, which is none when
/// a queue is full.
fn send(post: &mut Post, agents: &mut [Agent], number: usize, chance: &mut Chance) -> usize {
    let caller = agents[chance.below(AGENTS)].caller.clone();
    let from = &caller.owner().name;
    let body: Arc<str> = Arc::from(format!("message {number}"));
    post.apply(&caller, Attend).unwrap();
    let to = chance.below(AGENTS);
    let name = agents[to].name.clone();
    let by_hand = format!("msg:{from}:{name}:{number}");
    let (answer, to) = match chance.below(100) {
        0 => {
            let names = agents.iter().map(|agent| Arc::from(agent.name.as_str()));
            let everyone = Send::new("*", Arc::clone(&body)).unwrap();
            let others = (0..AGENTS).filter(|at| *agents[*at].name != **from).collect();
            (
                post.apply(&caller, everyone.with_everyone(names.collect())),
                others,
            )
        }
        1..10 => (post.apply(&caller, set(&by_hand, &body, HOUR)), vec![to]),
        _ => (
            post.apply(&caller, Send::new(&name, Arc::clone(&body)).unwrap()),
            vec![to],
        ),
    };
    match answer {
        Ok(rev) => {
            for at in &to {
                let agent = &mut agents[*at];
                let sent = format!("msg:{}:{rev}", agent.name);
                let is_sent = post.ledger.get(post.now, post.namespace, &sent).is_some();
                let key = if is_sent { sent } else { by_hand.clone() };
                let body = Arc::clone(&body);
                agent.expected.push_back(Sent { key, rev, body });
            }
            to.len()
        }
        Err(Refusal::Full {
            which: "messages", ..
        }) => 0,
        Err(refusal) => panic!("{refusal}"),
    }
}

#[test]
fn no_message_is_lost_and_order_is_kept_whoever_is_cut() {
    let mut chance = Chance::new(11);
    let mut post = Post::new();
    let mut agents: Vec<_> = (0..AGENTS)
        .map(|number| {
            let name = format!("agent-{number}");
            Agent {
                caller: post.enter(&name),
                name,
                expected: VecDeque::new(),
                read: Vec::new(),
                away: Time::default(),
                again: 0,
            }
        })
        .collect();
    let (mut sent, mut rounds) = (0, 0);
    while sent < MESSAGES || post.confirmed + post.dead < sent {
        rounds += 1;
        post.now = post.now.after(chance.up_to(SECOND / 4));
        let person = post.person.clone();
        post.apply(&person, Sweep { limit: 256 }).unwrap();
        for _ in 0..chance.below(40) {
            if sent < MESSAGES {
                sent += send(&mut post, &mut agents, sent, &mut chance);
            }
        }
        for agent in &mut agents {
            if agent.away <= post.now && chance.happens(60) {
                agent.receive(&mut post, &mut chance);
            }
        }
        assert!(
            rounds < 2 * MESSAGES,
            "{} of {sent} have arrived",
            post.confirmed + post.dead
        );
    }
    assert_eq!(
        post.confirmed + post.dead,
        sent,
        "each was confirmed once or given up"
    );
    let again: usize = agents.iter().map(|agent| agent.again).sum();
    assert!(again > 1_000, "hardly anything came twice: {again}");
    for agent in &agents {
        for left in &agent.expected {
            assert!(agent.is_dead(left, &post), "{left:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_gets_a_message_as_soon_as_it_is_sent() {
    let (board, namespace) = board(VirtualTime::new(), Limits::default());
    let (ann, bob) = (attach(&board, namespace, "ann"), attach(&board, namespace, "bob"));
    let (ann, bob) = (ann.call(), bob.call());
    let waiting = bob.receive(10, 50 * SECOND);
    let sending = async { ann.send("*", Arc::from("hello")).unwrap() };
    let (received, id) = tokio::join!(waiting, sending);
    let received = received.unwrap();
    assert_eq!((received.messages[0].id, received.more), (id, 0));
    assert_eq!(bob.notices(), None);
    assert_eq!(board.clock().now(), Time::default());
    let none = bob.receive(10, 2 * SECOND).await.unwrap();
    assert!(none.messages.is_empty());
    assert_eq!(board.clock().now().since(Time::default()), 2 * SECOND);
    board
        .send_as_person(namespace, "*", Arc::from("all of you"))
        .unwrap();
    assert_eq!(ann.notices().unwrap().inbox, 1);
    assert_eq!(&*ann.receive(10, SECOND).await.unwrap().messages[0].from, "human");
}

#[tokio::test(start_paused = true)]
async fn a_new_session_gets_at_once_what_the_old_one_never_confirmed() {
    let (board, namespace) = board(VirtualTime::new(), Limits::default());
    let ann = attach(&board, namespace, "ann");
    ann.call().send("bob", Arc::from("hello")).unwrap();
    let old = attach(&board, namespace, "bob");
    assert_eq!(old.call().notices().unwrap().inbox, 1);
    assert_eq!(
        old.call()
            .receive(10, Duration::ZERO)
            .await
            .unwrap()
            .messages
            .len(),
        1
    );
    drop(old);
    let new = attach(&board, namespace, "bob");
    let again = new.call().receive(10, 50 * SECOND).await.unwrap();
    assert_eq!(again.messages[0].deliveries, 2);
    assert_eq!(board.clock().now(), Time::default());
    let sent = key(&format!("msg:bob:{}", again.messages[0].id));
    assert!(ann.call().get(&sent).is_some());
    new.call().receive(10, Duration::ZERO).await.unwrap();
    assert_eq!(ann.call().get(&sent), None);
}
