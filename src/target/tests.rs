//! What agents write, and what it is: ugly names, dots, patterns, and what is refused.

mod case;
mod links;

use std::os::unix::fs::symlink;

use proptest::prelude::*;

use super::*;
use crate::board::Key;

/// A directory with a project in it, and room beside the project.
struct Place {
    _dir: tempfile::TempDir,
    top: PathBuf,
    resolver: Resolver,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        fs::create_dir(top.join("app")).unwrap();
        // As on a file system that tells case apart, wherever the tests run.
        let resolver = Resolver {
            root: top.join("app"),
            folds: false,
        };
        Self {
            _dir: dir,
            top,
            resolver,
        }
    }

    /// Makes a file, with the directories above it.
    fn write(&self, path: &str, text: &str) {
        let path = self.top.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, link: &str, to: &str) {
        let link = self.top.join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(to, link).unwrap();
    }

    fn absolute(&self, path: &str) -> String {
        self.top.join(path).to_str().unwrap().to_owned()
    }

    fn resolve(&self, text: &str) -> Result<Resolved, TargetError> {
        self.resolver.resolve(None, text)
    }

    fn resolve_in(&self, cwd: &str, text: &str) -> Resolved {
        self.resolver.resolve(Some(&self.top.join(cwd)), text).unwrap()
    }

    fn target(&self, text: &str) -> Target {
        self.resolve(text).unwrap().target
    }

    fn refused(&self, text: &str) -> TargetError {
        self.resolve(text).unwrap_err()
    }
}

#[test]
fn ugly_names_are_names() {
    let place = Place::new();
    for name in [
        "app/[slug]/page.tsx",
        "app/(group)/layout.tsx",
        "@x/[...rest]/(..)photo",
        "a file with  spaces.txt",
        " leading and trailing ",
        "🦀/👩‍👩‍👧.md",
        "%2F",
        "100%",
        "back\\slash",
        "{a,b}",
        "#hash",
        "~",
        "-rf",
        "it's \"quoted\" & $HOME;`x`",
        ".hidden/...",
        "src/a:b",
        "C:",
        "日本語",
    ] {
        let found = place.resolve(name).unwrap();
        assert_eq!(found.target, Target::path(name), "{name}");
        assert_eq!(found.target.text(), name);
        assert_eq!(found.asked, None);
        assert_eq!(Target::of_key(&found.target.key()), Some(found.target), "{name}");
    }
}

#[test]
fn letters_with_accents_are_the_same_composed_and_apart() {
    let place = Place::new();
    assert_eq!(place.target("cafe\u{301}"), place.target("caf\u{e9}"));
    assert_eq!(place.target("\u{212b}"), place.target("A\u{30a}"));
    assert_eq!(place.target("db:cafe\u{301}"), place.target("db:caf\u{e9}"));
    assert_ne!(place.target("\u{130}/\u{130}"), place.target("I/I"));
}

#[test]
fn dots_and_slashes_do_not_matter() {
    let place = Place::new();
    for (text, target) in [
        ("src", "src"),
        ("src/", "src"),
        ("src/**", "src"),
        ("./src//a.rs", "src/a.rs"),
        ("src/../lib/./a", "lib/a"),
        (".", "."),
        ("./", "."),
        ("**", "."),
        ("../app/src", "src"),
        ("a/../../app/x", "x"),
    ] {
        assert_eq!(place.target(text), Target::path(target), "{text}");
    }
}

#[test]
fn paths_are_relative_to_the_caller_and_targets_to_the_root() {
    let place = Place::new();
    place.write("app/web/src/a.ts", "");
    for (cwd, text, target) in [
        ("app/web", "src/a.ts", "web/src/a.ts"),
        ("app/web", ".", "web"),
        ("app/web", "..", "."),
        ("app/web/src", "../../lib", "lib"),
        ("app/gone", "a", "gone/a"),
    ] {
        assert_eq!(place.resolve_in(cwd, text).target, Target::path(target), "{text}");
    }
    let relative = place.resolver.resolve(Some(Path::new("web")), "src").unwrap();
    assert_eq!(relative.target, Target::path("web/src"));
    assert_eq!(
        place.target(&place.absolute("app/src/a.rs")),
        Target::path("src/a.rs")
    );
}

