//! Making a board of records: all of them fit together, or there is no board.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{
    AnswerRecord, EntryRecord, LeaseRecord, LossRecord, Moment, Record, ScoreRecord, SessionRecord,
    SettledRecord, WorkRecord,
};
use crate::board::answers::Answers;
use crate::board::board::Parts;
use crate::board::entry::Hold;
use crate::board::locks;
use crate::board::queue::Wish;
use crate::board::revisions::MAX_START;
use crate::board::roster::{Company, Roster, Saved, clean};
use crate::board::scores::Tally;
use crate::board::settled::Settlement;
use crate::board::space::Growth;
use crate::board::{
    Board, Clock, Entry, Key, Kind, Lease, Ledger, Limits, Loss, Mode, Namespace, NamespaceId, Owner,
    Presence, Refusal, Revision, RevisionFile, SessionId, Term, Time, Work, check_value,
};

/// The most sessions that are taken over; more than a board ever knows.
const MAX_SESSIONS: usize = 10_000;

/// Why a record does not belong to the board that the others make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A revision that was not handed out when the image was taken.
    #[error("revision {0} is not one of those before the snapshot was taken")]
    Revision(Revision),
    /// A session that did not exist when the image was taken.
    #[error("there was no session {} when the snapshot was taken", .0.0)]
    Session(SessionId),
    /// A name that no agent has.
    #[error("{0:?} is no name of an agent")]
    Name(Arc<str>),
    /// The same key or session again.
    #[error("{0} is there a second time")]
    Twice(String),
    /// A lock that two hold who exclude each other.
    #[error("{0} is locked by two agents who exclude each other")]
    Contested(Key),
    /// An entry that nothing keeps.
    #[error("{0} has neither a time to live nor a lease that keeps it")]
    Unkept(Key),
    /// More than the board may hold, or a value that no write could have left.
    #[error("{}{}", .0, advice(.0))]
    Refused(#[from] Refusal),
}

fn advice(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Full {
            which: which @ ("keys" | "bytes" | "locks"),
            limit,
        } => format!(": it may hold {limit} {which}; allow more with --max-{which}"),
        Refusal::Full { which, limit } => format!(": it may hold {limit} {which}"),
        _ => String::new(),
    }
}

/// A board in the making.
#[derive(Debug)]
pub struct Restoring<C> {
    clock: C,
    pub(super) ledger: Ledger,
    limits: Limits,
    pub(super) moment: Moment,
    pub(super) now: Time,
    /// How much later it is than at the moment of the image, by the wall clock; nothing if that went back.
    elapsed: Duration,
    owners: BTreeSet<Arc<Owner>>,
    sessions: Vec<Saved>,
    known: HashSet<SessionId>,
    /// What agents call themselves, each with the name that its hooks know it by.
    pub(super) aliases: Vec<(Arc<Owner>, Arc<str>)>,
    answers: Answers,
    entries: usize,
}

impl<C: Clock + std::fmt::Debug> Restoring<C> {
    /// Begins a board that was at `moment`. Its revisions go on above both that and `start`, so that nothing
    /// that somebody was handed before means anything new.
    pub fn begin(clock: C, limits: Limits, start: Revision, moment: Moment) -> Result<Self, Unfit> {
        if moment.rev.0 > MAX_START {
            return Err(Unfit::Revision(moment.rev));
        }
        let (now, elapsed) = (clock.now(), clock.wall().duration_since(moment.at));
        Ok(Self {
            clock,
            ledger: Ledger::new(moment.rev.max(start).next(), limits),
            limits,
            moment,
            now,
            elapsed: elapsed.try_into().unwrap_or_default(),
            owners: BTreeSet::new(),
            sessions: Vec::new(),
            known: HashSet::new(),
            aliases: Vec::new(),
            answers: Answers::default(),
            entries: 0,
        })
    }

    /// Adds what `record` says.
    pub fn add(&mut self, record: Record) -> Result<(), Unfit> {
        match record {
            Record::Session(record) => self.add_session(record),
            Record::Entry(record) => self.add_entry(record),
            Record::Loss(record) => self.add_loss(record),
            Record::Score(record) => self.add_score(record),
            Record::Settled(record) => self.add_settled(record),
            Record::Answer(record) => {
                self.add_answer(record);
                Ok(())
            }
            Record::Life(record) => self.add_life(record),
            Record::Place(record) => self.add_place(record),
            Record::Alias(record) => self.add_alias(record),
            Record::History(record) => self.add_history(&record),
            Record::Event(record) => self.add_event(record),
        }
    }

    /// Returns how many entries were added.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Returns how long ago the image was taken.
    pub fn age(&self) -> Duration {
        self.elapsed
    }

    /// Returns the board, which sets its revisions aside in `revisions`.
    pub fn finish(self, mut revisions: RevisionFile) -> io::Result<Board> {
        revisions.reserve_after(self.ledger.rev())?;
        let mut companies = self.companies();
        let sessions = self.sessions.into_iter().map(|saved| {
            let company = companies.remove(&saved.owner.session).unwrap_or_default();
            (saved, company)
        });
        let roster = Roster::restored(self.moment.last_session, sessions, self.now);
        Ok(Board::of(Parts {
            clock: Box::new(self.clock),
            ledger: self.ledger,
            limits: self.limits,
            revisions,
            roster,
            answers: self.answers,
        }))
    }

