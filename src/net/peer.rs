//! The process at the other end of a connection: whose it is, and when it is gone.
//!
//! Responsible for noticing a process's end, which the stream does not tell: who closes it may live on, and
//! who is killed leaves it open when a child has inherited it. Not for what follows from that end.

use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;

/// Who made a connection, as the system says.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) uid: u32,
    /// `None` when the system does not tell it, or when it is of a pid namespace that is hidden from us.
    pub(super) pid: Option<u32>,
    watch: Watch,
}

/// How the end of a process is noticed.
#[derive(Debug)]
enum Watch {
    /// Its descriptor becomes readable.
    Over(AsyncFd<OwnedFd>),
    /// It had ended before it could be watched.
    Ended,
    /// Not at all.
    Blind,
}

impl Peer {
    /// Returns who connected `stream`, and watches that process from now on. Needs a tokio runtime around it.
    ///
    /// Should the process have ended and its number be in use again, another one is watched. So its end may
    /// stay unnoticed, but is never announced while it lives.
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().filter(|pid| *pid > 0);
        Ok(Self {
            uid: credentials.uid(),
            pid: pid.map(i32::cast_unsigned),
            watch: pid.and_then(Pid::from_raw).map_or(Watch::Blind, Watch::of),
        })
    }

    /// Tells whether [`Self::gone`] can ever complete.
    pub(super) fn is_watched(&self) -> bool {
        !matches!(self.watch, Watch::Blind)
    }

    /// Waits until the process has ended, and for ever where that cannot be known: on systems other than
    /// Linux, when the process is of a hidden pid namespace, and when there was no descriptor left for it.
    pub(super) async fn gone(&self) {
        self.watch.end().await;
    }
}

impl Watch {
    fn of(pid: Pid) -> Self {
        let watched = match open(pid) {
            Ok(process) => readiness_of(process),
            Err(Errno::SRCH) => return Self::Ended,
            Err(error) => Err(error.into()),
        };
        watched.map_or_else(
            |error| {
                let pid = pid.as_raw_pid();
                tracing::debug!(pid, %error, "a peer's process cannot be watched; only its stream tells its end");
                Self::Blind
            },
            Self::Over,
        )
    }

    async fn end(&self) {
        match self {
            Self::Over(process) => {
                while let Ok(mut ready) = process.readable().await {
                    // The runtime may wake for nothing, and a living agent must not lose what it holds.
                    if has_ended(ready.get_inner()) {
                        return;
                    }
                    ready.clear_ready();
                }
                // The runtime ends, which says nothing of the process.
                pending::<()>().await;
            }
            Self::Ended => {}
            Self::Blind => pending().await,
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, and asks for what an owned descriptor always keeps"
)]
fn readiness_of(process: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(process, Interest::READABLE)
}

fn has_ended(process: &OwnedFd) -> bool {
    let mut process = [PollFd::new(process, PollFlags::IN)];
    poll(&mut process, Some(&Timespec::default())).is_ok_and(|ended| ended > 0)
}

#[cfg(target_os = "linux")]
fn open(pid: Pid) -> rustix::io::Result<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
}

#[cfg(not(target_os = "linux"))]
fn open(_: Pid) -> rustix::io::Result<OwnedFd> {
    Err(Errno::NOSYS)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// How long a state may take before the test fails.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Starts a process that lives until it is killed or its input is closed.
    fn start() -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", "read line"]).stdin(Stdio::piped());
        command.spawn().unwrap()
    }

    async fn end(watch: &Watch) {
        let ended = tokio::time::timeout(PATIENCE, watch.end()).await;
        assert!(ended.is_ok(), "the end was not noticed: {watch:?}");
    }

    async fn is_pending(watch: &Watch) -> bool {
        tokio::select! {
            biased;
            () = watch.end() => false,
            () = tokio::task::yield_now() => true,
        }
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_noticed_once_and_for_all() {
        let mut child = start();
        let watch = Watch::of(Pid::from_child(&child));
        assert!(is_pending(&watch).await);
        child.kill().unwrap();
        end(&watch).await;
        end(&watch).await;
        child.wait().unwrap();
        end(&watch).await;
    }

    #[tokio::test]
    async fn a_process_may_have_ended_before_it_is_watched() {
        let mut child = start();
        let pid = Pid::from_child(&child);
        child.kill().unwrap();
        let dying = Watch::of(pid);
        end(&dying).await;
        child.wait().unwrap();
        let buried = Watch::of(pid);
        assert!(matches!(buried, Watch::Ended), "{buried:?}");
        end(&buried).await;
    }

    #[tokio::test]
    async fn a_peer_is_known_by_its_process() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Peer::of(&ours).unwrap();
        assert_eq!(
            (peer.uid, peer.pid),
            (crate::net::project::own_uid(), Some(std::process::id()))
        );
        assert!(peer.is_watched());
        assert!(is_pending(&peer.watch).await);
    }

    #[tokio::test]
    async fn what_cannot_be_watched_never_ends() {
        assert!(is_pending(&Watch::Blind).await);
    }
}
