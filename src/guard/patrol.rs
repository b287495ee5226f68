//! The task that follows the locks of a board and the events of their files, and reports what it finds.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::beat::Beat;
use super::ear::{self, Heard};
use super::testimony::{Author, Holder};
use super::watches::{Stir, Watches};
use super::witness::Witness;
use crate::board::{
    Board, Entry, Key, Mode, NamespaceId, Owner, Report, Revision, Target, Term, Time, locked_target,
};
use crate::target::Resolver;

/// How long after news of the board its locks are looked at: what was locked and given back meanwhile is not
/// worth a watch.
const BREATH: Duration = Duration::from_millis(20);
/// A file is looked at when nothing has stirred there for so long: editors and formatters write several times.
const CALM: Duration = Duration::from_millis(100);
/// A file that never comes to rest is looked at so long after it began to stir.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most events that wait to be taken in. When there are more, everything is looked at instead.
const MAX_EVENTS: usize = 4_096;
/// The most paths that wait to be looked at.
const MAX_STIRRED: usize = 4_096;

/// The eye on a board's locked files. Dropping it closes it.
#[derive(Debug)]
pub struct Guard(AbortOnDropHandle<()>);

impl Guard {
    /// Begins to watch what is locked on `board`, whose paths `resolver` knows and whose agents `witness` has
    /// heard of. Call it in a runtime.
    pub fn start(board: Board, resolver: Resolver, witness: Witness) -> Self {
        let patrol = Patrol::new(board, resolver, witness);
        Self(AbortOnDropHandle::new(tokio::spawn(patrol.run())))
    }

    /// Closes the eye. Nothing is reported any more when this returns.
    pub async fn stop(self) {
        self.0.abort();
        if let Err(error) = self.0.await
            && !error.is_cancelled()
        {
            tracing::error!(%error, "the eye on locked files did not close in good order");
        }
    }
}

/// A hold on a file or directory that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hold {
    target: Target,
    owner: Arc<Owner>,
    fence: Revision,
    granted: Time,
    is_session: bool,
}

impl Hold {
    /// Returns the hold on `entry` that keeps all others from writing what is locked by `key`.
    ///
    /// Those who share a lock do not write, or all of them may: nobody can say who is in the right.
    fn of(key: &Key, entry: &Entry) -> Option<Self> {
        let mut leases = entry.leases().iter();
        let lease = leases.find(|lease| lease.mode == Mode::Exclusive)?;
        Some(Self {
            target: locked_target(key, &entry.value).filter(Target::is_path)?,
            owner: Arc::clone(lease.owner()),
            fence: lease.fence,
            granted: lease.granted,
            is_session: lease.term == Term::Entry,
        })
    }
}

/// What has stirred at a path since it was looked at.
#[derive(Clone, Copy, Debug)]
struct Stirred {
    is_structural: bool,
    /// When it began, by the board's clock: whose deed it is, is judged by that.
    first: Time,
    /// When to look.
    due: Instant,
    /// When to look at the latest.
    last_call: Instant,
}

struct Patrol {
    board: Board,
    resolver: Resolver,
    witness: Witness,
    beat: Beat,
    holds: BTreeMap<(NamespaceId, Key), Hold>,
    /// The same by what is locked.
    places: BTreeMap<Target, Vec<(NamespaceId, Key)>>,
    stirred: HashMap<PathBuf, Stirred>,
    events: mpsc::Receiver<Heard>,
    /// Tells that events were lost.
    lost: Arc<Notify>,
    /// When to look at everything because of that.
    look_everywhere_at: Option<Instant>,
    /// Away while it looks at files.
    watches: Option<Watches>,
}

impl Patrol {
    fn new(board: Board, resolver: Resolver, witness: Witness) -> Self {
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        let lost = Arc::new(Notify::new());
        let make = {
            let (board, lost) = (board.clone(), Arc::clone(&lost));
            move || ear::open(&board, &sender, &lost)
        };
        Self {
            beat: Beat::new(board.clone()),
            board,
            resolver,
            witness,
            holds: BTreeMap::new(),
            places: BTreeMap::new(),
            stirred: HashMap::new(),
            events,
            lost,
            look_everywhere_at: None,
            watches: Some(Watches::new(Box::new(make))),
        }
    }

    async fn run(mut self) {
        let mut news = self.board.news();
        // A board that goes on where another was has locks already.
        let mut follow_at = Some(Instant::now());
        loop {
            let look_at = self.stirred.values().map(|stirred| stirred.due).min();
            let wake_at = follow_at
                .into_iter()
                .chain(look_at)
                .chain(self.look_everywhere_at)
                .min();
            tokio::select! {
                changed = news.changed(), if follow_at.is_none() => {
                    if changed.is_err() {
                        return;
                    }
                    follow_at = Some(Instant::now() + BREATH);
                }
                Some(heard) = self.events.recv() => self.hear(heard),
                () = self.lost.notified(), if self.look_everywhere_at.is_none() => {
                    self.look_everywhere_at = Some(Instant::now() + PATIENCE);
                }
                () = async { tokio::time::sleep_until(wake_at.unwrap_or_else(Instant::now)).await },
                    if wake_at.is_some() =>
                {
                    if follow_at.is_some_and(|at| at <= Instant::now()) {
                        follow_at = None;
                        self.follow().await;
                    }
                    self.look().await;
                }
            }
        }
    }

