//! The directories that are watched, and what stood in the files that are locked there.
//!
//! Everything here may block for as long as a few files are read. Places come and go with locks; which directories
//! are watched for a place follows from what is there: a file's own directory, a directory with those below it,
//! and where nothing is yet, the nearest directory above.

mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::contents::Content;
use survey::Survey;

/// The most directories that are watched. The system has a limit too, which all of its user's programs share.
const MAX_DIRECTORIES: usize = 2_048;
/// The most files whose content is known.
const MAX_FILES: usize = 10_000;

/// Makes what tells of file events, which takes a thread of its own.
pub(super) type Make = Box<dyn Fn() -> notify::Result<RecommendedWatcher> + Send>;

/// Something that happened at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stir {
    /// Where.
    pub(super) path: PathBuf,
    /// Whether something may have come, gone or been renamed there, which may have been a directory.
    pub(super) is_structural: bool,
}

/// The watched directories.
pub(super) struct Watches {
    make: Make,
    watcher: Option<RecommendedWatcher>,
    /// What is locked, with the directories that are watched because of it.
    places: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// How many places each watched directory is watched for.
    directories: BTreeMap<PathBuf, usize>,
    /// What stood in each file at the last look.
    contents: BTreeMap<PathBuf, Content>,
    /// The places with more files than are known.
    partly_known: BTreeSet<PathBuf>,
    /// Whether it was said that something is not watched. Once is enough.
    has_complained: bool,
}

impl Watches {
    /// Returns watches of nothing, for which `make` is called when there is something.
    pub(super) fn new(make: Make) -> Self {
        Self {
            make,
            watcher: None,
            places: BTreeMap::new(),
            directories: BTreeMap::new(),
            contents: BTreeMap::new(),
            partly_known: BTreeSet::new(),
            has_complained: false,
        }
    }

    /// Watches what is locked at `place` from now on, and takes what stands there for what is to stand there.
    pub(super) fn begin(&mut self, place: &Path) {
        self.places.entry(place.to_owned()).or_default();
        self.settle(place);
        self.partly_known.remove(place);
        let mut files = self.survey(place);
        files.extend(self.known_below(place));
        files.push(place.to_owned());
        files.sort_unstable();
        files.dedup();
        for file in files {
            let content = Content::of(&file);
            self.note(file, content);
        }
    }

    /// Watches `place` no more.
    pub(super) fn end(&mut self, place: &Path) {
        for directory in self.places.remove(place).into_iter().flatten() {
            self.give_up(&directory);
        }
        self.partly_known.remove(place);
        let gone: Vec<PathBuf> = self
            .known_below(place)
            .filter(|file| !self.is_covered(file))
            .collect();
        for file in gone {
            self.contents.remove(&file);
        }
        if self.places.is_empty() {
            // The thread goes with it.
            self.watcher = None;
        }
    }

    /// Looks at what stirred and returns the files whose content is another one than at the last look.
    pub(super) fn look(&mut self, stirred: &[Stir]) -> Vec<PathBuf> {
        let mut suspected = Vec::new();
        for Stir { path, is_structural } in stirred {
            if *is_structural {
                self.resettle(path);
            }
            suspected.extend(self.known_below(path));
            if self.is_covered(path) {
                suspected.extend(self.survey(path));
                suspected.push(path.clone());
            }
        }
        self.changed(suspected)
    }

    /// Looks at everything, since events were lost.
    pub(super) fn look_everywhere(&mut self) -> Vec<PathBuf> {
        let places = self.places.keys().cloned();
        let stirred = places.map(|path| Stir {
            path,
            is_structural: true,
        });
        self.look(&stirred.collect::<Vec<_>>())
    }

    fn changed(&mut self, mut files: Vec<PathBuf>) -> Vec<PathBuf> {
        files.sort_unstable();
        files.dedup();
        files.retain(|file| {
            let content = Content::of(file);
            let is_changed = match self.contents.get(file) {
                Some(last) => *last != content,
                // It is new, or was there all the time and is only not known.
                None => content != Content::Nothing && self.is_known_around(file),
            };
            self.note(file.clone(), content);
            is_changed
        });
        files
    }

    fn note(&mut self, file: PathBuf, content: Content) {
        let is_at_place = self.places.contains_key(&file);
        if content == Content::Nothing && !is_at_place {
            self.contents.remove(&file);
        } else if is_at_place || self.contents.len() < MAX_FILES || self.contents.contains_key(&file) {
            self.contents.insert(file, content);
        } else {
            self.know_partly(&file);
        }
    }

    /// Returns the files at `path` that can be known.
    fn survey(&mut self, path: &Path) -> Vec<PathBuf> {
        let survey = Survey::of(path);
        if survey.is_cut {
            self.know_partly(path);
        }
        survey.files
    }

    /// Notes that not all files at `path` are known.
    fn know_partly(&mut self, path: &Path) {
        let above = path.ancestors().filter(|above| self.places.contains_key(*above));
        for place in above.map(Path::to_owned).collect::<Vec<_>>() {
            self.complain(&place, "there are too many files");
            self.partly_known.insert(place);
        }
    }

