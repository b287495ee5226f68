//! The handle that everybody shares: it joins the ledger that decides with the cache that publishes.

mod attendance;
mod reading;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{Notify, oneshot, watch};

use super::answers::{Answers, Mark};
use super::command::{Acquire, Acquired, Command, Expire, Release, Sweep, Swept};
use super::roster::Roster;
use super::stats::{Counters, count};
use super::turn::{Awaited, Turn};
use super::{
    Caller, Change, Clock, Effects, Entry, EventKind, Grant, Key, Ledger, Limits, Namespace, NamespaceId,
    Owner, Presence, Refusal, Revision, RevisionFile, Served, Ticket, Time,
};

/// The most expiries that are committed while the board is held.
const SWEEP_BATCH: usize = 256;
/// A look at leases that comes later than this tells that the board stood still.
const STALL: Duration = Duration::from_secs(1);

/// A cheap handle to the board; clones share it.
///
/// All writes go through one mutex, inside which they are also published, so an answer means that every
/// reader sees the write. Reads of one key go to the cache and wait for nobody.
#[derive(Clone, Debug)]
pub struct Board(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    core: Mutex<Core>,
    /// How many threads wait for the core.
    waiting: AtomicUsize,
    /// Unbounded: a bounded cache drops fresh locks without a word.
    cache: Cache<(NamespaceId, Key), Arc<Entry>>,
    /// Odd while the keys of one batch are being published.
    publication: AtomicU64,
    clock: Box<dyn ClockDebug>,
    started: Time,
    counters: Counters,
    roster: Roster,
    answers: Answers,
    /// The person at the board, who never leaves it.
    person: Arc<Presence>,
    /// Rises with every commit and every change of the roster.
    news: watch::Sender<u64>,
    /// Rises when a task or a message may have become free.
    handed_back: watch::Sender<u64>,
    /// Wakes the sweeper when something ends sooner than it sleeps.
    sooner: Notify,
    /// Wakes the one who shows calls; reads change nothing, so they are no news to anybody else.
    calls: Notify,
}

/// What a board is made of.
pub(super) struct Parts {
    pub(super) clock: Box<dyn ClockDebug>,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    pub(super) revisions: RevisionFile,
    pub(super) roster: Roster,
    pub(super) answers: Answers,
}

pub(super) trait ClockDebug: Clock + std::fmt::Debug {}
impl<C: Clock + std::fmt::Debug> ClockDebug for C {}

#[derive(Debug)]
struct Core {
    ledger: Ledger,
    revisions: RevisionFile,
    /// The deadline that the sweeper sleeps for.
    awaited: Option<Time>,
    /// Until when the time in which the board stood still has been given back.
    credited: Time,
    /// Those who wait for locks.
    turns: HashMap<(NamespaceId, Ticket), oneshot::Sender<Grant>>,
}

impl Core {
    fn apply<C: Command>(
        &mut self,
        now: Time,
        caller: &Caller,
        command: C,
    ) -> Result<(Result<C::Answer, Refusal>, Effects), Refusal> {
        self.revisions
            .reserve_after(self.ledger.rev())
            .map_err(|error| Refusal::Revisions(error.to_string()))?;
        Ok(self.ledger.apply(now, caller, command))
    }

    /// Gives back the time in which the board stood still: stopped, suspended or starved. It shows in a look
    /// at leases that comes too late, and must end nobody's hold. Who was to be looked at then gets the second,
    /// too, that made the difference, to call in.
    fn give_back_a_stall(&mut self, now: Time) {
        let due = self.ledger.next_look().map(|due| due.max(self.credited));
        if let Some(late) = due.map(|due| now.since(due)).filter(|late| *late > STALL) {
            self.ledger.give_back(late + STALL);
            self.credited = now;
            tracing::warn!(?late, "the board stood still; leases last so much longer");
        }
    }
}

