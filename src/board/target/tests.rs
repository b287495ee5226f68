//! Targets by example, and overlap against a plain statement of the rules.

use std::collections::BTreeSet;
use std::ops::Bound;

use proptest::prelude::*;

use super::*;

fn of_key(key: &str) -> Target {
    Target::of_key(&Key::parse(key).unwrap()).unwrap()
}

#[test]
fn a_path_has_one_normal_form() {
    for (text, normal) in [
        ("src/a.rs", "src/a.rs"),
        ("src/", "src"),
        ("./src//./a.rs", "src/a.rs"),
        ("src/../lib", "lib"),
        ("..", "."),
        ("a/../../../b", "b"),
        ("", "."),
        (".", "."),
        ("/", "/"),
        ("//home/./me/", "/home/me"),
        ("/..", "/"),
        ("app/[slug]/(group)/@x y/%2F", "app/[slug]/(group)/@x y/%2F"),
    ] {
        assert_eq!(Target::path(text).text(), normal, "{text}");
    }
}

#[test]
fn keys_spell_their_targets() {
    for (target, key) in [
        (Target::path("src/auth/auth.ts"), "lock:src/auth/auth.ts"),
        (
            Target::path("app/[slug]/page.tsx"),
            "lock:app/%5Bslug%5D/page.tsx",
        ),
        (Target::path("a:b"), "lock:a%3Ab"),
        (Target::path("%2F"), "lock:%252F"),
        (Target::path("é"), "lock:%C3%A9"),
        (Target::path("."), "lock:."),
        (Target::path("/tmp/x"), "lock:/tmp/x"),
        (Target::named("port", "3000"), "lock:port:3000"),
        (Target::named("db", "a b:c"), "lock:db:a%20b:c"),
    ] {
        assert_eq!(target.key().as_str(), key);
        assert_eq!(of_key(key), target);
        assert!(target.is_spelled());
    }
}

#[test]
fn every_raw_key_of_a_lock_means_something() {
    for (key, text) in [
        ("lock:src/", "src"),
        ("lock:", "."),
        ("lock:./a/../b", "b"),
        ("lock:a%2Fb", "a/b"),
        ("lock:src/%FF", "src/%FF"),
        ("lock::", ":"),
        ("lock:port:", "port:"),
        ("lock:Port:3000", "Port:3000"),
    ] {
        assert_eq!(of_key(key).text(), text, "{key}");
    }
    assert_eq!(Target::of_key(&Key::parse("task:a").unwrap()), None);
    assert_eq!(Target::of_key(&Key::parse("lock").unwrap()), None);
}

#[test]
fn a_file_with_a_colon_is_shown_so_that_it_is_read_back_as_a_file() {
    assert_eq!(Target::path("a:b").text(), "./a:b");
    assert_eq!(Target::path("a:").text(), "./a:");
    assert_eq!(Target::path("src/a:b").text(), "src/a:b");
    assert_eq!(Target::path("C:").text(), "C:");
    assert_ne!(Target::path("a:b"), Target::named("a", "b"));
    assert!(!Target::path("a:b").overlaps(&Target::named("a", "b")));
}

#[test]
fn accents_may_be_written_apart() {
    assert_eq!(Target::path("cafe\u{301}"), Target::path("caf\u{e9}"));
    assert_eq!(of_key("lock:cafe%CC%81"), of_key("lock:caf%C3%A9"));
    assert_eq!(of_key("lock:db:cafe%CC%81"), Target::named("db", "caf\u{e9}"));
}

#[test]
fn a_long_path_is_known_by_its_hash() {
    let fits = Target::path(&"x".repeat(MAX_KEY_CHARS - PREFIX.len()));
    assert!(fits.is_spelled());
    assert_eq!(fits.key().as_str().len(), MAX_KEY_CHARS);

    let long = Target::path(&"x".repeat(MAX_KEY_CHARS - PREFIX.len() + 1));
    let key = long.key();
    assert!(!long.is_spelled());
    assert!(key.as_str().starts_with("lock:%23"), "{key}");
    assert_eq!(key.as_str().len(), "lock:%23".len() + 32);

    let known_by_key = Target::of_key(&key).unwrap();
    assert_eq!(known_by_key.key(), key);
    assert!(!known_by_key.is_spelled());
    assert!(known_by_key.overlaps(&long) && long.overlaps(&known_by_key));
    assert!(!known_by_key.overlaps(&Target::path(".")));
    assert!(long.and_above().any(|target| target == known_by_key));
}

#[test]
fn a_file_that_is_called_like_a_hash_is_not_taken_for_one() {
    let name = format!("#{}", "0".repeat(32));
    let file = Target::path(&name);
    assert_ne!(file.key().as_str(), format!("lock:%23{}", "0".repeat(32)));
    assert!(!file.is_spelled());
    assert!(Target::path(&format!("{name}0")).is_spelled());
}

