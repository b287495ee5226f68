//! What a board is served with, and what runs as long as it is: the server, the sweeper, the keeper, the guard.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::cannot;
use crate::board::Board;
use crate::cli::CliError;
use crate::guard::Guard;
use crate::mcp::{self, Handler, Setup};
use crate::net::handover::Successor;
use crate::net::listen::Listening;
use crate::net::project::Project;
use crate::net::server::{Connection, Ended, Handlers, Stop, serve};
use crate::net::{Foothold, Traffic};
use crate::snapshot::Keeper;
use crate::target::Resolver;

/// How often it is looked whether the board can still be found.
const LOOK: Duration = Duration::from_secs(2);

/// What a board is served with, once and again.
pub(super) struct Service {
    pub(super) project: Project,
    pub(super) setup: Arc<Setup>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) successors: mpsc::Sender<Successor>,
    /// Cancelled when somebody asks over the socket that the board ends.
    pub(super) end: CancellationToken,
    /// Knows the paths of the files that are watched when they are locked, if they are.
    pub(super) guarding: Option<Resolver>,
    pub(super) patience: Duration,
}

/// What runs as long as the board is served.
pub(super) struct Running {
    pub(super) stop: Stop,
    pub(super) server: JoinHandle<Ended>,
    pub(super) keeper: Keeper,
    sweeper: AbortOnDropHandle<()>,
    guard: Option<Guard>,
    /// Absent where it cannot be known.
    foothold: Option<Foothold>,
}

impl Service {
    /// Begins to serve `board` on `listening`. One that is `restored` is saved at once.
    pub(super) fn start(&self, board: &Board, listening: Listening, restored: bool) -> Running {
        let foothold = listening.foothold(&self.project);
        let foothold = foothold.inspect_err(
            |error| tracing::warn!(%error, "it will not be noticed when the board's place is removed"),
        );
        let keeper = Keeper::start(board.clone(), self.project.snapshot_file(), restored);
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
            foothold: foothold.ok(),
        }
    }
}

impl Running {
    /// Waits until the board cannot be found any more where others look for it, and a moment at least.
    pub(super) async fn displaced(&self) {
        let Some(foothold) = &self.foothold else {
            return std::future::pending().await;
        };
        loop {
            tokio::time::sleep(LOOK).await;
            if !foothold.is_whole() {
                return;
            }
        }
    }

    /// Tells whether the files beside the socket are this board's: else they may be those of another one.
    pub(super) fn owns_files(&self) -> bool {
        self.foothold.as_ref().is_none_or(Foothold::has_lock)
    }

    /// Lets all clients go, and returns the socket as soon as nothing changes the board any more.
    pub(super) async fn pause(&mut self) -> Listening {
        self.stop.pause.cancel();
        let left = (&mut self.server).await;
        self.stop_tending().await;
        match left {
            Ok(Ended::Paused(listening)) => listening,
            Ok(Ended::Closed(_)) => unreachable!("only `close` stops the server, and nothing comes after it"),
            Err(error) => crash(error),
        }
    }

    /// Saves the board for the next one, and tells whether there is anything that the next one should find.
    pub(super) async fn leave(&self) -> bool {
        match self.keeper.saver().save().await {
            Ok(saved) => saved.entries > 0,
            Err(error) => {
                tracing::error!(%error, "the board goes without its last changes");
                true
            }
        }
    }

    /// Ends the saving, and gives back what was set aside on disk. The snapshot goes, unless something `remains` for the
    /// next board. What others have put in the place of our files is let alone.
    pub(super) async fn finish(mut self, board: &Board, remains: bool) -> Result<(), CliError> {
        self.keeper.stop().await;
        if self.owns_files() {
            // A disk that is full takes no number, but lets a file go: neither waits for the other.
            let settled = board.settle().map_err(cannot("note the last revision"));
            if !remains {
                let forgotten = self.keeper.forget();
                forgotten.map_err(cannot("remove the board's snapshot"))?;
            }
            settled?;
        }
        tracing::info!("the board is closed");
        Ok(())
    }

    /// Stops what changes the board by itself: after its last revision is noted, that would set revisions aside
    /// again.
    pub(super) async fn stop_tending(&mut self) {
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

/// Ends the process for a panic in a task without which nobody serves the board: the next one goes on from the last
/// snapshot, as after any crash.
pub(super) fn crash(error: JoinError) -> ! {
    std::panic::resume_unwind(error.into_panic())
}
