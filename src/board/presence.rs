//! Whether an owner is here: the one cell that all its leases share.
//!
//! A lease is kept by activity and by the connection, not by a model that remembers to renew it. So a call
//! renews everything that its owner holds by one store, whatever their number (RFC 7530 §9.5 renews so), and
//! every reader of a lease sees the same moment. Only the ledger ends leases; nothing here does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{Owner, Time};

/// How long an owner whose connection closed can come back to what it holds.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// What stands for a moment that has not come.
const NEVER: u64 = u64::MAX;

/// The life signs of one owner.
#[derive(Debug)]
pub struct Presence {
    owner: Arc<Owner>,
    /// How long an owner that is connected may be silent before its leases are no longer renewed.
    idle_limit: Duration,
    /// When it called last.
    active: AtomicU64,
    /// When its connection closed.
    gone: AtomicU64,
    /// From when on it holds nothing that needs renewal.
    cap: AtomicU64,
    /// Whether the board started anew and it has not come back since.
    orphaned: AtomicBool,
    /// Whether the board was handed over and it has not come back since.
    handed: AtomicBool,
    /// Whether there may be something that it must be told.
    telling: AtomicBool,
}

impl Presence {
    /// Returns the cell of an owner that is connected and calls at `now`.
    pub fn new(owner: Arc<Owner>, idle_limit: Duration, now: Time) -> Arc<Self> {
        Arc::new(Self {
            owner,
            idle_limit,
            active: AtomicU64::new(now.as_nanos()),
            gone: AtomicU64::new(NEVER),
            cap: AtomicU64::new(NEVER),
            orphaned: AtomicBool::new(false),
            handed: AtomicBool::new(false),
            telling: AtomicBool::new(false),
        })
    }

    /// Returns whose cell it is.
    pub fn owner(&self) -> &Arc<Owner> {
        &self.owner
    }

    /// Returns when the owner called last.
    pub fn active(&self) -> Time {
        read(&self.active)
    }

    /// Returns when the owner's connection closed, `None` while it is open.
    pub fn gone(&self) -> Option<Time> {
        let gone = self.gone.load(Ordering::SeqCst);
        (gone != NEVER).then(|| Time::from_nanos(gone))
    }

    /// Returns when a lease of `ttl` ends, as it looks at `now`; nobody knows then who will call.
    ///
    /// While the connection is open and the owner was active within its idle limit, the lease is renewed
    /// every third of its time to live, as a client of etcd or Kubernetes does it itself.
    pub fn deadline(&self, ttl: Duration, now: Time) -> Time {
        let active = self.active();
        let until = read(&self.gone).min(now).since(active).min(self.idle_limit);
        let tick = (ttl / 3).as_nanos().max(1);
        let renewals = until.as_nanos() / tick * tick;
        let renewed = active.after(Duration::from_nanos(u64::try_from(renewals).unwrap_or(NEVER)));
        renewed.after(ttl).min(read(&self.cap))
    }

    /// Returns when a lease of `ttl` ends if the owner does nothing any more.
    pub fn end(&self, ttl: Duration) -> Time {
        self.deadline(ttl, Time::from_nanos(NEVER))
    }

    /// Notes a call at `now`, which renews every lease of the owner.
    ///
    /// Returns false, and notes nothing, when a lease may have run out before: the ledger must end it first,
    /// for others may have seen it end.
    pub(crate) fn touch(&self, now: Time) -> bool {
        let fresh = now < self.active().after(self.idle_limit) && self.cap.load(Ordering::SeqCst) == NEVER;
        if fresh {
            self.renew(now);
        }
        fresh
    }

    /// Notes a call at `now`; whatever ran out has been ended.
    pub(crate) fn renew(&self, now: Time) {
        self.active.fetch_max(now.as_nanos(), Ordering::SeqCst);
    }

    /// Notes that the connection closed at `now`, and whether its process is gone, which cannot come back.
    pub(crate) fn leave(&self, now: Time, died: bool) {
        let gone = self.gone().unwrap_or(now);
        self.gone.store(gone.as_nanos(), Ordering::SeqCst);
        let end = if died { now } else { gone.after(GRACE) };
        self.cap.fetch_min(end.as_nanos(), Ordering::SeqCst);
    }

    /// Tells whether the owner's process is gone: then it is not waited for until `grace_end`.
    pub(crate) fn is_dead(&self, grace_end: Time) -> bool {
        read(&self.cap) < grace_end
    }

