//! Where paths lead: links, names that are not UTF-8, and the worktrees of one repository.

use super::*;

#[test]
fn links_lead_to_the_physical_path() {
    let place = Place::new();
    place.write("app/real/a.rs", "");
    place.write("outside/b.rs", "");
    place.link("app/file", "real/a.rs");
    place.link("app/dir", "real");
    place.link("app/chain", "dir");
    place.link("app/deep/up", "../dir/../real/a.rs");
    place.link("app/out", "../outside");
    place.link("into", "app/real");
    for (text, target) in [
        ("file", "real/a.rs"),
        ("dir", "real"),
        ("dir/a.rs", "real/a.rs"),
        ("dir/new/file.rs", "real/new/file.rs"),
        ("chain/a.rs", "real/a.rs"),
        ("deep/up", "real/a.rs"),
        ("../into/a.rs", "real/a.rs"),
        ("out/b.rs", &place.absolute("outside/b.rs")),
    ] {
        let found = place.resolve(text).unwrap();
        assert_eq!(found.target, Target::path(target), "{text}");
        assert_eq!(found.asked.as_deref(), Some(text));
    }
    assert_eq!(place.resolve("real/a.rs").unwrap().asked, None);
    // `..` is a word of the path, not a way through the link.
    assert_eq!(place.target("out/../real"), Target::path("real"));
}

#[test]
fn the_callers_directory_may_be_behind_a_link() {
    let place = Place::new();
    fs::create_dir_all(place.top.join("app/web/src")).unwrap();
    place.link("work", "app/web/src");
    let found = place.resolve_in("work", "a.ts");
    assert_eq!(found.target, Target::path("web/src/a.ts"));
    assert_eq!(found.asked, None);
    assert_eq!(place.resolve_in("work", "../b").target, Target::path("web/b"));
}

#[test]
fn the_root_may_be_given_through_a_link() {
    let place = Place::new();
    place.link("shortcut", "app");
    let resolver = Resolver::new(&place.top.join("shortcut"));
    assert_eq!(resolver.root, place.top.join("app"));
}

#[test]
fn a_link_to_nothing_leads_to_what_a_write_would_make() {
    let place = Place::new();
    place.link("app/dangling", "later/file");
    place.link("app/lost", "../gone/x");
    assert_eq!(place.target("dangling"), Target::path("later/file"));
    assert_eq!(place.target("lost/y"), Target::path(&place.absolute("gone/x/y")));
}

#[test]
fn links_in_a_circle_are_refused_and_a_long_chain_is_not() {
    let place = Place::new();
    place.link("app/a", "b");
    place.link("app/b", "a");
    place.link("app/self", "self/deeper");
    for text in ["a", "b/c", "self"] {
        assert_eq!(place.refused(text), TargetError::Links(text.to_owned()));
    }
    for link in 1..=40 {
        place.link(&format!("app/l{link}"), &format!("l{}", link - 1));
    }
    assert_eq!(place.target("l40"), Target::path("l0"));
}

#[test]
fn a_link_to_above_the_project_is_refused() {
    let place = Place::new();
    place.link("app/up", "..");
    let error = place.refused("up");
    assert!(matches!(error, TargetError::AboveProject { .. }), "{error}");
    assert_eq!(place.target("up/app/src"), Target::path("src"));
}

#[test]
fn what_git_overwrites_above_the_project_is_the_project_in_one_repository() {
    let place = Place::new();
    let above = place.absolute("");
    let overwritten = |path: &str| place.resolver.resolve_overwritten(None, path);
    assert_eq!(overwritten(&above), Ok(None));
    place.write(".git/HEAD", "");
    assert_eq!(overwritten(&above), Ok(Some(Target::path("."))));
    assert_eq!(overwritten("/"), Ok(None));
    assert_eq!(overwritten("src/a.rs"), Ok(Some(Target::path("src/a.rs"))));
    place.write("app/.git/HEAD", "");
    assert_eq!(overwritten(&above), Ok(None));
    assert!(overwritten("a\nb").is_err());
}

#[test]
fn a_name_that_is_not_utf8_is_refused_only_where_a_key_would_need_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(OsStr::from_bytes(b"\xFF"));
    // Some file systems take no such name, and then there is nothing to refuse.
    if fs::create_dir(&root).is_err() {
        return;
    }
    let inside = Resolver::new(&root);
    assert_eq!(inside.resolve(None, "a").unwrap().target, Target::path("a"));
    let outside = Resolver::new(&dir.path().join("elsewhere"));
    let error = outside.resolve(Some(&root), "a");
    assert_eq!(error, Err(TargetError::NotUtf8("a".to_owned())));
    assert!(outside.resolve(Some(&root), "../b").is_ok());
}

#[test]
fn worktrees_have_their_own_targets_and_the_same_paths_within() {
    let place = Place::new();
    for (file, text) in [
        ("app/.git/HEAD", ""),
        ("app/src/a.rs", ""),
        ("app/.git/modules/lib/HEAD", ""),
        ("app/lib/.git", "gitdir: ../.git/modules/lib\n"),
        ("app/.git/worktrees/feat/HEAD", ""),
        ("feat/.git", "gitdir: ../app/.git/worktrees/feat\n"),
        ("feat/src/a.rs", ""),
        ("app/.git/worktrees/fix/HEAD", ""),
        (
            "app/.trees/fix/.git",
            &format!("gitdir: {}\n", place.absolute("app/.git/worktrees/fix")),
        ),
        ("other/.git/worktrees/x/HEAD", ""),
        ("x/.git", "gitdir: ../other/.git/worktrees/x\n"),
    ] {
        place.write(file, text);
    }
    for (cwd, text, target, within) in [
        ("app", "src/a.rs", "src/a.rs", Some("src/a.rs")),
        ("app", "lib/b", "lib/b", Some("lib/b")),
        ("app", "./a:b", "./a:b", Some("./a:b")),
        (
            "feat",
            "src/a.rs",
            &place.absolute("feat/src/a.rs"),
            Some("src/a.rs"),
        ),
        (
            "feat/src",
            "new/b.rs",
            &place.absolute("feat/src/new/b.rs"),
            Some("src/new/b.rs"),
        ),
        ("feat", ".", &place.absolute("feat"), Some(".")),
        (
            "app/.trees/fix",
            "src/a.rs",
            ".trees/fix/src/a.rs",
            Some("src/a.rs"),
        ),
        (
            "app/.trees",
            "src/a.rs",
            ".trees/src/a.rs",
            Some(".trees/src/a.rs"),
        ),
        ("x", "src/a.rs", &place.absolute("x/src/a.rs"), None),
        ("feat", "port:3000", "port:3000", None),
    ] {
        let found = place.resolve_in(cwd, text);
        assert_eq!(found.target.text(), target, "{cwd} {text}");
        assert_eq!(found.within.as_deref(), within, "{cwd} {text}");
    }
}
