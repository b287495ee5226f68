//! `callboard setup` where it has been before: what was not said again stays, and server and hooks lead to one board.

use std::fs;

use super::setup_hooks::User;

const NEW: &str = "2.1.329 (Claude Code)";
const OLD: &str = "2.1.300 (Claude Code)";

/// Returns how many commands the hooks have.
fn commands(user: &User) -> usize {
    user.text().matches("callboard hook claude").count()
}

/// Returns how often `word` is in the project's server, and how many of the commands of hooks have it.
fn told(user: &User, word: &str) -> (usize, usize) {
    let server = fs::read_to_string(user.file(".mcp.json")).unwrap();
    let server: String = server.replace(['"', ','], " ");
    let server = server.split_whitespace().collect::<Vec<_>>().join(" ");
    let hooks = user.text();
    let commands = hooks
        .lines()
        .filter(|line| line.contains("callboard hook claude"));
    (
        server.matches(word).count(),
        commands.filter(|line| line.contains(word)).count(),
    )
}

#[test]
fn server_and_hooks_lead_to_the_board_that_was_said_last() {
    for says in [NEW, OLD] {
        let user = User::new(says);
        let [first, second] = ["s", "z"].map(|name| user.home.path().join(name).display().to_string());
        user.set_up(&["--socket", &first]);
        let commands = commands(&user);
        assert!(commands > 1, "{}", user.text());
        assert_eq!(told(&user, &format!("--socket {first}")), (1, commands));
        // What is not said stays, for both.
        user.set_up(&["--enforce", "closed"]);
        assert_eq!(told(&user, &format!("--socket {first}")), (1, commands));
        user.set_up(&["--namespace", "n"]);
        assert_eq!(
            told(&user, &format!("--socket {first} --namespace n")),
            (1, commands)
        );
        // What is said moves both, also when hooks are otherwise left alone.
        user.set_up(&["--no-hooks", "--socket", &second]);
        assert_eq!(
            told(&user, &format!("--socket {second} --namespace n")),
            (1, commands)
        );
        assert_eq!(user.text().matches("--enforce closed").count(), commands);
        user.set_up(&["--namespace", "main"]);
        assert_eq!(told(&user, "--namespace"), (0, 0));
        assert_eq!(told(&user, &second), (1, commands));
        let again = user.run(&["setup", "claude", "--yes"]);
        assert_eq!(again.stdout.trim(), "Claude Code: already set up");
        user.set_up(&["--remove"]);
        assert!(!user.file(".mcp.json").exists() && !user.file(".claude").exists());
    }
}

#[test]
fn a_server_that_is_put_back_leads_where_the_hooks_do() {
    let user = User::new(OLD);
    user.set_up(&["--namespace", "n"]);
    fs::remove_file(user.file(".mcp.json")).unwrap();
    user.set_up(&[]);
    assert_eq!(told(&user, "--namespace n"), (1, commands(&user)));
}

#[test]
fn hooks_that_people_have_changed_are_moved_or_named() {
    let user = User::new(OLD);
    user.set_up(&[]);
    let own = |from: &str, to: &str| {
        let text = user.text().replacen(from, to, 1);
        fs::write(user.file(".claude/settings.json"), text).unwrap();
    };
    own(
        "callboard hook claude\"",
        "callboard hook claude --loud 2>>'my log'\"",
    );
    own(
        "callboard hook claude\"",
        r#"callboard hook claude --socket \"$S\"""#,
    );
    let said = user.set_up(&["--namespace", "n"]);
    assert!(
        user.text()
            .contains("callboard hook claude --namespace n --loud 2>>'my log'\""),
        "{}",
        user.text()
    );
    assert_eq!(told(&user, "--namespace n"), (1, commands(&user) - 1));
    let note = "see that it asks the same board as the server: callboard hook claude --socket \"$S\"";
    assert!(said.contains(note), "{said}");
}

#[test]
fn hooks_that_are_left_alone_need_not_be_readable() {
    let user = User::new(NEW);
    let (settings, broken) = (user.file(".claude/settings.json"), "{ \"hooks\":");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    fs::write(&settings, broken).unwrap();
    user.set_up(&["--no-hooks"]);
    assert!(user.file(".mcp.json").exists());
    assert_eq!(user.text(), broken);
}

