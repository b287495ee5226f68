//! A board in the middle of the original design's workflow, on a clock that only tests move.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use callboard::board::{
    Board, Bury, Claimed, Clock, Grant, Introduction, Key, Limits, ManualClock, Mode, Namespace, NamespaceId,
    Outcome, Pattern, Refusal, Revision, RevisionFile, Session, SystemClock, Target, Time, Wish,
};
use callboard::tui::{Facts, Palette};
use jiff::tz::TimeZone;

/// A clock that its owner and a board share: what the owner advanced it by, and what has passed since it
/// was let run.
#[derive(Clone, Debug, Default)]
pub(crate) struct SceneClock {
    pub(crate) manual: Arc<ManualClock>,
    running: Option<Arc<SystemClock>>,
    /// Makes the next reading of the wall clock panic, which only the dashboard asks for.
    pub(crate) broken: Arc<AtomicBool>,
}

impl SceneClock {
    /// Returns a clock that runs.
    pub(crate) fn running() -> Self {
        Self {
            running: Some(Arc::default()),
            ..Self::default()
        }
    }
}

impl Clock for SceneClock {
    fn now(&self) -> Time {
        let passed = self
            .running
            .as_ref()
            .map(|clock| clock.now().since(Time::default()));
        self.manual.now().after(passed.unwrap_or_default())
    }

    fn wall(&self) -> jiff::Timestamp {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock is broken");
        let ahead = self.now().since(self.manual.now());
        self.manual.wall().checked_add(ahead).unwrap()
    }
}

/// A board with those who are attached to it.
pub(crate) struct Scene {
    pub(crate) clock: SceneClock,
    pub(crate) board: Board,
    pub(crate) namespace: NamespaceId,
    sessions: Vec<Option<Arc<Session>>>,
    /// Those who wait for locks.
    waiting: Vec<Acquiring>,
}

type Acquiring = Pin<Box<dyn Future<Output = Result<Grant, Refusal>> + Send>>;

impl Scene {
    /// Returns an empty board on a clock that stands still.
    pub(crate) fn empty() -> Self {
        Self::on(SceneClock::default())
    }

