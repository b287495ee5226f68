//! Files that somebody else changes while they are locked: who is told, who is not, and what counts as a change.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::scene::SceneClock;
use crate::support::socket::SocketServer;
use callboard::board::{EventKind, Pattern};
use callboard::guard::Guard;
use serde_json::{Value, json};
use tokio::net::UnixStream;

/// Clients' processes, which nobody else can have.
const ANN: u32 = 4_200_001;
const BOB: u32 = 4_200_002;
/// How many looks at the board there are between two writes: longer than a file has to be at rest.
const LOOKS: usize = 60;

/// A board whose files are watched, and the agent ann, whose client has hooks.
struct Case {
    server: SocketServer,
    clock: SceneClock,
    ann: Raw<UnixStream>,
    #[expect(dead_code, reason = "it is kept for its end")]
    guard: Guard,
}

impl Case {
    /// Returns the case in which the folder `src` has a file, and ann's client has announced something before.
    async fn new() -> Self {
        let (server, clock, guard) = SocketServer::guarded();
        fs::create_dir(server.dir.path().join("src")).unwrap();
        fs::write(server.dir.path().join("src/a.rs"), "fn main() {}").unwrap();
        let ann = attach(&server, "ann", ANN).await;
        let case = Self {
            server,
            clock,
            ann,
            guard,
        };
        case.command(ANN, "first").await;
        case.over(ANN, "first").await;
        case.later();
        case
    }

    fn path(&self, file: &str) -> PathBuf {
        self.server.dir.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Writes at once, as editors do: beside the file, and then in its place.
    fn save(&self, file: &str, text: &str) {
        self.write("beside", text);
        fs::rename(self.path("beside"), self.path(file)).unwrap();
    }

    /// Lets so much time pass that what comes is no aftermath of what was.
    fn later(&self) {
        self.clock.manual.advance(Duration::from_secs(10));
    }

    /// Ann locks `target`.
    async fn lock(&mut self, target: &str) {
        let taken = self.ann.body("acquireLock", json!({ "targets": [target] })).await;
        assert_eq!(taken["success"], true, "{taken}");
    }

    /// Tells what happens in the client of `process`.
    async fn hook(&self, moment: &str, process: u32, more: Value) -> Value {
        let mut occasion = json!({
            "moment": moment, "processes": [process], "cwd": self.server.dir.path(), "autoLock": true,
        });
        occasion
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = self
            .server
            .agent()
            .await
            .request("callboard/hook", occasion)
            .await;
        answer["result"].clone()
    }

    async fn edit(&self, process: u32, path: &str, call: &str) {
        let verdict = self
            .hook("before", process, json!({ "writes": [path], "call": call }))
            .await;
        assert_eq!(verdict["verdict"], "pass", "{verdict}");
    }

    async fn command(&self, process: u32, call: &str) {
        let verdict = self
            .hook("before", process, json!({ "isCommand": true, "call": call }))
            .await;
        assert_eq!(verdict["verdict"], "pass", "{verdict}");
    }

    async fn over(&self, process: u32, call: &str) {
        self.hook("between", process, json!({ "call": call })).await;
    }

    /// Returns the files whose change was reported, each with who is suspected.
    fn reported(&self) -> Vec<(String, Option<String>)> {
        let known = self.server.board.intrusions(self.server.namespace());
        known
            .into_iter()
            .map(|one| {
                (
                    one.file.text().into_owned(),
                    one.suspect.map(|suspect| suspect.name.to_string()),
                )
            })
            .collect()
    }

    /// Writes to `file`, again and again as long as it may not be watched yet, until a change is reported.
    async fn meddle(&self, file: &str) {
        let looks = AtomicUsize::new(0);
        self.server
            .until("the change is reported", |_| {
                let look = looks.fetch_add(1, Ordering::SeqCst);
                if look.is_multiple_of(LOOKS) {
                    self.write(file, &format!("meddled {look}"));
                }
                self.reported().iter().any(|(found, _)| found == file)
            })
            .await;
    }

    /// Waits until all that happened to files before has been looked at: a change of another file, which comes
    /// later, is reported then.
    async fn settle(&mut self, sentinel: &str) {
        self.lock(sentinel).await;
        self.meddle(sentinel).await;
    }

    async fn notices(&mut self) -> Value {
        self.ann.body("heartbeat", json!({})).await["notices"].clone()
    }
}

/// Returns what `notices` tell of `file`.
fn row<'a>(notices: &'a Value, file: &str) -> Option<&'a Value> {
    let rows = notices["changed"].as_array()?;
    rows.iter().find(|row| row["path"] == file)
}

