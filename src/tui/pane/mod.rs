//! The panes: which there are, what columns they have, and how an entry becomes a row.
//!
//! One file for each pane. A row is data: texts and moments, made once when its entry changes and shared
//! between pictures. How a cell looks is the business of `view`.

mod agents;
mod events;
mod keys;
mod locks;
mod messages;
mod row;
mod statuses;
mod summary;
mod tasks;

use std::sync::Arc;

use crate::board::{Agent, Entry, Event, Key, Kind};

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

    /// Returns the row of an entry in this pane.
    pub fn entry_row(self, key: &Key, entry: &Arc<Entry>) -> Row {
        let cells = match self {
            Self::Locks => locks::cells(key, entry),
            Self::Tasks => tasks::cells(key, entry),
            Self::Statuses => statuses::cells(key, entry),
            Self::Messages => messages::cells(key, entry),
            _ => keys::cells(key, entry),
        };
        Row::new(RowId::Key(key.clone()), cells, Some(Arc::clone(entry)))
    }
}

/// Returns the row of an agent; `since` is the wall time of its arrival.
pub fn agent_row(agent: &Agent, since: String) -> Row {
    Row::new(
        RowId::Agent(agent.owner.session),
        agents::cells(agent, since),
        None,
    )
}

/// Returns the row of an event; `time` is its wall time.
pub fn event_row(event: &Event, time: String) -> Row {
    Row::new(
        RowId::Event(event.rev, event.key.clone()),
        events::cells(event, time),
        None,
    )
}
