//! File systems that ignore case, which tests cannot choose, and how one is recognised.

use super::*;

fn folding(root: &Path) -> Resolver {
    Resolver {
        root: root.canonicalize().unwrap(),
        folds: true,
    }
}

fn target(resolver: &Resolver, text: &str) -> String {
    resolver.resolve(None, text).unwrap().target.to_string()
}

#[test]
fn where_case_is_ignored_every_way_of_writing_is_one_target() {
    let dir = tempfile::tempdir().unwrap();
    let resolver = folding(dir.path());
    for names in [
        ["README.md", "readme.MD"],
        ["ΟΔΟΣ", "οδος"],
        ["STRAẞE", "straße"],
        ["\u{130}", "I\u{307}"],
        ["CAF\u{c9}", "cafe\u{301}"],
        ["\u{212a}", "k"],
    ] {
        let [a, b] = names.map(|name| target(&resolver, name));
        assert_eq!(a, b, "{names:?}");
    }
}

#[test]
fn where_case_is_ignored_the_given_spelling_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let resolver = folding(dir.path());
    let shouted = resolver.resolve(None, "Src/A.rs").unwrap();
    assert_eq!(shouted.target, Target::path("src/a.rs"));
    assert_eq!(shouted.asked.as_deref(), Some("Src/A.rs"));
    assert_eq!(resolver.resolve(None, "src/a.rs").unwrap().asked, None);
}

#[test]
fn where_case_is_ignored_the_root_is_found_in_any_case() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("Project");
    fs::create_dir(&root).unwrap();
    let resolver = folding(&root);
    let shouted = resolver.root.with_file_name("PROJECT");
    let found = resolver.resolve(Some(&shouted), "a").unwrap();
    assert_eq!(found.target, Target::path("a"));
}

#[test]
fn looking_for_case_leaves_nothing_and_is_not_misled_by_two_names_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let names = |dir: &Path| fs::read_dir(dir).unwrap().count();
    let empty = ignores_case(dir.path());
    assert_eq!(names(dir.path()), 0);

    fs::write(dir.path().join("name"), "").unwrap();
    assert_eq!(ignores_case(dir.path()), empty);
    assert_eq!(names(dir.path()), 1);

    if fs::hard_link(dir.path().join("name"), dir.path().join("NAME")).is_ok() {
        assert!(!ignores_case(dir.path()));
    }
}
