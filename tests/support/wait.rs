//! Waiting for a named state.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Returns what `state` yields as soon as it yields something; fails with the state's name after `patience`.
#[expect(
    clippy::disallowed_methods,
    reason = "patience with another process is real time"
)]
pub(crate) fn until<T>(name: &str, patience: Duration, mut state: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    let (_open, pause) = channel::<()>();
    loop {
        if let Some(found) = state() {
            return found;
        }
        assert!(
            start.elapsed() < patience,
            "waited {patience:?} in vain until {name}"
        );
        assert_eq!(
            pause.recv_timeout(Duration::from_millis(5)),
            Err(RecvTimeoutError::Timeout)
        );
    }
}
