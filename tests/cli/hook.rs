//! The process that clients start for a hook: JSON in, JSON out, whatever state the board is in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::support::plain::Plain;
use crate::support::process::PATIENCE;
use crate::support::program::{Home, Ran, run};
use callboard::cli::exit;
use callboard::net::project::Project;
use serde_json::{Value, json};

/// Clients' processes, which nobody else can have.
const ONE: u32 = 4_200_001;
const TWO: u32 = 4_200_002;

/// An agent whose client is `process`. Dropping it closes its connection.
struct Attached(BufReader<UnixStream>);

impl Attached {
    fn new(home: &Home, name: &str, process: u32) -> Self {
        let stream = UnixStream::connect(socket(home)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut agent = Self(BufReader::new(stream));
        agent.say(&json!({ "callboard/hello": { "name": name, "ppid": process } }));
        let info = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
        agent.say(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }));
        let mut line = String::new();
        agent.0.read_line(&mut line).unwrap();
        agent
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.0.get_mut(), "{message}").unwrap();
    }
}

fn socket(home: &Home) -> PathBuf {
    Project::locate(home.path(), None, Some(home.path()))
        .unwrap()
        .socket
}

/// Runs the hook of the client `process` with `input` on stdin.
fn hook(home: &Home, process: u32, arguments: &[&str], input: &str) -> Ran {
    let mut command = home.command(&[&["hook"], arguments].concat());
    command.env("CLAUDE_PID", process.to_string());
    run(command, input.as_bytes())
}

fn event(name: &str) -> String {
    json!({ "session_id": "s", "hook_event_name": name }).to_string()
}

fn edit(home: &Home, file: &str) -> String {
    json!({
        "session_id": "bfd53262", "cwd": home.path(), "hook_event_name": "PreToolUse", "tool_name": "Edit",
        "tool_input": { "file_path": home.path().join(file), "old_string": "a", "new_string": "b" },
        "tool_use_id": "toolu_0007_00",
    })
    .to_string()
}

/// Returns the reason of the denial that was printed.
fn denied(ran: Ran) -> String {
    let answer = ran.json().remove(0);
    let output = &answer["hookSpecificOutput"];
    assert_eq!(output["permissionDecision"], "deny", "{answer}");
    output["permissionDecisionReason"].as_str().unwrap().to_owned()
}

/// Returns the warning that was printed.
fn warned(ran: Ran) -> String {
    let answer = ran.json().remove(0);
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["systemMessage"].as_str().unwrap().to_owned()
}

#[test]
fn an_edit_locks_and_another_agent_s_is_denied_until_the_first_one_stops() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let (_one, _two) = (Attached::new(&home, "one", ONE), Attached::new(&home, "two", TWO));
    assert_eq!(hook(&home, ONE, &["claude"], &edit(&home, "src/a.rs")).ok(), "");
    let locks = home.run(&["ls", "lock:*"]).json();
    assert_eq!(locks[0]["key"], "lock:src/a.rs", "{locks:?}");
    assert_eq!(locks[0]["heldBy"], "one", "{locks:?}");
    let reason = denied(hook(&home, TWO, &["claude"], &edit(&home, "src/a.rs")));
    assert!(reason.contains("src/a.rs is locked by one"), "{reason}");
    assert_eq!(hook(&home, ONE, &["claude"], &event("Stop")).ok(), "");
    assert_eq!(hook(&home, TWO, &["claude"], &edit(&home, "src/a.rs")).ok(), "");
}

#[test]
fn a_hook_is_of_the_bridge_that_the_same_client_started() {
    let home = Home::new();
    let _board = home.serve(&[]);
    // This process starts both, as a client does, and says nothing of itself.
    let _bridge = Plain::as_program("codex-mcp-client", home.command(&[]), "mine");
    let patch = "*** Begin Patch\n*** Update File: a.rs\n*** Move to: b.rs\n*** End Patch";
    let input = json!({
        "cwd": home.path(), "hook_event_name": "PreToolUse", "tool_name": "apply_patch",
        "tool_input": { "command": patch },
    });
    assert_eq!(
        home.run_with_input(&["hook", "codex"], input.to_string().as_bytes())
            .ok(),
        ""
    );
    let locks = home.run(&["ls", "lock:*"]).json();
    let held: Vec<_> = locks
        .iter()
        .map(|row| (row["key"].as_str(), row["heldBy"].as_str()))
        .collect();
    let expected = ["lock:a.rs", "lock:b.rs"].map(|key| (Some(key), Some("mine")));
    assert_eq!(held, expected);
}

