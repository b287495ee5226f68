//! The loop: waits for what happens, lets the model take it in, carries out effects, draws when it must.
//!
//! The only place in the dashboard that touches the board, the terminal and time.

use std::io;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::action::Effect;
use super::app::update;
use super::event::Event;
use super::panic::at_work;
use super::snapshot::Snapshot;
use super::state::{Detail, Model};
use super::term::Surface;
use super::view::view;
use super::{Asked, Ended, Facts, Request, TuiError, deeds};
use crate::board::Board;
use crate::telemetry;

/// The least time from one picture to the next: 30 a second.
const FRAME: Duration = Duration::from_millis(33);
/// The same while the window is in the back.
const FRAME_IN_THE_BACK: Duration = Duration::from_millis(250);
/// Drawing takes at most one part in so many of the time, however large the board is.
const SHARE_OF_TIME: u32 = 10;
/// The least time from one look at the log to the next.
const LOG_PAUSE: Duration = Duration::from_millis(100);

/// Shows `board` on `surface` until a person quits, `stop` is cancelled or the terminal is gone.
pub async fn drive<S: Surface>(
    surface: &mut S,
    board: Board,
    facts: Facts,
    requests: mpsc::Sender<Asked>,
    queue: mpsc::Receiver<Event>,
    stop: CancellationToken,
) -> Result<Ended, TuiError> {
    let size = surface.size()?;
    let mut sources = Sources {
        queue,
        news: board.news(),
        board: board.clone(),
        stop,
        log_at: Instant::now(),
        answer: None,
    };
    let mut runner = Runner {
        surface,
        model: Model::new(facts, size),
        board,
        requests,
        asked: None,
        dirty: true,
    };
    let mut next_frame = Instant::now();
    loop {
        if runner.dirty && Instant::now() >= next_frame {
            next_frame = match at_work(|| runner.draw()) {
                Ok(next) => next,
                Err(error) if is_gone(&error) => return Ok(Ended::TerminalGone),
                Err(error) => return Err(error.into()),
            };
        }
        let wake = if runner.dirty {
            Some(next_frame)
        } else {
            runner.changes_at()
        };
        let listen = !runner.dirty && !runner.model.paused;
        let event = sources.next(wake, listen).await;
        if let Some(ended) = at_work(|| runner.take(event))? {
            return Ok(ended);
        }
        while let Ok(event) = sources.queue.try_recv() {
            if let Some(ended) = at_work(|| runner.take(event))? {
                return Ok(ended);
            }
        }
        sources.answer = runner.asked.take().or(sources.answer.take());
    }
}

