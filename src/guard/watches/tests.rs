use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Watches that tell nobody: what there is to look at, the tests say.
fn deaf() -> Watches {
    Watches::new(Box::new(|| notify::recommended_watcher(|_| {})))
}

fn came(path: &Path) -> Stir {
    Stir {
        path: path.to_owned(),
        is_structural: true,
    }
}

#[test]
fn a_file_is_watched_by_its_directory_and_a_missing_one_by_the_nearest_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("src/deep")).unwrap();
    fs::write(root.join("src/a.rs"), "").unwrap();
    let mut watches = deaf();
    watches.begin(&root.join("src/a.rs"));
    watches.begin(&root.join("src/b.rs"));
    watches.begin(&root.join("lib/new/c.rs"));
    let watched = |watches: &Watches| watches.directories.keys().cloned().collect::<Vec<_>>();
    assert_eq!(watched(&watches), [root.to_owned(), root.join("src")]);
    fs::create_dir_all(root.join("lib/new")).unwrap();
    watches.look(&[came(&root.join("lib"))]);
    assert_eq!(watched(&watches), [root.join("lib/new"), root.join("src")]);
    watches.end(&root.join("src/a.rs"));
    assert_eq!(watched(&watches), [root.join("lib/new"), root.join("src")]);
    watches.end(&root.join("src/b.rs"));
    watches.end(&root.join("lib/new/c.rs"));
    assert_eq!(watched(&watches), [""; 0].map(PathBuf::from));
    assert!(watches.watcher.is_none() && watches.contents.is_empty());
}

#[test]
fn a_change_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    fs::write(&file, "one").unwrap();
    let mut watches = deaf();
    watches.begin(&file);
    assert_eq!(watches.look(&[came(&file)]), [""; 0].map(PathBuf::from));
    fs::write(&file, "two").unwrap();
    assert_eq!(
        watches.look(&[came(&file), came(&file)]),
        std::slice::from_ref(&file)
    );
    assert_eq!(watches.look_everywhere(), [""; 0].map(PathBuf::from));
    fs::remove_file(&file).unwrap();
    assert_eq!(watches.look_everywhere(), [file]);
}

#[test]
fn a_system_that_refuses_is_complained_of_once_and_no_place_is_lost() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let refuse = move || {
        count.fetch_add(1, Ordering::SeqCst);
        Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch))
    };
    let dir = tempfile::tempdir().unwrap();
    let mut watches = Watches::new(Box::new(refuse));
    for name in ["a", "b"] {
        watches.begin(&dir.path().join(name));
        assert!(watches.has_complained && watches.directories.is_empty());
    }
    assert_eq!(watches.places.len(), 2);
    watches.end(&dir.path().join("a"));
    watches.end(&dir.path().join("b"));
    assert!(watches.places.is_empty());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_large_directory_is_watched_up_to_a_bound_and_caches_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    for name in (0..600).map(|number| format!("d{number}")) {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    let survey = Survey::of(dir.path());
    assert!(survey.is_cut && survey.directories.len() == 512);
    let dir = tempfile::tempdir().unwrap();
    for name in [
        ".git/objects",
        "target/debug",
        "web/__pycache__",
        "web/node_modules/x",
        "web/src",
    ] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("target/CACHEDIR.TAG"), "").unwrap();
    let mut survey = Survey::of(dir.path());
    survey.directories.sort();
    let expected = ["", "web", "web/src"].map(|name| dir.path().join(name));
    assert_eq!(survey.directories, expected);
    assert!(!survey.is_cut, "what is left out is not more than there is");
    assert!(!survey::is_counted(dir.path(), &dir.path().join(".git/index")));
    assert!(survey::is_counted(
        &dir.path().join(".git/index"),
        &dir.path().join(".git/index")
    ));
}

const NONE: [PathBuf; 0] = [];

#[test]
fn a_file_beyond_the_bound_of_its_place_is_known_from_its_first_stir_on() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..2_001 {
        fs::write(dir.path().join(number.to_string()), "one").unwrap();
    }
    let mut watches = deaf();
    watches.begin(dir.path());
    assert!(watches.has_complained);
    let mut files = (0..2_001).map(|number| dir.path().join(number.to_string()));
    let unknown = files.find(|file| !watches.contents.contains_key(file)).unwrap();
    assert_eq!(watches.look(&[came(&unknown)]), NONE, "it was only touched");
    fs::write(&unknown, "two").unwrap();
    assert_eq!(watches.look(&[came(&unknown)]), [unknown]);
    // A lock on what is larger takes nothing away from what is known of a smaller one.
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b/c");
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "one").unwrap();
    for number in 0..2_000 {
        fs::write(dir.path().join(number.to_string()), "one").unwrap();
    }
    watches.begin(&deep);
    watches.begin(dir.path());
    assert_eq!(watches.look(&[came(&deep.join("file"))]), NONE);
    fs::write(deep.join("new"), "").unwrap();
    assert_eq!(watches.look(&[came(&deep.join("new"))]), [deep.join("new")]);
}

#[test]
fn a_file_for_which_there_is_no_room_is_not_told_of_at_each_touch() {
    let dir = tempfile::tempdir().unwrap();
    let mut watches = deaf();
    watches.begin(dir.path());
    let others = (0..MAX_FILES).map(|number| PathBuf::from(format!("/elsewhere/{number}")));
    watches
        .contents
        .extend(others.map(|file| (file, Content::Hash([0; 32]))));
    let file = dir.path().join("a");
    fs::write(&file, "one").unwrap();
    assert_eq!(watches.look(&[came(&file)]), std::slice::from_ref(&file));
    assert_eq!(watches.look(&[came(&file)]), NONE);
    assert!(watches.has_complained);
}
