//! Saving a running board, so that one that does not end in good order goes on where it was.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::file::{self, Existing};
use super::format;
use crate::board::{Board, Revision};

/// How long after one save the next may begin.
const PERIOD: Duration = Duration::from_secs(5);
/// A save takes at most this part of the time: what is written is large only when little else matters.
const SHARE: u32 = 20;
/// How many may wait for a save.
const MAX_ASKING: usize = 16;

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The file. It is replaced at the next save and goes with the board.
    pub path: PathBuf,
    /// The revision of the last commit before.
    pub rev: Revision,
    /// How many entries it has.
    pub entries: usize,
}

/// Why a board was not saved.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SaveError {
    /// The system refuses.
    #[error("cannot write {}: {source}", .path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The board is ending.
    #[error("the board is ending, and is not saved any more")]
    Ending,
}

type Asked = oneshot::Sender<Result<Saved, SaveError>>;

/// The task that saves a board. Dropping it leaves the last snapshot, as a process that dies does.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    saver: Saver,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A way to have the board saved at once.
#[derive(Clone, Debug)]
pub struct Saver(mpsc::Sender<Asked>);

impl Saver {
    /// Saves the board now. Many who ask at the same time share one save.
    pub async fn save(&self) -> Result<Saved, SaveError> {
        let (tell, told) = oneshot::channel();
        self.0.send(tell).await.map_err(|_| SaveError::Ending)?;
        told.await.map_err(|_| SaveError::Ending)?
    }
}

impl Keeper {
    /// Begins to save `board` to `path` when something has changed, but for the first time at once when it is
    /// `restored`: else a board that dies soon would be followed by an older one.
    pub fn start(board: Board, path: PathBuf, restored: bool) -> Self {
        let (ask, asked) = mpsc::channel(MAX_ASKING);
        let stop = CancellationToken::new();
        let keeping = Keeping {
            news: board.news(),
            board,
            path: path.clone(),
            changed: restored,
            fails: false,
        };
        Self {
            path,
            saver: Saver(ask),
            task: tokio::spawn(keeping.run(asked, stop.clone())),
            stop,
        }
    }

    /// Returns a way to have the board saved at once.
    pub fn saver(&self) -> Saver {
        self.saver.clone()
    }

    /// Ends it in good order: what is being written is waited for.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the saving did not end in good order");
        }
    }

    /// Removes the snapshot, since the board has ended as it should and the next one starts fresh.
    pub fn forget(self) -> io::Result<()> {
        Self::remove(&self.path)
    }

    /// Removes the snapshot at `path` and all that an earlier process may have left there.
    pub fn remove(path: &Path) -> io::Result<()> {
        file::remove_whole(path)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Keeping {
    board: Board,
    path: PathBuf,
    news: watch::Receiver<u64>,
    /// Whether there is something to save.
    changed: bool,
    /// Whether the last save failed, which is told once.
    fails: bool,
}

impl Keeping {
    async fn run(mut self, mut asked: mpsc::Receiver<Asked>, stop: CancellationToken) {
        let mut next = Instant::now();
        loop {
            let mut asking = Vec::new();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(first) = asked.recv() => asking.push(first),
                () = tokio::time::sleep_until(next), if self.changed => {}
                changed = self.news.changed(), if !self.changed => {
                    self.changed = changed.is_ok();
                    continue;
                }
            }
            while let Ok(one) = asked.try_recv() {
                asking.push(one);
            }
            let began = Instant::now();
            let saved = self.save().await;
            next = Instant::now() + PERIOD.max(began.elapsed() * SHARE);
            for one in asking {
                // Who does not wait any more needs no answer.
                let _ = one.send(saved.clone());
            }
        }
    }

    async fn save(&mut self) -> Result<Saved, SaveError> {
        self.news.mark_unchanged();
        let (board, path) = (self.board.clone(), self.path.clone());
        let saved = tokio::task::spawn_blocking(move || save(&board, path)).await;
        let saved = saved.unwrap_or(Err(SaveError::Ending));
        self.changed = saved.is_err();
        match &saved {
            Err(error) if !self.fails => {
                tracing::error!(%error, "the board is not saved; if it dies now, its state is lost");
            }
            Ok(_) if self.fails => tracing::info!("the board is saved again"),
            _ => {}
        }
        self.fails = saved.is_err();
        saved
    }
}

fn save(board: &Board, path: PathBuf) -> Result<Saved, SaveError> {
    let image = board.image();
    let written = file::write(&path, Existing::IsReplaced, |out| format::write(&image, out));
    match written {
        Ok(()) => Ok(Saved {
            path,
            rev: image.moment().rev,
            entries: image.entries(),
        }),
        Err(source) => Err(SaveError::System {
            path,
            source: Arc::new(source),
        }),
    }
}
