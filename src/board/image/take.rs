//! Taking an image: what must be copied while the board is held, and the rest.

use std::iter;
use std::sync::Arc;

use super::handed::Lately;
use super::{
    AliasRecord, AnswerRecord, EntryRecord, LeaseRecord, LifeRecord, LossRecord, Moment, PlaceRecord, Record,
    ScoreRecord, SessionRecord, SettledRecord, WorkRecord, millis,
};
use crate::board::answers::Mark;
use crate::board::entry::Hold;
use crate::board::scores::Tally;
use crate::board::settled::Settlement;
use crate::board::space::Copied;
use crate::board::{
    Board, Entry, Fingerprint, Key, Lease, Loss, Namespace, Owner, Revision, Term, Time, Work,
};

/// A board at one moment. Entries never change, so all that it costs is a handle to each.
#[derive(Debug)]
pub struct Image {
    moment: Moment,
    now: Time,
    spaces: Vec<Copied>,
    sessions: Vec<SessionRecord>,
    marks: Vec<(Fingerprint, Arc<Mark>)>,
    /// Only for a board that is handed over.
    pub(super) lives: Vec<LifeRecord>,
    pub(super) places: Vec<PlaceRecord>,
    pub(super) aliases: Vec<AliasRecord>,
    pub(super) lately: Vec<Lately>,
}

impl Board {
    /// Takes an image. The board is held only while the handles of its entries are copied.
    ///
    /// Who attaches meanwhile may be in the image too, and a request is in it if what it did is.
    pub fn image(&self) -> Image {
        let (now, rev, mut spaces) = self.look_at_ledger(|ledger, now| (now, ledger.rev(), ledger.copy()));
        for space in &mut spaces {
            // What has run out but was not swept yet is over; what is held is ended by nobody but the ledger.
            space
                .entries
                .retain(|(_, entry)| entry.own_end().is_none_or(|end| now < end));
        }
        let namespaces = self.namespaces();
        let name = |id| namespaces.iter().find(|(known, _)| *known == id);
        let (last_session, sessions) = self.roster().to_save();
        let sessions = sessions.into_iter().filter_map(|saved| {
            let (_, namespace) = name(saved.namespace)?;
            Some(SessionRecord {
                namespace: namespace.clone(),
                secret: saved.secret,
                owner: saved.owner,
                gone_ms: saved.left.map(|left| millis(now.since(left))),
            })
        });
        Image {
            moment: Moment {
                rev,
                at: self.clock().wall(),
                last_session,
            },
            now,
            spaces,
            sessions: sessions.collect(),
            marks: self.answers().in_image(rev, now),
            lives: Vec::new(),
            places: Vec::new(),
            aliases: Vec::new(),
            lately: Vec::new(),
        }
    }
}

impl Image {
    /// Returns when it was taken.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// Returns how many entries it shows.
    pub fn entries(&self) -> usize {
        self.spaces.iter().map(|space| space.entries.len()).sum()
    }

