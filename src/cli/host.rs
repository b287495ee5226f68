//! A board that serves: everything between a claim on the project and its clean end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::CliError;
use super::text;
use crate::board::{Board, Limits, Revision, RevisionFile, SystemClock};
use crate::guard::Guard;
use crate::mcp::{self, Handler, Setup, Toolset};
use crate::net::Traffic;
use crate::net::handover::{HandoverError, Kept, Offer, Successor};
use crate::net::listen::{Claim, Listening};
use crate::net::project::Project;
use crate::net::server::{Connection, Ended, Handlers, Stop, serve};
use crate::snapshot::{self, Keeper, Restored, Saver};
use crate::target::Resolver;

/// What a board begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With what the last one left, if that did not end in good order.
    Recovering,
    /// With nothing.
    Fresh,
    /// With what a snapshot says.
    Restoring(PathBuf),
}

/// How a board is to be run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What it begins with.
    pub(super) start: Start,
    /// How much it may hold.
    pub(super) limits: Limits,
    /// The tools that are served.
    pub(super) tools: Toolset,
    /// Whether the files that are locked are watched.
    pub(super) watches: bool,
    /// How long what is in flight has at the end.
    pub(super) patience: Duration,
}

/// What is wanted of a board's host.
#[derive(Debug)]
pub(super) enum Wish {
    /// Somebody asks over the socket that the board ends.
    End,
    /// Another process asks for the board.
    HandOver(Successor),
    /// Nobody has been here for long.
    Nobody,
}

/// A running board. Dropping it ends it without the courtesies of [`Host::close`] and [`Host::rest`].
pub(super) struct Host {
    board: Board,
    service: Service,
    running: Running,
    asking: mpsc::Receiver<Successor>,
}

/// What a board is served with, once and again.
struct Service {
    setup: Arc<Setup>,
    traffic: Arc<Traffic>,
    successors: mpsc::Sender<Successor>,
    /// Cancelled when somebody asks over the socket that the board ends.
    end: CancellationToken,
    /// Where the board is saved.
    saved: PathBuf,
    /// Knows the paths of the files that are watched when they are locked, if they are.
    guarding: Option<Resolver>,
    patience: Duration,
}

/// What runs as long as the board is served.
struct Running {
    stop: Stop,
    server: JoinHandle<Ended>,
    sweeper: AbortOnDropHandle<()>,
    keeper: Keeper,
    guard: Option<Guard>,
}

impl Host {
    /// Serves the claimed `project`. Nobody is let in before the board has all that it begins with.
    pub(super) fn open(claim: Claim, project: &Project, plan: &Plan) -> Result<Self, CliError> {
        let (revisions, after) = revisions(project)?;
        let (board, restored) = match snapshot_to_read(&plan.start, &project.snapshot_file())? {
            Some(file) => (restore(&file, plan.limits, revisions, after)?, true),
            None => (
                Board::new(SystemClock::new(), plan.limits, revisions, after),
                false,
            ),
        };
        Ok(Self::serving(board, claim.listen()?, project, plan, restored))
    }

    /// Serves `project` in place of the process that made the `offer`, with all that it knew.
    pub(super) fn take_over(offer: Offer, project: &Project, plan: &Plan) -> Result<Self, CliError> {
        let (revisions, after) = revisions(project)?;
        let read = snapshot::read(offer.image(), SystemClock::new(), plan.limits, after);
        let board = read.and_then(|(_, restoring)| Ok(restoring.finish(revisions)?));
        let board = board.map_err(CliError::Inheritance)?;
        let listening = offer
            .accept(project)
            .map_err(|source| CliError::Handover { pid: None, source })?;
        Ok(Self::serving(board, listening, project, plan, true))
    }

    fn serving(board: Board, listening: Listening, project: &Project, plan: &Plan, restored: bool) -> Self {
        let (successors, asking) = mpsc::channel(1);
        let resolver = Resolver::new(&project.root);
        let service = Service {
            setup: Arc::new(Setup::new(resolver.clone(), plan.tools)),
            traffic: Arc::new(Traffic::default()),
            successors,
            end: CancellationToken::new(),
            saved: project.snapshot_file(),
            guarding: plan.watches.then_some(resolver),
            patience: plan.patience,
        };
        tracing::info!(
            socket = %project.socket.display(),
            project = project.name,
            process = std::process::id(),
            "the board is open"
        );
        Self {
            running: service.start(&board, listening, restored),
            board,
            service,
            asking,
        }
    }

