//! Whether locks hold, as `callboard doctor` tries it: with the hooks that are attached, as they are attached.

use std::fs;

use serde_json::{Value, json};

use super::{FAILED, LOCKED, User, check, of, one_refusal, refusals};
use crate::setup_hooks;

#[test]
fn locks_that_do_not_hold_are_found_out() {
    let user = User::set_up();
    let _board = user.home.serve(&[]);
    fs::remove_file(user.bin.path().join("callboard")).unwrap();
    let program = env!("CARGO_BIN_EXE_callboard");
    let script = format!("[ \"$1\" = hook ] || exec {program} \"$@\"; while read -r line; do :; done");
    user.program("callboard", &script);
    let (findings, code) = user.examined();
    assert_eq!(code, FAILED);
    check(&findings, LOCKED, "fail", "is let through", "install one version");
}

#[test]
fn hooks_are_tried_where_and_how_they_are_configured() {
    let user = User::set_up();
    let _board = user.home.serve(&[]);
    // They ask where they were told to, which is not where doctor was told to look.
    one_refusal(
        &user,
        &["--namespace", "n"],
        "ok",
        "is refused by `callboard hook claude`",
    );
    let again = [
        "setup",
        "claude",
        "--yes",
        "--namespace",
        "n",
        "--enforce",
        "closed",
    ];
    assert_eq!(user.run(&again).code, Some(0));
    let command = "`callboard hook claude --namespace n --enforce closed`";
    one_refusal(&user, &[], "ok", &format!("is refused by {command}"));
    assert!(of(&user.examined().0, command)["level"] != "fail");
}

#[test]
fn what_leads_to_a_board_elsewhere_is_tried_there() {
    let user = User::new();
    let socket = user.home.path().join("s");
    let elsewhere = ["--socket", socket.to_str().unwrap()];
    let _board = user.home.serve(&elsewhere);
    assert_eq!(
        user.run(&[&["setup", "claude", "--yes"], &elsewhere[..]].concat())
            .code,
        Some(0)
    );
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    check(&findings, "board", "warn", "no board runs", "");
    check(
        &findings,
        &format!("`callboard bridge --socket {}`", socket.display()),
        "ok",
        "answered in",
        "",
    );
    one_refusal(&user, &[], "ok", "is refused by `callboard hook claude --socket ");
}

#[test]
fn hooks_over_the_bridge_are_tried_over_the_bridge() {
    let user = User::new();
    user.program("claude", "echo 2.1.329");
    assert_eq!(user.run(&["setup", "claude", "--yes"]).code, Some(0));
    one_refusal(&user, &[], "warn", "because no board runs");
    let _board = user.home.serve(&[]);
    let hook = "the hook over `callboard bridge`";
    one_refusal(&user, &[], "ok", &format!("is refused by {hook}"));
    let (findings, _) = user.examined();
    let took = of(&findings, hook);
    assert!(took["found"].as_str().unwrap().contains("takes"), "{took}");
    assert_ne!(
        took["level"], "fail",
        "how long it takes is the machine's: {took}"
    );
}

#[test]
fn the_hooks_of_other_clients_are_tried_in_their_words() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    for client in ["codex", "gemini"] {
        assert_eq!(user.run(&["setup", client, "--yes"]).code, Some(0), "{client}");
        user.program(client, "");
        one_refusal(
            &user,
            &[],
            "ok",
            &format!("is refused by `callboard hook {client}`"),
        );
        assert_eq!(
            user.run(&["setup", client, "--yes", "--remove"]).code,
            Some(0),
            "{client}"
        );
    }
    assert_eq!(refusals(&user, &[]), [], "nothing is attached any more");
}

#[test]
fn nothing_is_said_to_be_refused_where_no_hook_is() {
    let user = User::new();
    let _board = user.home.serve(&[]);
    assert_eq!(
        user.run(&["setup", "claude", "--no-hooks", "--yes"]).code,
        Some(0)
    );
    assert_eq!(refusals(&user, &[]), []);
}