/// Tells whether a terminal that fails this way is no longer there.
fn is_gone(error: &io::Error) -> bool {
    let gone = [
        rustix::io::Errno::IO,
        rustix::io::Errno::PIPE,
        rustix::io::Errno::NXIO,
    ];
    gone.iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Brings `model` up to date with `board`, unless it stands still, and gathers the details it shows.
pub fn refresh(board: &Board, model: &mut Model) {
    if model.paused {
        model.arrange();
    } else {
        look(board, model, false);
    }
    let last = model.detail.take();
    let (wanted, opened) = (model.wanted(false), model.has_open_detail());
    model.detail = model
        .subject()
        .and_then(|subject| Detail::gather(board, &wanted, &model.snapshot, &subject, opened, last));
}

/// Takes a picture of `board` into `model`.
fn look(board: &Board, model: &mut Model, every_pane: bool) {
    let wanted = model.wanted(every_pane);
    let empty = Snapshot::empty(wanted.namespace);
    let last = std::mem::replace(&mut model.snapshot, empty);
    model.accept(Snapshot::take(board, &wanted, last));
}

/// Where events come from. All of them pass here, one after the other.
struct Sources {
    queue: mpsc::Receiver<Event>,
    news: watch::Receiver<u64>,
    board: Board,
    stop: CancellationToken,
    log_at: Instant,
    /// Where the host's answer comes from, while one is to come.
    answer: Option<oneshot::Receiver<Result<String, String>>>,
}

impl Sources {
    /// Waits for the next event, until `wake` at most; the board is only listened to if it may be drawn.
    async fn next(&mut self, wake: Option<Instant>, listen: bool) -> Event {
        let log_at = self.log_at;
        let logged = async {
            tokio::time::sleep_until(log_at).await;
            telemetry::logged().await;
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Event::Stop,
            event = self.queue.recv() => event.unwrap_or(Event::TerminalGone),
            () = until(wake) => Event::Tick,
            answer = answered(&mut self.answer) => Event::Done(answer),
            _ = self.news.changed(), if listen => Event::Board,
            () = self.board.called(), if listen => Event::Board,
            () = logged => {
                self.log_at = Instant::now() + LOG_PAUSE;
                Event::Log
            }
        }
    }
}

/// Waits for the host's answer; one that says nothing never comes.
async fn answered(answer: &mut Option<oneshot::Receiver<Result<String, String>>>) -> Result<String, String> {
    if let Some(waited_for) = answer {
        let said = waited_for.await;
        *answer = None;
        if let Ok(said) = said {
            return said;
        }
    }
    std::future::pending().await
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

struct Runner<'a, S> {
    surface: &'a mut S,
    model: Model,
    board: Board,
    requests: mpsc::Sender<Asked>,
    /// Where the answer to the last request comes from, until it is listened to.
    asked: Option<oneshot::Receiver<Result<String, String>>>,
    /// Whether the screen is out of date.
    dirty: bool,
}

impl<S: Surface> Runner<'_, S> {
    /// Takes an event in, and those that its effects lead to.
    fn take(&mut self, event: Event) -> Result<Option<Ended>, TuiError> {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            if matches!(event, Event::Log) {
                // Also while the pane is hidden: the buffer in front of it holds a thousand lines.
                tui_logger::move_events();
            }
            let now = self.board.clock().now();
            let outcome = update(&mut self.model, event, now);
            self.dirty |= outcome.redraw;
            for effect in outcome.effects {
                match effect {
                    Effect::End(ended) => return Ok(Some(ended)),
                    Effect::Copy(text) => events.push(Event::Copied(self.copy(&text))),
                    Effect::Apply(confirmed) => {
                        events.push(Event::Done(deeds::apply(&self.board, confirmed)));
                    }
                    Effect::Run(errand) => events.push(Event::Done(deeds::run(&self.board, errand))),
                    Effect::Ask(request) => events.extend(self.ask(request)),
                    Effect::Freeze => look(&self.board, &mut self.model, true),
                    Effect::Repaint => self.surface.forget()?,
                }
            }
        }
        Ok(None)
    }

    fn copy(&mut self, text: &str) -> Result<usize, String> {
        let copied = self.surface.copy(text);
        copied.map(|()| text.len()).map_err(|error| error.to_string())
    }

    /// Passes a request to the host, unless it has the last one still before it.
    fn ask(&mut self, request: Request) -> Option<Event> {
        let (answer, asked) = oneshot::channel();
        match self.requests.try_send(Asked { request, answer }) {
            Ok(()) => {
                self.asked = Some(asked);
                None
            }
            Err(_) => Some(Event::Done(Err(
                "the board is busy with the last request".to_owned()
            ))),
        }
    }

    /// Draws, and returns the earliest moment for the next picture.
    fn draw(&mut self) -> io::Result<Instant> {
        let started = Instant::now();
        self.model.size = self.surface.size()?;
        refresh(&self.board, &mut self.model);
        tui_logger::move_events();
        let model = &self.model;
        self.surface.draw(|frame| view(model, frame))?;
        self.dirty = false;
        let frame = if self.model.in_front {
            FRAME
        } else {
            FRAME_IN_THE_BACK
        };
        Ok(started + frame.max(started.elapsed() * SHARE_OF_TIME))
    }

    /// Returns when a text on the screen will read differently.
    fn changes_at(&self) -> Option<Instant> {
        let change = self.model.changes_in(self.board.clock().now())?;
        Some(Instant::now() + change)
    }
}