/// Attaches a client as a bridge does that `process` has started.
async fn attach(server: &SocketServer, name: &str, process: u32) -> Raw<UnixStream> {
    let mut raw = server.agent().await;
    let hello = json!({ "callboard/hello": { "name": name, "ppid": process } });
    raw.send(&hello.to_string()).await;
    raw.body("heartbeat", json!({})).await;
    raw
}

#[tokio::test]
async fn the_holder_is_told_once_with_its_next_answer_and_the_board_shows_it() {
    let mut case = Case::new().await;
    let mut bob = attach(&case.server, "bob", BOB).await;
    case.edit(ANN, "src/a.rs", "one").await;
    case.write("src/a.rs", "ann's own");
    case.over(ANN, "one").await;
    case.settle("one").await;
    case.notices().await;
    case.later();
    case.save("src/a.rs", "somebody else's");
    case.comes_to_know("src/a.rs").await;
    let told = case.notices().await;
    let changed = row(&told, "src/a.rs").unwrap();
    assert_eq!(changed["suspect"], Value::Null);
    assert!(changed["agoMs"].is_u64(), "{told}");
    let hint = told["hint"].as_str().unwrap();
    assert!(hint.contains("src/a.rs, which you hold, changed "), "{hint}");
    assert!(hint.contains("read it again before you go on"), "{hint}");
    assert_eq!(row(&case.notices().await, "src/a.rs"), None, "it is told once");
    assert_eq!(bob.body("heartbeat", json!({})).await["notices"], Value::Null);
    let pattern = Pattern::parse("lock:src/a.rs").unwrap();
    let events = case
        .server
        .board
        .latest_events(case.server.namespace(), &pattern, 1);
    assert_eq!(
        (events[0].kind, &*events[0].by.name),
        (EventKind::Change, "somebody")
    );
    let watched = bob
        .body("watchStorage", json!({ "pattern": "lock:*", "since": 0 }))
        .await;
    let kinds: Vec<_> = watched["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["kind"])
        .collect();
    assert!(kinds.contains(&&json!("change")), "{watched}");
}

#[tokio::test]
async fn what_the_holder_announced_is_its_own() {
    let mut case = Case::new().await;
    case.edit(ANN, "src/a.rs", "one").await;
    case.settle("one").await;
    case.edit(ANN, "src/a.rs", "two").await;
    case.write("src/a.rs", "by an edit that was announced");
    case.over(ANN, "two").await;
    case.settle("two").await;
    case.command(ANN, "three").await;
    case.later();
    case.write("src/a.rs", "by a command that was announced");
    case.settle_during_a_command().await;
    let files: Vec<_> = case.reported().into_iter().map(|(file, _)| file).collect();
    assert_eq!(files, ["one", "two", "three"]);
}

impl Case {
    /// Ends ann's command when what it wrote has been looked at: a file of bob's tells.
    async fn settle_during_a_command(&mut self) {
        let mut bob = attach(&self.server, "bob", BOB).await;
        self.command(BOB, "x").await;
        self.over(BOB, "x").await;
        self.later();
        bob.body("acquireLock", json!({ "targets": ["three"] })).await;
        self.meddle("three").await;
    }
}

#[tokio::test]
async fn what_stirs_before_the_model_goes_on_is_the_holder_s_own_and_nothing_after() {
    let mut case = Case::new().await;
    case.edit(ANN, "src/a.rs", "one").await;
    case.settle("one").await;
    // Another tool that was used together with it is done, its own hook is run, and a session is compacted meanwhile.
    for moment in ["after", "start", "commit"] {
        case.hook(moment, ANN, json!({})).await;
        case.later();
    }
    case.write("src/a.rs", "by a formatter that takes its time");
    case.settle("two").await;
    assert!(!case.knows("src/a.rs"), "{:?}", case.reported());
    case.hook("between", ANN, json!({})).await;
    case.later();
    case.save("src/a.rs", "somebody else's");
    case.comes_to_know("src/a.rs").await;
    case.lock("src/b.rs").await;
    case.command(ANN, "three").await;
    case.hook("after", ANN, json!({ "call": "three" })).await;
    case.hook("between", ANN, json!({})).await;
    case.later();
    case.meddle("src/b.rs").await;
}

#[tokio::test]
async fn a_suspect_under_two_names_is_one_and_a_holder_under_two_is_no_other() {
    let mut case = Case::new().await;
    let mut bob = attach(&case.server, "bob", BOB).await;
    let sub = json!({ "kind": "worker", "id": "a1" });
    case.hook("before", BOB, json!({ "agent": sub, "call": "x" }))
        .await;
    let call = json!({
        "name": "acquireLock", "arguments": { "targets": ["bobs"], "as": "builder" },
        "_meta": { "claudecode/toolUseId": "x" },
    });
    bob.request("tools/call", call).await;
    case.lock("src").await;
    case.settle("one").await;
    let command = json!({ "agent": sub, "call": "y", "isCommand": true });
    case.hook("before", BOB, command).await;
    case.write("bobs", "its own");
    case.save("src/a.rs", "bob's worker's, perhaps");
    case.comes_to_know("src/a.rs").await;
    let suspected = ("src/a.rs".to_owned(), Some("worker-a1".to_owned()));
    assert!(case.reported().contains(&suspected), "{:?}", case.reported());
    assert!(!case.knows("bobs"), "{:?}", case.reported());
}

#[tokio::test]
async fn one_whose_command_ran_meanwhile_is_named_and_told_too() {
    let mut case = Case::new().await;
    let mut bob = attach(&case.server, "bob", BOB).await;
    case.lock("src").await;
    case.settle("one").await;
    case.notices().await;
    case.command(BOB, "x").await;
    case.save("src/a.rs", "bob's, perhaps");
    case.comes_to_know("src/a.rs").await;
    let suspected = ("src/a.rs".to_owned(), Some("bob".to_owned()));
    assert!(case.reported().contains(&suspected), "{:?}", case.reported());
    let verdict = case.hook("between", ANN, json!({})).await;
    let context = verdict["context"].as_str().unwrap();
    assert!(context.contains("src/a.rs, which you hold"), "{context}");
    assert!(context.contains("while bob was at work"), "{context}");
    let again = case.hook("between", ANN, json!({})).await.to_string();
    assert!(!again.contains("src/a.rs"), "it is told once: {again}");
    let told = bob.body("heartbeat", json!({})).await["notices"].clone();
    assert_eq!(row(&told, "src/a.rs").unwrap()["heldBy"], "ann", "{told}");
    assert!(
        told["hint"]
            .as_str()
            .unwrap()
            .contains("ann holds it: leave it alone"),
        "{told}"
    );
}

#[tokio::test]
async fn of_a_client_that_announces_nothing_no_change_is_an_alarm() {
    let mut case = Case::new().await;
    let mut plain = case.server.named("plain").await;
    plain
        .body("acquireLock", json!({ "targets": ["src/a.rs"] }))
        .await;
    case.settle("one").await;
    case.write("src/a.rs", "perhaps its own");
    case.settle("two").await;
    let files: Vec<_> = case.reported().into_iter().map(|(file, _)| file).collect();
    assert_eq!(files, ["one", "two"]);
}

#[tokio::test]
async fn a_save_by_renaming_counts_and_so_does_removal_but_a_touch_does_not() {
    let mut case = Case::new().await;
    case.lock("src/a.rs").await;
    case.settle("one").await;
    let file = fs::File::options()
        .write(true)
        .open(case.path("src/a.rs"))
        .unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    case.write("src/a.rs", "fn main() {}");
    case.settle("two").await;
    assert!(!case.knows("src/a.rs"), "the content is the same");
    case.save("src/a.rs", "saved by renaming");
    case.comes_to_know("src/a.rs").await;
    case.notices().await;
    fs::remove_file(case.path("src/a.rs")).unwrap();
    case.is_told_of("src/a.rs").await;
    fs::remove_dir(case.path("src")).unwrap();
    fs::create_dir(case.path("src")).unwrap();
    case.settle("three").await;
    case.write("src/a.rs", "there again, in another directory");
    case.is_told_of("src/a.rs").await;
}

impl Case {
    fn knows(&self, file: &str) -> bool {
        self.reported().iter().any(|(found, _)| found == file)
    }

    async fn comes_to_know(&self, file: &str) {
        self.server
            .until("the change is reported", |_| self.knows(file))
            .await;
    }

    /// Waits until ann's next answer tells of a change of `file`.
    async fn is_told_of(&mut self, file: &str) {
        let told = tokio::time::timeout(crate::support::socket::PATIENCE, async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            loop {
                look.tick().await;
                if row(&self.notices().await, file).is_some() {
                    return;
                }
            }
        });
        assert!(told.await.is_ok(), "nobody told of {file}");
    }
}