#[test]
fn outside_the_project_a_target_is_absolute() {
    let place = Place::new();
    for text in ["../other/a", "a/../../other/a", &place.absolute("other/a")] {
        let found = place.resolve(text).unwrap();
        assert_eq!(found.target, Target::path(&place.absolute("other/a")), "{text}");
        assert_eq!(found.within, None);
    }
    let beside = place.target("../application");
    assert!(!place.target(".").overlaps(&beside));
    assert_eq!(place.target("/../etc/hosts.new"), Target::path("/etc/hosts.new"));
}

#[test]
fn what_holds_the_project_is_refused() {
    let place = Place::new();
    for text in ["..", "../", "a/../../../..", "/", "/**", &place.absolute("")] {
        let error = place.refused(text).to_string();
        let end = format!("lock the project itself: {}", place.absolute("app"));
        assert!(error.ends_with(&end), "{error}");
    }
    assert_eq!(place.target(&place.absolute("app")), Target::path("."));
}

#[test]
fn named_things_are_no_paths() {
    let place = Place::new();
    for (text, target) in [
        ("port:3000", Target::named("port", "3000")),
        ("git:index", Target::named("git", "index")),
        ("db-2:a/b:c", Target::named("db-2", "a/b:c")),
        ("./port:3000", Target::path("port:3000")),
        ("Port:3000", Target::path("Port:3000")),
        ("2:3", Target::path("2:3")),
        ("src/a:b", Target::path("src/a:b")),
    ] {
        let found = place.resolve(text).unwrap();
        assert_eq!(found.target, target, "{text}");
        assert_eq!(found.target.text(), text);
    }
    assert_eq!(place.refused("port:"), TargetError::Nameless("port:".to_owned()));
}

#[test]
fn a_path_with_a_label_is_refused_with_the_path() {
    let place = Place::new();
    for (text, path) in [
        ("lock:src/a.rs", "src/a.rs"),
        ("file:src/a.rs", "src/a.rs"),
        ("file:///etc/hosts", "/etc/hosts"),
    ] {
        let error = place.refused(text);
        assert!(
            error.to_string().ends_with(&format!("the path alone: {path}")),
            "{error}"
        );
    }
}

#[test]
fn stars_at_the_end_mean_the_directory() {
    for (text, top) in [
        ("src", "src"),
        ("src/", "src"),
        ("src/**", "src"),
        ("src/**/**//", "src"),
        ("**", "."),
        ("./**", "."),
        ("/", "/"),
        ("/**", "/"),
        ("src/*", "src/*"),
        ("src**", "src**"),
    ] {
        assert_eq!(without_stars(text), top, "{text}");
    }
}

#[test]
fn a_pattern_is_refused_with_its_directory_and_a_name_is_not() {
    let place = Place::new();
    place.write("app/what?.md", "");
    place.write("app/src/*", "");
    assert_eq!(place.target("what?.md"), Target::path("what?.md"));
    assert_eq!(place.target("src/*"), Target::path("src/*"));
    for (text, directory) in [
        ("src/*.rs", "src"),
        ("src/**/a.rs", "src"),
        ("*.rs", "."),
        ("/etc/*.conf", "/etc"),
        ("/?", "/"),
    ] {
        let error = place.refused(text);
        let end = format!("lock the directory instead: {directory}");
        assert!(error.to_string().ends_with(&end), "{error}");
    }
}

#[test]
fn what_no_path_can_be_is_refused() {
    let place = Place::new();
    assert_eq!(place.refused(""), TargetError::Empty);
    for text in ["a\nb", "a\n", "\0", "tab\t", "\u{7f}", "\u{85}", "port:\r3000"] {
        assert_eq!(place.refused(text), TargetError::Control(text.to_owned()));
    }
    let error = place.refused("a\nb").to_string();
    assert!(error.starts_with(r#""a\nb""#), "{error}");
}

#[test]
fn the_longest_path_is_taken_and_has_a_hashed_key() {
    let place = Place::new();
    let longest = "é".repeat(MAX_TARGET_BYTES / 2);
    let target = place.target(&longest);
    assert_eq!(target.text(), longest);
    assert!(target.key().as_str().starts_with("lock:%23"));
    assert_eq!(target.key().as_str().len(), 40);
    assert_eq!(
        place.refused(&format!("{longest}x")),
        TargetError::TooLong(MAX_TARGET_BYTES + 1)
    );
    let deep = "d/".repeat(MAX_TARGET_BYTES / 2);
    assert!(place.target("d").covers(&place.target(&deep)));
}

fn any_text() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "..", ".", "/", "//", "**", "*", "?", ":", "a", "src", "lock:", "port:", "%2F", "%", "\\", "é",
        "e\u{301}", "İ", "🦀", "[slug]", " ", "\n", "\u{200d}", "link", "circle", "~",
    ]);
    let piled = prop::collection::vec(awkward, 0..12).prop_map(|parts| parts.concat());
    let bytes = prop::collection::vec(any::<u8>(), 0..300)
        .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let long = (".", 0..5_000_usize).prop_map(|(letter, times)| letter.repeat(times));
    prop_oneof![4 => piled, 2 => ".{0,300}", 1 => bytes, 1 => long]
}