#[test]
fn only_paths_have_something_below_them() {
    let covers = |a: &str, b: &str| Target::path(a).covers(&Target::path(b));
    assert!(covers("src", "src") && covers("src", "src/a/b"));
    assert!(!covers("src", "src-x") && !covers("src/a", "src"));
    assert!(covers(".", "src/a") && covers(".", "."));
    assert!(!covers(".", "/src") && !covers("/", "src"));
    assert!(covers("/", "/src"));
    let port = Target::named("port", "3");
    assert!(port.covers(&port));
    assert!(!port.overlaps(&Target::named("port", "3/0")));
    assert!(!port.overlaps(&Target::path(".")));
    assert!(of_key("lock:src/").overlaps(&of_key("lock:src/a")));
}

#[test]
fn what_is_above_comes_nearest_first() {
    let above = |target: Target| {
        let texts = target.and_above().map(|target| target.to_string());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(above(Target::path("a/b/c")), ["a/b/c", "a/b", "a", "."]);
    assert_eq!(above(Target::path("/a/b")), ["/a/b", "/a", "/"]);
    assert_eq!(above(Target::path(".")), ["."]);
    assert_eq!(above(Target::path("/")), ["/"]);
    assert_eq!(above(Target::named("db", "a/b")), ["db:a/b"]);
}

/// Few and awkward names, so that random paths often meet.
fn any_target() -> impl Strategy<Value = Target> {
    let part = prop::sample::select(vec![
        "a", "a-", "a b", "b", "[b]", "%2F", "é", "e\u{301}", ".", "..", "", "a:b",
    ]);
    let long = prop::sample::select(vec!["c".repeat(150), "d".repeat(250)]);
    let part = prop_oneof![6 => part.prop_map(str::to_owned), 1 => long];
    let parts = prop::collection::vec(part, 0..5).prop_map(|parts| parts.join("/"));
    prop_oneof![
        6 => parts.clone().prop_map(|text| Target::path(&text)),
        2 => parts.clone().prop_map(|text| Target::path(&format!("/{text}"))),
        1 => parts.prop_map(|text| Target::named("a", &text)),
    ]
}

/// Overlap as the rules state it, on lists of names.
fn overlap_by_names(a: &Target, b: &Target) -> bool {
    let names = |target: &Target| {
        let text = target.text();
        let tree = text.starts_with('/');
        let names = text.split('/').filter(|name| !["", "."].contains(name));
        (tree, names.map(str::to_owned).collect::<Vec<_>>())
    };
    if !a.is_path() || !b.is_path() {
        return a == b;
    }
    let ((a_tree, a), (b_tree, b)) = (names(a), names(b));
    a_tree == b_tree && a.iter().zip(&b).all(|(a, b)| a == b)
}

proptest! {
    #[test]
    fn overlap_is_symmetric_and_as_the_names_say(a in any_target(), b in any_target()) {
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
        prop_assert_eq!(a.overlaps(&b), overlap_by_names(&a, &b), "{} {}", a, b);
        prop_assert_eq!(a.overlaps(&b), a.covers(&b) || b.covers(&a));
        prop_assert_eq!(a.key() == b.key(), a == b);
    }

    #[test]
    fn what_overlaps_is_found_above_and_in_one_range(
        held in prop::collection::btree_set(any_target(), 0..30),
        asked in any_target(),
    ) {
        let above = asked.and_above().filter(|target| held.contains(target));
        let below = held.range((Bound::Excluded(&asked), Bound::Unbounded));
        let below = below.take_while(|target| asked.covers(target)).cloned();
        let found: BTreeSet<_> = above.chain(below).collect();
        let expected: BTreeSet<_> = held.iter().filter(|target| target.overlaps(&asked)).cloned().collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn keys_are_valid_and_read_back(target in any_target()) {
        let key = target.key();
        prop_assert_eq!(Key::parse(key.as_str()), Ok(key.clone()));
        let read = Target::of_key(&key).unwrap();
        prop_assert_eq!(read == target, target.is_spelled());
        prop_assert!(read.overlaps(&target));
        prop_assert_eq!(read.key(), key);
    }

    #[test]
    fn any_text_is_a_path_and_any_raw_key_a_target(
        text in ".*",
        raw in "lock:([A-Za-z0-9:_./-]|%[0-9A-F]{2}){0,83}",
    ) {
        let path = Target::path(&text);
        prop_assert!(Key::parse(path.key().as_str()).is_ok());
        prop_assert_eq!(&Target::path(&path.text()), &path);
        let target = of_key(&raw);
        prop_assert!(Key::parse(target.key().as_str()).is_ok());
        prop_assert!(of_key(target.key().as_str()).overlaps(&target));
    }
}