    /// Returns the board.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Returns a way to have the board saved at once.
    pub(super) fn saver(&self) -> Saver {
        self.running.keeper.saver()
    }

    /// Waits for whatever somebody wants of the board that only its host can do; and, when nobody has been
    /// connected for `linger`, for that.
    pub(super) async fn wish(&mut self, linger: Option<Duration>) -> Wish {
        let Self { service, asking, .. } = self;
        let abandoned = async {
            match linger {
                Some(limit) => service.traffic.quiet(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = service.end.cancelled() => Wish::End,
            Some(successor) = asking.recv() => Wish::HandOver(successor),
            () = abandoned => Wish::Nobody,
        }
    }

    /// Waits for the next process that asks for the board; `None` when somebody asks first that it ends.
    pub(super) async fn asked_for(&mut self) -> Option<Successor> {
        match self.wish(None).await {
            Wish::HandOver(successor) => Some(successor),
            Wish::End | Wish::Nobody => None,
        }
    }

    /// Gives the board to `successor`, who serves it from then on: what is left to do for this process is to end.
    /// If that fails, the board is served on here, and its clients come back by themselves; each finds what it held
    /// and where it stood in the queue.
    pub(super) async fn hand_over(&mut self, successor: Successor) -> Result<(), HandoverError> {
        if self.service.end.is_cancelled() || !successor.is_there() {
            successor.refuse("the board is ending");
            return Err(HandoverError::Gone);
        }
        // What may take long is done before anybody is let go.
        self.running.keeper.stop().await;
        let listening = self.running.pause().await;
        let (board, end) = (self.board.clone(), self.service.end.clone());
        let given = tokio::task::spawn_blocking(move || {
            if end.is_cancelled() || !successor.is_there() {
                successor.refuse("the board is ending");
                let error = HandoverError::Gone;
                return Err(Box::new(Kept { listening, error }));
            }
            match written(&board) {
                Ok(image) => successor.give(listening, &image),
                Err(source) => {
                    successor.refuse("the board cannot be written down");
                    let doing = "write the board down";
                    let error = HandoverError::System { doing, source };
                    Err(Box::new(Kept { listening, error }))
                }
            }
        });
        match given.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(kept)) => {
                self.running = self.service.start(&self.board, kept.listening, true);
                Err(kept.error)
            }
            Err(error) => crash(error),
        }
    }

    /// Ends because nobody is there. What the board holds is left to the next one, and its socket as it is: should
    /// somebody come at this very moment, that says that nobody has ended the board, and another is started.
    pub(super) async fn rest(self) -> Result<(), CliError> {
        let Self {
            board, mut running, ..
        } = self;
        let listening = running.pause().await;
        let saved = running.keeper.saver().save().await;
        running.keeper.stop().await;
        let settled = settle(&board);
        match saved {
            Ok(saved) if saved.entries == 0 => running
                .keeper
                .forget()
                .map_err(cannot("remove the board's snapshot"))?,
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the board goes without its last changes"),
        }
        listening.abandon();
        settled?;
        tracing::info!("the board is closed");
        Ok(())
    }

    /// Stops accepting, lets what is in flight finish, and gives back what was set aside on disk: somebody has ended
    /// the board, so nothing of it remains. As soon as `hurry` completes, nothing is waited for any more. No other
    /// board begins before all of it is done.
    pub(super) async fn close(self, hurry: impl Future<Output = u8>) -> Result<(), CliError> {
        let Self {
            board, mut running, ..
        } = self;
        running.stop.gently.cancel();
        let ended = tokio::select! {
            ended = &mut running.server => ended,
            _ = hurry => {
                running.stop.now.cancel();
                (&mut running.server).await
            }
        };
        let _claim = ended
            .inspect_err(|error| tracing::error!(%error, "the server did not end in good order"))
            .ok();
        running.stop_tending().await;
        running.keeper.stop().await;
        // A disk that is full takes no number, but lets a file go: neither waits for the other.
        let settled = settle(&board);
        running
            .keeper
            .forget()
            .map_err(cannot("remove the board's snapshot"))?;
        settled?;
        tracing::info!("the board is closed");
        Ok(())
    }
}

