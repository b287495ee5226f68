//! A model that says what a script says, for the real clients: it speaks their four protocols on loopback.
//!
//! A script is found by a word in the text that an agent was started with, so that each agent has its own, and a
//! step by how often the model has spoken since. What a client shows to its model is kept, for that is what callboard
//! is for: a test reads it here and nowhere else.
//!
//! Everything is bounded: who waits for a step, or holds one back, gives up after [`PATIENCE`], and dropping the
//! [`Model`] ends all of its threads.

mod dialect;
mod http;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use dialect::Dialect;
use serde_json::{Value, json};

/// How long a client may take from one step to the next on a busy machine; some take seconds to start.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// What the model says at one turn.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    text: &'static str,
    calls: Vec<(String, Value)>,
    is_held: bool,
}

/// One side's turn of a conversation.
enum Turn {
    /// What the client hands in: the task, results of tools, reminders.
    Theirs(String),
    /// What the model said.
    Ours,
}

/// A model on loopback.
pub(crate) struct Model {
    address: SocketAddr,
    stage: Arc<Stage>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Stage {
    play: Mutex<Play>,
    changed: Condvar,
}

#[derive(Default)]
struct Play {
    scripts: BTreeMap<&'static str, Vec<Step>>,
    /// What each agent was shown when it asked for each of its steps.
    shown: BTreeMap<(&'static str, usize), String>,
    /// Up to which step each agent may go on.
    open: BTreeMap<&'static str, usize>,
    has_ended: bool,
}

/// Returns the step that says `text`, which ends the agent's turn.
pub(crate) fn say(text: &'static str) -> Step {
    Step {
        text,
        calls: Vec::new(),
        is_held: false,
    }
}

/// Returns the step that uses `tool`.
pub(crate) fn call(tool: &str, input: Value) -> Step {
    say("").and(tool, input)
}

impl Step {
    /// Adds the use of another tool at the same turn.
    pub(crate) fn and(mut self, tool: &str, input: Value) -> Self {
        self.calls.push((tool.to_owned(), input));
        self
    }

    /// Has the agent wait at this step until it is told to go on.
    pub(crate) fn held(mut self) -> Self {
        self.is_held = true;
        self
    }
}

impl Model {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stage = Arc::<Stage>::default();
        let listener = std::thread::spawn({
            let stage = Arc::clone(&stage);
            move || listen(&listener, &stage)
        });
        Self {
            address,
            stage,
            listener: Some(listener),
        }
    }

    /// Returns where it is asked.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has the agent whose task holds the word `agent` go through `steps`.
    pub(crate) fn plays(&self, agent: &'static str, steps: impl Into<Vec<Step>>) {
        self.stage.lock().scripts.insert(agent, steps.into());
    }

    /// Waits until `agent` asks for its step `turn`, the first being 0, and returns what it was shown since the step
    /// before: the results of its tools.
    pub(crate) fn shown(&self, agent: &'static str, turn: usize) -> String {
        let asked = |play: &mut Play| !play.shown.contains_key(&(agent, turn));
        let play = self.stage.wait_while(asked);
        let shown = play.shown.get(&(agent, turn)).cloned();
        drop(play);
        shown.unwrap_or_else(|| panic!("{agent} never asked for step {turn}:\n{}", self.stage.story()))
    }

    /// Lets `agent` take its step `turn`, at which it is held.
    pub(crate) fn go_on(&self, agent: &'static str, turn: usize) {
        self.stage.lock().open.insert(agent, turn);
        self.stage.changed.notify_all();
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.stage.lock().has_ended = true;
        self.stage.changed.notify_all();
        // Nobody else connects any more, and this one only ends the waiting for one.
        let _ = TcpStream::connect(self.address);
        let ended = self.listener.take().map(JoinHandle::join);
        if std::thread::panicking() {
            eprintln!("the model was shown:\n{}", self.stage.story());
        } else {
            ended.unwrap().unwrap();
        }
    }
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, Play> {
        self.play.lock().unwrap()
    }

    /// Waits as long as `state`, but not for ever.
    fn wait_while(&self, mut state: impl FnMut(&mut Play) -> bool) -> MutexGuard<'_, Play> {
        let going_on = |play: &mut Play| !play.has_ended && state(play);
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, going_on);
        waited.unwrap().0
    }

    /// Returns what the model says next in this conversation; `None` is nothing of the play.
    fn next(&self, turns: &[Turn]) -> Option<(String, Step)> {
        let mut play = self.lock();
        let (agent, start) = turns.iter().enumerate().find_map(|(at, turn)| {
            let Turn::Theirs(text) = turn else { return None };
            let agent = play.scripts.keys().find(|agent| text.contains(**agent))?;
            Some((*agent, at))
        })?;
        let ours = |turn: &&Turn| matches!(turn, Turn::Ours);
        let turn = turns[start..].iter().filter(ours).count();
        let shown: Vec<&str> = turns.iter().rev().map_while(Turn::text).collect();
        let shown = shown.into_iter().rev().collect::<Vec<_>>().join("\n");
        play.shown.entry((agent, turn)).or_insert(shown);
        let step = play.scripts[agent].get(turn).cloned();
        drop(play);
        self.changed.notify_all();
        let step = step.unwrap_or_else(|| say("There is nothing left to do."));
        if step.is_held {
            let held = |play: &mut Play| play.open.get(agent).is_none_or(|open| *open < turn);
            drop(self.wait_while(held));
        }
        Some((format!("{}{turn}", agent.to_lowercase()), step))
    }

    fn story(&self) -> String {
        self.lock()
            .shown
            .iter()
            .fold(String::new(), |mut story, ((agent, turn), shown)| {
                let shown: String = shown.chars().take(2_000).collect();
                writeln!(story, "--- {agent}, step {turn}\n{shown}").unwrap();
                story
            })
    }
}

impl Turn {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Theirs(text) => Some(text),
            Self::Ours => None,
        }
    }
}

/// Answers each connection in a thread of its own, until the stage is closed.
fn listen(listener: &TcpListener, stage: &Arc<Stage>) {
    let mut open = Vec::new();
    for stream in listener.incoming() {
        if stage.lock().has_ended {
            break;
        }
        let stream = Arc::new(stream.unwrap());
        let answering = std::thread::spawn({
            let (stream, stage) = (Arc::clone(&stream), Arc::clone(stage));
            // A client that was killed reads no answer, and needs none.
            move || drop(answer(&stream, &stage))
        });
        open.push((stream, answering));
    }
    for (stream, answering) in open {
        let _ = stream.shutdown(Shutdown::Both);
        // Its own panic has been printed, and fails the test that waits for its answer.
        let _ = answering.join();
    }
}

fn answer(stream: &TcpStream, stage: &Stage) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = http::read(stream)?;
    let (Some(dialect), Ok(body)) = (
        Dialect::at(&request.path),
        serde_json::from_slice::<Value>(&request.body),
    ) else {
        // Clients ask for lists of models, flags and the like, and do without.
        let nothing = json!({ "error": { "message": "not found" } }).to_string();
        return http::answer(stream, "404 Not Found", "application/json", &nothing);
    };
    let beside = || ("beside".to_owned(), say("A title"));
    let (id, step) = if dialect::is_at_work(&body) {
        stage.next(&dialect.turns(&body)).unwrap_or_else(beside)
    } else {
        beside()
    };
    let events = dialect.events(&id, &step);
    http::answer(stream, "200 OK", "text/event-stream", &events)
}
