//! The dashboard: what people see and press.
//!
//! Responsible for the terminal, the panes and the keys. Not for serving agents: it reads the board like
//! anybody else, and changes only what a person wants to be changed.
//!
//! Everything that happens is an [`Event`]; [`app::update`] changes the
//! [`Model`](state::Model) and says which effects follow; [`view::view`] draws the model. Only the runner
//! touches the board, the terminal and the clock. Keys mean what the one table in [`keymap`] says.
//!
//! Invariants:
//!
//! - Drawing never awaits, never changes data and never asks the board: it reads a copy.
//! - What agents wrote is stripped of control characters before it becomes part of that copy.
//! - Only the confirm dialog turns something destructive into something that is carried out, and that
//!   carries the revision which the person saw.
//! - The screen is drawn when it would look different, at most 30 times a second, and otherwise nothing
//!   wakes.

pub mod action;
pub mod app;
pub mod deeds;
pub mod event;
pub mod holders;
pub mod keymap;
pub mod layout;
pub mod pane;
pub mod runner;
pub mod snapshot;
pub mod state;
pub mod term;
pub mod theme;
pub mod toast;
pub mod view;
pub mod waits;

mod chosen;
mod input;
mod mouse;
mod panic;
mod span;
mod steer;
mod text;

use std::path::PathBuf;

use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::board::{Board, NamespaceId};

use event::Event;
pub use theme::Palette;

/// How many events wait for the dashboard at most; who sends more waits as well.
const EVENTS: usize = 64;

/// What the dashboard knows of its surroundings.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The project's name.
    pub project: String,
    /// The socket that agents attach to.
    pub socket: PathBuf,
    /// The namespace to show first.
    pub namespace: NamespaceId,
    /// How to attach the first agents, on several lines; what a shell takes is indented.
    pub snippet: String,
    /// Whether the board can go on without the dashboard.
    pub outlived: bool,
    /// Whether the board ran before in another process, and goes on with what it held there.
    pub goes_on: bool,
    /// Whether the mouse is wanted; it takes the terminal's own selection away.
    pub mouse: bool,
    /// Whether there may be colours.
    pub palette: Palette,
    /// For the times of day.
    pub time_zone: TimeZone,
}

/// What the dashboard asks of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start the demo against this board.
    StartDemo,
    /// Write a snapshot of the board to a file.
    Snapshot,
    /// Let the board go on in another process, and then stop this dashboard.
    LeaveRunning,
}

/// A request on its way to the host, who answers with what there is to say of it.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes: what was done, or why not. Nothing is shown when it is dropped.
    pub answer: oneshot::Sender<Result<String, String>>,
}

/// Why the dashboard ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A person asked for it.
    Quit,
    /// The host asked for it.
    Stopped,
    /// The terminal was closed.
    TerminalGone,
}

/// Why the dashboard cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// The terminal does not do what it is told.
    #[error("cannot use the terminal: {0}; --no-tui runs the board without it")]
    Terminal(#[from] std::io::Error),
}

/// Shows `board` on the terminal until a person quits, `stop` is cancelled or the terminal is gone.
///
/// The screen is restored on return, also on a panic of the dashboard itself; a panic elsewhere leaves it
/// whole and is logged.
pub async fn run(
    board: Board,
    facts: Facts,
    requests: mpsc::Sender<Asked>,
    stop: CancellationToken,
) -> Result<Ended, TuiError> {
    panic::install_hook();
    let (events, queue) = mpsc::channel(EVENTS);
    let resized = signal(SignalKind::window_change())?;
    let hung_up = signal(SignalKind::hangup())?;
    let mut screen = term::Screen::enter(facts.mouse)?;
    let _signals = AbortOnDropHandle::new(tokio::spawn(pass_on(resized, hung_up, events.clone())));
    let _input = input::Input::start(events)?;
    runner::drive(&mut screen, board, facts, requests, queue, stop).await
}

/// Turns signals into events.
async fn pass_on(
    mut resized: tokio::signal::unix::Signal,
    mut hung_up: tokio::signal::unix::Signal,
    events: mpsc::Sender<Event>,
) {
    loop {
        let event = tokio::select! {
            Some(()) = resized.recv() => Event::Resize,
            Some(()) = hung_up.recv() => Event::TerminalGone,
            else => return,
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
}
