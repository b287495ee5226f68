//! `callboard demo`: the complete workflow of the original design, played so that a newcomer sees it alive.
//!
//! Four real MCP clients, each through a bridge process of its own, against a real board. With a terminal
//! the board is one of its own under the dashboard and the play goes on until somebody quits; otherwise it
//! is played once, its steps are printed, and a step that is not as it should be is a failure.

mod agent;
mod implementer;
mod script;
mod team;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::args::{Place, ServeOptions};
use super::client::Client;
use super::dashboard::{self, Exit};
use super::host::{Host, Plan, Start};
use super::output::Output;
use super::signals::Signals;
use super::{CliError, Ending, place, serve};
use crate::net::listen::Claim;
use crate::net::project::Project;
use crate::telemetry;

pub use agent::DemoError;
use agent::{Agent, Step, Target};
use script::{ASSIGNMENTS, MANAGER, Pace};
use team::Team;

/// The round that the original workflow is: its tasks are 3.1 to 3.3.
const FIRST_ROUND: u32 = 3;
/// The beats between two rounds.
const INTERMISSION: u32 = 3;
/// How many steps wait to be shown; a player who is ahead waits.
const STEPS: usize = 16;
/// Far more than a round can take.
const TOO_LONG: Duration = Duration::from_secs(300);
/// How long what is in flight has at the end of the play's own board.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whose board is played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// One that is there for the play: it goes on and on.
    Own,
    /// Somebody's: one round, then everybody leaves.
    Guest,
}

/// Plays on a board that this process serves, while the dashboard shows it.
pub(super) struct Show {
    target: Target,
    pace: Pace,
    playing: Option<AbortOnDropHandle<()>>,
}

impl Show {
    /// Returns a show that has not begun, on the board of `project`.
    pub(super) fn new(project: &Project, place: &Place, fast: bool) -> Result<Self, CliError> {
        Ok(Self {
            target: target(project, place)?,
            pace: if fast { Pace::FAST } else { Pace::VIEWABLE },
            playing: None,
        })
    }

    /// Begins, unless it is being played.
    pub(super) fn start(&mut self, stage: Stage) {
        if self
            .playing
            .as_ref()
            .is_some_and(|playing| !playing.is_finished())
        {
            tracing::info!("the demo is being played already");
            return;
        }
        let (target, pace) = (self.target.clone(), self.pace);
        self.playing = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let (steps, told) = mpsc::channel(STEPS);
            let (played, ()) = tokio::join!(play(&target, pace, stage, steps), log(told));
            if let Err(error) = played {
                tracing::error!(%error, "the demo has stopped");
            }
        })));
    }

    /// Ends it where it is, and with it the bridges.
    pub(super) async fn end(self) {
        if let Some(playing) = self.playing {
            playing.abort();
            // It was cancelled: there is nothing to learn from how it ended.
            let _ = playing.await;
        }
    }
}

/// Plays for the terminal or for a script, on a board of its own or on the one at `--socket`.
pub(super) fn run(
    fast: bool,
    place: &Place,
    options: &ServeOptions,
    interactive: bool,
    output: &mut Output<'_>,
) -> Result<Ending, CliError> {
    let runtime = serve::runtime()?;
    if place.socket.is_some() {
        // A bridge would wait for a board that is not there, and players would write over what is theirs by name only.
        let board = Client::connect(place)?.ask("callboard/stats", json!({}))?;
        match board["keys"].as_u64() {
            Some(0) | None => {}
            Some(keys) => return Err(DemoError::Occupied { keys }.into()),
        }
        let target = target(&place::project(place)?, place)?;
        let pace = if fast || !interactive {
            Pace::FAST
        } else {
            Pace::VIEWABLE
        };
        runtime.block_on(print(&target, pace, output))?;
        return Ok(Ending::Done);
    }
    let scratch = Scratch::new()?;
    let project = Project::locate(&scratch.0, Some(Path::new("socket")), None)?;
    let claim = Claim::take(&project)?;
    if interactive {
        telemetry::to_dashboard(options.log)?;
    }
    runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let plan = Plan {
            start: Start::Fresh,
            ..options.plan(PATIENCE)
        };
        let mut host = Host::open(claim, &project, &plan)?;
        if interactive {
            let namespace = host.board().open(&place.namespace)?;
            let own = Place {
                socket: Some(project.socket.clone()),
                ..place.clone()
            };
            let facts = dashboard::facts(&project, &own, options, namespace)?;
            let mut show = Show::new(&project, place, fast)?;
            show.start(Stage::Own);
            return match dashboard::run(host, facts, show, &mut signals, None).await? {
                Exit::Closed(ending) => Ok(ending),
                Exit::Left(_) | Exit::Alone(_) => Ok(Ending::Done),
            };
        }
        let target = target(&project, place)?;
        let played = tokio::select! {
            played = print(&target, Pace::FAST, output) => played.map(|()| Ending::Done),
            signal = signals.next() => Ok(Ending::Signal(signal)),
            _ = host.wish(None) => Ok(Ending::Done),
        };
        host.close(signals.next()).await?;
        played
    })
}

