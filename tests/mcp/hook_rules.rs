//! What follows from what clients' hooks tell, asked over the socket as the process of a hook does.

use crate::support::raw::Raw;
use crate::support::socket::SocketServer;
use callboard::board::{Key, Namespace};
use serde_json::{Value, json};
use tokio::net::UnixStream;

/// Two clients' processes, which nobody else can have.
pub(crate) const ONE: u32 = 4_200_001;
pub(crate) const TWO: u32 = 4_200_002;

/// Attaches a client as a bridge does that `process` has started.
pub(crate) async fn attach(server: &SocketServer, name: &str, process: u32) -> Raw<UnixStream> {
    let mut raw = server.agent().await;
    let hello = json!({ "callboard/hello": { "name": name, "ppid": process } });
    raw.send(&hello.to_string()).await;
    raw.body("heartbeat", json!({})).await;
    raw
}

/// Tells the server what happened, and returns its verdict.
pub(crate) async fn hook(server: &SocketServer, moment: &str, process: u32, more: Value) -> Value {
    let mut occasion = json!({
        "moment": moment, "processes": [4_100_000, process], "cwd": server.dir.path(), "autoLock": true,
    });
    occasion
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let answer = server.agent().await.request("callboard/hook", occasion).await;
    answer["result"].clone()
}

pub(crate) async fn edit(server: &SocketServer, process: u32, path: &str) -> Value {
    hook(server, "before", process, json!({ "writes": [path] })).await
}

pub(crate) fn sub_agent(id: &str) -> Value {
    json!({ "kind": "general-purpose", "id": id })
}

pub(crate) fn passes(verdict: &Value) {
    assert_eq!(*verdict, json!({ "verdict": "pass" }));
}

/// Checks that the tool is denied, and returns why.
pub(crate) fn denied(verdict: &Value) -> String {
    assert_eq!(verdict["verdict"], "deny", "{verdict}");
    verdict["reason"].as_str().unwrap().to_owned()
}

/// Returns who holds `key`, by name.
pub(crate) fn holders(server: &SocketServer, key: &str) -> Vec<String> {
    let namespace = server.board.open(&Namespace::default()).unwrap();
    let entry = server.board.get(namespace, &Key::parse(key).unwrap());
    let leases = entry.iter().flat_map(|entry| entry.leases());
    leases.map(|lease| lease.owner().name.to_string()).collect()
}

/// Ends the lock under `key` as the person at the board does.
pub(crate) fn expire(server: &SocketServer, key: &str) {
    let namespace = server.board.open(&Namespace::default()).unwrap();
    let key = Key::parse(key).unwrap();
    let rev = server.board.get(namespace, &key).unwrap().rev;
    server.board.expire(namespace, key, rev).unwrap();
}