impl Board {
    /// Returns an empty board that goes on from the revision `start` of `revisions`.
    pub fn new(
        clock: impl Clock + std::fmt::Debug,
        limits: Limits,
        revisions: RevisionFile,
        start: Revision,
    ) -> Self {
        Self::of(Parts {
            clock: Box::new(clock),
            ledger: Ledger::new(start, limits),
            limits,
            revisions,
            roster: Roster::default(),
            answers: Answers::default(),
        })
    }

    /// Returns the board that `parts` make.
    pub(super) fn of(parts: Parts) -> Self {
        let Parts {
            clock,
            ledger,
            limits,
            revisions,
            roster,
            answers,
        } = parts;
        let cache = Cache::builder().build();
        ledger.each(|namespace, key, entry| cache.insert((namespace, key.clone()), Arc::clone(entry)));
        Self(Arc::new(Shared {
            core: Mutex::new(Core {
                ledger,
                revisions,
                awaited: None,
                credited: Time::default(),
                turns: HashMap::new(),
            }),
            waiting: AtomicUsize::new(0),
            cache,
            publication: AtomicU64::new(0),
            started: clock.now(),
            clock,
            counters: Counters::default(),
            roster,
            answers,
            person: Presence::new(Owner::human(), limits.idle, Time::default()),
            news: watch::Sender::new(0),
            handed_back: watch::Sender::new(0),
            sooner: Notify::new(),
            calls: Notify::new(),
        }))
    }

    /// Returns the board's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Returns the namespace called `name`, opening it when it is new.
    pub fn open(&self, name: &Namespace) -> Result<NamespaceId, Refusal> {
        self.core().ledger.open(name)
    }

    /// Returns the open namespaces in the order in which they were opened.
    pub fn namespaces(&self) -> Vec<(NamespaceId, Namespace)> {
        self.core().ledger.namespaces()
    }

    /// Returns the board itself, and the person at it, as a caller.
    fn itself(&self, namespace: NamespaceId) -> Caller {
        Caller {
            namespace,
            presence: Arc::clone(&self.0.person),
        }
    }

    /// Ends an entry on behalf of the person who watches; see [`Expire`].
    pub fn expire(&self, namespace: NamespaceId, key: Key, rev: Revision) -> Result<Arc<Entry>, Refusal> {
        self.as_person(namespace, Expire { key, rev })
    }

    /// Applies what the person who watches wants.
    pub fn as_person<C: Command>(&self, namespace: NamespaceId, command: C) -> Result<C::Answer, Refusal> {
        self.apply(&self.itself(namespace), command)
    }

    /// Returns a receiver that is woken by every commit and every change of the roster.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    /// Returns a receiver that is woken when there may be a task or a message for somebody who waits.
    pub(super) fn handed_back(&self) -> watch::Receiver<u64> {
        self.0.handed_back.subscribe()
    }

    fn hand_back(&self) {
        self.0
            .handed_back
            .send_modify(|many| *many = many.wrapping_add(1));
    }

    /// Waits until an agent has called since this last returned; meant for a single listener.
    pub async fn called(&self) {
        self.0.calls.notified().await;
    }

    /// Applies `command` and publishes what it changed before anyone is answered.
    pub fn apply<C: Command>(&self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        let mut core = self.core();
        let applied = self.commit(&mut core, caller, command);
        self.done(core, applied)
    }

    /// Applies the `command` of a request, and sets its `mark` in the same breath if the answer counts: no image
    /// of the board shows one without the other.
    pub(super) fn apply_marked<C: Command>(
        &self,
        caller: &Caller,
        command: C,
        mark: Option<(&Mark, impl FnOnce(&C::Answer) -> bool)>,
    ) -> Result<C::Answer, Refusal> {
        let mut core = self.core();
        let applied = self.commit(&mut core, caller, command);
        if let (Some((mark, counts)), Ok((Ok(answer), _))) = (mark, &applied)
            && counts(answer)
        {
            mark.note(core.ledger.rev());
        }
        self.done(core, applied)
    }

