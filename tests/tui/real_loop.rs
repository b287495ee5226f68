//! The dashboard's loop over a live board, on a terminal in memory and on time that only tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::time::Duration;

use crate::support::scene::Scene;
use crate::support::stage::named;
use callboard::tui::event::Event;
use callboard::tui::term::Surface;
use callboard::tui::{Asked, Ended, Request, runner};
use ratatui::backend::TestBackend;
use ratatui::layout::Size;
use ratatui::{Frame, Terminal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A terminal in memory that tells what it shows.
struct Memory {
    terminal: Terminal<TestBackend>,
    shown: watch::Sender<Shown>,
}

/// What the terminal shows, how often it was drawn, and what went to the clipboard.
#[derive(Clone, Default)]
struct Shown {
    text: String,
    draws: usize,
    copied: Vec<String>,
}

impl Surface for Memory {
    fn size(&self) -> io::Result<Size> {
        Ok(self.terminal.size().unwrap())
    }

    fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(view).unwrap();
        let text = self.terminal.backend().to_string();
        self.shown.send_modify(|shown| {
            shown.text = text;
            shown.draws += 1;
        });
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear().unwrap();
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.shown.send_modify(|shown| shown.copied.push(text.to_owned()));
        Ok(())
    }
}

/// A dashboard that runs.
struct Running {
    scene: Scene,
    keys: mpsc::Sender<Event>,
    asked: mpsc::Receiver<Asked>,
    stop: CancellationToken,
    shown: watch::Receiver<Shown>,
    dashboard: JoinHandle<Ended>,
}

impl Running {
    fn start(scene: Scene) -> Self {
        let (keys, queue) = mpsc::channel(64);
        let (requests, asked) = mpsc::channel(1);
        let (sender, shown) = watch::channel(Shown::default());
        let stop = CancellationToken::new();
        let (board, facts, stopped) = (scene.board.clone(), scene.facts(), stop.clone());
        let dashboard = tokio::spawn(async move {
            let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
            let mut memory = Memory {
                terminal,
                shown: sender,
            };
            runner::drive(&mut memory, board, facts, requests, queue, stopped)
                .await
                .unwrap()
        });
        Self {
            scene,
            keys,
            asked,
            stop,
            shown,
            dashboard,
        }
    }

    async fn press(&self, key: &str) {
        self.keys.send(Event::Key(named(key))).await.unwrap();
    }

    async fn wait_for(&mut self, what: &str, condition: impl Fn(&Shown) -> bool) {
        let waited = tokio::time::timeout(
            Duration::from_secs(20),
            self.shown.wait_for(|shown| condition(shown)),
        );
        let found = waited.await.map(|shown| shown.is_ok());
        let screen = self.shown.borrow().text.clone();
        assert_eq!(
            found,
            Ok(true),
            "waited in vain for {what}; the screen shows:\n{screen}"
        );
    }

    async fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |shown| shown.text.contains(text)).await;
    }

    fn draws(&self) -> usize {
        self.shown.borrow().draws
    }

    /// Lets time pass for the dashboard and the board alike, a millisecond at a time.
    async fn pass(&self, millis: u64) {
        for _ in 0..millis {
            self.scene.clock.manual.advance(Duration::from_millis(1));
            tokio::time::advance(Duration::from_millis(1)).await;
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_appears_when_an_agent_writes_and_goes_when_a_person_expires_it() {
    let mut running = Running::start(Scene::empty());
    running.wait_for_text("Nobody is on the board yet").await;
    let agent = running.scene.attach("impl-1", "claude-code 2.1");
    running
        .scene
        .set(agent, "lock:src/auth.rs", r#"{"lockedBy":"impl-1"}"#, 300);
    running.wait_for_text("src/auth.rs").await;
    running.press("x").await;
    running.wait_for_text("held by impl-1, 5:00 left").await;
    assert!(running.scene.get(agent, "lock:src/auth.rs"));
    running.press("y").await;
    running
        .wait_for_text("expired lock:src/auth.rs, held by impl-1")
        .await;
    assert!(!running.scene.get(agent, "lock:src/auth.rs"));
}

#[tokio::test(start_paused = true)]
async fn a_read_shows_although_it_changes_nothing() {
    let mut running = Running::start(Scene::busy());
    running.wait_for_text("50% hits").await;
    for _ in 0..6 {
        running.scene.get(0, "task:3.1");
    }
    running.wait_for_text("88% hits").await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_writes_costs_thirty_pictures_a_second() {
    let mut scene = Scene::empty();
    let agent = scene.attach("writer", "test 1");
    let mut running = Running::start(scene);
    running.wait_for_text("1 agent").await;
    let before = running.draws();
    for round in 0..1_000 {
        for key in 0..10 {
            running
                .scene
                .set(agent, &format!("note:{key}"), &round.to_string(), 600);
        }
        running.pass(1).await;
    }
    let draws = running.draws() - before;
    assert!((20..=31).contains(&draws), "{draws} pictures in a second");
    running.press("7").await;
    running.wait_for_text("999").await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_drawn_while_nothing_changes_or_the_picture_stands_still() {
    let mut running = Running::start(Scene::empty());
    running.wait_for_text("Nobody is on the board yet").await;
    let before = running.draws();
    running.pass(50_000).await;
    assert_eq!(running.draws(), before, "an empty board has nothing to count");

    let mut running = Running::start(Scene::busy());
    running.wait_for_text("1 Locks 3").await;
    running.pass(5_000).await;
    let before = running.draws();
    running.pass(3_000).await;
    let draws = running.draws() - before;
    assert!(
        (3..=12).contains(&draws),
        "{draws} pictures for three seconds of countdown"
    );
    running.press("space").await;
    running.wait_for_text("PAUSED").await;
    let before = running.draws();
    running.scene.set(0, "lock:late.rs", "{}", 60);
    running.pass(3_000).await;
    assert_eq!(running.draws(), before);
    running.press("space").await;
    running.wait_for_text("late.rs").await;
}

#[tokio::test(start_paused = true)]
async fn the_demo_is_asked_for_and_a_second_wish_is_refused_while_the_first_waits() {
    let mut running = Running::start(Scene::empty());
    running.wait_for_text("Nobody is on the board yet").await;
    running.press("d").await;
    running.press("d").await;
    running
        .wait_for_text("the board is busy with the last request")
        .await;
    assert_eq!(running.asked.recv().await.unwrap().request, Request::StartDemo);
}

#[tokio::test(start_paused = true)]
async fn copies_go_to_the_clipboard() {
    let mut running = Running::start(Scene::busy());
    running.wait_for_text("1 Locks 3").await;
    running.press("y").await;
    running.wait_for_text("sent 21 B to the clipboard").await;
    assert_eq!(running.shown.borrow().copied, ["lock:src/auth/auth.ts"]);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_it_is_told_to_and_when_the_terminal_goes() {
    let running = Running::start(Scene::busy());
    running.press("q").await;
    assert_eq!(running.dashboard.await.unwrap(), Ended::Quit);
    let running = Running::start(Scene::busy());
    running.stop.cancel();
    assert_eq!(running.dashboard.await.unwrap(), Ended::Stopped);
    let running = Running::start(Scene::busy());
    running.keys.send(Event::TerminalGone).await.unwrap();
    assert_eq!(running.dashboard.await.unwrap(), Ended::TerminalGone);
}
