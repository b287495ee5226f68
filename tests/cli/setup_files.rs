//! Which files `callboard setup` finds: those that the client reads, wherever the user keeps them.

use std::fs;
use std::os::unix::fs::symlink;

use super::setup_hooks::User;
use crate::support::program::run;

#[test]
fn opencode_s_own_file_is_kept_when_it_has_comments_in_its_name() {
    let user = User::new("");
    let (plain, commented) = ("opencode.json", "opencode.jsonc");
    let file = |name: &str| user.file(name);
    let before = "{\n  // mine\n  \"theme\": \"x\",\n}\n";
    fs::write(file(commented), before).unwrap();
    let ran = user.run(&["setup", "opencode", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(fs::read_to_string(file(commented)).unwrap().contains("callboard"));
    assert!(!file(plain).exists());
    fs::create_dir_all(user.home.path().join(".config/opencode")).unwrap();
    let found = user.run(&["doctor"]).stdout;
    assert!(found.contains("opencode.jsonc starts"), "{found}");
    user.run(&["setup", "opencode", "--yes", "--remove"]);
    assert_eq!(fs::read_to_string(file(commented)).unwrap(), before);
}

#[test]
fn opencode_s_entry_is_found_in_either_file() {
    let user = User::new("");
    let (plain, commented) = (user.file("opencode.json"), user.file("opencode.jsonc"));
    let before = "{\n  // mine\n}\n";
    fs::write(&commented, before).unwrap();
    let set_up = |options: &[&str]| {
        let ran = user.run(&[&["setup", "opencode", "--yes"], options].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout
    };
    set_up(&[]);
    fs::write(&plain, "{ \"theme\": \"x\" }\n").unwrap();
    assert_eq!(set_up(&[]).trim(), "opencode: already set up");
    set_up(&["--namespace", "n"]);
    assert!(
        fs::read_to_string(&commented)
            .unwrap()
            .contains(r#""--namespace","n""#)
    );
    fs::create_dir_all(user.home.path().join(".config/opencode")).unwrap();
    let found = user.run(&["doctor"]).stdout;
    assert!(found.contains("opencode.jsonc starts"), "{found}");
    // Both are taken out, and both lead where the one that counts does.
    fs::write(
        &plain,
        r#"{ "mcp": { "callboard": { "command": ["callboard", "bridge"] } } }"#,
    )
    .unwrap();
    set_up(&[]);
    assert!(
        fs::read_to_string(&plain)
            .unwrap()
            .contains(r#""--namespace","n""#)
    );
    assert!(set_up(&["--remove"]).contains("taken out"));
    assert_eq!(fs::read_to_string(&commented).unwrap(), before);
    assert!(!fs::read_to_string(&plain).unwrap().contains("callboard"));
}

#[test]
fn the_users_files_are_where_the_user_has_moved_them() {
    let user = User::new("2.1.329 (Claude Code)");
    for (client, variable, is_made, names) in [
        ("codex", "CODEX_HOME", true, &["config.toml", "hooks.json"][..]),
        (
            "claude",
            "CLAUDE_CONFIG_DIR",
            false,
            &[".claude.json", "settings.json"],
        ),
        (
            "opencode",
            "XDG_CONFIG_HOME",
            false,
            &["opencode/opencode.json", "opencode/plugins/callboard.js"],
        ),
    ] {
        let moved = user.home.path().join("moved").join(client);
        if is_made {
            fs::create_dir_all(&moved).unwrap();
        }
        let obeyed = |arguments: &[&str]| {
            let mut command = user.command(arguments);
            command.env(variable, &moved);
            run(command, b"")
        };
        let set_up = obeyed(&["setup", client, "--user", "--yes"]);
        assert_eq!(set_up.code, Some(0), "{set_up:?}");
        for name in names {
            let text = fs::read_to_string(moved.join(name)).unwrap();
            assert!(text.contains("callboard"), "{name}: {text}");
        }
        let at_home: Vec<_> = fs::read_dir(user.home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "project" && name != "moved" && name != "callboard")
            .collect();
        assert!(at_home.is_empty(), "{client}: {at_home:?}");
        let found = obeyed(&["doctor"]).stdout;
        let told = format!("{} starts", moved.join(names[0]).display());
        assert!(found.contains(&told), "{found}");
        let removed = obeyed(&["setup", client, "--user", "--yes", "--remove"]);
        assert_eq!(removed.code, Some(0), "{removed:?}");
        for name in names {
            assert!(!moved.join(name).exists(), "{name}");
        }
    }
    // An empty variable moves nothing.
    let mut command = user.command(&["setup", "codex", "--user", "--yes"]);
    command.env("CODEX_HOME", "");
    assert_eq!(run(command, b"").code, Some(0));
    assert!(user.home.path().join(".codex/config.toml").is_file());
}

#[test]
fn a_directory_that_is_moved_inside_the_home_may_link_to_what_is_in_the_home() {
    for (client, variable, moved, name) in [
        ("opencode", "XDG_CONFIG_HOME", ".config", "opencode/opencode.json"),
        ("claude", "CLAUDE_CONFIG_DIR", ".config/claude", ".claude.json"),
        ("codex", "CODEX_HOME", ".config/codex", "config.toml"),
    ] {
        let user = User::new("2.1.329 (Claude Code)");
        let home = user.home.path();
        let (link, real) = (home.join(moved).join(name), home.join("dot"));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        fs::write(&real, "").unwrap();
        symlink(&real, &link).unwrap();
        let set_up = |moved| {
            let mut command = user.command(&["setup", client, "--user", "--yes"]);
            command.env(variable, moved);
            run(command, b"")
        };
        let ran = set_up(home.join(moved));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(link.is_symlink() && fs::read_to_string(&real).unwrap().contains("callboard"));

        // What lies elsewhere stays inside itself, and nothing leaves the home.
        let elsewhere = tempfile::tempdir().unwrap();
        let out = elsewhere.path().join(name);
        fs::create_dir_all(out.parent().unwrap()).unwrap();
        symlink(&real, &out).unwrap();
        let ran = set_up(elsewhere.path().to_owned());
        assert!(ran.stderr.contains("which is not below"), "{ran:?}");
        fs::remove_file(&link).unwrap();
        fs::write(elsewhere.path().join("secret"), "").unwrap();
        symlink(elsewhere.path().join("secret"), &link).unwrap();
        let ran = set_up(home.join(moved));
        assert!(ran.stderr.contains("which is not below"), "{ran:?}");
    }
}