#[test]
fn any_text_is_a_target_with_a_key_or_is_refused_with_advice() {
    let place = Place::new();
    place.link("app/link", "src");
    place.link("app/circle", "circle");
    let cwds = prop::sample::select(vec!["app", "app/link", "app/circle", "elsewhere"]);
    proptest!(|(cwd in cwds, text in any_text())| {
        match place.resolver.resolve(Some(&place.top.join(cwd)), &text) {
            Ok(found) => {
                let key = found.target.key();
                prop_assert_eq!(Key::parse(key.as_str()), Ok(key.clone()));
                let read = Target::of_key(&key);
                prop_assert!(read.is_some_and(|read| read.overlaps(&found.target)));
                // What is shown means the same to the next who writes it.
                let shown = found.target.text();
                if !shown.contains(['*', '?']) && shown.len() <= MAX_TARGET_BYTES {
                    prop_assert_eq!(place.target(&shown), found.target.clone());
                }
            }
            Err(error) => prop_assert!(error.to_string().contains([';', ':']), "{}", error),
        }
    });
}

#[test]
fn what_was_shown_from_the_root_is_understood_below_it() {
    let place = Place::new();
    for path in ["app/web/src/a.ts", "app/lib/b.rs", "app/package.json"] {
        place.write(path, "");
    }
    let known = [Target::path("web/new.ts"), Target::path("package.json")];
    let cwd = place.top.join("app/web");
    let resolve = |text: &str| {
        let is_known = |target: &Target| known.contains(target);
        place.resolver.resolve_shown(Some(&cwd), text, is_known).unwrap()
    };
    for (text, target, from_root) in [
        // What exists is meant as in a shell.
        ("src/a.ts", "web/src/a.ts", false),
        ("src", "web/src", false),
        // A path that begins in a directory of the root alone.
        ("web/src/a.ts", "web/src/a.ts", true),
        ("web", "web", true),
        ("web/**", "web", true),
        ("lib/new.rs", "lib/new.rs", true),
        // A path that was shown, though nothing is there yet.
        ("web/new.ts", "web/new.ts", true),
        ("package.json", "package.json", true),
        // A new file in the caller's directory.
        ("tsconfig.json", "web/tsconfig.json", false),
        ("test/new.ts", "web/test/new.ts", false),
        // What says where it is.
        ("./lib/b.rs", "web/lib/b.rs", false),
        ("../lib/b.rs", "lib/b.rs", false),
        (".", "web", false),
    ] {
        let found = resolve(text);
        assert_eq!(
            (found.target, found.from_root),
            (Target::path(target), from_root),
            "{text}"
        );
    }
    assert_eq!(resolve("port:3000").target, Target::named("port", "3000"));
    let here = |target: &Target| [Target::path("web/package.json"), known[1].clone()].contains(target);
    let found = place
        .resolver
        .resolve_shown(Some(&cwd), "package.json", here)
        .unwrap();
    assert_eq!(found.target, Target::path("web/package.json"), "both are known");
    let at_root = place
        .resolver
        .resolve_shown(None, "web/new.ts", |_| true)
        .unwrap();
    assert!(!at_root.from_root);
}

#[test]
fn a_file_that_is_called_like_a_thing_is_shown_with_a_dot_and_understood() {
    let place = Place::new();
    place.write("app/web/a", "");
    let cwd = place.top.join("app/web");
    let shown = Target::path("db:main");
    assert_eq!(shown.text(), "./db:main");
    let found = place
        .resolver
        .resolve_shown(Some(&cwd), &shown.text(), |known| *known == shown);
    assert_eq!(found.unwrap().target, shown);
}
