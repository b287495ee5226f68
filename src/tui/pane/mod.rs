//! The panes: which there are, what columns they have, and how an entry becomes a row.
//!
//! One file for each pane. A row is data: texts and moments, made once when its entry changes and shared
//! between pictures. How a cell looks is the business of `view`.

mod agents;
mod events;
mod keys;
mod live;
mod locks;
mod messages;
mod row;
mod statuses;
mod summary;
mod tasks;

use std::sync::Arc;

use crate::board::{Agent, Entry, Event, Key, Kind, Lease, Score};

use super::holders::Holder;
pub use live::{Left, Live};
pub use row::{Cell, Column, Row, RowId, places};

/// A pane of the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// Who holds what, and for how long.
    Locks,
    /// What is to be done.
    Tasks,
    /// How the work goes.
    Statuses,
    /// Who is attached.
    Agents,
    /// What happened, newest first.
    Events,
    /// What agents say to each other.
    Messages,
    /// Every key that no other pane shows.
    Keys,
    /// What the program itself has to say.
    Log,
}

impl Pane {
    /// Every pane in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::Locks,
        Self::Tasks,
        Self::Statuses,
        Self::Agents,
        Self::Events,
        Self::Messages,
        Self::Keys,
        Self::Log,
    ];

    /// Returns the pane's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Locks => "Locks",
            Self::Tasks => "Tasks",
            Self::Statuses => "Statuses",
            Self::Agents => "Agents",
            Self::Events => "Events",
            Self::Messages => "Messages",
            Self::Keys => "Keys",
            Self::Log => "Log",
        }
    }

    /// Returns the pane's number, counted from one: the key that leads to it.
    pub fn number(self) -> usize {
        self.index() + 1
    }

    /// Returns the pane's place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns what an empty pane says.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Locks => "no file is locked",
            Self::Tasks => "no tasks",
            Self::Statuses => "no statuses",
            Self::Agents => "nobody is attached",
            Self::Events => "nothing has happened yet",
            Self::Messages => "no messages",
            Self::Keys => "no other keys",
            Self::Log => "nothing was logged",
        }
    }

    /// Returns the kinds of keys that the pane lists; none for panes that list something else.
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Locks => &[Kind::Lock],
            Self::Tasks => &[Kind::Task],
            Self::Statuses => &[Kind::Status],
            Self::Messages => &[Kind::Msg],
            Self::Keys => &[Kind::Progress, Kind::Agent, Kind::Other],
            Self::Agents | Self::Events | Self::Log => &[],
        }
    }

    /// Returns the pane's columns; the log has none.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Locks => locks::COLUMNS,
            Self::Tasks => tasks::COLUMNS,
            Self::Statuses => statuses::COLUMNS,
            Self::Agents => agents::COLUMNS,
            Self::Events => events::COLUMNS,
            Self::Messages => messages::COLUMNS,
            Self::Keys => keys::COLUMNS,
            Self::Log => &[],
        }
    }

    /// Returns the column by which the pane is sorted at first, and whether the order is reversed.
    ///
    /// What ends soonest comes first where that matters; events come as they are, newest first.
    pub fn first_order(self) -> (usize, bool) {
        match self {
            Self::Locks => (2, false),
            Self::Events => (0, true),
            _ => (0, false),
        }
    }

    /// Returns what rows an entry has in this pane: one for each hold on a lock, one for anything else.
    pub fn row_ids<'a>(
        self,
        key: &'a Key,
        entry: &'a Entry,
    ) -> impl Iterator<Item = (RowId, Option<&'a Lease>)> {
        let others = if self == Self::Locks { entry.leases() } else { &[] };
        let others = others.iter().skip(1);
        let others = others.map(|lease| (RowId::Lease(key.clone(), lease.fence), Some(lease)));
        std::iter::once((RowId::Key(key.clone()), entry.lease())).chain(others)
    }

    /// Returns the row `id` of an entry in this pane, about the hold `lease` if there is one.
    pub fn entry_row(self, id: RowId, entry: &Arc<Entry>, lease: Option<&Lease>, live: Live) -> Row {
        let mut row = Row::new(id, Vec::new());
        if let Some(key) = row.id.key() {
            row.cells = match self {
                Self::Locks => locks::cells(key, entry, lease, &live),
                Self::Tasks => tasks::cells(key, entry, lease, &live),
                Self::Statuses => statuses::cells(key, entry, &live),
                Self::Messages => messages::cells(key, entry, &live),
                _ => keys::cells(key, entry, &live),
            };
        }
        Row {
            entry: Some(Arc::clone(entry)),
            fence: lease.map(|lease| lease.fence),
            live,
            ..row
        }
    }
}

/// Returns the row of an agent that has `holds` leases; `since` is the wall time of its arrival.
pub fn agent_row(agent: &Agent, holds: usize, score: &Score, since: String) -> Row {
    let id = RowId::Agent(Arc::clone(&agent.owner));
    Row::new(id, agents::cells(agent, holds, score, since))
}

/// Returns the row of someone who holds something and is not attached any more.
pub fn gone_row(holder: &Holder, score: &Score) -> Row {
    let id = RowId::Agent(Arc::clone(holder.owner()));
    Row::new(id, agents::gone(holder, score))
}

/// Returns the row of an event; `time` is its wall time.
pub fn event_row(event: &Event, time: String) -> Row {
    Row::new(
        RowId::Event(event.rev, event.key.clone()),
        events::cells(event, time),
    )
}
