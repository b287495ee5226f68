//! What is copied from the board for one picture: bounded, cheap when little changed, never drawn while
//! the board is held.
//!
//! Rows are made once when their entry changes and shared between pictures, and only the kinds that
//! changed are listed again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::board::{
    Agent, Board, Entry, Event, Intrusion, Key, Kind, Lease, Namespace, NamespaceId, Owner, Pattern,
    Revision, Score, Stats, Time,
};

use super::holders::{self, Held, Holder};
use super::pane::{self, Live, Pane, Row, RowId};
use super::waits::Waits;

/// The most rows that a pane copies. The title tells when there are more.
pub const MAX_ROWS: usize = 10_000;
/// The most events in the feed.
pub const MAX_EVENTS: usize = 1_000;
/// How many keys are listed while the board is held, so that no agent waits long for a picture.
const PAGE: usize = 500;

/// What the dashboard wants to see.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The namespace to show.
    pub namespace: NamespaceId,
    /// The panes to fill; the others cost nothing.
    pub panes: Vec<Pane>,
    /// For the wall times in the rows.
    pub time_zone: TimeZone,
}

/// The board as it was at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken.
    pub now: Time,
    /// The namespace it is of.
    pub namespace: NamespaceId,
    /// All namespaces.
    pub namespaces: Vec<(NamespaceId, Namespace)>,
    /// The board in numbers.
    pub stats: Option<Stats>,
    /// How many agents are attached in all namespaces, or may be back in a moment, without those that this process has
    /// started for a demo.
    pub attached: usize,
    /// How many keys there are in all namespaces.
    pub keys: usize,
    /// How many agents are attached in the namespace.
    pub here: usize,
    /// How many are attached in others.
    pub elsewhere: usize,
    /// The newest events, newest first.
    events: Vec<Arc<Row>>,
    agents: Vec<Arc<Row>>,
    /// How the agents have done, in the order of their names.
    scores: Vec<(Arc<str>, Score)>,
    /// Who holds something.
    pub holders: Vec<Holder>,
    /// Who waits for it.
    pub waits: Waits,
    /// What of it was changed by somebody else, in the order in which that was seen.
    changes: Vec<Intrusion>,
    /// The rows of each pane that lists keys, in key order, with whether there were more.
    listed: [Option<Listed>; Pane::ALL.len()],
}

/// What a pane listed.
#[derive(Clone, Debug, Default)]
struct Listed {
    rows: Vec<Arc<Row>>,
    capped: bool,
}

impl Snapshot {
    /// Returns a snapshot of nothing, for the time before the first one.
    pub fn empty(namespace: NamespaceId) -> Self {
        Self {
            now: Time::default(),
            namespace,
            namespaces: Vec::new(),
            stats: None,
            attached: 0,
            keys: 0,
            here: 0,
            elsewhere: 0,
            events: Vec::new(),
            agents: Vec::new(),
            scores: Vec::new(),
            holders: Vec::new(),
            waits: Waits::default(),
            changes: Vec::new(),
            listed: Default::default(),
        }
    }