    /// Brings what is watched in line with what is locked.
    async fn follow(&mut self) {
        let touched = self.beat.touched(&self.holds);
        let (mut ended, mut begun) = (Vec::new(), Vec::new());
        for (namespace, key) in touched {
            let entry = self.board.get(namespace, &key);
            let hold = entry.as_deref().and_then(|entry| Hold::of(&key, entry));
            let at = (namespace, key);
            if self.holds.get(&at) == hold.as_ref() {
                continue;
            }
            if let Some(old) = self.holds.remove(&at) {
                ended.extend(self.leave(&at, &old.target));
            }
            if let Some(hold) = hold {
                begun.extend(self.resolver.real_path(&hold.target));
                self.places
                    .entry(hold.target.clone())
                    .or_default()
                    .push(at.clone());
                self.holds.insert(at, hold);
            }
        }
        if !ended.is_empty() || !begun.is_empty() {
            self.watch(move |watches| {
                // The new ones first, so that the watcher need not end in between.
                for place in &begun {
                    watches.begin(place);
                }
                for place in ended.iter().filter(|place| !begun.contains(place)) {
                    watches.end(place);
                }
            })
            .await;
        }
    }

    /// Takes the hold `at` off `target`; returns where that is when it was the last one.
    fn leave(&mut self, at: &(NamespaceId, Key), target: &Target) -> Option<PathBuf> {
        let holds = self.places.get_mut(target)?;
        holds.retain(|hold| hold != at);
        if !holds.is_empty() {
            return None;
        }
        self.places.remove(target);
        self.resolver.real_path(target)
    }

    /// Takes in what happened, if it concerns anything that is locked.
    fn hear(&mut self, Heard { stir, at }: Heard) {
        let Some(target) = self.resolver.target_at(&stir.path) else {
            return;
        };
        let is_inside = target.and_above().any(|above| self.places.contains_key(&above));
        let below = self.places.range(&target..).next();
        let is_above = stir.is_structural && below.is_some_and(|(below, _)| target.covers(below));
        if !is_inside && !is_above {
            return;
        }
        if self.stirred.len() >= MAX_STIRRED && !self.stirred.contains_key(&stir.path) {
            self.lost.notify_one();
            return;
        }
        let now = Instant::now();
        let stirred = self.stirred.entry(stir.path).or_insert(Stirred {
            is_structural: false,
            first: at,
            due: now,
            last_call: now + PATIENCE,
        });
        stirred.is_structural |= stir.is_structural;
        stirred.due = (now + CALM).min(stirred.last_call);
    }

    /// Looks at what has come to rest, and reports what is found.
    async fn look(&mut self) {
        let now = Instant::now();
        let mut due: Vec<(Time, Stir)> = Vec::new();
        self.stirred.retain(|path, stirred| {
            let is_due = stirred.due <= now;
            if is_due {
                let stir = Stir {
                    path: path.clone(),
                    is_structural: stirred.is_structural,
                };
                due.push((stirred.first, stir));
            }
            !is_due
        });
        let is_flooded = self.look_everywhere_at.is_some_and(|at| at <= now);
        if is_flooded {
            self.look_everywhere_at = None;
        }
        if due.is_empty() && !is_flooded {
            return;
        }
        let seen = self.board.clock().now();
        let changed = self
            .watch(move |watches| {
                let mut changed = Vec::new();
                for (first, stir) in due {
                    let files = watches.look(std::slice::from_ref(&stir));
                    changed.extend(files.into_iter().map(|file| (first, file)));
                }
                if is_flooded {
                    let files = watches.look_everywhere();
                    changed.extend(files.into_iter().map(|file| (seen, file)));
                }
                changed
            })
            .await;
        for (at, file) in changed.unwrap_or_default() {
            if let Some(file) = self.resolver.target_at(&file) {
                self.judge(&file, at);
            }
        }
    }

    /// Reports that `file` was changed at the moment `at` to every board on which somebody else has locked it.
    fn judge(&self, file: &Target, at: Time) {
        let keys = file.and_above().filter_map(|above| self.places.get(&above));
        for (namespace, key) in keys.flatten() {
            let Some(hold) = self.holds.get(&(*namespace, key.clone())) else {
                continue;
            };
            if at < hold.granted {
                continue;
            }
            let holder = Holder {
                owner: &hold.owner,
                is_session: hold.is_session,
            };
            let Author::Other(suspect) = self.witness.author(*namespace, holder, file, at) else {
                continue;
            };
            let report = Report {
                key: key.clone(),
                fence: hold.fence,
                file: file.clone(),
                suspect: suspect.clone(),
            };
            match self.board.as_person(*namespace, report) {
                Ok(true) => tracing::info!(
                    file = %file,
                    holder = %hold.owner,
                    at_work = suspect.as_ref().map(tracing::field::display),
                    "a locked file was changed by somebody else than its holder"
                ),
                // Given back meanwhile.
                Ok(false) => {}
                Err(refusal) => tracing::error!(%refusal, "cannot report that a locked file was changed"),
            }
        }
    }

    /// Does something that may block with the watches.
    async fn watch<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Watches) -> T + Send + 'static,
    ) -> Option<T> {
        let mut watches = self.watches.take()?;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work(&mut watches);
            (watches, done)
        });
        match worked.await {
            Ok((watches, done)) => {
                self.watches = Some(watches);
                Some(done)
            }
            Err(error) => {
                tracing::error!(%error, "locked files are not watched any more");
                None
            }
        }
    }
}
