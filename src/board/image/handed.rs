//! What a board takes along only when it is handed over: when its holders were last heard of, who waits for what, who
//! goes by which names, and what happened lately.
//!
//! A board that is saved leaves this behind, for it would have to be written anew with every event; and after a crash
//! everybody has the grace time to come back, and who waits asks again.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::restore::check_name;
use super::{Image, Restoring, Unfit, millis};
use crate::board::queue::{KEPT_FOR, MAX_WAITERS, Waiter, Wish};
use crate::board::{
    Board, Clock, Event, EventKind, History, Key, Mode, Namespace, Owner, Presence, Refusal, Revision,
    Target, Time,
};

/// How many events a board takes along: what a person scrolls through, and more than watchers miss in a moment.
const EVENTS: usize = 10_000;

/// The life signs of somebody who holds something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LifeRecord {
    /// The namespace of what it holds.
    pub namespace: Namespace,
    /// Who holds it.
    pub owner: Arc<Owner>,
    /// How long ago it called last.
    pub active_ms: u64,
    /// How long ago its connection closed; absent when it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_ms: Option<u64>,
}

/// A place in the queue for locks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceRecord {
    /// The namespace of the locks.
    pub namespace: Namespace,
    /// Who has waited so lately that the place is kept.
    pub owner: Arc<Owner>,
    /// What for, as people write it.
    pub targets: Vec<Arc<str>>,
    /// Whether others may hold the same.
    pub mode: Mode,
    /// What it is wanted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Arc<str>>,
    /// How long the lock is to outlive its owner's last sign of life.
    pub ttl_ms: u64,
    /// How long ago it waited last; absent when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_ms: Option<u64>,
}

/// A name that an agent has given itself in its calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AliasRecord {
    /// Who calls under it.
    pub owner: Arc<Owner>,
    /// What its hooks know it as, in the same session.
    pub known_as: Arc<str>,
}

/// From where on it is known what happened in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistoryRecord {
    /// The namespace.
    pub namespace: Namespace,
    /// All events after this revision follow.
    pub after: Revision,
}

/// What happened to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventRecord {
    /// The namespace of the key.
    pub namespace: Namespace,
    /// The revision of the batch that the change was part of.
    pub rev: Revision,
    /// The key.
    pub key: Key,
    /// What happened.
    pub kind: EventKind,
    /// Who did it.
    pub by: Arc<Owner>,
    /// What stands there since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Arc<str>>,
    /// How long ago it happened.
    pub ago_ms: u64,
}

/// What happened lately in a namespace.
#[derive(Debug)]
pub(super) struct Lately {
    namespace: Namespace,
    after: Revision,
    events: Vec<Event>,
}

impl Board {
    /// Takes an image for the process that goes on with the board. Nobody may use the board any more. What has run
    /// out ends before, since no watcher would hear of it later; that fails when no revision can be set aside.
    pub fn image_to_hand_over(&self) -> Result<Image, Refusal> {
        while self.sweep()?.expired > 0 {}
        let mut image = self.image();
        let namespaces = self.namespaces();
        let aliases = self.roster().aliases_to_save().into_iter();
        image.aliases = aliases
            .map(|(owner, known_as)| AliasRecord { owner, known_as })
            .collect();
        (image.lives, image.places, image.lately) = self.look_at_ledger(|ledger, now| {
            let lives = namespaces.iter().flat_map(|(id, name)| {
                let holders = ledger.holders(*id).into_iter();
                holders.map(move |holder| life(name, &holder.presence, now))
            });
            let places = namespaces
                .iter()
                .flat_map(|(id, name)| ledger.queue(*id).map(|waiter| place(name, waiter, now)));
            let (lives, places) = (lives.collect(), places.collect());
            let spaces = namespaces.into_iter().map(|(id, namespace)| {
                let (after, events) = ledger.space(id).history.tail(EVENTS);
                Lately {
                    namespace,
                    after,
                    events,
                }
            });
            (lives, places, spaces.collect())
        });
        Ok(image)
    }
}

fn life(namespace: &Namespace, presence: &Presence, now: Time) -> LifeRecord {
    LifeRecord {
        namespace: namespace.clone(),
        owner: Arc::clone(presence.owner()),
        active_ms: millis(now.since(presence.active())),
        gone_ms: presence.gone().map(|gone| millis(now.since(gone))),
    }
}

