//! A board that serves: everything between a claim on the project and its clean end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::CliError;
use crate::board::{Board, Limits, RevisionFile, SystemClock};
use crate::mcp::{self, Handler, Setup, Toolset};
use crate::net::Traffic;
use crate::net::listen::Claim;
use crate::net::project::Project;
use crate::net::server::{Connection, Handlers, Stop, serve};
use crate::target::Resolver;

/// A running board. Dropping it ends it without the courtesies of [`Host::close`].
pub(super) struct Host {
    board: Board,
    stop: Stop,
    server: JoinHandle<()>,
    sweeper: AbortOnDropHandle<()>,
}

impl Host {
    /// Serves the claimed `project`; at the end, what is in flight has `patience` to finish.
    pub(super) fn open(
        claim: Claim,
        project: &Project,
        limits: Limits,
        tools: Toolset,
        patience: Duration,
    ) -> Result<Self, CliError> {
        let (revisions, start) =
            RevisionFile::open(project.revision_file()).map_err(|source| CliError::System {
                doing: "go on from the last revision",
                source,
            })?;
        let board = Board::new(SystemClock::new(), limits, revisions, start);
        let listening = claim.listen()?;
        let stop = Stop {
            gently: CancellationToken::new(),
            now: CancellationToken::new(),
            limit: patience,
        };
        let setup = Arc::new(Setup {
            resolver: Resolver::new(&project.root),
            tools,
        });
        let handlers = Handlers {
            make: move |connection: Connection| match connection.session {
                Ok(session) => Handler::new(session, &setup),
                Err(reason) => Handler::away(reason),
            },
            changes: mcp::changes,
        };
        let server = serve(
            listening,
            board.clone(),
            handlers,
            Arc::new(Traffic::default()),
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
            server: tokio::spawn(server),
            sweeper: AbortOnDropHandle::new(tokio::spawn(sweeper)),
        })
    }

    /// Returns the board.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Stops accepting, lets what is in flight finish, and gives back what was set aside on disk. As soon
    /// as `hurry` completes, nothing is waited for any more.
    pub(super) async fn close(mut self, hurry: impl Future<Output = u8>) -> Result<(), CliError> {
        self.stop.gently.cancel();
        let ended = tokio::select! {
            ended = &mut self.server => ended,
            _ = hurry => {
                self.stop.now.cancel();
                (&mut self.server).await
            }
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the server did not end in good order");
        }
        // A sweep after this would set revisions aside again.
        self.sweeper.abort();
        if let Err(error) = (&mut self.sweeper).await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the sweeper did not end in good order");
        }
        self.board.settle().map_err(|source| CliError::System {
            doing: "note the last revision",
            source,
        })?;
        tracing::info!("the board is closed");
        Ok(())
    }
}
