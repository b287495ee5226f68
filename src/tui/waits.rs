//! Who waits for whom: the queue for locks as people read it.
//!
//! Copied once when the board has news. The picture hangs each who waits below the one right before it, so
//! that at the top of every chain stands the one to look at: it holds something and waits for nobody.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::holders::{Held, Holder};
use crate::board::{Board, Key, Kind, Mode, NamespaceId, Owner, Revision, Time, Wish, locked_target};

/// Someone who waits.
#[derive(Clone, Debug)]
pub struct Wait {
    /// Who.
    pub owner: Arc<Owner>,
    /// For what.
    pub wish: Wish,
    /// Since when.
    pub since: Time,
    /// Until when its place is kept, when it gave up waiting for now.
    pub kept_until: Option<Time>,
    /// Those in its way.
    blockers: Vec<Arc<Owner>>,
}

/// The queue for locks, in order.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// The board's news when it was copied.
    news: u64,
    queue: Vec<Wait>,
    /// Who waits for each hold, as places in the queue.
    behind: HashMap<(Key, Revision), Vec<usize>>,
}

/// What the end of holds leads to.
#[derive(Clone, Debug)]
pub enum Next<'a> {
    /// Nobody waits for them.
    Nobody,
    /// This one gets what it waits for.
    Gets(&'a Wait),
    /// This one waits for them, but the other is in its way still.
    Needs(&'a Wait, Arc<Owner>),
}

/// One line of the picture.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    /// Who stands there.
    pub owner: &'a Arc<Owner>,
    /// What it waits for, unless it is at the top.
    pub wait: Option<&'a Wait>,
    /// Those of the holds above it that are in its way; at the top, its own that are in anybody's way.
    pub holds: Vec<&'a Held>,
    /// Who else is in its way.
    pub others: Vec<&'a Arc<Owner>>,
    /// For each level above it and itself, whether more follows there: how the tree is drawn.
    pub more: Vec<bool>,
}

impl Waits {
    /// Returns the queue of `namespace`, going on from the `last` picture when there is no news since.
    pub(super) fn look(
        board: &Board,
        namespace: NamespaceId,
        last: Option<Self>,
        holders: &[Holder],
        now: Time,
    ) -> Self {
        // First: what happens while the queue is copied is news to the next picture.
        let news = *board.news().borrow();
        let is_kept = |wait: &Wait| wait.kept_until.is_none_or(|end| now < end);
        if let Some(last) = last.filter(|last| last.news == news && last.queue.iter().all(is_kept)) {
            return last;
        }
        let waits = board
            .waiters(namespace)
            .into_iter()
            .map(|(waiter, blockers)| Wait {
                owner: Arc::clone(waiter.owner()),
                wish: waiter.wish,
                since: waiter.since,
                kept_until: waiter.kept_until,
                blockers,
            });
        let queue: Vec<Wait> = waits.filter(is_kept).collect();
        let mut behind: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, wait) in queue.iter().enumerate() {
            let holders = holders
                .iter()
                .filter(|holder| wait.blockers.contains(holder.owner()));
            for held in holders
                .flat_map(|holder| &holder.held)
                .filter(|held| wait.is_kept_off_by(held))
            {
                behind.entry((held.key.clone(), held.fence)).or_default().push(at);
            }
        }
        Self { news, queue, behind }
    }

    /// Returns everyone who waits, in order.
    pub fn all(&self) -> &[Wait] {
        &self.queue
    }

    /// Returns how many wait for the hold on `key` that was granted under `fence`.
    pub fn count(&self, key: &Key, fence: Revision) -> usize {
        if self.behind.is_empty() {
            return 0;
        }
        self.behind.get(&(key.clone(), fence)).map_or(0, Vec::len)
    }

    /// Returns who waits for the hold on `key` that was granted under `fence`, in order.
    pub fn behind(&self, key: &Key, fence: Revision) -> impl Iterator<Item = &Wait> {
        let places = self.behind.get(&(key.clone(), fence));
        places.into_iter().flatten().map(|at| &self.queue[*at])
    }

    /// Returns who gets what it waits for when the holds in `ended` end, or who is nearest to it.
    pub fn next(&self, holders: &[Holder], ended: &[(Key, Revision)]) -> Next<'_> {
        let is_ended = |held: &Held| {
            ended
                .iter()
                .any(|(key, fence)| *fence == held.fence && *key == held.key)
        };
        let mut nearest = Next::Nobody;
        for (at, wait) in self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, wait)| wait.kept_until.is_none())
        {
            let all = holders
                .iter()
                .flat_map(|holder| holder.held.iter().map(move |held| (holder, held)));
            let in_the_way = all.filter(|(_, held)| wait.is_kept_off_by(held));
            let (gone, stays): (Vec<_>, Vec<_>) = in_the_way.partition(|(_, held)| is_ended(held));
            if gone.is_empty() {
                continue;
            }
            let mut before = self.queue.iter().take(at);
            let before = before.find(|other| {
                other.kept_until.is_none() && other.owner != wait.owner && other.wish.conflicts(&wait.wish)
            });
            let still = stays.first().map(|(holder, _)| holder.owner());
            match still.or(before.map(|other| &other.owner)) {
                None => return Next::Gets(wait),
                Some(owner) if matches!(nearest, Next::Nobody) => {
                    nearest = Next::Needs(wait, Arc::clone(owner));
                }
                Some(_) => {}
            }
        }
        nearest
    }

    /// Returns the picture, line by line: each who is in the way, and below it those who wait for it.
    pub fn picture<'a>(&'a self, holders: &'a [Holder]) -> Vec<Link<'a>> {
        let above: Vec<_> = (0..self.queue.len()).map(|at| self.above(at)).collect();
        let mut picture = Picture {
            waits: self,
            holders,
            drawn: vec![false; above.len()],
            above,
            lines: Vec::new(),
        };
        for at in 0..self.queue.len() {
            if let Above::Owner(owner) = picture.above[at]
                && !picture.drawn[at]
            {
                picture.top(owner);
                picture.hang(Above::Owner(owner), &[]);
            }
        }
        // Whom nothing keeps off is about to be served, or there is no room for more locks.
        for at in 0..self.queue.len() {
            if !picture.drawn[at] {
                picture.draw(at, &[]);
            }
        }
        picture.lines
    }

    /// Returns who stands right before a wait: of those who wait themselves the last, else a holder.
    fn above(&self, at: usize) -> Above<'_> {
        let wait = &self.queue[at];
        let before = |(_, other): &(usize, &Wait)| wait.blockers.contains(&other.owner);
        let last = self.queue.iter().enumerate().take(at).rfind(before);
        let later = || self.queue.iter().enumerate().skip(at + 1).find(before);
        match last.or_else(later) {
            Some((at, _)) => Above::Wait(at),
            None => wait.blockers.first().map_or(Above::Nobody, Above::Owner),
        }
    }
}

