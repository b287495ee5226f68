//! Everything about one row, fetched from the board when it changes.

use std::sync::Arc;

use super::History;
use crate::board::{Board, Entry, Key, Lease, NamespaceId, SessionId};
use crate::tui::pane::RowId;
use crate::tui::snapshot::{Snapshot, Wanted, clock_time};
use crate::tui::text;

/// The most of a value that is shown; the whole can be had from the command line.
pub const MAX_VALUE: usize = 64 * 1024;

/// What the details are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A key, whether or not there is an entry under it.
    Key(Key),
    /// An attached agent.
    Agent(SessionId),
}

impl Subject {
    /// Returns what the details of a row are about. An event is about its key as it is now.
    pub fn of(id: &RowId) -> Self {
        match id {
            RowId::Key(key) | RowId::Event(_, key) => Self::Key(key.clone()),
            RowId::Agent(session) => Self::Agent(*session),
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
    /// Facts as label and text.
    pub facts: Vec<(&'static str, String)>,
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
        let key = match subject {
            Subject::Key(key) => key,
            Subject::Agent(session) => return Self::of_agent(board, wanted, *session),
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
                    detail.describe(board, wanted, &entry);
                    detail.entry = Some(entry);
                }
                detail
            }
        };
        detail.history = Some(history);
        Some(detail)
    }

    fn of_agent(board: &Board, wanted: &Wanted, session: SessionId) -> Option<Self> {
        let agents = board.agents();
        let agent = agents.iter().find(|agent| agent.owner.session == session)?;
        let name = text::clean(&agent.owner.name);
        let mut detail = Self::new(Subject::Agent(session), agent.namespace, name);
        let said = &agent.introduction;
        let last_call = agent
            .last_call
            .map(|(tool, at)| format!("{tool} at {}", clock_time(board, wanted, at)));
        let directory = said.cwd.as_ref().map(|cwd| text::clean(&cwd.to_string_lossy()));
        let facts = [
            ("client", agent.client.as_deref().map(text::clean)),
            ("since", Some(clock_time(board, wanted, agent.since))),
            ("calls", Some(text::thousands(agent.calls))),
            ("last call", last_call),
            ("process", said.pid.map(|pid| pid.to_string())),
            ("started by", said.ppid.map(|pid| pid.to_string())),
            ("directory", directory),
            ("session", Some(session.0.to_string())),
        ];
        let known = facts.into_iter().filter_map(|(label, fact)| Some((label, fact?)));
        detail.facts = known.collect();
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

    fn describe(&mut self, board: &Board, wanted: &Wanted, entry: &Entry) {
        if let Some(lease) = entry.lease() {
            self.facts.push(("held by", text::clean(&lease.owner().name)));
            self.facts
                .push(("held since", clock_time(board, wanted, lease.granted)));
            self.facts.push(("fence", lease.fence.to_string()));
        }
        let is_grant = |lease: &Lease| lease.fence == entry.rev;
        if !entry.lease().is_some_and(is_grant) {
            self.facts.push(("written by", text::clean(&entry.by.name)));
            self.facts
                .push(("written at", clock_time(board, wanted, entry.written)));
        }
        let revision = if entry.rev == entry.created_rev {
            entry.rev.to_string()
        } else {
            format!("{}, first written at {}", entry.rev, entry.created_rev)
        };
        self.facts.push(("revision", revision));
        self.facts.push(("size", text::bytes(entry.value.len())));
        let end = entry.value.floor_char_boundary(MAX_VALUE.min(entry.value.len()));
        self.cut = entry.value.len() - end;
        let shown = &entry.value[..end];
        let pretty = if self.cut == 0 { text::pretty(shown) } else { None };
        self.value = text::clean_lines(pretty.as_deref().unwrap_or(shown));
    }
}
