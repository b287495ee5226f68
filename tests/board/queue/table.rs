//! What a lock table shows, and the rules of conflict in the dumbest way: names compared as texts, lists that
//! are searched from the front.

/// What is locked: a tree, a name that begins like another one, named things, and paths outside the project.
pub(super) const TARGETS: [&str; 12] = [
    ".",
    "docs",
    "docs/a.md",
    "src",
    "src/a",
    "src/a/x.rs",
    "src/b.rs",
    "src-old",
    "port:1",
    "port:2",
    "/etc",
    "/etc/hosts",
];

/// Some of [`TARGETS`], a bit for each.
pub(super) type Set = u16;

/// Somebody who holds or waits, by number.
pub(super) type Who = usize;

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) targets: Set,
    pub(super) shared: bool,
}

/// What somebody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) who: Who,
    pub(super) wish: Wish,
    pub(super) fence: u64,
}

/// Where somebody waits, or could go on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) who: Who,
    pub(super) wish: Wish,
    pub(super) open: bool,
}

/// All that can be seen of a lock table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// One for each target and fence.
    pub(super) holds: Vec<Hold>,
    pub(super) places: Vec<Place>,
}

/// The names that are in each other's way, and those that cover others.
pub(super) struct Names {
    near: [Set; TARGETS.len()],
    above: [Set; TARGETS.len()],
}

impl Names {
    pub(super) fn new() -> Self {
        let bits = |test: &dyn Fn(&str, &str) -> bool| {
            TARGETS.map(|one| {
                let others = TARGETS.iter().enumerate().filter(|(_, other)| test(one, other));
                others.fold(0, |set, (at, _)| set | 1 << at)
            })
        };
        Self {
            near: bits(&|one, other| covers(one, other) || covers(other, one)),
            above: bits(&|one, other| covers(other, one)),
        }
    }

    /// Tells whether two owners cannot have both at a time.
    pub(super) fn conflict(&self, one: Wish, other: Wish) -> bool {
        !(one.shared && other.shared) && {
            let mut targets = (0..TARGETS.len()).filter(|at| one.targets & 1 << at != 0);
            targets.any(|at| self.near[at] & other.targets != 0)
        }
    }

    /// Tells whether all of `wish` is covered by `held`.
    fn covered(&self, wish: Set, held: Set) -> bool {
        let mut targets = (0..TARGETS.len()).filter(|at| wish & 1 << at != 0);
        targets.all(|at| self.above[at] & held != 0)
    }
}

/// Tells whether a lock on `one` is one on `other` too.
fn covers(one: &str, other: &str) -> bool {
    let is_named = |name: &str| name.contains(':');
    let is_inside = |name: &str| !is_named(name) && !name.starts_with('/');
    one == other
        || one == "." && is_inside(other)
        || !is_named(one) && !is_named(other) && other.starts_with(&format!("{one}/"))
}

impl Table {
    /// Returns the fence under which `who` holds all of `wish`, as strongly.
    pub(super) fn covering(&self, names: &Names, who: Who, wish: Wish) -> Option<u64> {
        let own = |hold: &&Hold| hold.who == who && (wish.shared || !hold.wish.shared);
        let fences = self.holds.iter().filter(own).map(|hold| hold.fence);
        let covering = fences.filter(|fence| {
            let group = self.holds.iter().filter(own).filter(|hold| hold.fence == *fence);
            names.covered(wish.targets, group.fold(0, |set, hold| set | hold.wish.targets))
        });
        covering.min()
    }

    /// Returns who is in the way of `wish` of `who` in the place `position`, a bit for each.
    pub(super) fn blockers(&self, names: &Names, who: Who, wish: Wish, position: usize) -> u16 {
        let holders = self.holds.iter().map(|hold| (hold.who, hold.wish));
        let before = self.places[..position].iter().filter(|place| place.open);
        let all = holders.chain(before.map(|place| (place.who, place.wish)));
        let all = all.filter(|(other, theirs)| *other != who && names.conflict(*theirs, wish));
        all.fold(0, |set, (other, _)| set | 1 << other)
    }

    /// Returns for each owner whom it waits for, directly or not, a bit for each.
    pub(super) fn waits(&self, names: &Names) -> [u16; 16] {
        let mut waits = [0; 16];
        for (at, place) in self.places.iter().enumerate().filter(|(_, place)| place.open) {
            waits[place.who] |= self.blockers(names, place.who, place.wish, at);
        }
        for middle in 0..waits.len() {
            for from in 0..waits.len() {
                if waits[from] & 1 << middle != 0 {
                    waits[from] |= waits[middle];
                }
            }
        }
        waits
    }

    /// Tells whether some wait for each other.
    pub(super) fn is_circular(&self, names: &Names) -> bool {
        let waits = self.waits(names);
        (0..waits.len()).any(|who| waits[who] & 1 << who != 0)
    }

    /// Returns where a new request of `who` stands.
    pub(super) fn place_of(&self, names: &Names, who: Who, wish: Wish) -> usize {
        let waits = self.waits(names);
        let ahead = |place: &Place| {
            place.open
                && place.who != who
                && names.conflict(place.wish, wish)
                && waits[place.who] & 1 << who != 0
        };
        self.places.iter().position(ahead).unwrap_or(self.places.len())
    }

    /// Returns where the place is that is kept for `wish` of `who`.
    pub(super) fn kept(&self, who: Who, wish: Wish) -> Option<usize> {
        let kept = |place: &Place| !place.open && place.who == who && place.wish == wish;
        self.places.iter().position(kept)
    }
}
