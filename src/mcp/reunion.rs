//! Waiting for those who are cut off for a moment.
//!
//! When the board changes hands, all bridges are cut off at once and come back one after the other. Who asks about
//! one of them in between waits for it, since without it an agent would be taken for somebody else.

use std::time::Duration;

use crate::board::Board;

/// How long is waited: a hook has two seconds for all that it does.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns when nobody `is_missing` any more, or when it is too late for that.
pub(super) async fn complete(board: &Board, is_missing: impl Fn() -> bool) {
    if !is_missing() {
        return;
    }
    let mut news = board.news();
    let back = async {
        while is_missing() {
            if news.changed().await.is_err() {
                return;
            }
        }
    };
    // Who is not back by then is not waited for: the answer is that of a board without it.
    let _ = tokio::time::timeout(PATIENCE, back).await;
}
