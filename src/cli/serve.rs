//! `callboard` without a command: the board of a project, with the dashboard or without a screen.

use std::time::Duration;

use super::args::{Place, ServeOptions};
use super::dashboard::Exit;
use super::demo::Show;
use super::host::{Host, Plan, Wish};
use super::launch::headless;
use super::output::Output;
use super::signals::Signals;
use super::{CliError, Ending, dashboard, place, processes};
use crate::net::handover::{HandoverError, Offer};
use crate::net::listen::{Claim, ListenError};
use crate::net::project::Project;
use crate::telemetry;

/// How long what is in flight has at the end when nobody watches.
const HEADLESS_PATIENCE: Duration = Duration::from_secs(30);
/// The same when a person waits for the shell to come back.
const DASHBOARD_PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked whether a board that ends has ended: for a second.
const LOOKS: u32 = 200;
/// Enough to serve agents while the dashboard draws; more would only cost memory.
const WORKERS: usize = 2;

/// How this process comes to serve the project.
enum Right {
    /// Nobody served it.
    Claim(Claim),
    /// Somebody did, and hands it over.
    Offer(Offer),
}

impl Right {
    /// Returns the right to serve `project`. A board without a screen is handed over to a dashboard when
    /// `options` do not ask for another beginning; and to the board that a dashboard has started. One that ends at this
    /// very moment is waited for.
    fn to(project: &Project, options: &ServeOptions, screen: bool) -> Result<Self, CliError> {
        let mut looks = LOOKS;
        loop {
            let taken = match Claim::take(project) {
                Ok(claim) => return Ok(Self::Claim(claim)),
                Err(taken) => taken,
            };
            looks -= 1;
            let ListenError::Taken { pid, .. } = taken else {
                return Err(taken.into());
            };
            if options.begins_elsewhere() || !(screen || options.take_over) || looks == 0 {
                return Err(taken.into());
            }
            match Offer::ask(project, screen) {
                Ok(offer) => return Ok(Self::Offer(offer)),
                Err(HandoverError::Gone) => processes::pause()?,
                Err(source) => return Err(CliError::Handover { pid, source }),
            }
        }
    }

    /// Opens the board.
    fn open(self, project: &Project, plan: &Plan) -> Result<Host, CliError> {
        match self {
            Self::Claim(claim) => Host::open(claim, project, plan),
            Self::Offer(offer) => Host::take_over(offer, project, plan),
        }
    }
}

/// Runs the board until a person or a signal ends it, nobody has needed it for long, or another process does.
pub(super) fn run(
    options: &ServeOptions,
    place: &Place,
    interactive: bool,
    output: &mut Output<'_>,
) -> Result<Ending, CliError> {
    let project = place::project(place)?;
    if options.detached {
        processes::detach()?;
    }
    let screen = interactive && !options.no_tui;
    if !screen {
        telemetry::to_stderr(options.log)?;
        if !(options.no_tui || options.detached) {
            tracing::info!(
                "there is no dashboard, since there is no terminal for it (or one that cannot draw)"
            );
        }
    }
    let right = match Right::to(&project, options, screen) {
        // Who started this one wants a board, and there is one.
        Err(CliError::Listen(ListenError::Taken { .. })) if options.detached => return Ok(Ending::Done),
        right => right?,
    };
    runtime()?.block_on(async {
        let mut signals = Signals::listen()?;
        if !screen {
            let host = right.open(&project, &options.plan(HEADLESS_PATIENCE))?;
            return without_screen(host, options.linger(), signals).await;
        }
        telemetry::to_dashboard(options.log)?;
        let show = Show::new(&project, place, false)?;
        let successor = headless(
            project.clone(),
            place,
            std::env::current_dir().ok(),
            options.of_successor(),
        );
        let host = right.open(&project, &options.plan(DASHBOARD_PATIENCE))?;
        let namespace = host.board().open(&place.namespace).map_err(CliError::from);
        let facts = namespace.and_then(|namespace| dashboard::facts(&project, place, options, namespace));
        let exit = match facts {
            Ok(facts) => dashboard::run(host, facts, show, &mut signals, Some(&successor)).await?,
            // It may have been somebody else's a moment ago, who had agents.
            Err(error) => match dashboard::survive(host, &successor).await? {
                Exit::Alone(host) => Exit::Alone(host),
                _ => return Err(error),
            },
        };
        match exit {
            Exit::Closed(ending) => Ok(ending),
            Exit::Left(process) => {
                output.remark(format_args!(
                    "the board goes on without a screen (process {process}): `callboard` shows it again, \
                     `callboard stop` ends it"
                ))?;
                Ok(Ending::Done)
            }
            Exit::Alone(host) => without_screen(*host, options.linger(), signals).await,
        }
    })
}

/// Serves until a signal or somebody's wish ends the board, or a dashboard takes it over.
async fn without_screen(
    mut host: Host,
    linger: Option<Duration>,
    mut signals: Signals,
) -> Result<Ending, CliError> {
    let ending = loop {
        let wish = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "told to stop; once more forces it");
                break Ending::Signal(signal);
            }
            wish = host.wish(linger) => wish,
        };
        match wish {
            Wish::End => break Ending::Done,
            Wish::Nobody => {
                let linger = linger.unwrap_or_default().as_secs();
                tracing::info!("nobody has been connected for {linger} s, so the board ends");
                host.rest().await?;
                return Ok(Ending::Done);
            }
            Wish::Displaced => host.take_place_again().await?,
            Wish::HandOver(successor) if !successor.has_screen() => {
                successor.refuse("neither the one that serves nor the one that asks has a screen");
            }
            Wish::HandOver(successor) => match host.hand_over(successor).await {
                Ok(()) => {
                    tracing::info!("a dashboard has taken the board over");
                    return Ok(Ending::Done);
                }
                Err(error) => tracing::warn!(%error, "the board stays here; it was not taken over"),
            },
        }
    };
    host.close(signals.next()).await?;
    Ok(ending)
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
