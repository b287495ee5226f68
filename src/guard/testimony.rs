//! Whose change it was: what is known of who was at work, and the rule that follows from it.
//!
//! Pure: time and hooks' words come in, an [`Author`] comes out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::board::{NamespaceId, Owner, Target, Time};

/// How long after an edit or a command a change still counts as made by it: a formatter may follow, and hooks
/// and file events are told over different ways.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How long an edit is under way whose end nobody tells. A person may be asked before it is made.
const MAX_EDIT: Duration = Duration::from_secs(10 * 60);
/// How long a command is under way whose end nobody tells.
const MAX_COMMAND: Duration = Duration::from_secs(60 * 60);
/// The most deeds of one agent that are remembered.
const MAX_DEEDS: usize = 64;
/// The most agents that are remembered; who was at work the longest ago is forgotten first.
const MAX_AGENTS: usize = 1_024;

/// What an agent is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It writes these files.
    Edit(Vec<Target>),
    /// It runs a command, which may write any.
    Command,
}

/// Whoever holds a lock.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Who.
    pub owner: &'a Owner,
    /// Whether any agent of its session is meant: a raw lock bears the name that its writer liked.
    pub is_session: bool,
}

impl Holder<'_> {
    fn is(self, agent: &Owner) -> bool {
        *self.owner == *agent || self.is_session && self.owner.session == agent.session
    }
}

/// Who changed a locked file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// Its holder.
    Holder,
    /// Perhaps its holder: nobody can say.
    Unknown,
    /// Somebody else; whoever alone was at work in a way that can have changed it, if that is known.
    Other(Option<Arc<Owner>>),
}

/// What an agent did, and when.
#[derive(Clone, Debug)]
struct Spell {
    deed: Deed,
    /// The client's name for the use of the tool.
    call: Option<String>,
    from: Time,
    /// When the agent went on after it, `None` as long as it may be under way.
    until: Option<Time>,
}

impl Spell {
    fn end(&self) -> Time {
        let longest = match self.deed {
            Deed::Edit(_) => MAX_EDIT,
            Deed::Command => MAX_COMMAND,
        };
        let until = self.until.unwrap_or_else(|| self.from.after(longest));
        until.after(AFTERMATH)
    }

    fn may_have_changed(&self, file: &Target, at: Time) -> bool {
        let reaches = match &self.deed {
            Deed::Edit(files) => files.contains(file),
            Deed::Command => true,
        };
        reaches && self.from <= at && at <= self.end()
    }
}

/// What is known of an agent.
#[derive(Clone, Debug, Default)]
struct Work {
    /// What it calls itself besides the name by which its hooks are known. It may hold locks under any of them.
    others: Vec<Arc<Owner>>,
    spells: VecDeque<Spell>,
}

impl Work {
    fn may_have_changed(&self, file: &Target, at: Time) -> bool {
        self.spells.iter().any(|spell| spell.may_have_changed(file, at))
    }
}

/// What hooks have told of agents' work.
#[derive(Clone, Debug, Default)]
pub struct Testimony {
    agents: BTreeMap<(NamespaceId, Arc<Owner>), Work>,
}

impl Testimony {
    /// Notes that `agent`, which calls itself `others` too, begins with `deed`, the tool use that its client calls
    /// `call`.
    pub fn begins(
        &mut self,
        namespace: NamespaceId,
        agent: &Arc<Owner>,
        others: Vec<Arc<Owner>>,
        deed: Deed,
        call: Option<&str>,
        now: Time,
    ) {
        let work = self.agents.entry((namespace, Arc::clone(agent))).or_default();
        work.others = others;
        let spells = &mut work.spells;
        // One who does the same again and again does not thereby push out what it did a moment ago.
        let same = spells
            .iter()
            .position(|one| one.deed == deed && one.until.is_some() && now <= one.end());
        if let Some(mut spell) = same.and_then(|at| spells.remove(at)) {
            (spell.call, spell.until) = (call.map(str::to_owned), None);
            spells.push_back(spell);
            return;
        }
        if spells.len() == MAX_DEEDS {
            spells.pop_front();
        }
        spells.push_back(Spell {
            deed,
            call: call.map(str::to_owned),
            from: now,
            until: None,
        });
        if self.agents.len() > MAX_AGENTS {
            let last = |work: &Work| work.spells.back().map(|spell| spell.from);
            let idle = self.agents.iter().min_by_key(|(_, work)| last(work));
            if let Some(idle) = idle.map(|(who, _)| who.clone()) {
                self.agents.remove(&idle);
            }
        }
    }

    /// Notes that the tool use `call` of `agent` is over, or whatever it does when that has no name.
    pub fn ends(&mut self, namespace: NamespaceId, agent: &Arc<Owner>, call: Option<&str>, now: Time) {
        let Some(work) = self.agents.get_mut(&(namespace, Arc::clone(agent))) else {
            return;
        };
        for spell in &mut work.spells {
            let is_meant = call.is_none() || call == spell.call.as_deref();
            if is_meant && spell.until.is_none() {
                // Whoever forgot to tell the end does not make the deed last longer.
                spell.until = Some(now);
            }
        }
    }

    /// Tells whether `agent` may be in the middle of something at `now`, as far as hooks have told.
    pub fn is_at_work(&self, namespace: NamespaceId, agent: &Arc<Owner>, now: Time) -> bool {
        let work = self.agents.get(&(namespace, Arc::clone(agent)));
        work.is_some_and(|work| {
            let mut spells = work.spells.iter();
            spells.any(|spell| spell.until.is_none() && now <= spell.end())
        })
    }

    /// Returns who changed `file` at the moment `at`, while `holder` had locked it.
    pub fn author(&self, namespace: NamespaceId, holder: Holder<'_>, file: &Target, at: Time) -> Author {
        let here = || {
            let agents = self.agents.iter().filter(move |((of, _), _)| *of == namespace);
            agents.map(|((_, agent), work)| (agent, work))
        };
        let is_any = |(agent, work): (&Arc<Owner>, &Work), is: &dyn Fn(&Owner) -> bool| {
            is(agent) || work.others.iter().any(|name| is(name))
        };
        // Agents of one session share a client, and that client's hooks.
        let is_of_session = |name: &Owner| name.session == holder.owner.session;
        if !here().any(|one| is_any(one, &is_of_session)) {
            return Author::Unknown;
        }
        let mut others = Vec::new();
        for one in here().filter(|(_, work)| work.may_have_changed(file, at)) {
            if is_any(one, &|name| holder.is(name)) {
                return Author::Holder;
            }
            others.push(one.0);
        }
        Author::Other(match others.as_slice() {
            [only] => Some(Arc::clone(only)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests;