impl Service {
    /// Begins to serve `board` on `listening`. One that is `restored` is saved at once.
    fn start(&self, board: &Board, listening: Listening, restored: bool) -> Running {
        let keeper = Keeper::start(board.clone(), self.saved.clone(), restored);
        let saver = keeper.saver();
        let stop = Stop::within(self.patience);
        let (setup, end) = (Arc::clone(&self.setup), self.end.clone());
        let handlers = Handlers {
            make: move |connection: Connection| match connection.session {
                Ok(session) => Handler::new(session, &setup)
                    .saved_by(saver.clone())
                    .ended_by(end.clone()),
                Err(reason) => Handler::turned_away(reason),
            },
            changes: mcp::changes,
        };
        let server = serve(
            listening,
            board.clone(),
            handlers,
            Arc::clone(&self.traffic),
            self.successors.clone(),
            stop.clone(),
        );
        let sweeper = {
            let board = board.clone();
            async move { board.keep_swept().await }
        };
        let guard = self.guarding.clone();
        let guard = guard.map(|resolver| Guard::start(board.clone(), resolver, self.setup.witness()));
        Running {
            stop,
            server: tokio::spawn(server),
            sweeper: AbortOnDropHandle::new(tokio::spawn(sweeper)),
            keeper,
            guard,
        }
    }
}

impl Running {
    /// Lets all clients go, and returns the socket as soon as nothing changes the board any more.
    async fn pause(&mut self) -> Listening {
        self.stop.pause.cancel();
        let left = (&mut self.server).await;
        self.stop_tending().await;
        match left {
            Ok(Ended::Paused(listening)) => listening,
            Ok(Ended::Closed(_)) => unreachable!("only `close` stops the server, and nothing comes after it"),
            Err(error) => crash(error),
        }
    }

    /// Stops what changes the board by itself: after its last revision is noted, that would set revisions aside
    /// again.
    async fn stop_tending(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.stop().await;
        }
        self.sweeper.abort();
        if let Err(error) = (&mut self.sweeper).await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the sweeper did not end in good order");
        }
    }
}

fn settle(board: &Board) -> Result<(), CliError> {
    board.settle().map_err(cannot("note the last revision"))
}

fn cannot(doing: &'static str) -> impl Fn(io::Error) -> CliError {
    move |source| CliError::System { doing, source }
}

/// Ends the process for a panic in a task without which nobody serves the board: the next one goes on from the last
/// snapshot, as after any crash.
fn crash(error: JoinError) -> ! {
    std::panic::resume_unwind(error.into_panic())
}

/// Returns all that `board` knows, which nobody uses any more.
fn written(board: &Board) -> io::Result<Vec<u8>> {
    let handed = board.image_to_hand_over().map_err(io::Error::other)?;
    // Else every change of hands would cost a block of revisions.
    if let Err(error) = board.settle() {
        tracing::warn!(%error, "cannot note the last revision");
    }
    let mut image = Vec::new();
    snapshot::write(&handed, &mut image)?;
    Ok(image)
}

fn revisions(project: &Project) -> Result<(RevisionFile, Revision), CliError> {
    RevisionFile::open(project.revision_file()).map_err(cannot("go on from the last revision"))
}

/// Returns the snapshot to begin with, if there is one; `saved` is where the last board was saved.
fn snapshot_to_read(start: &Start, saved: &Path) -> Result<Option<PathBuf>, CliError> {
    match start {
        Start::Restoring(file) => Ok(Some(file.clone())),
        Start::Recovering => {
            let exists = saved.try_exists().map_err(cannot("look for a snapshot"))?;
            Ok(exists.then(|| saved.to_owned()))
        }
        Start::Fresh => {
            Keeper::remove(saved).map_err(cannot("remove the snapshot of the last board"))?;
            Ok(None)
        }
    }
}

fn restore(file: &Path, limits: Limits, revisions: RevisionFile, after: Revision) -> Result<Board, CliError> {
    let Restored {
        board,
        moment,
        age,
        entries,
    } = snapshot::restore(file, SystemClock::new(), limits, revisions, after)?;
    tracing::warn!(
        entries,
        rev = moment.rev.0,
        "the board goes on where it was {} ago, from {}",
        text::duration(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
        file.display()
    );
    Ok(board)
}