fn target(project: &Project, place: &Place) -> Result<Target, CliError> {
    let program = std::env::current_exe().map_err(|source| CliError::System {
        doing: "find this program's path",
        source,
    })?;
    Ok(Target {
        program,
        socket: project.socket.clone(),
        namespace: place.namespace.to_string(),
        root: project.root.clone(),
    })
}

/// Attaches everybody, plays, and lets everybody leave.
async fn play(target: &Target, pace: Pace, stage: Stage, steps: mpsc::Sender<Step>) -> Result<(), DemoError> {
    let attach = |name| Agent::attach(name, target, steps.clone());
    let [one, two, three] = &ASSIGNMENTS;
    let (manager, one, two, three) = tokio::try_join!(
        attach(MANAGER),
        attach(one.agent),
        attach(two.agent),
        attach(three.agent)
    )?;
    let team = Team {
        manager,
        implementers: [one, two, three],
    };
    let mut round = FIRST_ROUND;
    loop {
        let played = tokio::time::timeout(TOO_LONG, Box::pin(team.play(round, pace))).await;
        played.map_err(|_| DemoError::Stuck)??;
        if stage == Stage::Guest {
            break;
        }
        pace.work(INTERMISSION).await;
        round += 1;
    }
    let Team {
        manager,
        implementers: [one, two, three],
    } = team;
    tokio::join!(manager.leave(), one.leave(), two.leave(), three.leave());
    Ok(())
}

/// Plays once and prints the steps as they happen.
async fn print(target: &Target, pace: Pace, output: &mut Output<'_>) -> Result<(), CliError> {
    let (steps, mut told) = mpsc::channel(STEPS);
    let show = async {
        while let Some(Step { agent, text }) = told.recv().await {
            if output.asked_for_json() {
                output.json(&json!({ "agent": agent, "step": text }))?;
            } else {
                output.line(format_args!("{agent:<10}{text}"))?;
            }
            output.flush()?;
        }
        Ok::<_, CliError>(())
    };
    let play = async { Ok(Box::pin(play(target, pace, Stage::Guest, steps)).await?) };
    tokio::try_join!(play, show)?;
    Ok(())
}

async fn log(mut told: mpsc::Receiver<Step>) {
    while let Some(Step { agent, text }) = told.recv().await {
        tracing::info!("{agent} {text}");
    }
}

/// A directory for the play's own board; dropping it removes it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, CliError> {
        let base = std::env::temp_dir();
        let process = std::process::id();
        // A killed demo leaves its directory behind, and process numbers come again.
        let candidates = (0..100).map(|n| base.join(format!("callboard-{process}-{n}")).join("demo"));
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for path in candidates {
            let parent = path.parent().unwrap_or(&base).to_owned();
            match DirBuilder::new().mode(0o700).create(&parent) {
                Ok(()) => {
                    let scratch = Self(path);
                    let made = DirBuilder::new().mode(0o700).create(&scratch.0);
                    made.map_err(Self::failed)?;
                    return Ok(scratch);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(Self::failed(error)),
            }
        }
        Err(Self::failed(last))
    }

    fn failed(source: io::Error) -> CliError {
        CliError::System {
            doing: "make a directory for the demo's board",
            source,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let whole = self.0.parent().unwrap_or(&self.0);
        if let Err(error) = std::fs::remove_dir_all(whole) {
            tracing::warn!(directory = %whole.display(), %error, "cannot remove the demo's directory");
        }
    }
}
