//! The signals that end a board.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::CliError;

/// Interrupt, terminate and hang up, from the moment this is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// Absent under `nohup`, whose whole point is that a hang-up ends nothing.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Begins to listen; from now on these signals end nothing by themselves.
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind).map_err(|source| CliError::System {
                doing: "listen for signals",
                source,
            })
        };
        Ok(Self {
            hang_up: if hang_up_is_ignored() {
                None
            } else {
                Some(listen(SignalKind::hangup())?)
            },
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// From now on a hang-up ends nothing: the terminal is gone already, and what happens then is under way.
    pub(super) fn outlive_the_terminal(&mut self) {
        // Whoever listened once is not ended by the system, also when nobody listens any more.
        self.hang_up = None;
    }

    /// Waits for the next signal and returns its number.
    pub(super) async fn next(&mut self) -> u8 {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = hang_up => SignalKind::hangup(),
        };
        u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX)
    }
}

/// Tells whether this process was started to ignore hang-ups. Only Linux says so without unsafe code; where
/// it is not known, a hang-up ends the board.
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}
