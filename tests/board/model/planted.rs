//! Boards with a fault, to see that the referee finds it.

use std::sync::Arc;
use std::time::Duration;

use callboard::board::{
    Caller, Command, Entry, EventKind, Key, Kind, KindStats, NamespaceId, Page, Pattern, Refusal, Revision,
};

use super::hearts::{Alone, Heart, Read};

/// What is wrong with a board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its clock is a nanosecond slow, so entries are read at their deadline.
    Late,
    /// Its clock is a nanosecond fast, so entries are missing before their deadline.
    Early,
    /// Expiries make no event.
    SilentEnd,
    /// The cursor steps over a revision when there was more than fits an answer.
    Gap,
    /// A restart begins where it began before.
    OldRevisions,
}

impl Fault {
    pub(super) const ALL: [Self; 5] = [
        Self::Late,
        Self::Early,
        Self::SilentEnd,
        Self::Gap,
        Self::OldRevisions,
    ];
}

/// The ledger with a fault.
pub(super) struct Planted {
    honest: Alone,
    fault: Fault,
}

impl Planted {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            honest: Alone::new(),
            fault,
        }
    }
}

impl Heart for Planted {
    fn wait(&mut self, time: Duration) {
        let nano = Duration::from_nanos(1);
        self.honest.wait(match self.fault {
            Fault::Late => time.saturating_sub(nano),
            Fault::Early => time + nano,
            _ => time,
        });
    }

    fn restart(&mut self, start: Revision) {
        self.honest.restart(match self.fault {
            Fault::OldRevisions => Revision::ZERO,
            _ => start,
        });
    }

    fn apply<C: Command>(&mut self, caller: &Caller, command: C) -> Result<C::Answer, Refusal> {
        self.honest.apply(caller, command)
    }

    fn space(&self, namespace: usize) -> NamespaceId {
        self.honest.space(namespace)
    }

    fn rev(&self) -> Revision {
        self.honest.rev()
    }

    fn get(&self, namespace: usize, key: &Key) -> Option<Arc<Entry>> {
        self.honest.get(namespace, key)
    }

    fn list(&self, namespace: usize, pattern: &Pattern, after: Option<&str>, limit: usize) -> Page {
        self.honest.list(namespace, pattern, after, limit)
    }

    fn events_after(&self, namespace: usize, since: Revision, pattern: &Pattern, limit: usize) -> Read {
        let (mut events, mut cursor) = self.honest.events_after(namespace, since, pattern, limit)?;
        match self.fault {
            Fault::SilentEnd => events.retain(|event| event.kind != EventKind::Expire),
            Fault::Gap if cursor < self.rev() => cursor = cursor.next(),
            _ => {}
        }
        Ok((events, cursor))
    }

    fn tally(&self, namespace: usize) -> [(Kind, KindStats); Kind::ALL.len()] {
        self.honest.tally(namespace)
    }
}