    /// Takes a picture of `board`, using what is still true of the `last` one.
    pub fn take(board: &Board, wanted: &Wanted, last: Self) -> Self {
        let namespace = wanted.namespace;
        let now = board.clock().now();
        let stats = board.stats(namespace);
        let same_space = last.namespace == namespace && last.stats.is_some();
        let since = same_space.then_some(last.stats.as_ref().map_or(Revision::ZERO, |stats| stats.rev));
        let quiet = since == Some(stats.rev);
        let (events, changed) = if quiet {
            (last.events, Changed::default())
        } else {
            let latest = board.latest_events(namespace, &Pattern::all(), MAX_EVENTS);
            let changed = Changed::since(since, &latest);
            (event_rows(board, wanted, &latest, last.events), changed)
        };
        let holders = holders::look(board, namespace, quiet.then_some(last.holders), now);
        let waits = Waits::look(board, namespace, same_space.then_some(last.waits), &holders, now);
        let changes = if quiet {
            last.changes
        } else {
            board.intrusions(namespace)
        };
        let moment = Moment {
            now,
            waits: &waits,
            changes: &changes,
        };
        let mut listed: [Option<Listed>; Pane::ALL.len()] = Default::default();
        for (slot, (pane, old)) in listed.iter_mut().zip(Pane::ALL.into_iter().zip(last.listed)) {
            let old = old.filter(|_| same_space);
            if !wanted.panes.contains(&pane) || pane.kinds().is_empty() {
                continue;
            }
            *slot = match old {
                Some(old) if !changed.touches(pane) => Some(moment.look_again(pane, old)),
                old => Some(moment.list(board, namespace, pane, &stats, old.unwrap_or_default())),
            };
        }
        let scores = if quiet {
            last.scores
        } else {
            board.scores(namespace)
        };
        let namespaces = board.namespaces();
        let keys = if quiet {
            last.keys
        } else {
            let all = namespaces.iter().map(|(id, _)| board.stats(*id).keys());
            all.sum()
        };
        let (here, others): (Vec<_>, Vec<_>) = board
            .agents()
            .into_iter()
            .partition(|agent| agent.namespace == namespace);
        let agents = agent_rows(board, wanted, &here, &holders, &scores);
        Self {
            now,
            namespace,
            namespaces,
            stats: Some(stats),
            attached: board.attached(std::process::id()),
            keys,
            here: here.len(),
            elsewhere: others.len(),
            events,
            agents,
            scores,
            holders,
            waits,
            changes,
            listed,
        }
    }

    /// Returns the rows of `pane`, in the order in which the board lists them.
    pub fn rows(&self, pane: Pane) -> &[Arc<Row>] {
        match pane {
            Pane::Agents => &self.agents,
            Pane::Events => &self.events,
            _ => self.listed[pane.index()]
                .as_ref()
                .map_or(&[], |listed| &listed.rows),
        }
    }

    /// Tells whether the picture has the rows of `pane`.
    pub fn holds(&self, pane: Pane) -> bool {
        pane.kinds().is_empty() || self.listed[pane.index()].is_some()
    }

    /// Tells whether `pane` has more rows than were copied.
    pub fn is_capped(&self, pane: Pane) -> bool {
        match pane {
            Pane::Events => self.events.len() == MAX_EVENTS,
            _ => self.listed[pane.index()]
                .as_ref()
                .is_some_and(|listed| listed.capped),
        }
    }

    /// Returns the holder that `owner` is, if it holds anything.
    pub fn holder(&self, owner: &Owner) -> Option<&Holder> {
        self.holders.iter().find(|holder| **holder.owner() == *owner)
    }

    /// Returns how the agents called like `owner` have done.
    pub fn score(&self, owner: &Owner) -> Score {
        score_of(&self.scores, owner)
    }

    /// Returns the hold on `key` that was granted under `fence`, with who has it.
    pub fn held(&self, key: &Key, fence: Revision) -> Option<(&Holder, &Held)> {
        let mut all = self
            .holders
            .iter()
            .flat_map(|holder| holder.held.iter().map(move |held| (holder, held)));
        all.find(|(_, held)| held.fence == fence && held.key == *key)
    }

    /// Returns how others have changed what is held on `key` under `fence`, in the order in which it was seen.
    pub fn changes(&self, key: &Key, fence: Revision) -> impl Iterator<Item = &Intrusion> {
        changes_of(&self.changes, key, fence)
    }

    /// Returns the revision that the picture shows.
    pub fn rev(&self) -> Revision {
        self.stats.as_ref().map_or(Revision::ZERO, |stats| stats.rev)
    }

    /// Returns the entry under `key`, if the pane that lists it was filled.
    pub fn entry(&self, key: &Key) -> Option<Arc<Entry>> {
        let pane = Pane::ALL
            .into_iter()
            .find(|pane| pane.kinds().contains(&key.kind()))?;
        let rows = self.rows(pane);
        let at = rows.binary_search_by(|row| row.id.key().cmp(&Some(key))).ok()?;
        rows[at].entry.clone()
    }

