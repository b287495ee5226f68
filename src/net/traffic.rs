//! What a server counts of its connections: for people, and for a board that ends when nobody needs it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// The connections of one server in numbers.
#[derive(Debug, Default)]
pub struct Traffic {
    open: watch::Sender<usize>,
    refused: AtomicU64,
    panics: AtomicU64,
}

impl Traffic {
    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Returns how many connections were turned away: too many at a time, or of another user.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns how many requests made their handler panic.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Waits until there has been no connection for `limit` on end. Also a short one begins the time anew.
    pub async fn quiet(&self, limit: Duration) {
        let mut open = self.open.subscribe();
        loop {
            let nobody = *open.borrow_and_update() == 0;
            tokio::select! {
                biased;
                _ = open.changed() => {}
                () = tokio::time::sleep(limit), if nobody => return,
            }
        }
    }

    /// Counts a connection in, unless `limit` are open.
    pub(super) fn enter(&self, limit: usize) -> bool {
        self.open.send_if_modified(|open| {
            let has_room = *open < limit;
            *open += usize::from(has_room);
            has_room
        })
    }

    pub(super) fn left(&self) {
        self.open.send_modify(|open| *open -= 1);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::{Instant, advance};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(600);

    #[tokio::test(start_paused = true)]
    async fn a_connection_however_short_begins_the_quiet_anew() {
        let traffic = Arc::new(Traffic::default());
        let start = Instant::now();
        let quiet = tokio::spawn({
            let traffic = Arc::clone(&traffic);
            async move {
                traffic.quiet(LIMIT).await;
                start.elapsed()
            }
        });
        tokio::task::yield_now().await;
        advance(Duration::from_secs(599)).await;
        assert!(traffic.enter(1));
        traffic.left();
        tokio::task::yield_now().await;
        advance(Duration::from_secs(599)).await;
        assert!(traffic.enter(1));
        tokio::task::yield_now().await;
        advance(Duration::from_secs(10_000)).await;
        assert!(!quiet.is_finished(), "somebody is there");
        traffic.left();
        let took = quiet.await.unwrap();
        let busy = Duration::from_secs(599 + 599 + 10_000);
        assert!(
            (busy + LIMIT..busy + LIMIT + Duration::from_secs(1)).contains(&took),
            "{took:?}"
        );
    }

    #[test]
    fn who_finds_no_room_is_not_counted() {
        let traffic = Traffic::default();
        assert!(traffic.enter(1));
        assert!(!traffic.enter(1));
        assert_eq!(traffic.open(), 1);
        traffic.left();
        assert_eq!(traffic.open(), 0);
    }
}
