//! The dashboard over a board that this process serves.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{Place, ServeOptions};
use super::demo::{Show, Stage};
use super::host::{Host, Wish};
use super::signals::Signals;
use super::{CliError, Ending, config, snapshot};
use crate::board::NamespaceId;
use crate::net::handover::HandoverError;
use crate::net::launch::{Launch, LaunchError, Miscarried};
use crate::net::project::Project;
use crate::tui::{self, Asked, Ended, Facts, Palette, Request};

/// The number of the signal that a closed terminal stands for.
const HANG_UP: u8 = 1;
/// How long a board that is started may take to ask for what it is to go on with.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at whether it still lives.
const LOOK: Duration = Duration::from_millis(20);

/// What has become of the board when its dashboard has ended.
pub(super) enum Exit {
    /// It has ended too.
    Closed(Ending),
    /// This process serves it.
    Left(u32),
    /// It goes on in this process, without a screen.
    Alone(Box<Host>),
}

/// Shows the host's board until a person, a signal or the end of the terminal ends it. What the `show` plays
/// already, it goes on to play.
///
/// The board outlives the dashboard, in a process that `successor` starts, when a person wants that, and when the
/// terminal is gone while agents are attached. Without a successor it never does.
pub(super) async fn run(
    mut host: Host,
    facts: Facts,
    mut show: Show,
    signals: &mut Signals,
    successor: Option<&Launch>,
) -> Result<Exit, CliError> {
    let stop = CancellationToken::new();
    let (requests, mut asked) = mpsc::channel(1);
    let facts = Facts {
        outlived: successor.is_some(),
        goes_on: host.goes_on(),
        ..facts
    };
    let mut dashboard = Box::pin(tui::run(host.board().clone(), facts, requests, stop.clone()));
    let (mut signal, mut left, mut lost) = (None, None, None);
    let ended = loop {
        tokio::select! {
            ended = &mut dashboard => break ended,
            number = signals.next(), if signal.is_none() => {
                signal = Some(number);
                stop.cancel();
            }
            wish = host.wish(None), if !stop.is_cancelled() => match wish {
                Wish::End => stop.cancel(),
                Wish::HandOver(other) => other.refuse("a dashboard shows it already"),
                Wish::Nobody => {}
                Wish::Displaced => if let Err(error) = host.take_place_again().await {
                    lost = Some(error);
                    stop.cancel();
                },
            },
            Some(Asked { request, answer }) = asked.recv() => match request {
                Request::StartDemo => show.start(Stage::Guest),
                Request::Snapshot => {
                    let saver = host.saver();
                    // A dashboard that has ended meanwhile wants no answer.
                    tokio::spawn(async move { answer.send(snapshot::keep_copy(saver).await) });
                }
                Request::LeaveRunning => match leave_to(&mut host, successor).await {
                    Ok(process) => {
                        left = Some(process);
                        stop.cancel();
                    }
                    // The same holds here.
                    Err(error) => drop(answer.send(Err(format!("the board stays here: {error}")))),
                },
            },
        }
    };
    drop(dashboard);
    show.end().await;
    if let Some(error) = lost {
        return Err(error.into());
    }
    if let Some(process) = left {
        return ended.map_or_else(|error| Err(error.into()), |_| Ok(Exit::Left(process)));
    }
    let gone = matches!(ended, Ok(Ended::TerminalGone) | Err(_)) || signal == Some(HANG_UP);
    if gone && let Some(successor) = successor {
        signals.outlive_the_terminal();
        return match (ended, survive(host, successor).await?) {
            (Err(error), Exit::Alone(host)) => {
                tracing::error!(%error, "the dashboard ended");
                Ok(Exit::Alone(host))
            }
            (Err(error), _) => Err(error.into()),
            (Ok(_), exit) => Ok(exit),
        };
    }
    let closed = host.close(signals.next()).await;
    let ending = match (ended?, signal) {
        (_, Some(number)) => Ending::Signal(number),
        (Ended::TerminalGone, None) => Ending::Signal(HANG_UP),
        (Ended::Quit | Ended::Stopped, None) => Ending::Done,
    };
    closed.map(|()| Exit::Closed(ending))
}

/// Keeps the board whose dashboard could not go on: for its agents in another process, and else for the next one.
pub(super) async fn survive(mut host: Host, successor: &Launch) -> Result<Exit, CliError> {
    if host.board().attached(std::process::id()) == 0 {
        host.rest().await?;
        return Ok(Exit::Closed(Ending::Signal(HANG_UP)));
    }
    Ok(match leave_to(&mut host, Some(successor)).await {
        Ok(process) => Exit::Left(process),
        Err(error) => {
            tracing::warn!(%error, "the dashboard is gone, and the board goes on in this process");
            Exit::Alone(Box::new(host))
        }
    })
}

/// Why a board was not left to another process.
#[derive(Debug, thiserror::Error)]
enum LeaveError {
    #[error("it can only live in this process")]
    Bound,
    #[error("somebody has asked that it ends")]
    Ending,
    #[error("a board that was started before is still about to end; try again")]
    Crowded,
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("the process that should go on with it ended: {0}")]
    Stillborn(String),
    #[error("the process that should go on with it does not ask for it")]
    Silent,
    #[error(transparent)]
    Handover(#[from] HandoverError),
}

/// Starts the process that goes on with the board, gives it the board, and returns which it is.
async fn leave_to(host: &mut Host, successor: Option<&Launch>) -> Result<u32, LeaveError> {
    let launch = successor.ok_or(LeaveError::Bound)?;
    let launched = launch.start()?.ok_or(LeaveError::Crowded)?;
    let process = launched.process();
    let ended = async {
        loop {
            tokio::time::sleep(LOOK).await;
            match launched.ended() {
                None => {}
                Some(Miscarried::Gave) => return "it found nothing to do".to_owned(),
                Some(Miscarried::Failed(why)) => return why,
            }
        }
    };
    let asks = async {
        loop {
            let other = host.asked_for().await?;
            // Where the system does not tell who asks, whoever has no screen is taken for the one.
            if other.pid().map_or(!other.has_screen(), |pid| pid == process) {
                return Some(other);
            }
            other.refuse("the board is about to go on in another process");
        }
    };
    let heir = tokio::select! {
        heir = asks => heir.ok_or(LeaveError::Ending)?,
        why = ended => return Err(LeaveError::Stillborn(why)),
        () = tokio::time::sleep(PATIENCE) => return Err(LeaveError::Silent),
    };
    host.hand_over(heir).await?;
    Ok(process)
}

/// Returns what the dashboard is to know.
pub(super) fn facts(
    project: &Project,
    place: &Place,
    options: &ServeOptions,
    namespace: NamespaceId,
) -> Result<Facts, CliError> {
    Ok(Facts {
        project: project.name.clone(),
        socket: PathBuf::clone(&project.socket),
        namespace,
        snippet: config::first_steps(place)?,
        outlived: false,
        goes_on: false,
        mouse: !options.no_mouse,
        palette: Palette::from_no_color(std::env::var_os("NO_COLOR").as_deref()),
        time_zone: TimeZone::system(),
    })
}
