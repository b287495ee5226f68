//! Names of agents: what they may hold, and which are free.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use super::{Departed, Member, lock};
use crate::board::{NamespaceId, Owner, SessionId, Time};

/// The most characters in a name.
pub const MAX_NAME_CHARS: usize = 64;
/// What no agent is called: the person at the board, and the box of messages that nobody could take.
const RESERVED: [&str; 2] = [Owner::HUMAN, "dead"];

/// The names that are somebody's.
pub(super) struct Names<'a> {
    pub(super) members: &'a BTreeMap<SessionId, Arc<Member>>,
    pub(super) departed: &'a VecDeque<Departed>,
    pub(super) now: Time,
}

/// Returns `name` with only those characters that a key can hold, since names become parts of keys.
pub(in crate::board) fn clean(name: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.trim().chars().take(MAX_NAME_CHARS).map(fits).collect()
}

impl Names<'_> {
    /// Tells whether the name is not reserved and nobody of another session than `own` is called so, who is here or
    /// may be back in a moment.
    pub(super) fn is_free(&self, own: SessionId, name: &str) -> bool {
        !RESERVED.contains(&name) && self.others(own).all(|member| !member.is_called(name))
    }

    /// Returns `base`, or `base-<n>` with the lowest free number, which is 1 when a number is wanted anyway.
    pub(super) fn free(&self, own: SessionId, base: &str, numbered: bool) -> String {
        if !numbered && self.is_free(own, base) {
            return base.to_owned();
        }
        // Gathered once: with a thousand agents of one name, asking each for each number takes milliseconds.
        let mut taken: HashSet<Arc<str>> = HashSet::new();
        for member in self.others(own) {
            taken.insert(Arc::clone(&member.owner().name));
            taken.extend(lock(&member.others).keys().cloned());
        }
        let first = if numbered { 1 } else { 2 };
        let mut names = (first..u64::MAX).map(|number| format!("{base}-{number}"));
        names
            .find(|name| !taken.contains(&**name))
            .unwrap_or_else(|| base.to_owned())
    }

    /// Tells whether a session that `is_it` may be back in a moment. Of one that the board before this one knew, nobody
    /// can say which process opened it.
    pub(super) fn is_awaited(&self, namespace: NamespaceId, is_it: impl Fn(&Member) -> bool) -> bool {
        let mut away = self.departed.iter().filter(|one| self.now < one.until);
        away.any(|one| one.member.namespace == namespace && is_it(&one.member))
    }

    /// Returns all who are here or may be back in a moment.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Member>> {
        let away = self.departed.iter().filter(|one| self.now < one.until);
        self.members.values().chain(away.map(|one| &one.member))
    }

    fn others(&self, own: SessionId) -> impl Iterator<Item = &Arc<Member>> {
        self.all().filter(move |member| member.owner().session != own)
    }
}