    /// Returns all that it shows, in an order in which a board can be made of it.
    ///
    /// Answers that became known since the image was taken are among it: they are those of the requests whose
    /// effects it shows.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let sessions = self.sessions.iter().cloned().map(Record::Session);
        let lives = self.lives.iter().cloned().map(Record::Life);
        let entries = self.spaces.iter().flat_map(|space| {
            let entries = space.entries.iter();
            entries.map(|(key, entry)| Record::Entry(self.entry(&space.name, key, entry)))
        });
        let losses = self.spaces.iter().flat_map(|space| {
            let losses = space.losses.iter();
            losses.map(|(owner, loss)| Record::Loss(self.loss(&space.name, owner, loss)))
        });
        let scores = self.spaces.iter().flat_map(|space| {
            let scores = space.scores.iter();
            scores.map(|(name, tally)| Record::Score(score(&space.name, name, tally)))
        });
        let settled = self.spaces.iter().flat_map(|space| {
            let claims = space.settled.iter();
            claims.map(|(token, settlement)| Record::Settled(settled(&space.name, *token, settlement)))
        });
        let answers = self.marks.iter();
        let answers = answers.map(|(secret, mark)| Record::Answer(self.answer(*secret, mark)));
        let tasks = scores.chain(settled);
        let places = self.places.iter().cloned().map(Record::Place);
        let aliases = self.aliases.iter().cloned().map(Record::Alias);
        let lately = self.lately.iter().flat_map(|lately| {
            let events = lately.events(self.now).map(Record::Event);
            iter::once(Record::History(lately.history())).chain(events)
        });
        let held = sessions
            .chain(lives)
            .chain(entries)
            .chain(losses)
            .chain(tasks)
            .chain(answers);
        held.chain(places).chain(aliases).chain(lately)
    }

    fn entry(&self, namespace: &Namespace, key: &Key, entry: &Entry) -> EntryRecord {
        let Entry {
            value,
            rev,
            created_rev,
            written,
            deadline,
            by,
            hold,
        } = entry;
        let (leases, work) = match hold.as_deref() {
            Some(Hold { leases, work }) => (&leases[..], *work),
            None => (&[][..], Work::default()),
        };
        EntryRecord {
            namespace: namespace.clone(),
            key: key.clone(),
            value: Arc::clone(value),
            rev: *rev,
            created_rev: *created_rev,
            by: Arc::clone(by),
            written_ms: self.ago(*written),
            ttl_ms: self.ahead(*deadline),
            leases: leases.iter().map(|lease| self.lease(lease)).collect(),
            work: Some(self.work(work)).filter(|work| *work != WorkRecord::default()),
        }
    }

    fn lease(&self, lease: &Lease) -> LeaseRecord {
        let Lease {
            fence,
            holder,
            mode,
            term,
            granted,
            why,
            at_least,
        } = lease;
        LeaseRecord {
            fence: *fence,
            owner: Arc::clone(holder.owner()),
            mode: *mode,
            ttl_ms: match term {
                Term::Renewed(ttl) => Some(millis(*ttl)),
                Term::Entry => None,
            },
            granted_ms: self.ago(*granted),
            why: why.clone(),
            at_least_ms: self.ahead(*at_least),
        }
    }

    fn work(&self, work: Work) -> WorkRecord {
        let Work {
            state,
            attempts,
            not_before,
        } = work;
        WorkRecord {
            state,
            attempts,
            backoff_ms: self.ahead(not_before).unwrap_or(0),
        }
    }

    fn loss(&self, namespace: &Namespace, owner: &Arc<Owner>, loss: &Loss) -> LossRecord {
        let Loss {
            key,
            target,
            fence,
            reason,
            at,
            // At worst it is told once more.
            told: _,
        } = loss;
        LossRecord {
            namespace: namespace.clone(),
            owner: Arc::clone(owner),
            key: key.clone(),
            path: target
                .as_ref()
                .filter(|target| !target.is_spelled())
                .map(|target| target.text().into_owned()),
            fence: *fence,
            reason: *reason,
            ago_ms: self.ago(*at),
        }
    }

    fn answer(&self, secret: Fingerprint, mark: &Mark) -> AnswerRecord {
        let line = mark.answer().and_then(|line| std::str::from_utf8(line).ok());
        AnswerRecord {
            secret,
            id: mark.id().clone(),
            ago_ms: self.ago(mark.since()),
            line: line.map(str::to_owned),
        }
    }

    fn ago(&self, moment: Time) -> u64 {
        millis(self.now.since(moment))
    }

    /// Returns how long it is until `moment`, `None` when it has come.
    fn ahead(&self, moment: Time) -> Option<u64> {
        Some(moment.since(self.now))
            .filter(|ahead| !ahead.is_zero())
            .map(millis)
    }
}

fn score(namespace: &Namespace, name: &Arc<str>, tally: &Tally) -> ScoreRecord {
    ScoreRecord {
        namespace: namespace.clone(),
        name: Arc::clone(name),
        done: tally.done,
        failed: tally.failed,
        lost: tally.lost,
        taken_ms: millis(tally.taken),
    }
}

fn settled(namespace: &Namespace, token: Revision, settlement: &Settlement) -> SettledRecord {
    let Settlement {
        key,
        owner,
        outcome,
        state,
    } = settlement;
    SettledRecord {
        namespace: namespace.clone(),
        token,
        key: key.clone(),
        owner: Arc::clone(owner),
        outcome: *outcome,
        state: *state,
    }
}
