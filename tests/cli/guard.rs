//! Locked files under the eyes of the real program: what its hooks say of changes, and what it costs.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use crate::support::process::PATIENCE;
use crate::support::program::{Home, Server, run};
use crate::support::wait::until;
use callboard::net::project::Project;
use serde_json::{Value, json};

/// A client's process, which nobody else can have.
const CLIENT: u32 = 4_200_001;
/// How many looks there are between two writes of a file.
const LOOKS: usize = 60;

/// A board, and an agent whose client has hooks.
struct Case {
    home: Home,
    board: Server,
    #[expect(dead_code, reason = "its end would be the end of what it holds")]
    agent: BufReader<UnixStream>,
}

impl Case {
    fn new(options: &[&str]) -> Self {
        let home = Home::new();
        let board = home.serve(options);
        let project = Project::locate(home.path(), None, Some(home.path())).unwrap();
        let stream = UnixStream::connect(project.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut agent = BufReader::new(stream);
        let info = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info });
        for message in [
            json!({ "callboard/hello": { "name": "ann", "ppid": CLIENT } }),
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }),
        ] {
            writeln!(agent.get_mut(), "{message}").unwrap();
        }
        agent.read_line(&mut String::new()).unwrap();
        fs::write(home.path().join("a.rs"), "").unwrap();
        Self { home, board, agent }
    }

    /// Runs the hook of the client, and returns what the agent is told.
    fn hook(&self, event: &str, more: &Value) -> Option<String> {
        let mut input = json!({ "session_id": "s", "hook_event_name": event, "cwd": self.home.path() });
        input
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let mut command = self.home.command(&["hook", "claude"]);
        command.env("CLAUDE_PID", CLIENT.to_string());
        let said = run(command, input.to_string().as_bytes()).ok();
        let said: Value = serde_json::from_str(&said).ok()?;
        let context = said["hookSpecificOutput"]["additionalContext"].as_str()?;
        Some(context.to_owned())
    }

    /// The agent edits `a.rs`, which is locked for it until it stops.
    fn edit(&self) {
        let tool = json!({
            "tool_name": "Edit", "tool_use_id": "toolu_1", "tool_input": { "file_path": self.home.path().join("a.rs") },
        });
        assert_eq!(self.hook("PreToolUse", &tool), None);
        fs::write(self.home.path().join("a.rs"), "its own").unwrap();
        assert_eq!(self.hook("PostToolUse", &tool), None);
        assert_eq!(self.hook("PostToolBatch", &json!({})), None);
    }

    /// Tells whether the board watches any file.
    fn watches(&self) -> bool {
        let files = fs::read_dir(format!("/proc/{}/fd", self.board.pid())).unwrap();
        let targets = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        targets
            .into_iter()
            .any(|target| target.to_string_lossy() == "anon_inode:inotify")
    }

    /// Returns how much time the board has spent on a processor, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.board.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

#[test]
fn a_write_from_outside_is_told_by_the_next_hook_and_waiting_for_it_costs_nothing() {
    let case = Case::new(&[]);
    assert!(!case.watches(), "nothing is locked");
    case.edit();
    until("the file is watched", PATIENCE, || case.watches().then_some(()));
    let mut looks = 0;
    let told = until("the holder is told", PATIENCE, || {
        if looks % LOOKS == 0 {
            fs::write(case.home.path().join("a.rs"), format!("somebody else's {looks}")).unwrap();
        }
        looks += 1;
        case.hook("PostToolBatch", &json!({}))
    });
    assert!(told.contains("a.rs, which you hold, changed"), "{told}");
    let before = case.ticks();
    let (_open, quiet) = channel::<()>();
    let two_seconds = Duration::from_secs(2);
    assert_eq!(quiet.recv_timeout(two_seconds), Err(RecvTimeoutError::Timeout));
    let spent = case.ticks() - before;
    assert!(
        spent <= 2,
        "an idle board that watches took {spent} ticks in two seconds"
    );
    case.hook("Stop", &json!({}));
    until("nothing is watched any more", PATIENCE, || {
        (!case.watches()).then_some(())
    });
}

#[test]
fn a_board_that_is_told_so_watches_nothing() {
    let case = Case::new(&["--no-watch"]);
    case.edit();
    fs::write(case.home.path().join("a.rs"), "somebody else's").unwrap();
    assert_eq!(case.hook("PostToolBatch", &json!({})), None);
    assert!(!case.watches());
}