fn place(namespace: &Namespace, waiter: &Waiter, now: Time) -> PlaceRecord {
    let targets = waiter.wish.targets.iter();
    let gone = waiter.kept_until.map(|end| end.before(KEPT_FOR));
    PlaceRecord {
        namespace: namespace.clone(),
        owner: Arc::clone(waiter.owner()),
        targets: targets.map(|target| Arc::from(target.text())).collect(),
        mode: waiter.wish.mode,
        why: waiter.wish.why.clone(),
        ttl_ms: millis(waiter.wish.ttl),
        gone_ms: gone.map(|gone| millis(now.since(gone))),
    }
}

impl Lately {
    pub(super) fn history(&self) -> HistoryRecord {
        HistoryRecord {
            namespace: self.namespace.clone(),
            after: self.after,
        }
    }

    pub(super) fn events(&self, now: Time) -> impl Iterator<Item = EventRecord> {
        self.events.iter().map(move |event| {
            let Event {
                rev,
                key,
                kind,
                by,
                value,
                at,
            } = event.clone();
            EventRecord {
                namespace: self.namespace.clone(),
                rev,
                key,
                kind,
                by,
                value,
                ago_ms: millis(now.since(at)),
            }
        })
    }
}

impl<C: Clock + std::fmt::Debug> Restoring<C> {
    /// Notes since when a holder is away, and when it was active before. That must be known before what it holds.
    pub(super) fn add_life(&mut self, record: LifeRecord) -> Result<(), Unfit> {
        let LifeRecord {
            namespace,
            owner,
            active_ms,
            gone_ms,
        } = record;
        let owner = self.owner(owner)?;
        let (active, gone) = (self.ago(active_ms), self.ago(gone_ms.unwrap_or(0)));
        let namespace = self.open(&namespace)?;
        let presence = self.ledger.presence(namespace, &owner, active);
        presence.hand_over(gone);
        Ok(())
    }

    /// Keeps a place for its owner, behind those that were added before.
    pub(super) fn add_place(&mut self, record: PlaceRecord) -> Result<(), Unfit> {
        let PlaceRecord {
            namespace,
            owner,
            targets,
            mode,
            why,
            ttl_ms,
            gone_ms,
        } = record;
        let (now, gone) = (self.now, self.ago(gone_ms.unwrap_or(0)));
        let namespace = self.open(&namespace)?;
        let holder = self.orphan(namespace, owner)?;
        let wish = Wish {
            targets: targets.iter().map(|text| Target::of_text(text)).collect(),
            mode,
            why,
            ttl: Duration::from_millis(ttl_ms),
        };
        let queue = &mut self.ledger.space_mut(namespace).queue;
        if queue.is_full() {
            let (which, limit) = ("waiters", MAX_WAITERS);
            return Err(Refusal::Full { which, limit }.into());
        }
        let last = queue.iter().len();
        let ticket = queue.insert(last, holder, wish, now);
        queue.close(ticket, gone);
        Ok(())
    }

    pub(super) fn add_alias(&mut self, record: AliasRecord) -> Result<(), Unfit> {
        let AliasRecord { owner, known_as } = record;
        let owner = self.owner(owner)?;
        check_name(&known_as)?;
        self.aliases.push((owner, known_as));
        Ok(())
    }

    pub(super) fn add_history(&mut self, record: &HistoryRecord) -> Result<(), Unfit> {
        let HistoryRecord { namespace, after } = record;
        if *after > self.moment.rev {
            return Err(Unfit::Revision(*after));
        }
        let namespace = self.open(namespace)?;
        self.ledger.space_mut(namespace).history = History::new(*after);
        Ok(())
    }

    pub(super) fn add_event(&mut self, record: EventRecord) -> Result<(), Unfit> {
        let EventRecord {
            namespace,
            rev,
            key,
            kind,
            by,
            value,
            ago_ms,
        } = record;
        self.check_rev(rev)?;
        let by = self.owner(by)?;
        let at = self.ago(ago_ms);
        let namespace = self.open(&namespace)?;
        let history = &mut self.ledger.space_mut(namespace).history;
        if rev < history.rev() {
            return Err(Unfit::Revision(rev));
        }
        history.push(Event {
            rev,
            key,
            kind,
            by,
            value,
            at,
        });
        Ok(())
    }
}