    /// Tells whether all files of a place with `file` are known.
    fn is_known_around(&self, file: &Path) -> bool {
        let is_known = |above| self.places.contains_key(above) && !self.partly_known.contains(above);
        file.ancestors().any(is_known)
    }

    /// Watches the directories anew that have to do with what came, went or was renamed at `path`.
    fn resettle(&mut self, path: &Path) {
        let stale: Vec<PathBuf> = below(&self.directories, path).cloned().collect();
        for directory in &stale {
            self.unwatch(directory);
        }
        if !stale.is_empty() {
            for directories in self.places.values_mut() {
                directories.retain(|directory| !stale.contains(directory));
            }
        }
        let above: Vec<PathBuf> = path.ancestors().skip(1).map(Path::to_owned).collect();
        let above = above.into_iter().filter(|place| self.places.contains_key(place));
        let above: Vec<PathBuf> = above.filter(|_| self.is_covered(path)).collect();
        for place in above {
            self.occupy(&place, Survey::of(path).directories);
        }
        let at_or_below: Vec<PathBuf> = below(&self.places, path).cloned().collect();
        for place in at_or_below {
            self.settle(&place);
        }
    }

    /// Watches the directories of `place` as they are now.
    fn settle(&mut self, place: &Path) {
        let mut directories = Survey::of(place).directories;
        if directories.is_empty() {
            let above = place.ancestors().skip(1).find(|above| above.is_dir());
            directories.extend(above.map(Path::to_owned));
        }
        let old = self.places.get(place).cloned().unwrap_or_default();
        let gone = old.into_iter().filter(|old| !directories.contains(old));
        for directory in gone.collect::<Vec<_>>() {
            self.give_up(&directory);
            if let Some(watched) = self.places.get_mut(place) {
                watched.retain(|watched| *watched != directory);
            }
        }
        self.occupy(place, directories);
    }

    /// Watches `directories` for `place`, besides those that are.
    fn occupy(&mut self, place: &Path, directories: Vec<PathBuf>) {
        for directory in directories {
            let known = self.places.get(place);
            if known.is_none_or(|known| known.contains(&directory)) || !self.watch(&directory) {
                continue;
            }
            if let Some(watched) = self.places.get_mut(place) {
                watched.push(directory);
            }
        }
    }

    /// Watches `directory` once more, and tells whether it is watched.
    fn watch(&mut self, directory: &Path) -> bool {
        if let Some(many) = self.directories.get_mut(directory) {
            *many += 1;
            return true;
        }
        if self.directories.len() >= MAX_DIRECTORIES {
            self.complain(directory, &format!("{MAX_DIRECTORIES} are watched already"));
            return false;
        }
        match self.try_watch(directory) {
            Ok(()) => {
                self.directories.insert(directory.to_owned(), 1);
                true
            }
            // It has gone meanwhile, which is an event of the directory above.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => false,
            Err(error) => {
                self.complain(directory, &error.to_string());
                false
            }
        }
    }

    fn try_watch(&mut self, directory: &Path) -> notify::Result<()> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => none.insert((self.make)()?),
        };
        watcher.watch(directory, RecursiveMode::NonRecursive)
    }

    /// Notes that one place less needs `directory`.
    fn give_up(&mut self, directory: &Path) {
        match self.directories.get_mut(directory) {
            Some(many) if *many > 1 => *many -= 1,
            Some(_) => self.unwatch(directory),
            None => {}
        }
    }

    fn unwatch(&mut self, directory: &Path) {
        self.directories.remove(directory);
        if let Some(watcher) = &mut self.watcher {
            // A directory that has gone is not watched any more already.
            let _ = watcher.unwatch(directory);
        }
    }

    fn complain(&mut self, directory: &Path, why: &str) {
        if !self.has_complained {
            self.has_complained = true;
            tracing::warn!(
                directory = %directory.display(),
                why,
                "a directory with locked files cannot be watched, or not all of it: changes of files there, and in \
                 any others of which the same is true, may not be seen. Locks hold all the same"
            );
        }
    }

    /// Tells whether `path` is locked, and not left out of what is locked.
    fn is_covered(&self, path: &Path) -> bool {
        let mut above = path.ancestors();
        let place = above.find(|above| self.places.contains_key(*above));
        place.is_some_and(|place| survey::is_counted(place, path))
    }

    fn known_below(&self, path: &Path) -> impl Iterator<Item = PathBuf> + use<'_> {
        below(&self.contents, path).cloned()
    }
}

/// Returns what of `map` is at `path` or below it. Paths are ordered by their parts.
fn below<'a, V>(
    map: &'a BTreeMap<PathBuf, V>,
    path: &Path,
) -> impl Iterator<Item = &'a PathBuf> + use<'a, V> {
    let top = path.to_owned();
    let from = map.range(top.clone()..);
    from.map(|(path, _)| path)
        .take_while(move |path| path.starts_with(&top))
}

#[cfg(test)]
mod tests;
