//! A board that serves: everything between a claim on the project and its clean end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::CliError;
use super::text;
use crate::board::{Board, Limits, Revision, RevisionFile, SystemClock};
use crate::mcp::{self, Handler, Setup, Toolset};
use crate::net::Traffic;
use crate::net::listen::Claim;
use crate::net::project::Project;
use crate::net::server::{Connection, Handlers, Stop, serve};
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
    /// How long what is in flight has at the end.
    pub(super) patience: Duration,
}

/// What a board leaves to the next one when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remains {
    /// Nothing: somebody has ended it.
    Nothing,
    /// All that it holds: it ends because nobody is there, and nobody has said that it is done with.
    Everything,
}

/// A running board. Dropping it ends it without the courtesies of [`Host::close`].
pub(super) struct Host {
    board: Board,
    stop: Stop,
    asked_to_end: CancellationToken,
    traffic: Arc<Traffic>,
    server: JoinHandle<Claim>,
    sweeper: AbortOnDropHandle<()>,
    keeper: Keeper,
}

impl Host {
    /// Serves the claimed `project`. Nobody is let in before the board has all that it begins with.
    pub(super) fn open(claim: Claim, project: &Project, plan: Plan) -> Result<Self, CliError> {
        let Plan {
            start,
            limits,
            tools,
            patience,
        } = plan;
        let (revisions, after) =
            RevisionFile::open(project.revision_file()).map_err(|source| CliError::System {
                doing: "go on from the last revision",
                source,
            })?;
        let saved = project.snapshot_file();
        let (board, restored) = match snapshot_to_read(start, &saved)? {
            Some(file) => (restore(&file, limits, revisions, after)?, true),
            None => (Board::new(SystemClock::new(), limits, revisions, after), false),
        };
        let listening = claim.listen()?;
        let keeper = Keeper::start(board.clone(), saved, restored);
        let saver = keeper.saver();
        let stop = Stop {
            gently: CancellationToken::new(),
            now: CancellationToken::new(),
            limit: patience,
        };
        let (asked_to_end, traffic) = (CancellationToken::new(), Arc::new(Traffic::default()));
        let end = asked_to_end.clone();
        let setup = Arc::new(Setup::new(Resolver::new(&project.root), tools));
        let handlers = Handlers {
            make: move |connection: Connection| match connection.session {
                Ok(session) => Handler::new(session, &setup)
                    .saved_by(saver.clone())
                    .ended_by(end.clone()),
                Err(reason) => Handler::away(reason),
            },
            changes: mcp::changes,
        };
        let server = serve(
            listening,
            board.clone(),
            handlers,
            Arc::clone(&traffic),
            stop.clone(),
        );
        let sweeper = {
            let board = board.clone();
            async move { board.keep_swept().await }
        };
        tracing::info!(
            socket = %project.socket.display(),
            project = project.name,
            process = std::process::id(),
            "the board is open"
        );
        Ok(Self {
            board,
            stop,
            asked_to_end,
            traffic,
            server: tokio::spawn(server),
            sweeper: AbortOnDropHandle::new(tokio::spawn(sweeper)),
            keeper,
        })
    }

    /// Returns the board.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Returns a way to have the board saved at once.
    pub(super) fn saver(&self) -> Saver {
        self.keeper.saver()
    }

    /// Waits until somebody asks over the socket that the board ends.
    pub(super) async fn asked_to_end(&self) {
        self.asked_to_end.cancelled().await;
    }

    /// Waits until nobody has been connected for `limit`, for ever when there is none.
    pub(super) async fn abandoned(&self, limit: Option<Duration>) {
        match limit {
            Some(limit) => self.traffic.quiet(limit).await,
            None => std::future::pending().await,
        }
    }

    /// Stops accepting, lets what is in flight finish, and gives back what was set aside on disk. As soon
    /// as `hurry` completes, nothing is waited for any more. No other board begins before all of it is done.
    pub(super) async fn close(
        mut self,
        remains: Remains,
        hurry: impl Future<Output = u8>,
    ) -> Result<(), CliError> {
        self.stop.gently.cancel();
        let ended = tokio::select! {
            ended = &mut self.server => ended,
            _ = hurry => {
                self.stop.now.cancel();
                (&mut self.server).await
            }
        };
        let _claim = ended
            .inspect_err(|error| tracing::error!(%error, "the server did not end in good order"))
            .ok();
        // A sweep after this would set revisions aside again.
        self.sweeper.abort();
        if let Err(error) = (&mut self.sweeper).await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the sweeper did not end in good order");
        }
        let kept = match remains {
            Remains::Nothing => false,
            Remains::Everything => self.leave().await,
        };
        self.keeper.stop().await;
        self.board.settle().map_err(|source| CliError::System {
            doing: "note the last revision",
            source,
        })?;
        if !kept {
            self.keeper.forget().map_err(|source| CliError::System {
                doing: "remove the board's snapshot",
                source,
            })?;
        }
        tracing::info!("the board is closed");
        Ok(())
    }

    /// Saves the board for the next one, and tells whether there is anything that the next one should find.
    async fn leave(&self) -> bool {
        match self.keeper.saver().save().await {
            Ok(saved) => saved.entries > 0,
            Err(error) => {
                tracing::error!(%error, "the board goes without its last changes");
                true
            }
        }
    }
}

/// Returns the snapshot to begin with, if there is one; `saved` is where the last board was saved.
fn snapshot_to_read(start: Start, saved: &Path) -> Result<Option<PathBuf>, CliError> {
    let failed = |doing| move |source| CliError::System { doing, source };
    match start {
        Start::Restoring(file) => Ok(Some(file)),
        Start::Recovering => {
            let exists = saved.try_exists().map_err(failed("look for a snapshot"))?;
            Ok(exists.then(|| saved.to_owned()))
        }
        Start::Fresh => {
            Keeper::remove(saved).map_err(failed("remove the snapshot of the last board"))?;
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