/// The picture in the making.
struct Picture<'a> {
    waits: &'a Waits,
    holders: &'a [Holder],
    /// Where each wait hangs.
    above: Vec<Above<'a>>,
    drawn: Vec<bool>,
    lines: Vec<Link<'a>>,
}

impl<'a> Picture<'a> {
    /// Adds someone who is in the way and waits for nobody.
    fn top(&mut self, owner: &'a Arc<Owner>) {
        let holds = self.held_by(owner);
        self.lines.push(Link {
            owner,
            wait: None,
            holds: holds
                .filter(|held| self.waits.count(&held.key, held.fence) > 0)
                .collect(),
            others: Vec::new(),
            more: Vec::new(),
        });
    }

    /// Adds those who hang below `parent`, each with those below it.
    fn hang(&mut self, parent: Above<'a>, more: &[bool]) {
        let mut below: VecDeque<usize> = (0..self.above.len())
            .filter(|at| self.above[*at] == parent && !self.drawn[*at])
            .collect();
        while let Some(at) = below.pop_front() {
            let mut more = more.to_vec();
            more.push(!below.is_empty());
            self.draw(at, &more);
        }
    }

    fn draw(&mut self, at: usize, more: &[bool]) {
        self.drawn[at] = true;
        let wait = &self.waits.queue[at];
        let chain = self.chain(at);
        let holds = chain.first().map(|owner| self.held_by(owner));
        let holds = holds.into_iter().flatten();
        let others = wait.blockers.iter().filter(|other| !chain.contains(other));
        self.lines.push(Link {
            owner: &wait.owner,
            wait: Some(wait),
            holds: holds.filter(|held| wait.is_kept_off_by(held)).collect(),
            others: others.collect(),
            more: more.to_vec(),
        });
        self.hang(Above::Wait(at), more);
    }

    /// Returns who stands above a wait, the next one first.
    fn chain(&self, mut at: usize) -> Vec<&'a Arc<Owner>> {
        let mut chain = Vec::new();
        while chain.len() < self.above.len() {
            match self.above[at] {
                Above::Wait(next) => {
                    chain.push(&self.waits.queue[next].owner);
                    at = next;
                }
                Above::Owner(owner) => {
                    chain.push(owner);
                    break;
                }
                Above::Nobody => break,
            }
        }
        chain
    }

    fn held_by(&self, owner: &Arc<Owner>) -> impl Iterator<Item = &'a Held> + use<'a> {
        let holder = self.holders.iter().find(|holder| holder.owner() == owner);
        holder.into_iter().flat_map(|holder| &holder.held)
    }
}

/// Where a wait hangs in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Above<'a> {
    /// Below another wait.
    Wait(usize),
    /// Below someone who waits for nobody.
    Owner(&'a Arc<Owner>),
    /// At the top.
    Nobody,
}

impl Wait {
    /// Tells whether `held`, a hold of somebody else, is in its way.
    fn is_kept_off_by(&self, held: &Held) -> bool {
        let shared = self.wish.mode == Mode::Shared;
        held.key.kind() == Kind::Lock
            && held
                .lease()
                .is_some_and(|lease| *lease.owner() != self.owner && !(shared && lease.mode == Mode::Shared))
            && locked_target(&held.key, &held.entry.value)
                .is_some_and(|target| self.wish.targets.iter().any(|wanted| wanted.overlaps(&target)))
    }

    /// Returns how long it waits already at `now`.
    pub fn waited(&self, now: Time) -> Duration {
        now.since(self.since)
    }
}