    /// Returns who shares which session: those who hold or wait for something in it, so that it is theirs when they
    /// call again, and those of whom it was said.
    fn companies(&self) -> HashMap<SessionId, Company> {
        let mut companies: HashMap<SessionId, Company> = HashMap::new();
        for owner in self.ledger.at_work() {
            let company = companies.entry(owner.session).or_default();
            company.names.insert(Arc::clone(&owner.name));
        }
        for (owner, known) in &self.aliases {
            let company = companies.entry(owner.session).or_default();
            company.names.extend([&owner.name, known].map(Arc::clone));
            company.aliases.insert(Arc::clone(&owner.name), Arc::clone(known));
        }
        companies
    }

    fn add_session(&mut self, record: SessionRecord) -> Result<(), Unfit> {
        let SessionRecord {
            namespace,
            secret,
            owner,
            gone_ms,
        } = record;
        let owner = self.owner(owner)?;
        let namespace = self.ledger.open(&namespace)?;
        let same = |other: &Saved| other.namespace == namespace && other.secret == secret;
        if owner.session == SessionId::BOARD {
            return Err(Unfit::Session(owner.session));
        }
        if !self.known.insert(owner.session) || self.sessions.iter().any(same) {
            return Err(Unfit::Twice(format!("session {}", owner.session.0)));
        }
        if self.sessions.len() == MAX_SESSIONS {
            let (which, limit) = ("sessions", MAX_SESSIONS);
            return Err(Refusal::Full { which, limit }.into());
        }
        self.sessions.push(Saved {
            namespace,
            secret,
            owner,
            left: gone_ms.map(|gone| self.ago(gone)),
        });
        Ok(())
    }

    fn add_entry(&mut self, record: EntryRecord) -> Result<(), Unfit> {
        let EntryRecord {
            namespace,
            key,
            value,
            rev,
            created_rev,
            by,
            written_ms,
            ttl_ms,
            leases,
            work,
        } = record;
        check_value(&value)?;
        self.check_rev(rev)?;
        self.check_rev(created_rev)?;
        if created_rev > rev {
            return Err(Unfit::Revision(created_rev));
        }
        let by = self.owner(by)?;
        let namespace = self.open(&namespace)?;
        let leases: Result<Vec<_>, _> = leases
            .into_iter()
            .map(|lease| self.lease(namespace, rev, lease))
            .collect();
        let hold = Hold {
            leases: leases?,
            work: work.map_or_else(Work::default, |work| self.work(work)),
        };
        let entry = Entry {
            value,
            rev,
            created_rev,
            written: self.ago(written_ms),
            // What ran out meanwhile ends in the ordinary way, with its event, as soon as the board lives.
            deadline: ttl_ms.map_or_else(Time::default, |ttl| self.ahead(ttl)),
            by,
            hold: (hold != Hold::default()).then(|| Box::new(hold)),
        };
        if ttl_ms.is_none() && entry.own_end().is_some() {
            return Err(Unfit::Unkept(key));
        }
        self.put(namespace, &key, entry)
    }

    /// Puts `entry` under `key` if it breaks no rule.
    fn put(&mut self, namespace: NamespaceId, key: &Key, entry: Entry) -> Result<(), Unfit> {
        let space = self.ledger.space(namespace);
        if space.get(key.as_str()).is_some() {
            return Err(Unfit::Twice(key.to_string()));
        }
        let mut growth = Growth::default();
        growth.add(key, None, Some(entry.value.len()));
        if key.kind() == Kind::Lock {
            entry.leases().iter().skip(1).for_each(|_| growth.add_hold());
        }
        space.check(&growth, &self.limits)?;
        let excluded = |lease: &Lease| {
            let others = entry
                .leases()
                .iter()
                .filter(|other| other.owner() != lease.owner());
            let mut apart =
                others.filter(|other| other.mode == Mode::Exclusive || lease.mode == Mode::Exclusive);
            apart.next().is_some()
        };
        let contested = entry.leases().iter().any(excluded)
            || locks::target(key, &entry.value).is_some_and(|target| {
                entry.leases().iter().any(|lease| {
                    let wish = Wish {
                        targets: Arc::from([target.clone()]),
                        mode: lease.mode,
                        why: None,
                        ttl: Duration::ZERO,
                    };
                    !space.is_free(self.now, lease.owner(), &wish, 0)
                })
            });
        if contested {
            return Err(Unfit::Contested(key.clone()));
        }
        self.ledger.space_mut(namespace).put(key, &Arc::new(entry));
        self.entries += 1;
        Ok(())
    }