    /// Returns an empty board on `clock`.
    pub(crate) fn on(clock: SceneClock) -> Self {
        let board = Board::new(
            clock.clone(),
            Limits::default(),
            RevisionFile::in_memory(),
            Revision::ZERO,
        );
        let namespace = board
            .open(&Namespace::parse(Namespace::DEFAULT).unwrap())
            .unwrap();
        Self {
            clock,
            board,
            namespace,
            sessions: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Returns a board on which a manager and three implementers are at work.
    pub(crate) fn busy() -> Self {
        let mut scene = Self::empty();
        scene.play();
        scene
    }

    /// Plays the workflow up to its middle.
    pub(crate) fn play(&mut self) {
        let manager = self.attach("manager", "claude-code 2.1.329");
        let implementers: Vec<_> = (1..=3)
            .map(|number| self.attach(&format!("agent-implementation-{number}"), "claude-code 2.1.329"))
            .collect();
        let work = [
            ("3.1", "src/auth/auth.ts", "Implement user authentication"),
            (
                "3.2",
                "src/api/routes.ts",
                "Add the REST routes of the billing service",
            ),
            ("3.3", "app/%5Bslug%5D/page.tsx", "Render pages by slug"),
        ];
        for (id, file, what) in work {
            let agent = format!("agent-implementation-{}", &id[2..]);
            let value = format!(
                r#"{{"taskId":"{id}","agentId":"{agent}","description":"{what}","files":["{file}"],"complexity":"medium"}}"#
            );
            self.set(manager, &format!("task:{id}"), &value, 3_600);
        }
        self.pass(5_000);
        for ((id, file, _), agent) in work.into_iter().zip(&implementers) {
            let name = self.session(*agent).owner().name.to_string();
            let lock = format!(r#"{{"lockedBy":"{name}","taskId":"{id}"}}"#);
            self.set(*agent, &format!("lock:{file}"), &lock, 300);
            self.pass(31_000);
        }
        let steps = [
            ("in_progress", 45, "Writing auth logic"),
            ("blocked", 20, "Waiting for 3.1"),
            ("completed", 100, ""),
        ];
        for ((id, ..), (agent, (state, done, step))) in work.into_iter().zip(implementers.iter().zip(steps)) {
            let name = self.session(*agent).owner().name.to_string();
            let value = format!(r#"{{"status":"{state}","progress":{done},"currentStep":"{step}"}}"#);
            self.set(*agent, &format!("status:{name}:{id}"), &value, 3_600);
        }
        self.set(
            implementers[0],
            "msg:agent-implementation-1:architect:1729012345",
            r#"{"type":"Question","question":"Should auth use JWT or sessions?"}"#,
            3_600,
        );
        self.set(
            manager,
            "progress:global",
            r#"{"totalTasks":3,"completedTasks":1}"#,
            60,
        );
        self.set(
            implementers[1],
            "agent:agent-implementation-2:state",
            r#"{"status":"waiting"}"#,
            600,
        );
        self.get(manager, "lock:src/auth/auth.ts");
        self.get(manager, "lock:nobody/holds/this.rs");
        self.pass(1_000);
    }

    /// Returns a board on which agents coordinate: a lock that is waited for by two, one after the other, one
    /// that two share while a third wants it for itself, and one whose holder is gone.
    pub(crate) fn crowded() -> Self {
        let mut scene = Self::empty();
        let names = [
            "lead",
            "impl-api",
            "impl-docs",
            "impl-tests",
            "impl-gone",
            "editor",
        ];
        let [lead, api, docs, tests, gone, editor] =
            names.map(|name| scene.attach(name, "claude-code 2.1.329"));
        assert!(scene.lock(
            lead,
            &["src/auth"],
            Mode::Exclusive,
            "splitting the session module"
        ));
        assert!(scene.lock(docs, &["docs"], Mode::Shared, "reading the guide"));
        assert!(scene.lock(tests, &["docs"], Mode::Shared, "checking the examples"));
        assert!(scene.lock(gone, &["src/billing/invoice.rs"], Mode::Exclusive, "rounding"));
        scene.pass(45_000);
        assert!(!scene.lock(
            api,
            &["src/auth/login.rs", "src/api"],
            Mode::Exclusive,
            "login route"
        ));
        scene.pass(20_000);
        assert!(!scene.lock(
            docs,
            &["src/api/readme.md"],
            Mode::Exclusive,
            "describing the routes"
        ));
        assert!(!scene.lock(editor, &["docs/guide.md"], Mode::Exclusive, "new chapter"));
        scene.leave(gone);
        scene.pass(8_000);
        scene
    }

    /// Returns a board with a task in every state.
    pub(crate) fn at_work() -> Self {
        let mut scene = Self::empty();
        let [lead, ann, ben, gone] =
            ["lead", "impl-ann", "impl-ben", "impl-gone"].map(|name| scene.attach(name, "codex 0.150"));
        let work = [
            ("1", "Split the session module"),
            ("2", "Move the routes"),
            ("3", "Port the flaky test"),
            ("4", "Rewrite the parser in Perl"),
            ("5", "Draw the icons"),
            ("6", "Review the guide"),
            ("7", "Measure the start"),
        ];
        for (id, what) in work {
            let value = format!(
                r#"{{"description":"{what}","priority":{}}}"#,
                10 - id.parse::<u8>().unwrap()
            );
            scene.set(lead, &format!("task:{id}"), &value, 3_600);
        }
        for (agent, id, outcome) in [
            (ann, "1", Some(Outcome::Done)),
            (ben, "2", Some(Outcome::Failed)),
            (ben, "3", Some(Outcome::Retry)),
            (ann, "4", None),
            (gone, "5", None),
        ] {
            let token = scene.claim(agent, id);
            scene.pass(41_000);
            if let Some(outcome) = outcome {
                scene.session(agent).call().submit(token, outcome, None).unwrap();
            }
        }
        let key = Key::parse("task:6").unwrap();
        let rev = scene.board.get(scene.namespace, &key).unwrap().rev;
        scene.board.as_person(scene.namespace, Bury { key, rev }).unwrap();
        let token = scene.claim(ben, "3");
        scene
            .session(ben)
            .call()
            .submit(token, Outcome::Retry, None)
            .unwrap();
        scene.leave(gone);
        scene.pass(2_000);
        scene
    }

    /// Claims a task as the agent at `place`.
    pub(crate) fn claim(&self, place: usize, id: &str) -> Revision {
        let session = self.session(place);
        let agent = session.call();
        agent.note("claimTask").unwrap();
        let only = Pattern::parse(&format!("task:{id}")).unwrap();
        let claiming = std::pin::pin!(agent.claim(&only, Duration::from_secs(300), Duration::ZERO));
        match poll(claiming) {
            Poll::Ready(Ok(Claimed::Task(claim))) => claim.token,
            other => panic!("task {id} is not free: {other:?}"),
        }
    }

    /// Attaches an agent and returns its place among the sessions.
    pub(crate) fn attach(&mut self, name: &str, client: &str) -> usize {
        let introduction = Introduction {
            name: Some(name.to_owned()),
            pid: Some(4_242),
            ppid: Some(4_200),
            cwd: Some(PathBuf::from("/home/ada/web-shop")),
            ..Introduction::default()
        };
        let session = self.board.attach(self.namespace, introduction);
        let (program, version) = client.split_once(' ').unwrap();
        session.introduce(program, version);
        self.sessions.push(Some(Arc::new(session)));
        self.sessions.len() - 1
    }

    /// Returns the session of the agent at `place`, which has not left.
    pub(crate) fn session(&self, place: usize) -> Arc<Session> {
        Arc::clone(self.sessions[place].as_ref().unwrap())
    }

    /// Closes the connection of the agent at `place`.
    pub(crate) fn leave(&mut self, place: usize) {
        self.sessions[place] = None;
    }

    /// Locks `targets` as the agent at `place`, or has it stand in the queue; tells whether it holds them.
    pub(crate) fn lock(&mut self, place: usize, targets: &[&str], mode: Mode, why: &str) -> bool {
        let session = self.session(place);
        session.call().note("acquireLock").unwrap();
        let wish = Wish {
            targets: targets.iter().map(|target| Target::path(target)).collect(),
            mode,
            why: Some(Arc::from(why)),
            ttl: Duration::from_secs(300),
        };
        // Long past any test: it waits until it is served, or the scene is over.
        let wait = Duration::from_secs(3_600);
        let acquiring = async move { session.call().acquire(wish, wait).await };
        let mut acquiring: Acquiring = Box::pin(acquiring);
        match poll(acquiring.as_mut()) {
            Poll::Ready(grant) => {
                grant.unwrap();
                true
            }
            Poll::Pending => {
                self.waiting.push(acquiring);
                false
            }
        }
    }

    /// Writes as the agent at `place`.
    pub(crate) fn set(&self, place: usize, key: &str, value: &str, ttl: u64) -> Revision {
        let session = self.session(place);
        let agent = session.call();
        agent.note("setStorage").unwrap();
        agent
            .set(
                Key::parse(key).unwrap(),
                Arc::from(value),
                Duration::from_secs(ttl),
            )
            .unwrap()
    }

    /// Reads as the agent at `place` and tells whether there was a value.
    pub(crate) fn get(&self, place: usize, key: &str) -> bool {
        let session = self.session(place);
        let agent = session.call();
        agent.note("getStorage").unwrap();
        agent.get(&Key::parse(key).unwrap()).is_some()
    }

    /// Lets time pass, and what ran out end.
    pub(crate) fn pass(&self, millis: u64) {
        self.clock.manual.advance(Duration::from_millis(millis));
        while self
            .board
            .sweep()
            .unwrap()
            .next
            .is_some_and(|next| next <= self.clock.now())
        {}
    }

    /// Returns what the dashboard knows of its surroundings.
    pub(crate) fn facts(&self) -> Facts {
        Facts {
            project: "web-shop".to_owned(),
            socket: PathBuf::from("/run/user/1000/callboard/web-shop-1f3a9c/socket"),
            namespace: self.namespace,
            snippet: "Attach your agents:\n  callboard setup\n\nOr one by hand, without its hooks (Claude Code):\n  \
                      claude mcp add callboard -- callboard bridge\n\nWhat the others need: callboard config"
                .to_owned(),
            outlived: false,
            goes_on: false,
            mouse: true,
            palette: Palette::Ansi,
            time_zone: TimeZone::UTC,
        }
    }
}

/// Lets `work` go on as far as it can at once.
fn poll<T>(work: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().unwrap()
    });
    let _within = runtime.enter();
    work.poll(&mut Context::from_waker(Waker::noop()))
}
