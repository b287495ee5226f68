//! The dashboard over a board that this process serves.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::args::{Place, ServeOptions};
use super::demo::{Show, Stage};
use super::host::{Host, Remains};
use super::signals::Signals;
use super::{CliError, Ending, config, snapshot};
use crate::board::NamespaceId;
use crate::net::project::Project;
use crate::tui::{self, Asked, Ended, Facts, Palette, Request};

/// The number of the signal that a closed terminal stands for.
const HANG_UP: u8 = 1;

/// Shows the host's board until a person, a signal or the end of the terminal ends both. What the `show`
/// plays already, it goes on to play.
pub(super) async fn run(
    host: Host,
    facts: Facts,
    mut show: Show,
    mut signals: Signals,
) -> Result<Ending, CliError> {
    let stop = CancellationToken::new();
    let (requests, mut asked) = mpsc::channel(1);
    let mut dashboard = Box::pin(tui::run(host.board().clone(), facts, requests, stop.clone()));
    let mut signal = None;
    let ended = loop {
        tokio::select! {
            ended = &mut dashboard => break ended,
            number = signals.next(), if signal.is_none() => {
                signal = Some(number);
                stop.cancel();
            }
            () = host.asked_to_end(), if !stop.is_cancelled() => stop.cancel(),
            Some(Asked { request, answer }) = asked.recv() => match request {
                Request::StartDemo => show.start(Stage::Guest),
                Request::Snapshot => {
                    let saver = host.saver();
                    // A dashboard that has ended meanwhile wants no answer.
                    tokio::spawn(async move { answer.send(snapshot::keep_copy(saver).await) });
                }
            },
        }
    };
    drop(dashboard);
    show.end().await;
    let closed = host.close(Remains::Nothing, signals.next()).await;
    let ending = match (ended?, signal) {
        (_, Some(number)) => Ending::Signal(number),
        (Ended::TerminalGone, None) => Ending::Signal(HANG_UP),
        (Ended::Quit | Ended::Stopped, None) => Ending::Done,
    };
    closed.map(|()| ending)
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
        mouse: !options.no_mouse,
        palette: Palette::from_no_color(std::env::var_os("NO_COLOR").as_deref()),
        time_zone: TimeZone::system(),
    })
}