#[tokio::test]
async fn a_locked_directory_is_watched_with_those_that_come_to_be_in_it() {
    let mut case = Case::new().await;
    case.lock("src").await;
    case.settle("one").await;
    fs::create_dir_all(case.path("src/deep/er")).unwrap();
    case.write("src/deep/er/b.rs", "new");
    case.comes_to_know("src/deep/er/b.rs").await;
    case.notices().await;
    case.write("src/deep/er/b.rs", "newer");
    case.is_told_of("src/deep/er/b.rs").await;
    fs::create_dir_all(case.path("src/node_modules/x")).unwrap();
    fs::create_dir_all(case.path("src/cache")).unwrap();
    case.write(
        "src/cache/CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55",
    );
    case.settle("two").await;
    case.write("src/node_modules/x/index.js", "noise");
    case.write("src/cache/object", "noise");
    case.settle("three").await;
    let noise = case.reported();
    assert!(
        noise
            .iter()
            .all(|(file, _)| !file.contains("index.js") && !file.contains("object")),
        "{noise:?}"
    );
}

#[tokio::test]
async fn what_was_given_back_or_is_shared_is_nobody_s_alarm() {
    let mut case = Case::new().await;
    case.lock("src/a.rs").await;
    case.settle("one").await;
    case.ann.body("releaseLock", json!({})).await;
    case.write("src/a.rs", "free");
    let shared = json!({ "targets": ["src/a.rs"], "mode": "shared" });
    case.ann.body("acquireLock", shared).await;
    case.settle("two").await;
    case.write("src/a.rs", "shared");
    case.settle("three").await;
    assert!(!case.knows("src/a.rs"), "{:?}", case.reported());
}

#[tokio::test]
async fn a_file_behind_a_link_is_known_by_its_lock_and_so_is_one_outside_the_project() {
    let mut case = Case::new().await;
    std::os::unix::fs::symlink(case.path("src"), case.path("alias")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path().canonicalize().unwrap().join("notes.md");
    case.lock("alias/a.rs").await;
    case.lock(outside.to_str().unwrap()).await;
    case.meddle("src/a.rs").await;
    fs::write(&outside, "new").unwrap();
    case.comes_to_know(outside.to_str().unwrap()).await;
}
