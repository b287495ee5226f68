//! A board that serves: everything between a claim on the project and its clean end.

mod service;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::CliError;
use super::text;
use crate::board::{Board, Limits, Revision, RevisionFile, SystemClock};
use crate::mcp::{Setup, Toolset};
use crate::net::Traffic;
use crate::net::handover::{HandoverError, Kept, Offer, Successor};
use crate::net::listen::{Claim, ListenError, Listening};
use crate::net::project::Project;
use crate::snapshot::{self, Keeper, Restored, Saver};
use crate::target::Resolver;
use service::{Running, Service, crash};

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
    /// Nobody can come any more: the lock or the socket is not in its place.
    Displaced,
}

/// A running board. Dropping it ends it without the courtesies of [`Host::close`] and [`Host::rest`].
pub(super) struct Host {
    board: Board,
    service: Service,
    running: Running,
    asking: mpsc::Receiver<Successor>,
    goes_on: bool,
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
            project: project.clone(),
            setup: Arc::new(Setup::new(resolver.clone(), plan.tools)),
            traffic: Arc::new(Traffic::default()),
            successors,
            end: CancellationToken::new(),
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
            goes_on: restored,
        }
    }

    /// Tells whether the board began with what it held in another process.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
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
        let Self {
            service,
            asking,
            running,
            ..
        } = self;
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
            () = running.displaced() => Wish::Displaced,
        }
    }

    /// Waits for the next process that asks for the board; `None` when somebody asks first that it ends.
    pub(super) async fn asked_for(&mut self) -> Option<Successor> {
        loop {
            match self.wish(None).await {
                Wish::HandOver(successor) => return Some(successor),
                Wish::End => return None,
                Wish::Nobody | Wish::Displaced => {}
            }
        }
    }

    /// Takes the board's place again when the lock or the socket is not there any more. Agents come over by themselves, as
    /// at any change of hands. Fails when another board has taken the place, or the socket cannot be opened again: then
    /// this one has to end.
    pub(super) async fn take_place_again(&mut self) -> Result<(), ListenError> {
        let project = &self.service.project;
        let claim = if self.running.owns_files() {
            None
        } else {
            match Claim::take(project) {
                Ok(claim) => Some(claim),
                Err(taken @ ListenError::Taken { .. }) => return Err(taken),
                Err(error) => {
                    tracing::warn!(%error, "the board's place was removed and cannot be made again yet");
                    return Ok(());
                }
            }
        };
        self.running.keeper.stop().await;
        let was = self.running.pause().await.close();
        if claim.is_some() {
            // What was set aside was noted in a file that is gone; after this, more is set aside before it is needed.
            let noted = self.board.settle();
            noted.unwrap_or_else(|error| tracing::warn!(%error, "cannot note the last revision"));
        }
        let listening = claim.unwrap_or(was).listen()?;
        tracing::warn!(
            socket = %project.socket.display(),
            "the board's place had been removed, and was taken again"
        );
        self.running = self.service.start(&self.board, listening, true);
        Ok(())
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
        let remains = running.owns_files() && running.leave().await;
        let finished = running.finish(&board, remains).await;
        listening.abandon();
        finished
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
        running.finish(&board, false).await
    }
}

fn cannot(doing: &'static str) -> impl Fn(io::Error) -> CliError {
    move |source| CliError::System { doing, source }
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