#[test]
fn what_somebody_holds_cannot_be_tried_and_is_no_failure() {
    let user = User::set_up();
    let _board = user.home.serve(&[]);
    user.run(&["set", "lock:.", r#"{"lockedBy":"other"}"#]).ok();
    one_refusal(&user, &[], "warn", "other holds . for another");
    assert_eq!(user.examined().1, Some(0));
}

#[test]
fn a_hook_that_asks_another_board_than_the_bridge_is_found_out() {
    let user = User::new();
    let place = ["--namespace", "n"];
    assert_eq!(
        user.run(&[&["setup", "claude", "--yes"], &place[..]].concat())
            .code,
        Some(0)
    );
    let settings = user.home.path().join(".claude/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replacen(" --namespace n", "", 1)).unwrap();
    let (findings, code) = user.examined();
    assert_eq!(code, Some(0), "{findings:#?}");
    let found = findings
        .iter()
        .find(|finding| finding["fix"] == "callboard setup claude --namespace n");
    assert!(
        found.is_some_and(|finding| finding["found"]
            == "`callboard hook claude` asks elsewhere than where `callboard bridge --namespace n` leads"),
        "{findings:#?}"
    );
    assert_eq!(
        user.run(&["setup", "claude", "--yes", "--namespace", "n"]).code,
        Some(0),
        "the fix"
    );
    let (findings, _) = user.examined();
    assert!(
        !findings
            .iter()
            .any(|finding| finding["found"].to_string().contains("elsewhere"))
    );
}

#[test]
fn hooks_over_the_bridge_that_say_less_than_today_are_found_out() {
    let user = User::new();
    user.program("claude", "echo 2.1.329");
    assert_eq!(user.run(&["setup", "claude", "--yes"]).code, Some(0));
    let settings = user.home.path().join(".claude/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    for field in ["background_tasks", "tool_input.task_id"] {
        let told = format!(r#", "{field}": "${{{field}}}""#);
        assert!(text.contains(&told), "{text}");
        fs::write(&settings, text.replace(&told, "")).unwrap();
        check(
            &user.examined().0,
            "Claude Code hooks",
            "warn",
            "are of another version",
            "callboard setup claude",
        );
        assert_eq!(user.run(&["setup", "claude", "--yes"]).code, Some(0), "the fix");
        check(&user.examined().0, "Claude Code hooks", "ok", "are there", "");
    }
}

#[test]
fn what_is_advised_where_hooks_ask_elsewhere_leads_them_back() {
    let elsewhere = |user: &setup_hooks::User| {
        let ran = user.run(&["doctor", "--json"]);
        let findings = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut of_hooks =
            findings.filter(|finding| finding["found"].as_str().unwrap().contains("asks elsewhere"));
        of_hooks
            .next()
            .map(|finding| finding["fix"].as_str().unwrap().to_owned())
    };
    // The hooks are the user's, and so is a server, which counts less than the project's.
    let user = setup_hooks::User::new("");
    user.set_up(&["--user", "--namespace", "n"]);
    user.set_up(&["--no-hooks"]);
    assert_eq!(
        elsewhere(&user).as_deref(),
        Some("callboard setup claude --user --namespace main")
    );
    user.set_up(&["--user", "--namespace", "main"]);
    assert_eq!(elsewhere(&user), None, "the fix");

    // What counts most is where setup does not reach.
    let user = setup_hooks::User::new("");
    user.set_up(&["--namespace", "n"]);
    let project = user.file("").canonicalize().unwrap();
    let server = json!({ "type": "stdio", "command": "callboard", "args": ["bridge"] });
    let local =
        json!({ "projects": { project.to_str().unwrap(): { "mcpServers": { "callboard": server } } } });
    let settings = user.home.path().join(".claude.json");
    fs::write(&settings, local.to_string()).unwrap();
    assert_eq!(
        elsewhere(&user).as_deref(),
        Some("claude mcp remove --scope local callboard, then callboard setup claude --namespace main")
    );
    fs::remove_file(&settings).unwrap();
    user.set_up(&["--namespace", "main"]);
    assert_eq!(elsewhere(&user), None, "the fix");
}
