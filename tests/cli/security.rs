//! What must not be had from a board, nor done to it: secrets, other users' places, others' names, paths as traps.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::plain::Plain;
use crate::support::process::PATIENCE;
use crate::support::program::{Home, Ran, run, send, wait_end};
use crate::support::users::{OTHER_USER, is_root, lets_others_in};
use crate::support::wait::until;
use callboard::net::project::Project;
use rustix::process::Signal;
use serde_json::{Value, json};

/// What a client's environment holds, and nobody may find anywhere.
const TOKEN: &str = "token-that-nobody-may-find-7f3a";
/// By which a bridge proves that it is the same.
const SECRET: &str = "secret-that-nobody-may-find-91bc";
/// A client's process, which nobody else can have.
const CLIENT: u32 = 4_200_001;

/// A board that logs all that it can log to a file. Dropping it kills it.
struct Board {
    home: Home,
    child: Child,
    log: PathBuf,
}

impl Board {
    fn start() -> Self {
        let home = Home::new();
        let log = home.path().join("board.log");
        let child = with_secrets(home.command(&["--no-tui", "--log", "trace"]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let board = Self { home, child, log };
        until("the board is open", PATIENCE, || {
            board.log().contains("the board is open").then_some(())
        });
        board
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn socket(&self) -> PathBuf {
        project(self.home.path()).socket
    }

    /// Connects with a hello that holds `said`.
    fn attach(&self, said: &Value) -> Plain {
        Plain::with_hello(&self.socket(), &json!({ "callboard/hello": said }))
    }

    /// Runs the hook of the client whose process is `client`.
    fn hook(&self, client: u32, input: &Value) -> Ran {
        let mut command = with_secrets(self.home.command(&["hook", "claude"]));
        command.env("CLAUDE_PID", client.to_string());
        run(command, input.to_string().as_bytes())
    }

    /// Asks before an edit of `file`; returns why it is denied, if it is.
    fn edit(&self, client: u32, file: &str) -> Option<String> {
        let said = self
            .hook(
                client,
                &json!({
                    "session_id": "s", "cwd": self.home.path(), "hook_event_name": "PreToolUse", "tool_name": "Edit",
                    "tool_use_id": "toolu_1", "tool_input": { "file_path": file },
                }),
            )
            .ok();
        let said: Value = serde_json::from_str(&said).ok()?;
        let reason = said["hookSpecificOutput"]["permissionDecisionReason"].as_str();
        assert!(reason.is_some(), "{said}");
        reason.map(str::to_owned)
    }

    /// Returns the keys of all locks.
    fn locks(&self) -> Vec<String> {
        let rows = self.home.run(&["ls", "lock:*"]).json();
        let key = |row: &Value| row["key"].as_str().unwrap().to_owned();
        rows.iter().map(key).collect()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // It may have ended already; either way nothing of it is left.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn project(directory: &Path) -> Project {
    Project::locate(directory, None, Some(directory)).unwrap()
}

/// Returns `command` with an environment such as a client's, which holds what is nobody's business.
fn with_secrets(mut command: Command) -> Command {
    command
        .env("CLAUDE_CODE_MESSAGING_TOKEN", TOKEN)
        .env("ANTHROPIC_API_KEY", TOKEN);
    command
}

/// Returns every file at `place` and below.
fn files(place: &Path) -> Vec<PathBuf> {
    if !place.is_dir() || place.is_symlink() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(place).unwrap();
    entries.flat_map(|entry| files(&entry.unwrap().path())).collect()
}

#[test]
fn secrets_are_in_no_log_no_snapshot_and_no_answer() {
    let mut board = Board::start();
    let mut bridge = Plain::through_bridge(with_secrets(board.home.command(&[])), "ann");
    let mut ours = board.attach(&json!({ "name": "bob", "ppid": CLIENT, "secret": SECRET }));
    let mut said = String::new();
    for agent in [&mut bridge, &mut ours] {
        for (tool, arguments) in [
            ("heartbeat", json!({ "progress": "at work" })),
            ("setStorage", json!({ "key": "note:1", "value": "plain" })),
            ("listKeys", json!({ "pattern": "*", "values": true })),
            ("acquireLock", json!({ "targets": ["src/a.rs"] })),
            (
                "watchStorage",
                json!({ "pattern": "*", "since": 0, "waitMs": 10 }),
            ),
            ("receiveMessages", json!({})),
            ("noSuchTool", json!({})),
        ] {
            let answer = agent.request("tools/call", &json!({ "name": tool, "arguments": arguments }));
            said += &answer.to_string();
        }
        for uri in ["server://version", "callboard://board", "callboard://locks"] {
            said += &agent
                .request("resources/read", &json!({ "uri": uri }))
                .to_string();
        }
    }
    for event in [
        "SessionStart",
        "PostToolUse",
        "PostToolBatch",
        "Stop",
        "SessionEnd",
    ] {
        let ran = board.hook(CLIENT, &json!({ "session_id": "s", "hook_event_name": event }));
        said += &(ran.stdout + &ran.stderr);
    }
    said += &board.edit(CLIENT, "src/b.rs").unwrap_or_default();
    // A crash is where a core of the matter would be written down.
    drop(ours);
    let copy = board.home.path().join("copy.jsonl");
    for arguments in [
        &["stats"][..],
        &["ls", "*", "--values"],
        &["doctor", "--json"],
        &["config"],
        &["ls", "--all"],
        &["setup", "--dry-run", "--yes"],
        &["snapshot", copy.to_str().unwrap()],
    ] {
        let ran = run(with_secrets(board.home.command(arguments)), b"");
        said += &(ran.stdout + &ran.stderr);
    }
    let saved = project(board.home.path()).snapshot_file();
    until("the board has saved itself", PATIENCE, || {
        saved.exists().then_some(())
    });
    let places = files(board.home.path());
    assert!(places.contains(&copy) && places.contains(&saved), "{places:?}");
    send(board.child.id(), Signal::TERM);
    wait_end(&mut board.child);
    assert!(board.log().contains("the board is closed"), "{}", board.log());
    said += &board.log();
    for place in places.iter().filter(|place| place.is_file()) {
        said += &String::from_utf8_lossy(&fs::read(place).unwrap());
    }
    for hidden in [TOKEN, SECRET] {
        let found = said.find(hidden);
        let around = found.map(|at| &said[at.saturating_sub(200)..at]);
        assert_eq!(around, None, "a secret was written down");
    }
}

#[test]
fn a_path_in_a_hook_is_where_it_leads_and_creates_nothing() {
    let board = Board::start();
    let root = board.home.path().canonicalize().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let elsewhere = outside.path().canonicalize().unwrap();
    symlink(&elsewhere, root.join("link")).unwrap();
    let _ann = board.attach(&json!({ "name": "ann", "ppid": CLIENT }));
    let up = format!("{}etc/no-such-file", "../".repeat(20));
    for path in [up.as_str(), "link/a.rs", "src/../b.rs"] {
        assert_eq!(board.edit(CLIENT, path), None, "{path}");
    }
    let mut expected = [
        "lock:/etc/no-such-file".to_owned(),
        format!("lock:{}/a.rs", elsewhere.display()),
        "lock:b.rs".to_owned(),
    ];
    let mut locks = board.locks();
    expected.sort();
    locks.sort();
    assert_eq!(locks, expected);
    for path in [
        "a\0b",
        "a\nb",
        "\u{1b}]0;title\u{7}",
        &"x".repeat(5_000),
        "",
        &"/".repeat(5_000),
    ] {
        let reason = board.edit(CLIENT, path).unwrap();
        assert!(
            reason.contains("callboard cannot tell who holds this file"),
            "{path:?}: {reason}"
        );
        assert!(!reason.contains(['\0', '\u{1b}', '\u{7}']), "{reason:?}");
        assert!(reason.len() < 1_000, "{} bytes: {reason:.80}", reason.len());
    }
    let mut locks = board.locks();
    locks.sort();
    assert_eq!(locks, expected, "what cannot be judged is not locked");
    let runtime = root.join("callboard");
    let mut made = files(&root);
    made.retain(|file| !file.starts_with(&runtime));
    made.sort();
    assert_eq!(made, [root.join("board.log"), root.join("link")]);
    assert_eq!(files(&elsewhere), [""; 0].map(PathBuf::from));
    assert!(!Path::new("/etc/no-such-file").exists());
}

/// Checks that neither a board nor a client of one uses the places of `home`, and returns why.
fn refused(home: &Home) -> String {
    let mut said = String::new();
    for arguments in [&["--no-tui"][..], &["ls"], &["ls", "--all"]] {
        let ran = home.run(arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        said = ran.stderr;
    }
    said
}

#[test]
fn a_place_that_others_can_write_to_is_refused() {
    for mode in [0o770, 0o702, 0o755] {
        let home = Home::new();
        let base = home.path().join("callboard");
        fs::create_dir(&base).unwrap();
        fs::set_permissions(&base, Permissions::from_mode(mode)).unwrap();
        let said = refused(&home);
        assert!(said.contains("is open to other users; run `chmod 700"), "{said}");
        assert_eq!(files(&base), [""; 0].map(PathBuf::from), "nothing was made there");
        fs::set_permissions(&base, Permissions::from_mode(0o700)).unwrap();
        let own = project(home.path()).socket.parent().unwrap().to_owned();
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, Permissions::from_mode(mode)).unwrap();
        let ran = home.run(&["--no-tui"]);
        assert!(ran.stderr.contains("is open to other users"), "{ran:?}");
    }
}

#[test]
fn a_place_that_is_a_link_or_another_user_s_is_refused() {
    let home = Home::new();
    let real = home.path().join("real");
    fs::create_dir(&real).unwrap();
    fs::set_permissions(&real, Permissions::from_mode(0o700)).unwrap();
    symlink(&real, home.path().join("callboard")).unwrap();
    let said = refused(&home);
    assert!(said.contains("is not a directory"), "{said}");
    if is_root("a directory of another user is refused") {
        let home = Home::new();
        let base = home.path().join("callboard");
        fs::create_dir(&base).unwrap();
        fs::set_permissions(&base, Permissions::from_mode(0o700)).unwrap();
        chown(&base, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
        let said = refused(&home);
        assert!(said.contains("belongs to another user"), "{said}");
    }
}

#[test]
fn what_stands_in_the_socket_s_place_and_is_no_socket_is_left_alone() {
    let home = Home::new();
    let socket = project(home.path()).socket;
    for directory in [home.path().join("callboard"), socket.parent().unwrap().to_owned()] {
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    }
    let precious = home.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, &socket).unwrap();
    let ran = home.run(&["--no-tui"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("is not a socket"), "{ran:?}");
    // The lock file is opened as no link either.
    fs::remove_file(&socket).unwrap();
    let lock = project(home.path()).lock_file();
    fs::remove_file(&lock).unwrap();
    symlink(&precious, &lock).unwrap();
    let ran = home.run(&["--no-tui"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

/// Returns the program with `arguments` as another user would run it, who gets a copy of it in `place`.
fn as_another_user(place: &Path, arguments: &[&str]) -> Command {
    let program = place.join("callboard-copy");
    // Another process copies it: what a test's own process has open for writing, no test beside it can run.
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_callboard")).arg(&program);
    assert_eq!(run(copy, b"").code, Some(0));
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .uid(OTHER_USER)
        .gid(OTHER_USER);
    command
}

#[test]
fn another_user_is_refused_even_where_the_modes_would_let_it_in() {
    let what = "another user's connection is refused";
    if !is_root(what) {
        return;
    }
    let board = Board::start();
    let socket = board.socket();
    let mut above: Vec<&Path> = socket.ancestors().skip(1).collect();
    above.truncate(3);
    for directory in above {
        fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    }
    if !lets_others_in(board.home.path(), what) {
        return;
    }
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let mut command = as_another_user(board.home.path(), &["--socket"]);
    command.arg(&socket).arg("ls");
    let ran = run(command, b"");
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout, "");
    // It has gone by itself, since the board is not its own either; the board refuses it all the same.
    until("the board has refused it", PATIENCE, || {
        board
            .log()
            .contains("refused a connection of another user")
            .then_some(())
    });
}

/// The board of another user. Dropping it kills it.
struct Foreign(Child);

impl Drop for Foreign {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the board of another user at `socket`, for which there is a copy of the program in `place`.
fn board_of_another_user(place: &Path, socket: &Path) -> Foreign {
    let board = as_another_user(place, &["--no-tui", "--linger", "0", "--socket"])
        .arg(socket)
        .stderr(Stdio::null())
        .spawn();
    let board = Foreign(board.unwrap());
    until("the other user's board listens", PATIENCE, || {
        UnixStream::connect(socket).ok()
    });
    board
}

#[test]
fn a_chosen_socket_that_another_user_serves_is_told_nothing() {
    let what = "the socket of another user is refused";
    if !is_root(what) {
        return;
    }
    let home = Home::new();
    let shared = home.path().join("shared");
    fs::create_dir(&shared).unwrap();
    for directory in [home.path(), &shared] {
        fs::set_permissions(directory, Permissions::from_mode(0o777)).unwrap();
    }
    if !lets_others_in(&shared, what) {
        return;
    }
    let socket = shared.join("s");
    let other = board_of_another_user(home.path(), &socket);
    let place = socket.to_str().unwrap();
    let said = format!("it is served by another user (uid {OTHER_USER})");
    for arguments in [&["set", "task:1", "secret"][..], &["get", "task:1"], &["stop"]] {
        let ran = home.run(&[arguments, &["--socket", place]].concat());
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(&said), "{ran:?}");
    }
    let mut agent = Plain::through_bridge(home.command(&["--socket", place]), "ann");
    let call = json!({ "name": "setStorage", "arguments": { "key": "task:1", "value": "secret" } });
    let answer = agent.request("tools/call", &call);
    assert!(answer.to_string().contains(&said), "{answer}");
    drop(other);
    // What it leaves beside its socket is no beginning for a board of ours.
    for file in ["s", "s.lock"] {
        fs::remove_file(shared.join(file)).unwrap();
    }
    let ran = home.run(&["--no-tui", "--socket", place]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("belongs to another user"), "{ran:?}");
}

#[test]
fn a_forged_hello_gets_nobody_s_name_and_nobody_s_locks() {
    let board = Board::start();
    let lock = json!({ "targets": ["src/a.rs"] });
    let hello = json!({ "name": "ann", "ppid": CLIENT, "pid": CLIENT, "secret": SECRET });
    let mut ann = board.attach(&hello);
    let fence = ann.tool("acquireLock", &lock)["fence"].clone();
    let forgeries = [
        json!({ "name": "ann", "secret": "a guess" }),
        json!({ "name": "ann", "secret": "" }),
        json!({ "name": "ann", "pid": CLIENT, "ppid": 1 }),
        json!({ "name": "ann", "version": 99, "later": { "than": "us" }, "session": 1, "owner": "ann" }),
    ];
    for forgery in &forgeries {
        let mut forger = board.attach(forgery);
        let held = forger.tool("acquireLock", &lock);
        assert_eq!(
            (&held["error"], &held["success"]),
            (&json!("HELD"), &json!(false)),
            "{forgery}: {held}"
        );
        let released = forger.tool("releaseLock", &json!({ "fence": fence }));
        assert_eq!(released["released"], json!([]), "{forgery}: {released}");
        let write = json!({ "ops": [{ "key": "note:1", "value": "x" }], "ifFence": fence });
        let written = forger.tool("updateStorage", &write);
        assert_eq!(written["success"], false, "{forgery}: {written}");
        let gone = forger.tool("deleteStorage", &json!({ "key": "lock:src/a.rs" }));
        assert_eq!(gone["error"], "Key is leased", "{forgery}: {gone}");
    }
    // Also while its owner is away, and whoever proves to be it gets it back.
    drop(ann);
    for forgery in &forgeries {
        let held = board.attach(forgery).tool("acquireLock", &lock);
        assert_eq!(held["error"], "HELD", "{forgery}: {held}");
    }
    // A name is free again when whoever had it is gone.
    until("the forgers are gone", PATIENCE, || {
        let here = board
            .attach(&json!({ "name": "reader" }))
            .tool("heartbeat", &json!({}));
        let mut agents = here["agents"].as_array().unwrap().iter();
        agents.all(|agent| agent["name"] != "ann").then_some(())
    });
    let again = board.attach(&hello).tool("acquireLock", &lock);
    assert_eq!(again["fence"], fence, "{again}");
}

#[test]
fn a_hello_that_cannot_be_read_opens_nothing_and_harms_nobody() {
    let board = Board::start();
    for broken in [
        r#"{"callboard/hello":{"pid":"seven"}}"#,
        r#"{"callboard/hello":7}"#,
        r#"{"callboard/hello":{"name":"ann""#,
    ] {
        let call = json!({ "name": "acquireLock", "arguments": { "targets": ["src/a.rs"] } });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
        let answers = Plain::answers_to(&board.socket(), &format!("{broken}\n{call}\n"));
        assert!(
            answers.contains("the bridge's hello cannot be read"),
            "{broken}: {answers}"
        );
    }
    assert_eq!(board.locks(), [""; 0].map(str::to_owned));
}
