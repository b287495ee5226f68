//! From the file system's events to what may matter: where something stirred, and when.

use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, Event, EventKind, RecommendedWatcher, Watcher as _};
use tokio::sync::{Notify, mpsc};

use super::watches::Stir;
use crate::board::{Board, Time};

/// What file events come to.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) stir: Stir,
    /// When, by the board's clock.
    pub(super) at: Time,
}

/// Returns what tells of file events through `sender`, and through `lost` that there were some which it cannot tell.
pub(super) fn open(
    board: &Board,
    sender: &mpsc::Sender<Heard>,
    lost: &Arc<Notify>,
) -> notify::Result<RecommendedWatcher> {
    let (board, sender, lost) = (board.clone(), sender.clone(), Arc::clone(lost));
    let tell = move |event: notify::Result<Event>| {
        let Ok(event) = event else {
            lost.notify_one();
            return;
        };
        if event.need_rescan() {
            lost.notify_one();
        }
        let Some(is_structural) = is_structural(event.kind) else {
            return;
        };
        let at = board.clock().now();
        for path in event.paths {
            let stir = Stir { path, is_structural };
            if sender.try_send(Heard { stir, at }).is_err() {
                lost.notify_one();
            }
        }
    };
    RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false))
}

/// Tells whether something may have come, gone or been renamed; `None` when no content can have changed.
fn is_structural(kind: EventKind) -> Option<bool> {
    match kind {
        EventKind::Create(_)
        | EventKind::Remove(_)
        | EventKind::Modify(ModifyKind::Name(_))
        | EventKind::Any
        | EventKind::Other => Some(true),
        // Reads are told too, and must wake nobody.
        EventKind::Access(access) => (access == AccessKind::Close(AccessMode::Write)).then_some(false),
        EventKind::Modify(ModifyKind::Metadata(_)) => None,
        EventKind::Modify(_) => Some(false),
    }
}