    /// Notes that the board started anew at `now`, and that the owner has the grace time to come back.
    pub(crate) fn orphan(&self, now: Time) {
        self.leave(now, false);
        self.orphaned.store(true, Ordering::SeqCst);
    }

    /// Tells whether the board started anew and the owner has not come back since.
    pub(crate) fn is_orphan(&self) -> bool {
        self.orphaned.load(Ordering::SeqCst)
    }

    /// Notes that the board was handed over while the owner, whose connection closed at `gone`, was away.
    pub(crate) fn hand_over(&self, gone: Time) {
        self.leave(gone, false);
        self.handed.store(true, Ordering::SeqCst);
    }

    /// Notes that the owner is back at `now`; whatever ran out has been ended. That renews what it holds, unless the
    /// board has changed hands: then everybody comes back without having done anything.
    pub(crate) fn come_back(&self, now: Time) {
        if !self.handed.swap(false, Ordering::SeqCst) {
            self.renew(now);
        }
        self.orphaned.store(false, Ordering::SeqCst);
        self.gone.store(NEVER, Ordering::SeqCst);
        self.cap.store(NEVER, Ordering::SeqCst);
    }

    /// Gives back the time `by` in which the board stood still.
    pub(crate) fn shift(&self, by: Duration) {
        let later = |at| (at != NEVER).then(|| Time::from_nanos(at).after(by).as_nanos());
        for moment in [&self.active, &self.gone, &self.cap] {
            // What never comes stays so, and a call at the same moment is not forgotten.
            let _ = moment.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        }
    }

    /// Returns whether there may be something to tell the owner.
    pub(crate) fn is_to_be_told(&self) -> bool {
        self.telling.load(Ordering::Relaxed)
    }

    /// Notes whether there may be something to tell the owner.
    pub(crate) fn tell(&self, telling: bool) {
        self.telling.store(telling, Ordering::Relaxed);
    }
}

impl PartialEq for Presence {
    fn eq(&self, other: &Self) -> bool {
        self.owner == other.owner
    }
}

impl Eq for Presence {}

fn read(moment: &AtomicU64) -> Time {
    Time::from_nanos(moment.load(Ordering::SeqCst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::SessionId;

    const TTL: Duration = Duration::from_secs(300);
    const IDLE: Duration = Duration::from_secs(900);

    fn at(seconds: u64) -> Time {
        Time::from_nanos(seconds * 1_000_000_000)
    }

    fn presence() -> Arc<Presence> {
        Presence::new(Owner::new("a", SessionId(1)), IDLE, at(0))
    }

    #[test]
    fn a_call_renews_and_the_connection_renews_every_third() {
        let presence = presence();
        assert_eq!(presence.deadline(TTL, at(0)), at(300));
        assert_eq!(presence.deadline(TTL, at(99)), at(300));
        assert_eq!(presence.deadline(TTL, at(100)), at(400));
        assert!(presence.touch(at(150)));
        assert_eq!(presence.deadline(TTL, at(150)), at(450));
    }

    #[test]
    fn what_was_forgotten_ends_a_ttl_after_the_idle_limit() {
        let presence = presence();
        assert_eq!(presence.end(TTL), at(900 + 300));
        assert_eq!(presence.deadline(TTL, at(5_000)), at(1_200));
        assert!(!presence.touch(at(900)), "the ledger must look first");
        presence.renew(at(901));
        assert_eq!(presence.end(TTL), at(901 + 1_200));
    }

    #[test]
    fn a_closed_connection_leaves_the_grace_time_and_a_dead_process_none() {
        let presence = presence();
        presence.leave(at(10), false);
        assert_eq!(presence.end(TTL), at(40));
        assert!(!presence.touch(at(11)));
        presence.come_back(at(20));
        assert_eq!(presence.end(TTL), at(20 + 1_200));
        presence.leave(at(30), false);
        presence.leave(at(35), true);
        assert_eq!((presence.gone(), presence.end(TTL)), (Some(at(30)), at(35)));
        let short = Duration::from_secs(3);
        let presence = self::presence();
        presence.leave(at(10), false);
        assert_eq!(presence.end(short), at(13), "grace adds nothing to a lease");
    }

    #[test]
    fn a_stall_moves_what_is_to_come() {
        let presence = presence();
        presence.leave(at(10), false);
        presence.shift(Duration::from_secs(5));
        assert_eq!((presence.active(), presence.end(TTL)), (at(5), at(45)));
    }
}
