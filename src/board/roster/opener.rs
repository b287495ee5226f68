//! Whose hooks ask: the sessions of a client, by its process.
//!
//! A client may run inside another one, which starts it with a command. Then the processes around its hooks are those of
//! both, and while it has no session of its own, its hooks are those of nobody on the board: the agent around it is
//! somebody else. Of two clients of the same program, one inside the other, the inner one is known once it has had a
//! session; before that, its hooks are taken for those of the outer one, unless it says which process is its own.

use std::sync::Arc;

use super::{Member, Roster, lock, read};
use crate::board::{NamespaceId, Time};

/// A client as its hooks know it.
#[derive(Clone, Copy, Debug)]
pub struct Opener<'a> {
    /// The processes that may be its own, the nearest to its hooks first.
    pub processes: &'a [u32],
    /// How that begins what its program calls itself. When absent, whatever program opened sessions there is it.
    pub program: Option<&'a str>,
}

impl Opener<'_> {
    /// Tells whether `member` is a session of its program, `None` as long as that has not said what it is.
    fn runs(&self, member: &Member) -> Option<bool> {
        let Some(program) = self.program else {
            return Some(true);
        };
        let client = read(&member.client);
        client.as_deref().map(|client| client.starts_with(program))
    }

    fn has_opened(&self, process: u32, member: &Member) -> bool {
        member.introduction.ppid == Some(process) && self.runs(member) == Some(true)
    }
}

impl Roster {
    /// Returns the live sessions that `opener` has, the oldest first: those that the first of its processes opened
    /// which opened any, also if none of them is left.
    pub(crate) fn opened_by(&self, opener: Opener<'_>) -> Vec<Arc<Member>> {
        let members = lock(&self.members);
        let departed = lock(&self.departed);
        let sessions = |process: &u32| {
            let opened = |member: &Arc<Member>| opener.has_opened(*process, member);
            let here: Vec<_> = members.values().filter(|one| opened(one)).cloned().collect();
            let is_any = !here.is_empty() || departed.iter().any(|one| opened(&one.member));
            is_any.then_some(here)
        };
        let found = opener.processes.iter().find_map(sessions).unwrap_or_default();
        drop((departed, members));
        found
    }

    /// Tells whether `opener` has no session in `namespace` that is here, and one that may be in a moment: it is cut
    /// off, or has not said yet what program it is of.
    pub(crate) fn awaits(&self, namespace: NamespaceId, opener: Opener<'_>, now: Time) -> bool {
        self.with_names(now, |names| {
            let here = |process: &u32| {
                let mut members = names.members.values();
                members.any(|member| opener.has_opened(*process, member))
            };
            let all = opener.processes;
            let found = all.iter().position(here);
            // What a process farther away opened is another client's, if one nearer may be the client.
            let nearer = &all[..found.unwrap_or(all.len())];
            let may_be_its = |member: &Member| {
                let process = member.introduction.ppid;
                let is_near = process.map_or(found.is_none(), |process| nearer.contains(&process));
                is_near && !member.introduction.aside && opener.runs(member) != Some(false)
            };
            let mut members = names.members.values();
            !nearer.is_empty()
                && (names.is_awaited(namespace, may_be_its)
                    || members.any(|one| one.introduction.ppid.is_some() && may_be_its(one)))
        })
    }
}