    /// Tells whether the feed holds everything that happened after `rev`.
    pub fn reaches_back_to(&self, rev: Revision) -> bool {
        let oldest = self.events.last().map(|row| &row.id);
        self.events.len() < MAX_EVENTS || matches!(oldest, Some(RowId::Event(oldest, _)) if *oldest <= rev)
    }

    /// Returns how many rows `pane` has on the board.
    pub fn count(&self, pane: Pane) -> usize {
        let Some(stats) = &self.stats else { return 0 };
        match pane {
            Pane::Agents => self.agents.len(),
            Pane::Events => self.events.len(),
            // A lock that several share has a row for each of them.
            _ => keys_of(stats, pane).max(self.rows(pane).len()),
        }
    }

    /// Tells whether nobody is attached and nothing ever happened.
    pub fn is_blank(&self) -> bool {
        let keys = self.stats.as_ref().map_or(0, Stats::keys);
        self.stats.is_some() && keys == 0 && self.agents.is_empty() && self.events.is_empty()
    }

    /// Returns the name of the namespace.
    pub fn namespace_name(&self) -> &str {
        let found = self.namespaces.iter().find(|(id, _)| *id == self.namespace);
        found.map_or("", |(_, name)| name.as_str())
    }
}

fn keys_of(stats: &Stats, pane: Pane) -> usize {
    let of_pane = stats.kinds.iter().filter(|(kind, _)| pane.kinds().contains(kind));
    of_pane.map(|(_, stats)| stats.keys).sum()
}

/// Which kinds of keys changed between two pictures.
#[derive(Default)]
struct Changed {
    /// More happened than the feed holds, or there is no picture to compare with.
    everything: bool,
    kinds: BTreeSet<Kind>,
}

impl Changed {
    fn since(since: Option<Revision>, latest: &[Event]) -> Self {
        let reaches_back = match (since, latest.last()) {
            (None, _) => false,
            (Some(since), Some(oldest)) => oldest.rev <= since || latest.len() < MAX_EVENTS,
            (Some(_), None) => true,
        };
        let new = latest.iter().take_while(|event| Some(event.rev) > since);
        Self {
            everything: !reaches_back,
            kinds: new.map(|event| event.key.kind()).collect(),
        }
    }

    fn touches(&self, pane: Pane) -> bool {
        self.everything || pane.kinds().iter().any(|kind| self.kinds.contains(kind))
    }
}

/// What rows look at besides their entries.
struct Moment<'a> {
    now: Time,
    waits: &'a Waits,
    changes: &'a [Intrusion],
}