#[tokio::test]
async fn a_free_file_is_locked_until_its_agent_stops_and_others_are_told_what_to_do() {
    let server = SocketServer::start();
    let (_one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    passes(&edit(&server, ONE, "src/a.rs").await);
    assert_eq!(holders(&server, "lock:src/a.rs"), ["one"]);
    passes(&edit(&server, ONE, "src/a.rs").await);
    assert_eq!(
        holders(&server, "lock:src/a.rs"),
        ["one"],
        "its own edit takes no second lock"
    );
    let absolute = server.dir.path().join("src/a.rs");
    let reason = denied(&edit(&server, TWO, absolute.to_str().unwrap()).await);
    for part in [
        "src/a.rs is locked by one for \"editing",
        "for another 300 s",
        "acquireLock with targets [\"src/a.rs\"]",
        "sendMessage to one",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(holders(&server, "lock:src/a.rs"), ["one"]);
    passes(&hook(&server, "stop", ONE, json!({})).await);
    passes(&edit(&server, TWO, "src/a.rs").await);
    assert_eq!(holders(&server, "lock:src/a.rs"), ["two"]);
}

#[tokio::test]
async fn what_an_agent_locked_itself_covers_its_edits_and_outlives_its_stop() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    let _two = attach(&server, "two", TWO).await;
    one.body(
        "acquireLock",
        json!({ "targets": ["src"], "why": "moving things" }),
    )
    .await;
    passes(&edit(&server, ONE, "src/deep/a.rs").await);
    assert_eq!(holders(&server, "lock:src/deep/a.rs"), [""; 0]);
    passes(&hook(&server, "stop", ONE, json!({})).await);
    let reason = denied(&edit(&server, TWO, "src/deep/a.rs").await);
    assert!(
        reason.contains("src is locked by one for \"moving things\""),
        "{reason}"
    );
    passes(&hook(&server, "end", ONE, json!({})).await);
    passes(&edit(&server, TWO, "src/deep/a.rs").await);
}

#[tokio::test]
async fn the_original_way_to_lock_covers_its_writer_s_edits() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    let _two = attach(&server, "two", TWO).await;
    one.set("lock:src/a.rs", r#"{"lockedBy":"impl-1"}"#).await;
    passes(&edit(&server, ONE, "src/a.rs").await);
    assert!(denied(&edit(&server, TWO, "src/a.rs").await).contains("impl-1"));
}

#[tokio::test]
async fn a_patch_is_locked_whole_or_not_at_all() {
    let server = SocketServer::start();
    let (_one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    passes(&edit(&server, ONE, "b.rs").await);
    let verdict = hook(
        &server,
        "before",
        TWO,
        json!({ "writes": ["a.rs", "b.rs", "c.rs"] }),
    )
    .await;
    assert!(denied(&verdict).contains("b.rs is locked by one"));
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
    passes(&edit(&server, ONE, "a.rs").await);
    passes(
        &hook(
            &server,
            "before",
            ONE,
            json!({ "writes": ["a.rs", "b.rs", "c.rs"] }),
        )
        .await,
    );
    for key in ["lock:a.rs", "lock:b.rs", "lock:c.rs"] {
        assert_eq!(holders(&server, key), ["one"], "{key}");
    }
}

#[tokio::test]
async fn sub_agents_are_owners_of_their_own_and_give_everything_back() {
    let server = SocketServer::start();
    let _one = attach(&server, "one", ONE).await;
    let first = json!({ "agent": sub_agent("a54902da7c31c6cce"), "writes": ["a.rs"] });
    let second = json!({ "agent": sub_agent("b1111111ffff"), "writes": ["a.rs"] });
    passes(&hook(&server, "before", ONE, first.clone()).await);
    assert_eq!(holders(&server, "lock:a.rs"), ["general-purpose-c31c6cce"]);
    let reason = denied(&hook(&server, "before", ONE, second.clone()).await);
    assert!(reason.contains("general-purpose-c31c6cce"), "{reason}");
    denied(&edit(&server, ONE, "a.rs").await);
    passes(&hook(&server, "stop", ONE, first).await);
    passes(&hook(&server, "before", ONE, second).await);
    assert_eq!(holders(&server, "lock:a.rs"), ["general-purpose-1111ffff"]);
    let names: Vec<_> = server
        .board
        .agents()
        .iter()
        .map(|one| one.owner.name.to_string())
        .collect();
    assert!(
        !names.contains(&"general-purpose-c31c6cce".to_owned()),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_call_over_the_shared_bridge_is_made_by_the_agent_that_its_hook_named() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    let announced = json!({ "agent": sub_agent("a54902da7c31c6cce"), "call": "toolu_0014_00" });
    passes(&hook(&server, "before", ONE, announced).await);
    let call = json!({
        "name": "acquireLock",
        "arguments": { "targets": ["sub.rs"] },
        "_meta": { "claudecode/toolUseId": "toolu_0014_00" },
    });
    one.request("tools/call", call).await;
    one.body("acquireLock", json!({ "targets": ["main.rs"] })).await;
    assert_eq!(holders(&server, "lock:sub.rs"), ["general-purpose-c31c6cce"]);
    assert_eq!(holders(&server, "lock:main.rs"), ["one"]);
}

#[tokio::test]
async fn a_codex_thread_is_the_same_agent_in_hooks_and_calls() {
    let server = SocketServer::start();
    let mut codex = attach(&server, "codex", ONE).await;
    let call = json!({
        "name": "acquireLock", "arguments": { "targets": ["src"] }, "_meta": { "threadId": "019a-0123456789" },
    });
    codex.request("tools/call", call).await;
    let own = json!({ "thread": "019a-0123456789", "writes": ["src/a.rs"] });
    passes(&hook(&server, "before", ONE, own).await);
    let other = json!({ "thread": "019a-9999999999", "writes": ["src/a.rs"] });
    assert!(denied(&hook(&server, "before", ONE, other).await).contains("codex-23456789"));
}

/// Codex starts a bridge for each of its threads, all in one process, and its hooks name the thread that it was started
/// for beside that of a sub-agent.
#[tokio::test]
async fn a_codex_thread_is_the_same_agent_over_each_bridge_of_its_process() {
    let server = SocketServer::start();
    let _first = attach(&server, "codex", ONE).await;
    let mut second = attach(&server, "codex", ONE).await;
    let lead = |path: &str| json!({ "thread": "019a-00000001", "writes": [path] });
    let agent = json!({ "kind": "default", "id": "019a-00000002" });
    let sub = |path: &str| json!({ "thread": "019a-00000001", "agent": agent, "writes": [path] });

    passes(&hook(&server, "before", ONE, lead("a.rs")).await);
    assert_eq!(holders(&server, "lock:a.rs"), ["codex-00000001"]);
    hook(&server, "start", ONE, sub("a.rs")).await;
    passes(&hook(&server, "before", ONE, sub("a.rs")).await);
    assert_eq!(
        holders(&server, "lock:a.rs"),
        ["codex-00000002"],
        "it was handed on"
    );

    let call = json!({
        "name": "acquireLock", "arguments": { "targets": ["b.rs"] }, "_meta": { "threadId": "019a-00000002" },
    });
    second.request("tools/call", call).await;
    assert_eq!(holders(&server, "lock:b.rs"), ["codex-00000002"]);
    assert!(denied(&hook(&server, "before", ONE, lead("b.rs")).await).contains("codex-00000002"));
    passes(&hook(&server, "commit", ONE, json!({ "writes": ["a.rs", "b.rs"] })).await);

    hook(&server, "stop", ONE, sub("")).await;
    assert!(holders(&server, "lock:a.rs").is_empty() && holders(&server, "lock:b.rs").is_empty());
    passes(&hook(&server, "before", ONE, lead("b.rs")).await);
}

#[tokio::test]
async fn who_hands_work_on_hands_on_the_files_it_was_editing() {
    let server = SocketServer::start();
    let _one = attach(&server, "one", ONE).await;
    passes(&edit(&server, ONE, "a.rs").await);
    let agent = json!({ "agent": sub_agent("a54902da7c31c6cce"), "writes": ["a.rs"] });
    let started = hook(&server, "start", ONE, agent.clone()).await;
    let context = started["context"].as_str().unwrap();
    assert!(context.contains("you are general-purpose-c31c6cce"), "{context}");
    passes(&hook(&server, "before", ONE, agent).await);
}

#[tokio::test]
async fn without_automatic_locks_only_what_others_hold_is_in_the_way() {
    let server = SocketServer::start();
    let (mut one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    let free = json!({ "writes": ["a.rs"], "autoLock": false });
    passes(&hook(&server, "before", TWO, free.clone()).await);
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
    one.body("acquireLock", json!({ "targets": ["."] })).await;
    assert!(denied(&hook(&server, "before", TWO, free).await).contains("one"));
}

#[tokio::test]
async fn who_has_no_agent_on_the_board_is_kept_from_what_agents_hold_and_locks_nothing() {
    let server = SocketServer::start();
    let _one = attach(&server, "one", ONE).await;
    passes(&edit(&server, ONE, "a.rs").await);
    assert!(denied(&edit(&server, 4_300_000, "a.rs").await).contains("locked by one"));
    passes(&edit(&server, 4_300_000, "b.rs").await);
    assert_eq!(holders(&server, "lock:b.rs"), [""; 0]);
    for moment in ["stop", "end", "between", "after"] {
        passes(&hook(&server, moment, 4_300_000, json!({})).await);
    }
    let context = hook(&server, "start", 4_300_000, json!({})).await;
    assert!(
        context["context"].as_str().unwrap().contains("\"a.rs\" by one"),
        "{context}"
    );
}

#[tokio::test]
async fn who_has_claimed_work_is_held_back_from_stopping_once() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    one.set("task:7", r#"{"description":"tidy up"}"#).await;
    let claim = one.body("claimTask", json!({})).await;
    passes(&edit(&server, ONE, "a.rs").await);
    let held = hook(&server, "stop", ONE, json!({})).await;
    assert_eq!(held["verdict"], "holdBack", "{held}");
    let reason = held["reason"].as_str().unwrap();
    assert!(
        reason.contains(&format!("task:7 (token {})", claim["token"])),
        "{reason}"
    );
    assert_eq!(holders(&server, "lock:a.rs"), ["one"], "it goes on");
    passes(&hook(&server, "stop", ONE, json!({ "heldBack": true })).await);
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
    assert_eq!(
        holders(&server, "task:7"),
        ["one"],
        "a turn's end is not the session's"
    );
    passes(&hook(&server, "end", ONE, json!({})).await);
    assert_eq!(holders(&server, "task:7"), [""; 0]);
}

#[tokio::test]
async fn automatic_locks_end_with_the_task() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    one.set("task:7", "{}").await;
    let claim = one.body("claimTask", json!({})).await;
    passes(&edit(&server, ONE, "a.rs").await);
    one.body(
        "submitTask",
        json!({ "token": claim["token"], "outcome": "done" }),
    )
    .await;
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
}

#[tokio::test]
async fn an_agent_at_work_hears_of_messages_and_of_those_who_wait() {
    let server = SocketServer::start();
    let (_one, mut two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    passes(&hook(&server, "between", ONE, json!({})).await);
    passes(&edit(&server, ONE, "a.rs").await);
    two.body("sendMessage", json!({ "to": "one", "body": "hello" }))
        .await;
    let waiting = json!({ "name": "acquireLock", "arguments": { "targets": ["a.rs"], "waitMs": 40_000 } });
    two.ask("tools/call", waiting).await;
    let namespace = server.board.open(&Namespace::default()).unwrap();
    server
        .until("two waits", |server| !server.board.waiters(namespace).is_empty())
        .await;
    let told = hook(&server, "between", ONE, json!({})).await;
    let context = told["context"].as_str().unwrap();
    for part in ["two waits for a.rs", "messages waiting: 1"] {
        assert!(context.contains(part), "{part}: {context}");
    }
}

#[tokio::test]
async fn git_must_not_throw_away_what_others_hold() {
    let server = SocketServer::start();
    let (_one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    let top = server.dir.path().canonicalize().unwrap();
    let apart = top.join(".claude/worktrees/agent-x");
    for place in [&top, &apart] {
        std::fs::create_dir_all(place.join(".git")).unwrap();
    }
    passes(&edit(&server, ONE, "src/a.rs").await);
    let over = |path: &std::path::Path| json!({ "overwrites": [path] });
    for path in [&top, &top.join("src"), &top.join("src/a.rs")] {
        let reason = denied(&hook(&server, "before", TWO, over(path)).await);
        assert!(reason.contains("src/a.rs (one"), "{reason}");
        passes(&hook(&server, "before", ONE, over(path)).await);
    }
    for path in [&apart, &top.join("b.rs")] {
        passes(&hook(&server, "before", TWO, over(path)).await);
    }
    passes(&edit(&server, TWO, apart.join("c.rs").to_str().unwrap()).await);
    passes(&hook(&server, "before", ONE, over(&top)).await);
    denied(&hook(&server, "before", ONE, over(&apart)).await);
    // Nothing of the project is in another repository, or in none.
    passes(&hook(&server, "before", TWO, over(top.parent().unwrap())).await);
}

#[tokio::test]
async fn a_commit_may_hold_nothing_that_others_work_on() {
    let server = SocketServer::start();
    let (_one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    passes(
        &hook(
            &server,
            "before",
            ONE,
            json!({ "agent": sub_agent("a1"), "writes": ["a.rs"] }),
        )
        .await,
    );
    let commit = json!({ "writes": ["a.rs", "b.rs"] });
    passes(&hook(&server, "commit", ONE, commit.clone()).await);
    assert!(denied(&hook(&server, "commit", TWO, commit.clone()).await).contains("git commit -- PATH"));
    let by_person = denied(&hook(&server, "commit", 4_300_000, commit).await);
    assert!(by_person.contains("--no-verify"), "{by_person}");
    passes(&hook(&server, "commit", TWO, json!({ "writes": ["b.rs"] })).await);
}

#[tokio::test]
async fn a_path_that_no_lock_can_be_on_is_not_written() {
    let server = SocketServer::start();
    let _one = attach(&server, "one", ONE).await;
    denied(&edit(&server, ONE, "a\nb").await);
    passes(&edit(&server, ONE, "what?*.rs").await);
    passes(&edit(&server, ONE, "port:3000").await);
    assert_eq!(holders(&server, "lock:port%3A3000"), ["one"]);
}

#[tokio::test]
async fn nonsense_is_refused_with_the_likely_cause() {
    let server = SocketServer::start();
    let answer = hook(&server, "dancing", ONE, json!({})).await;
    assert_eq!(
        (&answer["success"], &answer["error"]),
        (&json!(false), &json!("INVALID"))
    );
    assert!(
        answer["hint"].as_str().unwrap().contains("same version"),
        "{answer}"
    );
}
