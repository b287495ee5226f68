//! `callboard` without a command: the board of a project, with the dashboard or without a screen.

use std::time::Duration;

use super::args::{Place, ServeOptions};
use super::demo::Show;
use super::host::{Host, Remains};
use super::signals::Signals;
use super::{CliError, Ending, dashboard, place, processes};
use crate::net::listen::{Claim, ListenError};
use crate::telemetry;

/// How long what is in flight has at the end when nobody watches.
const HEADLESS_PATIENCE: Duration = Duration::from_secs(30);
/// The same when a person waits for the shell to come back.
const DASHBOARD_PATIENCE: Duration = Duration::from_secs(2);
/// Enough to serve agents while the dashboard draws; more would only cost memory.
const WORKERS: usize = 2;

/// Runs the board until a person or a signal ends it, or nobody has needed it for long.
pub(super) fn run(options: &ServeOptions, place: &Place, interactive: bool) -> Result<Ending, CliError> {
    let project = place::project(place)?;
    if options.detached {
        processes::detach()?;
    }
    let claim = match Claim::take(&project) {
        // Who started this one wants a board, and there is one.
        Err(ListenError::Taken { .. }) if options.detached => return Ok(Ending::Done),
        claim => claim?,
    };
    let with_dashboard = interactive && !options.no_tui;
    if with_dashboard {
        telemetry::to_dashboard(options.log)?;
    } else {
        telemetry::to_stderr(options.log)?;
    }
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        if with_dashboard {
            let host = Host::open(claim, &project, options.plan(DASHBOARD_PATIENCE))?;
            let namespace = host.board().open(&place.namespace)?;
            let facts = dashboard::facts(&project, place, options, namespace)?;
            let show = Show::new(&project, place, false)?;
            return dashboard::run(host, facts, show, signals).await;
        }
        let host = Host::open(claim, &project, options.plan(HEADLESS_PATIENCE))?;
        let (ending, remains) = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "told to stop; once more forces it");
                (Ending::Signal(signal), Remains::Nothing)
            }
            () = host.asked_to_end() => (Ending::Done, Remains::Nothing),
            () = host.abandoned(options.linger()) => {
                tracing::info!("nobody has been connected for {} s, so the board ends", options.linger);
                (Ending::Done, Remains::Everything)
            }
        };
        host.close(remains, signals.next()).await?;
        Ok(ending)
    })
}

/// Returns the runtime that a board lives in.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|source| CliError::System {
            doing: "start the runtime",
            source,
        })
}