#[test]
fn a_client_that_an_agent_starts_is_not_that_agent_while_it_has_no_bridge() {
    let home = Home::new();
    let _board = home.serve(&[]);
    // This process is the agent's client, and starts the hooks of the other one.
    let mut outer = Plain::through_bridge(home.command(&[]), "outer");
    outer.tool("acquireLock", &json!({ "targets": ["a.rs"] }));
    let answer = hook(&home, ONE, &["claude"], &event("SessionStart"))
        .json()
        .remove(0);
    let context = answer["hookSpecificOutput"]["additionalContext"]
        .as_str()
        .unwrap();
    assert!(context.contains("Locked: \"a.rs\" by outer"), "{context}");
    assert!(!context.contains("you are"), "{context}");
    denied(hook(&home, ONE, &["claude"], &edit(&home, "a.rs")));
    assert_eq!(hook(&home, ONE, &["claude"], &event("SessionEnd")).ok(), "");
    let locks = home.run(&["ls", "lock:*"]).json();
    assert_eq!(locks[0]["heldBy"], "outer", "{locks:?}");
}

#[test]
fn a_client_without_a_session_is_not_the_one_around_it() {
    let home = Home::new();
    let _board = home.serve(&[]);
    // This process is the client around the others, which say that they are another one or are another program.
    let mut outer = Plain::as_program("claude-code", home.command(&[]), "outer");
    outer.tool("setStorage", &json!({ "key": "task:1", "value": "{}" }));
    outer.tool("claimTask", &json!({}));
    outer.tool("acquireLock", &json!({ "targets": ["a.rs"] }));
    let gemini = |name: &str, more: Value| {
        let mut input = json!({ "session_id": "s", "cwd": home.path(), "hook_event_name": name });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        home.run_with_input(&["hook", "gemini"], input.to_string().as_bytes())
    };
    let reason = denied(hook(&home, ONE, &["claude"], &edit(&home, "a.rs")));
    assert!(reason.contains("a.rs is locked by outer"), "{reason}");
    let edited = json!({ "tool_name": "replace", "tool_input": { "file_path": "a.rs" } });
    let answer = gemini("BeforeTool", edited).json().remove(0);
    assert_eq!(answer["decision"], "deny", "{answer}");
    for (claude_s, gemini_s) in [("Stop", "AfterAgent"), ("SessionEnd", "SessionEnd")] {
        assert_eq!(hook(&home, ONE, &["claude"], &event(claude_s)).ok(), "");
        assert_eq!(gemini(gemini_s, json!({})).ok(), "");
    }
    let held = |pattern| home.run(&["ls", pattern]).json()[0]["heldBy"].clone();
    assert_eq!([held("lock:*"), held("task:*")], ["outer", "outer"]);
}

#[test]
fn every_client_is_answered_in_its_own_words() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let _one = Attached::new(&home, "one", ONE);
    hook(&home, ONE, &["claude"], &edit(&home, "a.rs")).ok();
    let gemini = json!({
        "cwd": home.path(), "hook_event_name": "BeforeTool", "tool_name": "replace",
        "tool_input": { "file_path": "a.rs" },
    });
    let answer = hook(&home, TWO, &["gemini"], &gemini.to_string())
        .json()
        .remove(0);
    assert_eq!(answer["decision"], "deny", "{answer}");
    let opencode = json!({
        "event": "tool.execute.before", "directory": home.path(), "tool": "write",
        "args": { "filePath": "a.rs" },
    });
    let answer = hook(&home, TWO, &["opencode"], &opencode.to_string())
        .json()
        .remove(0);
    assert!(
        answer["deny"].as_str().unwrap().contains("locked by one"),
        "{answer}"
    );
}

#[test]
fn no_automatic_lock_is_taken_where_none_is_wanted() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let _one = Attached::new(&home, "one", ONE);
    let free = hook(&home, ONE, &["claude", "--no-auto-lock"], &edit(&home, "a.rs"));
    assert_eq!(free.ok(), "");
    assert_eq!(home.run(&["ls", "lock:*"]).ok(), "");
}

#[test]
fn a_new_session_is_told_what_is_going_on() {
    let home = Home::new();
    let _board = home.serve(&[]);
    let (_one, _two) = (Attached::new(&home, "one", ONE), Attached::new(&home, "two", TWO));
    hook(&home, ONE, &["claude"], &edit(&home, "a.rs")).ok();
    let answer = hook(&home, TWO, &["claude"], &event("SessionStart"))
        .json()
        .remove(0);
    let output = &answer["hookSpecificOutput"];
    assert_eq!(output["hookEventName"], "SessionStart", "{answer}");
    let context = output["additionalContext"].as_str().unwrap();
    for part in ["you are two", "Also here: one", "Locked: \"a.rs\" by one"] {
        assert!(context.contains(part), "{part}: {context}");
    }
}