    fn lease(&mut self, namespace: NamespaceId, rev: Revision, record: LeaseRecord) -> Result<Lease, Unfit> {
        let LeaseRecord {
            fence,
            owner,
            mode,
            ttl_ms,
            granted_ms,
            why,
            at_least_ms,
        } = record;
        self.check_rev(fence)?;
        if fence > rev {
            return Err(Unfit::Revision(fence));
        }
        Ok(Lease {
            fence,
            holder: self.orphan(namespace, owner)?,
            mode,
            term: ttl_ms.map_or(Term::Entry, |ttl| Term::Renewed(Duration::from_millis(ttl))),
            granted: self.ago(granted_ms),
            why,
            at_least: at_least_ms.map_or_else(Time::default, |ahead| self.ahead(ahead)),
        })
    }

    fn work(&self, record: WorkRecord) -> Work {
        let WorkRecord {
            state,
            attempts,
            backoff_ms,
        } = record;
        Work {
            state,
            attempts,
            not_before: if backoff_ms == 0 {
                Time::default()
            } else {
                self.ahead(backoff_ms)
            },
        }
    }

    fn add_loss(&mut self, record: LossRecord) -> Result<(), Unfit> {
        let LossRecord {
            namespace,
            owner,
            key,
            path,
            fence,
            reason,
            ago_ms,
        } = record;
        self.check_rev(fence)?;
        let namespace = self.open(&namespace)?;
        let loser = self.orphan(namespace, owner)?;
        let at = self.ago(ago_ms);
        let holdings = &mut self.ledger.space_mut(namespace).holdings;
        let loss = Loss {
            target: locks::named(&key, || path),
            key,
            fence,
            reason,
            at,
            told: Vec::new(),
        };
        holdings.lost(loser.owner(), loss);
        holdings.forget(loser.owner());
        Ok(())
    }

    fn add_score(&mut self, record: ScoreRecord) -> Result<(), Unfit> {
        let ScoreRecord {
            namespace,
            name,
            done,
            failed,
            lost,
            taken_ms,
        } = record;
        check_name(&name)?;
        let namespace = self.open(&namespace)?;
        let tally = Tally {
            done,
            failed,
            lost,
            taken: Duration::from_millis(taken_ms),
            ..Tally::default()
        };
        self.ledger.space_mut(namespace).scores.restore(&name, tally);
        Ok(())
    }

    fn add_settled(&mut self, record: SettledRecord) -> Result<(), Unfit> {
        let SettledRecord {
            namespace,
            token,
            key,
            owner,
            outcome,
            state,
        } = record;
        self.check_rev(token)?;
        let settlement = Settlement {
            key,
            owner: self.owner(owner)?,
            outcome,
            state,
        };
        let namespace = self.open(&namespace)?;
        self.ledger.space_mut(namespace).settled.add(token, settlement);
        Ok(())
    }

    fn add_answer(&mut self, record: AnswerRecord) {
        let AnswerRecord {
            secret,
            id,
            ago_ms,
            line,
        } = record;
        let line = line.map(|line| Arc::from(line.into_bytes()));
        self.answers.restore(secret, id, self.ago(ago_ms), line, self.now);
    }

    pub(super) fn open(&mut self, namespace: &Namespace) -> Result<NamespaceId, Unfit> {
        Ok(self.ledger.open(namespace)?)
    }

    /// Returns the presence of somebody who has the grace time to come back, from now on unless it is known to be away
    /// for longer.
    pub(super) fn orphan(
        &mut self,
        namespace: NamespaceId,
        owner: Arc<Owner>,
    ) -> Result<Arc<Presence>, Unfit> {
        let owner = self.owner(owner)?;
        let presence = self.ledger.presence(namespace, &owner, self.now);
        if presence.gone().is_none() {
            presence.orphan(self.now);
        }
        Ok(presence)
    }

    /// Returns `owner` as others of it are known, so that all share one, unless nobody can have that name.
    pub(super) fn owner(&mut self, owner: Arc<Owner>) -> Result<Arc<Owner>, Unfit> {
        if let Some(known) = self.owners.get(&owner) {
            return Ok(Arc::clone(known));
        }
        check_name(&owner.name)?;
        if owner.session > self.moment.last_session {
            return Err(Unfit::Session(owner.session));
        }
        self.owners.insert(Arc::clone(&owner));
        Ok(owner)
    }

    pub(super) fn check_rev(&self, rev: Revision) -> Result<(), Unfit> {
        if rev == Revision::ZERO || rev > self.moment.rev {
            return Err(Unfit::Revision(rev));
        }
        Ok(())
    }

    /// Returns the moment `millis` before that of the image.
    pub(super) fn ago(&self, millis: u64) -> Time {
        let ago = Duration::from_millis(millis).saturating_add(self.elapsed);
        self.now.before(ago)
    }

    /// Returns the moment `millis` after that of the image, or now if that has passed.
    fn ahead(&self, millis: u64) -> Time {
        self.now
            .after(Duration::from_millis(millis).saturating_sub(self.elapsed))
    }
}

pub(super) fn check_name(name: &Arc<str>) -> Result<(), Unfit> {
    if name.is_empty() || clean(name) != **name {
        return Err(Unfit::Name(Arc::clone(name)));
    }
    Ok(())
}