#[test]
fn what_people_have_added_to_a_server_outlives_a_change_of_place() {
    let user = User::new(NEW);
    for (client, file, before, after) in [
        (
            "cursor",
            ".cursor/mcp.json",
            r#"{"mcpServers": {"callboard": {"env": {}, "args": ["bridge", "--agent", "reviewer"], "command": "callboard"}}}"#,
            r#""args": ["bridge","--namespace","n","--agent","reviewer"], "command": "callboard""#,
        ),
        (
            "codex",
            ".codex/config.toml",
            "[mcp_servers.callboard]\ncommand = 'callboard'\nargs = ['bridge', '--agent', 'reviewer', '--namespace=old']\n",
            "command = 'callboard'\nargs = [\"bridge\",\"--namespace\",\"n\",\"--agent\",\"reviewer\"]\n",
        ),
        (
            "opencode",
            "opencode.json",
            r#"{"mcp": {"callboard": {"command": ["/gone/callboard", "bridge", "--no-spawn"]}}}"#,
            r#"{"command": ["callboard","bridge","--namespace","n","--no-spawn"]}"#,
        ),
    ] {
        let path = user.file(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, before).unwrap();
        let ran = user.run(&["setup", client, "--yes", "--namespace", "n"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(after), "{text}");
    }
}

#[test]
fn opencode_s_plugin_asks_the_board_and_the_way_that_was_chosen() {
    let user = User::new("");
    let set_up = |options: &[&str]| {
        let ran = user.run(&[&["setup", "opencode", "--yes"], options].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let plugin = fs::read_to_string(user.file(".opencode/plugins/callboard.js")).unwrap();
        let line = plugin.lines().find(|line| line.starts_with("const ARGUMENTS = "));
        (line.unwrap().to_owned(), ran.stdout)
    };
    set_up(&["--namespace", "n", "--enforce", "closed", "--no-auto-lock"]);
    let (line, said) = set_up(&[]);
    assert_eq!(said.trim(), "opencode: already set up");
    assert_eq!(
        line,
        r#"const ARGUMENTS = ["hook", "opencode", "--namespace", "n", "--enforce", "closed", "--no-auto-lock"];"#
    );
    fs::create_dir_all(user.home.path().join(".config/opencode")).unwrap();
    let found = user.run(&["doctor"]).stdout;
    assert!(found.contains("callboard.js is there"), "{found}");

    let (line, _) = set_up(&["--no-hooks", "--namespace", "m"]);
    assert!(
        line.contains(r#""--namespace", "m", "--enforce", "closed""#),
        "{line}"
    );
    let (line, _) = set_up(&["--enforce", "auto", "--auto-lock"]);
    assert_eq!(
        line,
        r#"const ARGUMENTS = ["hook", "opencode", "--namespace", "m"];"#
    );
    let servers = user.file("opencode.json");
    let text = fs::read_to_string(&servers).unwrap();
    fs::write(&servers, text.replace("\"m\"", "\"other\"")).unwrap();
    let found = user.run(&["doctor"]).stdout;
    assert!(
        found.contains("callboard.js asks another board than the server"),
        "{found}"
    );
}

#[test]
fn what_was_chosen_is_kept_until_something_else_is_said() {
    let user = User::new(NEW);
    let count = |word: &str| user.text().matches(word).count();
    user.set_up(&["--hook-way", "process", "--no-auto-lock", "--enforce", "open"]);
    let said = user.set_up(&["--wake"]);
    assert_eq!(count(r#""tool": "hook""#), 0, "{}", user.text());
    assert!(
        said.contains("`--hook-way bridge` lets them ask over the bridge"),
        "{said}"
    );
    let asking = commands(&user) - 2;
    assert_eq!(count("asyncRewake"), 2);
    assert_eq!(
        (count("--no-auto-lock"), count("--enforce open")),
        (asking, asking)
    );
    user.set_up(&["--auto-lock", "--enforce", "auto"]);
    assert_eq!((count("--no-auto-lock"), count("--enforce")), (0, 0));
    assert_eq!((count("asyncRewake"), count("onFailure")), (2, 1));
    user.set_up(&["--hook-way", "bridge", "--no-wake"]);
    let first = User::new(NEW);
    first.set_up(&[]);
    assert_eq!(user.text(), first.text());
    // Of two that exclude each other, the last is meant.
    user.set_up(&["--wake", "--no-wake", "--auto-lock", "--no-auto-lock"]);
    assert_eq!(count("asyncRewake"), 0);
    assert_eq!(count(r#""auto_lock": "false""#), count(r#""tool": "hook""#));
    assert_eq!(count("--no-auto-lock"), commands(&user));
}

#[test]
fn what_means_nothing_to_a_client_is_said() {
    let user = User::new(NEW);
    for client in ["cursor", "vscode"] {
        for option in [&["--enforce", "open"][..], &["--no-auto-lock"], &["--auto-lock"]] {
            let ran = user.run(&[&["setup", client, "--yes"], option].concat());
            assert_eq!(ran.code, Some(0), "{ran:?}");
            assert!(
                ran.stderr.contains("has no hook that is asked before an edit"),
                "{ran:?}"
            );
        }
    }
    for client in ["opencode", "codex"] {
        let ran = user.run(&["setup", client, "--yes", "--enforce", "open"]);
        assert!(!ran.stderr.contains("has no hook"), "{ran:?}");
    }
    let ran = user.run(&["setup", "codex", "--yes", "--hook-way", "bridge"]);
    assert!(
        ran.stderr
            .contains("Codex has no hook that can ask over the bridge"),
        "{ran:?}"
    );
}
