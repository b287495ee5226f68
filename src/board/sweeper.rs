//! The task that ends entries on time, also on a board that nobody calls.

use std::time::Duration;

use tokio::time::Instant;

use super::Board;
use super::board::TIDY_AFTER;

/// How long to wait when revisions cannot be reserved before the expiries are tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often to give way before a storm goes on; those who write without a pause cannot stop it.
const MAX_YIELDS: usize = 64;

impl Board {
    /// Sweeps for ever: sleeps until the next deadline, ends what is due in small batches, and lets the
    /// cache do its housekeeping a second after something was written. An idle board never wakes it.
    pub async fn keep_swept(&self) {
        let mut news = self.news();
        let mut tidy_at = None;
        loop {
            let wait = match self.sweep() {
                Ok(swept) => swept.next.map(|next| next.since(self.clock().now())),
                Err(refusal) => {
                    tracing::error!(%refusal, "cannot end what has run out");
                    Some(RETRY)
                }
            };
            if wait.is_some_and(|wait| wait.is_zero()) {
                self.give_way().await;
                continue;
            }
            tokio::select! {
                () = sleep(wait) => {}
                () = self.sooner() => {}
                () = until(tidy_at) => {
                    tidy_at = None;
                    news.mark_unchanged();
                    self.tidy();
                }
                _ = news.changed(), if tidy_at.is_none() => tidy_at = Some(Instant::now() + TIDY_AFTER),
            }
        }
    }

    /// Lets those go first who wait for the board. A mutex alone would not: in a storm of expiries it is
    /// taken again before the one who was woken for it runs.
    async fn give_way(&self) {
        for _ in 0..MAX_YIELDS {
            tokio::task::yield_now().await;
            if !self.is_awaited() {
                break;
            }
            std::thread::yield_now();
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