impl Moment<'_> {
    /// Lists the keys of `pane`, keeping the rows of entries that are still the same.
    fn list(&self, board: &Board, namespace: NamespaceId, pane: Pane, stats: &Stats, old: Listed) -> Listed {
        let mut known = known(old.rows);
        let mut listed = Listed::default();
        if keys_of(stats, pane) == 0 {
            return listed;
        }
        let only = match pane.kinds() {
            [kind] => Some(*kind),
            _ => None,
        };
        let pattern = only.map_or_else(Pattern::all, |kind| Pattern::prefix(&format!("{}:", kind.name())));
        let mut after: Option<String> = None;
        'pages: loop {
            let page = board.list(namespace, &pattern, after.as_deref(), PAGE);
            after = page.cursor.map(|key| key.as_str().to_owned());
            for (key, entry) in page.rows {
                if !pane.kinds().contains(&key.kind()) {
                    // Keys of one kind stand together; the character after the colon leads behind them.
                    after = Some(format!("{};", key.kind().name()));
                    continue 'pages;
                }
                for (id, lease) in pane.row_ids(&key, &entry) {
                    if listed.rows.len() == MAX_ROWS {
                        listed.capped = true;
                        break 'pages;
                    }
                    let live = self.live(&key, &entry, lease);
                    let old = known.remove(&id).filter(|row| {
                        row.live == live && row.entry.as_ref().is_some_and(|old| Arc::ptr_eq(old, &entry))
                    });
                    let row = old.unwrap_or_else(|| Arc::new(pane.entry_row(id, &entry, lease, live)));
                    listed.rows.push(row);
                }
            }
            if after.is_none() {
                break;
            }
        }
        listed
    }

    /// Makes those rows anew in which something has moved although no entry changed.
    fn look_again(&self, pane: Pane, mut listed: Listed) -> Listed {
        for row in &mut listed.rows {
            let (Some(key), Some(entry)) = (row.id.key(), &row.entry) else {
                continue;
            };
            if entry.hold.is_none() {
                continue;
            }
            let live = self.live(key, entry, row.lease());
            if live != row.live {
                *row = Arc::new(pane.entry_row(row.id.clone(), entry, row.lease(), live));
            }
        }
        listed
    }

    fn live(&self, key: &Key, entry: &Entry, lease: Option<&Lease>) -> Live {
        let waiting = lease.map_or(0, |lease| self.waits.count(key, lease.fence));
        let change = lease.and_then(|lease| changes_of(self.changes, key, lease.fence).last());
        Live {
            changed: change.map(|change| change.at),
            ..Live::of(entry, lease, waiting, self.now)
        }
    }
}

/// Returns those of `changes` that are about the hold on `key` which was granted under `fence`.
fn changes_of<'a>(
    changes: &'a [Intrusion],
    key: &Key,
    fence: Revision,
) -> impl Iterator<Item = &'a Intrusion> {
    let is_of = move |change: &&Intrusion| change.fence == fence && change.key == *key;
    changes.iter().filter(is_of)
}

fn known(rows: Vec<Arc<Row>>) -> HashMap<RowId, Arc<Row>> {
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}

fn event_rows(board: &Board, wanted: &Wanted, latest: &[Event], old: Vec<Arc<Row>>) -> Vec<Arc<Row>> {
    let mut known = known(old);
    let rows = latest.iter().map(|event| {
        let id = RowId::Event(event.rev, event.key.clone());
        let old = known.remove(&id);
        old.unwrap_or_else(|| Arc::new(pane::event_row(event, clock_time(board, wanted, event.at))))
    });
    rows.collect()
}

/// Returns the `agents` that are here in the order of arrival, then who is gone and still holds something.
fn agent_rows(
    board: &Board,
    wanted: &Wanted,
    agents: &[Agent],
    holders: &[Holder],
    scores: &[(Arc<str>, Score)],
) -> Vec<Arc<Row>> {
    let score = |owner: &Owner| score_of(scores, owner);
    let here = agents.iter().map(|agent| {
        let holder = holders.iter().find(|holder| *holder.owner() == agent.owner);
        let holds = holder.map_or(0, |holder| holder.held.len());
        let since = clock_time(board, wanted, agent.since);
        pane::agent_row(agent, holds, &score(&agent.owner), since)
    });
    let is_here = |holder: &Holder| agents.iter().any(|agent| agent.owner == *holder.owner());
    let gone = holders
        .iter()
        .filter(|holder| holder.orphaned && !is_here(holder));
    let gone = gone.map(|holder| pane::gone_row(holder, &score(holder.owner())));
    here.chain(gone).map(Arc::new).collect()
}

fn score_of(scores: &[(Arc<str>, Score)], owner: &Owner) -> Score {
    let found = scores.binary_search_by(|(name, _)| name.cmp(&owner.name));
    found.map_or_else(|_| Score::default(), |at| scores[at].1)
}

/// Returns the wall time of `moment` as people read it.
pub fn clock_time(board: &Board, wanted: &Wanted, moment: Time) -> String {
    let zoned = board.clock().wall_at(moment).to_zoned(wanted.time_zone.clone());
    zoned.strftime("%H:%M:%S").to_string()
}
