//! What is known about a key or an agent, as label and fact: who holds it, who waits, what a person may do.

use crate::board::{
    Agent, Board, Entry, Key, Kind, Lease, Mode, Owner, Revision, Score, TaskState, Term, Time, WorkState,
};
use crate::tui::action::Action;
use crate::tui::holders::looked_at;
use crate::tui::keymap;
use crate::tui::pane::{Left, Live, Pane};
use crate::tui::snapshot::{Snapshot, Wanted, clock_time};
use crate::tui::waits::Next;
use crate::tui::{span, text};

/// One fact. Texts are clean.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A text.
    Text(String),
    /// Something to look at.
    Warning(String),
    /// How much of a time remains.
    Left(Left),
    /// How long ago something was.
    Ago(Time),
}

/// Facts with their labels; one without a label goes on with the last.
pub(super) type Facts = Vec<(&'static str, Fact)>;

/// Where facts come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) board: &'a Board,
    pub(super) wanted: &'a Wanted,
    pub(super) snapshot: &'a Snapshot,
}

impl Source<'_> {
    /// Returns what is known about the entry under `key`, of which the hold under `fence` was looked at.
    pub(super) fn of_key(self, key: &Key, entry: &Entry, fence: Option<Revision>) -> Facts {
        let mut facts = Facts::new();
        for lease in entry.leases() {
            self.lease(key, entry, lease, &mut facts);
        }
        if entry.lease().is_none() {
            facts.push(("left", Fact::Left(Left::of(entry))));
            if key.kind() == Kind::Lock {
                let why = "by nobody: its holder left, and anyone may take it";
                facts.push(("held", Fact::Warning(why.to_owned())));
            }
        }
        if key.kind() == Kind::Task {
            self.work(entry, &mut facts);
        }
        let may = self.may(key, entry, fence);
        if !may.is_empty() {
            facts.push(("you may", Fact::Text(may)));
        }
        let is_grant = |lease: &Lease| lease.fence == entry.rev;
        if !entry.lease().is_some_and(is_grant) {
            facts.push(("written by", Fact::Text(text::clean(&entry.by.name))));
            facts.push(("written at", self.clock(entry.written)));
        }
        let revision = if entry.rev == entry.created_rev {
            entry.rev.to_string()
        } else {
            format!("{}, first written at {}", entry.rev, entry.created_rev)
        };
        facts.push(("revision", Fact::Text(revision)));
        facts.push(("size", Fact::Text(text::bytes(entry.value.len()))));
        facts
    }

    fn clock(self, moment: Time) -> Fact {
        Fact::Text(clock_time(self.board, self.wanted, moment))
    }

    fn lease(self, key: &Key, entry: &Entry, lease: &Lease, facts: &mut Facts) {
        let name = text::clean(&lease.owner().name);
        let verb = if key.kind() == Kind::Task {
            "claimed by"
        } else {
            "held by"
        };
        let shared = if lease.mode == Mode::Shared {
            ", who shares it"
        } else {
            ""
        };
        facts.push((verb, Fact::Text(format!("{name}{shared}"))));
        let known = self.snapshot.held(key, lease.fence);
        let left = match known {
            Some((_, held)) => held.left,
            None => Left::of_lease(entry, lease, self.snapshot.now),
        };
        facts.push(("left", Fact::Left(left)));
        if let Some(why) = &lease.why {
            facts.push(("why", Fact::Text(text::clean(why))));
        }
        facts.push(("held since", self.clock(lease.granted)));
        match known {
            Some((holder, _)) if holder.orphaned => {
                let gone = "gone; it ends unless the holder comes back in time";
                facts.push(("holder", Fact::Warning(gone.to_owned())));
            }
            Some((holder, _)) => facts.push(("idle", Fact::Ago(holder.active))),
            None => {}
        }
        let kept = match lease.term {
            Term::Renewed(_) => "its holder's calls and connection",
            Term::Entry => "its own time to live alone",
        };
        facts.push(("kept by", Fact::Text(kept.to_owned())));
        facts.push(("fence", Fact::Text(lease.fence.to_string())));
        let mut label = "changed";
        for change in self.snapshot.changes(key, lease.fence) {
            let file = text::clean(&change.file.text());
            let at = clock_time(self.board, self.wanted, change.at);
            let meanwhile = change.suspect.as_ref().map_or_else(String::new, |suspect| {
                format!(", while {} was at work", text::clean(&suspect.name))
            });
            let by = format!("{file} at {at}, not by the holder{meanwhile}");
            facts.push((label, Fact::Warning(by)));
            label = "";
        }
        let mut label = "waiting";
        for (place, wait) in (1..).zip(self.snapshot.waits.behind(key, lease.fence)) {
            let name = text::clean(&wait.owner.name);
            let kept = if wait.kept_until.is_some() {
                ", place kept"
            } else {
                ""
            };
            let since = clock_time(self.board, self.wanted, wait.since);
            facts.push((label, Fact::Text(format!("{place}. {name}, since {since}{kept}"))));
            label = "";
        }
    }

    fn work(self, entry: &Entry, facts: &mut Facts) {
        let work = entry.work();
        let state = match entry.task_state() {
            TaskState::Claimed => "claimed",
            TaskState::Pending if self.snapshot.now < work.not_before => {
                "lost lately, so nobody gets it for a while"
            }
            TaskState::Pending => "free: whoever asks for work gets it",
            TaskState::Done => "done",
            TaskState::Failed => "failed: who did it says that it cannot be done",
            TaskState::Dead => "dead: nobody gets it any more",
        };
        facts.push(("state", Fact::Text(state.to_owned())));
        let live = Live::of(entry, entry.lease(), 0, self.snapshot.now);
        if live.resting {
            facts.push(("free again", Fact::Left(live.left)));
        }
        if work.attempts > 0 {
            facts.push(("tries lost", Fact::Text(work.attempts.to_string())));
        }
    }

    /// Returns what a person may do about the entry, and what comes of it.
    fn may(self, key: &Key, entry: &Entry, fence: Option<Revision>) -> String {
        let key_of = keymap::first_key;
        match (key.kind(), entry.lease()) {
            (Kind::Lock, Some(_)) => {
                let Some(lease) = looked_at(entry, fence) else {
                    let locks = key_of(Action::Focus(Pane::Locks));
                    return format!("select one of those who share it, among the locks ({locks})");
                };
                let leases = [(key.clone(), lease.fence)];
                let next = match self.snapshot.waits.next(&self.snapshot.holders, &leases) {
                    Next::Gets(wait) => format!(", then {} gets it", text::clean(&wait.owner.name)),
                    Next::Needs(..) | Next::Nobody => String::new(),
                };
                let it = match entry.leases() {
                    [_] => "it".to_owned(),
                    _ => format!("the lease of {}", text::clean(&lease.owner().name)),
                };
                let (end, extend) = (key_of(Action::EndLease), key_of(Action::Extend));
                format!("end {it} ({end}){next}; give it more time ({extend})")
            }
            (Kind::Lock, None) => format!("remove it ({})", key_of(Action::Expire)),
            (Kind::Task, Some(_)) => {
                let (end, extend) = (key_of(Action::EndLease), key_of(Action::Extend));
                format!("end the claim ({end}), then others may have it; give it more time ({extend})")
            }
            (Kind::Task, None) if entry.work().state == WorkState::Open => {
                format!("give it up ({})", key_of(Action::Bury))
            }
            (Kind::Task, None) => format!("make it free again ({})", key_of(Action::Requeue)),
            _ => String::new(),
        }
    }

    /// Returns what is known about someone who holds something, or is attached as `agent`.
    pub(super) fn of_agent(self, owner: &Owner, agent: Option<&Agent>) -> Facts {
        let mut facts = match agent {
            Some(agent) => self.attached(agent),
            None => vec![(
                "connection",
                Fact::Warning("closed; what it holds ends unless it comes back in time".to_owned()),
            )],
        };
        let score = self.snapshot.score(owner);
        if score != Score::default() {
            let mean = score
                .mean
                .map_or_else(String::new, |mean| format!(", {} on average", span::took(mean)));
            let results = format!(
                "{} done, {} failed, {} lost{mean}",
                score.done, score.failed, score.lost
            );
            facts.push(("tasks", Fact::Text(results)));
        }
        let waits = self.snapshot.waits.all().iter();
        for wait in waits.filter(|wait| *wait.owner == *owner) {
            let targets: Vec<_> = wait
                .wish
                .targets
                .iter()
                .map(|target| text::clean(&target.text()))
                .collect();
            facts.push(("waits for", Fact::Text(targets.join(", "))));
        }
        let held = self.snapshot.holder(owner).map_or(&[][..], |holder| &holder.held);
        for held in held {
            facts.push(("holds", Fact::Text(text::clean(&held.key.decoded()))));
            facts.push(("", Fact::Left(held.left)));
        }
        facts
    }

    fn attached(self, agent: &Agent) -> Facts {
        let said = &agent.introduction;
        let text = |text: Option<String>| text.map(Fact::Text);
        let last_call = agent.last_call;
        let last_call =
            last_call.map(|(tool, at)| format!("{tool} at {}", clock_time(self.board, self.wanted, at)));
        let directory = said.cwd.as_ref().map(|cwd| text::clean(&cwd.to_string_lossy()));
        let facts = [
            ("client", text(agent.client.as_deref().map(text::clean))),
            ("since", Some(self.clock(agent.since))),
            ("calls", text(Some(text::thousands(agent.calls)))),
            ("last call", text(last_call)),
            ("process", text(said.pid.map(|pid| pid.to_string()))),
            ("started by", text(said.ppid.map(|pid| pid.to_string()))),
            ("directory", text(directory)),
            ("session", text(Some(agent.owner.session.0.to_string()))),
        ];
        let known = facts.into_iter().filter_map(|(label, fact)| Some((label, fact?)));
        known.collect()
    }
}