#[test]
fn without_a_board_an_edit_passes_with_a_warning_unless_that_is_not_wanted() {
    let home = Home::new();
    for arguments in [&["claude"][..], &["claude", "--enforce", "open"]] {
        let warning = warned(hook(&home, ONE, arguments, &edit(&home, "a.rs")));
        assert!(warning.contains("no board runs"), "{warning}");
        assert!(
            warning.contains("start it in another terminal with `callboard`"),
            "{warning}"
        );
        assert!(warned(hook(&home, ONE, arguments, &event("SessionStart"))).contains("no board runs"));
        assert_eq!(
            hook(&home, ONE, arguments, &event("PostToolBatch")).ok(),
            "",
            "said once is enough"
        );
    }
    let closed = ["claude", "--enforce", "closed"];
    let reason = denied(hook(&home, ONE, &closed, &edit(&home, "a.rs")));
    assert!(
        reason.contains("start it in another terminal with `callboard`"),
        "{reason}"
    );
    assert_eq!(
        hook(&home, ONE, &closed, &event("Stop")).ok(),
        "",
        "a board cannot be waited for"
    );
}

#[test]
fn what_is_not_understood_blocks_where_a_board_runs() {
    let home = Home::new();
    for garbage in [
        "",
        "hello",
        r#"{"hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{}}"#,
    ] {
        assert!(warned(hook(&home, ONE, &["claude"], garbage)).contains("Locks are not looked at"));
        let blocked = hook(&home, ONE, &["claude", "--enforce", "closed"], garbage);
        assert_eq!(
            (blocked.code, blocked.stdout.as_str()),
            (Some(exit::BLOCK.into()), "")
        );
        assert!(blocked.stderr.contains("the "), "{}", blocked.stderr);
    }
    let _board = home.serve(&[]);
    assert_eq!(
        hook(&home, ONE, &["claude"], "hello").code,
        Some(exit::BLOCK.into())
    );
    assert!(warned(hook(&home, ONE, &["claude", "--enforce", "open"], "hello")).contains("cannot be read"));
}

#[test]
fn a_board_that_does_not_answer_is_not_waited_for() {
    let home = Home::new();
    let socket = socket(&home);
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    for place in socket.ancestors().skip(1).take(2) {
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(place, private).unwrap();
    }
    let _silent = UnixListener::bind(&socket).unwrap();
    let reason = denied(hook(&home, ONE, &["claude"], &edit(&home, "a.rs")));
    assert!(reason.contains("does not answer"), "{reason}");
    let warning = warned(hook(
        &home,
        ONE,
        &["claude", "--enforce", "open"],
        &edit(&home, "a.rs"),
    ));
    assert!(warning.contains("does not answer"), "{warning}");
}

/// Runs opencode's plugin in Node, lets `tool` be used with `arguments`, then lets the session become idle.
fn opencode(home: &Home, node: &Path, tool: &str, arguments: &Value) -> String {
    let plugin = home.path().join("callboard.mjs");
    std::fs::write(&plugin, include_str!("../../assets/opencode/callboard.js")).unwrap();
    let script = format!(
        r#"
        import {{ Callboard }} from "./callboard.mjs";
        const warned = [];
        const client = {{ app: {{ log: async (entry) => warned.push(entry.body.message) }} }};
        const plugin = await Callboard({{ client, directory: process.cwd() }});
        const call = {{ tool: "{tool}", sessionID: "s", callID: "c" }};
        try {{
            await plugin["tool.execute.before"](call, {{ args: {arguments} }});
            console.log(warned.length ? "warned " + warned : "passed");
        }} catch (error) {{
            console.log("denied " + error.message);
        }}
        await plugin.event({{ event: {{ type: "session.idle", properties: {{ sessionID: "s" }} }} }});
        "#
    );
    let program = Path::new(env!("CARGO_BIN_EXE_callboard"));
    let mut command = std::process::Command::new(node);
    command
        .args(["--input-type=module", "-e", &script])
        .env_clear()
        .envs([("XDG_RUNTIME_DIR", home.path()), ("HOME", home.path())])
        .env("PATH", program.parent().unwrap())
        .current_dir(home.path());
    run(command, b"").ok()
}

#[test]
fn opencode_s_plugin_denies_locks_and_gives_back() {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let Some(node) = std::env::split_paths(&paths)
        .map(|path| path.join("node"))
        .find(|node| node.is_file())
    else {
        eprintln!("skipped: there is no node on PATH");
        return;
    };
    let home = Home::new();
    let edited = |file: &str| opencode(&home, &node, "edit", &json!({ "filePath": file }));
    let warned = edited("a.rs");
    assert!(warned.starts_with("warned callboard: no board runs"), "{warned}");
    let _board = home.serve(&[]);
    let _one = Attached::new(&home, "one", ONE);
    let _bridge = Plain::as_program("opencode", home.command(&[]), "mine");
    hook(&home, ONE, &["claude"], &edit(&home, "a.rs")).ok();
    let patch = json!({ "patchText": "*** Begin Patch\n*** Delete File: a.rs\n*** End Patch" });
    for denied in [edited("a.rs"), opencode(&home, &node, "apply_patch", &patch)] {
        assert!(denied.starts_with("denied a.rs is locked by one"), "{denied}");
    }
    assert_eq!(edited("b.rs"), "passed\n");
    let locks = home.run(&["ls", "lock:*"]).json();
    assert_eq!(locks.len(), 1, "an idle agent edits nothing: {locks:?}");
}