    /// Applies a request for locks; one that waits will hear when its turn has come.
    pub(super) fn acquire(&self, caller: &Caller, acquire: Acquire) -> Result<Turn, Refusal> {
        let mut core = self.core();
        let (answer, changed) = self.commit(&mut core, caller, acquire)?;
        // Who stands in the queue changes no entry, and shows on the board all the same.
        let changed = changed || matches!(answer, Ok(Acquired::Waiting(_)));
        let turn = answer.map(|acquired| match acquired {
            Acquired::Granted(grant) => Turn::Come(grant),
            Acquired::Waiting(ticket) => {
                let (sender, grant) = oneshot::channel();
                core.turns.insert((caller.namespace, ticket), sender);
                Turn::Awaited(Awaited::new(self.clone(), caller.clone(), ticket, grant))
            }
        });
        self.done(core, Ok((turn, changed)))
    }

    /// Lets go of the core, and wakes whoever must know what was applied to it.
    fn done<A>(
        &self,
        core: MutexGuard<'_, Core>,
        applied: Result<(Result<A, Refusal>, bool), Refusal>,
    ) -> Result<A, Refusal> {
        let next = core.ledger.next_deadline();
        let sooner = next.is_some_and(|next| core.awaited.is_none_or(|awaited| next < awaited));
        drop(core);
        if sooner {
            self.0.sooner.notify_one();
        }
        let (answer, changed) = applied?;
        if changed {
            self.tell();
        }
        answer
    }

    /// Ends at most 256 entries whose time has run out, and every lease that is over.
    pub fn sweep(&self) -> Result<Swept, Refusal> {
        let caller = self.itself(NamespaceId(0));
        let mut core = self.core();
        let (swept, changed) = self.commit(&mut core, &caller, Sweep { limit: SWEEP_BATCH })?;
        core.awaited = core.ledger.next_deadline();
        drop(core);
        if changed {
            self.tell();
        }
        swept
    }

    /// Returns the core with every lease ended that is over, and the moment at which that is so: at a later one
    /// somebody could see a lease end that the ledger has not ended, and that a late call could bring back.
    fn looked(&self) -> (MutexGuard<'_, Core>, Time) {
        let now = self.clock().now();
        let core = self.core();
        if core.ledger.next_look().is_none_or(|next| now < next) {
            return (core, now);
        }
        drop(core);
        if let Err(refusal) = self.as_person(NamespaceId(0), Sweep { limit: 0 }) {
            tracing::error!(%refusal, "cannot end leases that are over");
        }
        (self.core(), now)
    }

    /// Looks at the ledger, and at the clock while nobody else can change it.
    pub(super) fn look_at_ledger<T>(&self, look: impl FnOnce(&Ledger, Time) -> T) -> T {
        let core = self.core();
        look(&core.ledger, self.clock().now())
    }

    /// Gives back the revisions that were set aside and not used; call it once, at a clean end.
    pub fn settle(&self) -> std::io::Result<()> {
        let mut core = self.core();
        let rev = core.ledger.rev();
        core.revisions.settle(rev)
    }

    /// Tells whether somebody waits to write, or to read more than one key.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    /// Lets the cache do its housekeeping, so that no agent's call pays for it.
    pub(super) fn tidy(&self) {
        self.0.cache.run_pending_tasks();
    }

    /// Waits until something ends sooner than the sweeper was told.
    pub(super) async fn sooner(&self) {
        self.0.sooner.notified().await;
    }

