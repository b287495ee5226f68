//! Calls that wait: how long they may, what they say meanwhile, and what ends them.

use std::convert::Infallible;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};

/// The longest wait: clients give a call up after a minute.
pub(super) const MAX_WAIT_MS: u64 = 50_000;
/// How often a waiting call says that it still waits.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Returns what `work` comes to, or `None` when the server stops first: then `work` has been dropped.
///
/// A call that its client cancels is dropped with its work, and answers nobody. While it waits, the client is
/// told `doing`, so that it does not take the wait for a hang.
pub(super) async fn patiently<T>(
    work: impl Future<Output = T>,
    request: &RequestContext<RoleServer>,
    doing: &str,
) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = request.ct.cancelled() => None,
        never = say_that_it_waits(request.meta.get_progress_token(), &request.peer, doing) => match never {},
    }
}

/// Sends progress for as long as it is let.
async fn say_that_it_waits(token: Option<ProgressToken>, peer: &Peer<RoleServer>, doing: &str) -> Infallible {
    let Some(token) = token else {
        return std::future::pending().await;
    };
    let mut waited = Duration::ZERO;
    loop {
        tokio::time::sleep(PROGRESS_EVERY).await;
        waited += PROGRESS_EVERY;
        let progress =
            ProgressNotificationParam::new(token.clone(), waited.as_secs_f64()).with_message(doing);
        if let Err(error) = peer.notify_progress(progress).await {
            tracing::debug!(%error, "cannot say that a call still waits");
            return std::future::pending().await;
        }
    }
}
