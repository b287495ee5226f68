//! Watching processes for a while after their connections have ended.
//!
//! A process that exits closes its sockets before it is gone, and one that only reconnects closes them too.
//! So the end of a stream leaves open whether the session can come back; a moment later it mostly does not.

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::peer::Peer;
use crate::board::{GRACE, Tether};

/// How many processes are watched after their connections at a time; one more is not.
pub(super) const MAX_FAREWELLS: usize = 1_024;

/// Those who have closed and may be about to end.
#[derive(Debug)]
pub(super) struct Farewells {
    places: Semaphore,
    stop: CancellationToken,
}

impl Farewells {
    /// Returns a watch that ends at once with `stop`.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            places: Semaphore::new(MAX_FAREWELLS),
            stop,
        }
    }

    /// Tells the session of `tether` when the process of `peer` is gone, if that is so before what the session
    /// held has ended anyway.
    pub(super) async fn see_off(&self, peer: &Peer, tether: &Tether) {
        if !peer.is_watched() {
            return;
        }
        let Ok(_place) = self.places.try_acquire() else {
            return tracing::debug!("too many processes outlive their connections; one is not watched");
        };
        tokio::select! {
            biased;
            () = peer.gone() => tether.snapped(),
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(GRACE) => {}
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Duration;

    use tokio::net::UnixStream;
    use tokio::time::Instant;

    use super::*;
    use crate::board::{Board, Introduction, Limits, ManualClock, Namespace, Revision, RevisionFile};

    /// Returns how long the farewell to a process takes that lives on: this one.
    async fn see_off(farewells: &Farewells) -> Duration {
        let revisions = RevisionFile::in_memory();
        let board = Board::new(
            ManualClock::default(),
            Limits::default(),
            revisions,
            Revision::ZERO,
        );
        let namespace = board.open(&Namespace::default()).unwrap();
        let tether = board.attach(namespace, Introduction::default()).tether();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let peer = Peer::of(&ours).unwrap();
        let start = Instant::now();
        farewells.see_off(&peer, &tether).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_lives_on_is_watched_as_long_as_its_session_may_come_back() {
        let farewells = Farewells::new(CancellationToken::new());
        let took = see_off(&farewells).await;
        assert!(
            (GRACE..GRACE + Duration::from_secs(1)).contains(&took),
            "{took:?}"
        );
        assert_eq!(farewells.places.available_permits(), MAX_FAREWELLS);
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_watch_beyond_the_limit_and_after_the_end() {
        let farewells = Farewells::new(CancellationToken::new());
        let all = farewells.places.acquire_many(1_024).await.unwrap();
        assert_eq!(see_off(&farewells).await, Duration::ZERO);
        drop(all);
        farewells.stop.cancel();
        assert_eq!(see_off(&farewells).await, Duration::ZERO);
    }
}