    pub(super) fn note_call(&self) {
        self.0.calls.notify_one();
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    pub(super) fn roster(&self) -> &Roster {
        &self.0.roster
    }

    pub(super) fn tell(&self) {
        self.0.news.send_modify(|news| *news = news.wrapping_add(1));
    }

    /// Applies and publishes `command`; tells its answer, and whether anything changed, which a refused one
    /// may do too.
    fn commit<C: Command>(
        &self,
        core: &mut Core,
        caller: &Caller,
        command: C,
    ) -> Result<(Result<C::Answer, Refusal>, bool), Refusal> {
        let now = self.clock().now();
        core.give_back_a_stall(now);
        let (answer, effects) = core.apply(now, caller, command)?;
        // Who leaves the queue changes no entry either.
        let changed = !effects.changes.is_empty() || !effects.unqueued.is_empty();
        let hands_back = effects.changes.iter().any(Change::hands_back);
        self.publish(effects.changes);
        if hands_back {
            self.hand_back();
        }
        for gone in effects.unqueued {
            core.turns.remove(&gone);
        }
        let mut served = effects.served;
        while let Some(Served {
            namespace,
            ticket,
            holder,
            grant,
        }) = served.pop()
        {
            let fence = grant.fence;
            let turn = core.turns.remove(&(namespace, ticket));
            if turn.is_some_and(|turn| turn.send(grant).is_ok()) {
                continue;
            }
            // Whoever waited is there no more, so the next is served.
            let caller = Caller {
                namespace,
                presence: holder,
            };
            let release = Release { fence: Some(fence) };
            let (_, effects) = core.apply(now, &caller, release)?;
            self.publish(effects.changes);
            served.extend(effects.served);
        }
        Ok((answer, changed))
    }

    fn publish(&self, changes: Vec<Change>) {
        // A sweep is no batch: each of its changes has a revision of its own, and readers never wait for it.
        let batch = changes.windows(2).any(|pair| pair[0].rev == pair[1].rev);
        if batch {
            self.0.publication.fetch_add(1, Ordering::SeqCst);
        }
        for Change {
            rev: _,
            namespace,
            key,
            kind,
            entry,
        } in changes
        {
            let counters = &self.0.counters;
            match kind {
                EventKind::Set | EventKind::Lease => count(&counters.sets),
                EventKind::Delete | EventKind::Drop(_) => count(&counters.deletes),
                EventKind::Expire => count(&counters.expirations),
                EventKind::Change => {}
            }
            match entry {
                Some(entry) => self.0.cache.insert((namespace, key), entry),
                None => self.0.cache.invalidate(&(namespace, key)),
            }
        }
        if batch {
            self.0.publication.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        match self.0.core.try_lock() {
            Ok(core) => core,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.0.waiting.fetch_add(1, Ordering::Relaxed);
                let core = self.0.core.lock().unwrap_or_else(PoisonError::into_inner);
                self.0.waiting.fetch_sub(1, Ordering::Relaxed);
                core
            }
        }
    }
}

/// How long after a write the cache's housekeeping is due.
pub(super) const TIDY_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Action, Condition, ManualClock, Op, Set, Update};

    fn set(key: &str) -> Set {
        Set::new(Key::parse(key).unwrap(), Arc::from("v"), Duration::from_secs(1)).unwrap()
    }

    /// Readers go to the ledger while a batch is published, so what is no batch must not count as one.
    #[test]
    fn only_changes_that_share_a_revision_make_readers_wait() {
        let clock = Arc::new(ManualClock::default());
        let revisions = RevisionFile::in_memory();
        let board = Board::new(Arc::clone(&clock), Limits::default(), revisions, Revision::ZERO);
        let caller = board.itself(board.open(&Namespace::default()).unwrap());
        let batches = || board.0.publication.load(Ordering::SeqCst) / 2;
        for key in ["a", "b", "c"] {
            board.apply(&caller, set(key)).unwrap();
        }
        clock.advance(Duration::from_secs(2));
        board.apply(&caller, set("a")).unwrap();
        assert_eq!(board.sweep().unwrap().expired, 2);
        assert_eq!(batches(), 0);
        let ops = ["a", "b"].map(|key| Op {
            action: Action::Set(set(key)),
            condition: Condition::default(),
        });
        board
            .apply(&caller, Update::new(ops.to_vec(), None).unwrap())
            .unwrap();
        assert_eq!(batches(), 1);
    }
}
