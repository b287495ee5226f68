//! Everything about one row, fetched from the board when it changes.

use std::sync::Arc;

use super::History;
use super::facts::{Facts, Source};
use crate::board::{Board, Entry, Key, NamespaceId, Owner, Revision};
use crate::tui::pane::{Row, RowId};
use crate::tui::snapshot::{Snapshot, Wanted};
use crate::tui::text;

/// The most of a value that is shown; the whole can be had from the command line.
pub const MAX_VALUE: usize = 64 * 1024;

/// What the details are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A key, whether or not there is an entry under it, and the fence of the hold on it whose row was looked at.
    Key(Key, Option<Revision>),
    /// An agent that is attached, or holds something still.
    Agent(Arc<Owner>),
}

impl Subject {
    /// Returns what the details of a row are about. An event is about its key as it is now.
    pub fn of(row: &Row) -> Self {
        match &row.id {
            RowId::Key(key) | RowId::Lease(key, _) | RowId::Event(_, key) => {
                Self::Key(key.clone(), row.fence)
            }
            RowId::Agent(owner) => Self::Agent(Arc::clone(owner)),
        }
    }
}

/// What is known about a subject.
#[derive(Clone, Debug)]
pub struct Detail {
    /// What it is about.
    pub subject: Subject,
    namespace: NamespaceId,
    /// The entry under the key, if there is one.
    pub entry: Option<Arc<Entry>>,
    /// The subject's name, clean and whole.
    pub title: String,
    /// What is known besides its value.
    pub facts: Facts,
    /// The value in clean lines, pretty-printed where it is JSON.
    pub value: Vec<String>,
    /// How many bytes of the value are not shown.
    pub cut: usize,
    /// What happened to the key; agents have none.
    pub history: Option<History>,
}

impl Detail {
    /// Gathers what is known about `subject` as of the picture `snapshot`; `None` when it is gone for good.
    ///
    /// What was gathered `last` is kept as far as it is still true. Only details that were `opened` are
    /// worth a search through all that happened; beside the panes the feed must do.
    pub fn gather(
        board: &Board,
        wanted: &Wanted,
        snapshot: &Snapshot,
        subject: &Subject,
        opened: bool,
        last: Option<Self>,
    ) -> Option<Self> {
        let last = last.filter(|last| last.subject == *subject && last.namespace == snapshot.namespace);
        let source = Source {
            board,
            wanted,
            snapshot,
        };
        let (key, fence) = match subject {
            Subject::Key(key, fence) => (key, *fence),
            Subject::Agent(owner) => return Self::of_agent(source, owner),
        };
        // A picture that stands still must not show what came after it.
        let live = board.get(snapshot.namespace, key);
        let entry = match live {
            Some(entry) if entry.rev <= snapshot.rev() => Some(entry),
            _ => snapshot.entry(key),
        };
        let mut known = last;
        let told = known.as_mut().and_then(|known| known.history.take());
        let history = History::of(board, wanted, snapshot, key, opened, told);
        let rev = |entry: &Option<Arc<Entry>>| entry.as_ref().map(|entry| entry.rev);
        let mut detail = match known {
            Some(known) if rev(&known.entry) == rev(&entry) => known,
            _ => {
                let title = text::clean(&key.decoded());
                let mut detail = Self::new(subject.clone(), snapshot.namespace, title);
                if let Some(entry) = entry {
                    detail.spell(&entry);
                    detail.entry = Some(entry);
                }
                detail
            }
        };
        let facts = detail
            .entry
            .as_ref()
            .map(|entry| source.of_key(key, entry, fence));
        detail.facts = facts.unwrap_or_default();
        detail.history = Some(history);
        Some(detail)
    }

    fn of_agent(source: Source<'_>, owner: &Arc<Owner>) -> Option<Self> {
        let agents = source.board.agents();
        let agent = agents.iter().find(|agent| agent.owner == *owner);
        if agent.is_none() && source.snapshot.holder(owner).is_none() {
            return None;
        }
        let subject = Subject::Agent(Arc::clone(owner));
        let name = text::clean(&owner.name);
        let mut detail = Self::new(subject, source.snapshot.namespace, name);
        detail.facts = source.of_agent(owner, agent);
        Some(detail)
    }

    fn new(subject: Subject, namespace: NamespaceId, title: String) -> Self {
        Self {
            subject,
            namespace,
            entry: None,
            title,
            facts: Vec::new(),
            value: Vec::new(),
            cut: 0,
            history: None,
        }
    }

    /// Takes in the value of `entry`.
    fn spell(&mut self, entry: &Entry) {
        let end = entry.value.floor_char_boundary(MAX_VALUE.min(entry.value.len()));
        self.cut = entry.value.len() - end;
        let shown = &entry.value[..end];
        let pretty = if self.cut == 0 { text::pretty(shown) } else { None };
        self.value = text::clean_lines(pretty.as_deref().unwrap_or(shown));
    }
}
