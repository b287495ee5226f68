//! The tools for working together, over the real socket: what each answers, who is behind a call, and waiting.

use std::path::Path;
use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::socket::SocketServer;
use serde_json::{Value, json};
use tokio::net::UnixStream;

type Agent = Raw<UnixStream>;

/// Calls a tool as a thread of Codex.
async fn in_thread(agent: &mut Agent, thread: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "threadId": thread } });
    agent.request("tools/call", params).await["result"]["structuredContent"].take()
}

#[tokio::test]
async fn locks_are_taken_shown_and_given_back() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    let taken = ann
        .body(
            "acquireLock",
            json!({ "targets": ["src/b.rs", "./src/a.rs", "src/b.rs"], "why": "tidy up", "ttl": 60 }),
        )
        .await;
    assert_eq!(
        taken,
        json!({
            "success": true, "fence": 1, "targets": ["src/a.rs", "src/b.rs"],
            "expiresInMs": taken["expiresInMs"], "rev": 1,
        })
    );
    assert!(taken["expiresInMs"].as_u64().unwrap() <= 60_000, "{taken}");
    let held = bob.body("acquireLock", json!({ "targets": ["src"] })).await;
    assert_eq!(
        (&held["error"], &held["heldBy"], &held["why"], &held["targets"]),
        (
            &json!("HELD"),
            &json!("ann"),
            &json!("tidy up"),
            &json!(["src/a.rs", "src/b.rs"])
        )
    );
    let locks = bob
        .request("resources/read", json!({ "uri": "callboard://locks" }))
        .await;
    let locks: Value =
        serde_json::from_str(locks["result"]["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(locks["locks"]["rows"][0]["heldBy"], "ann");
    assert_eq!(locks["locks"]["rows"][0]["why"], "tidy up");
    let released = ann.body("releaseLock", json!({ "fence": 1 })).await;
    assert_eq!(
        released,
        json!({ "success": true, "released": ["src/a.rs", "src/b.rs"] })
    );
    let taken = bob.body("acquireLock", json!({ "targets": ["src"] })).await;
    assert_eq!(taken["success"], true);
}

#[tokio::test]
async fn both_eras_coordinate() {
    let server = SocketServer::start();
    let mut modern = server.named("ann").await;
    let mut legacy = Raw::legacy(server.stream().await).await;
    modern.set("task:1", "{}").await;
    let claim = legacy.body("claimTask", json!({})).await;
    assert_eq!((&claim["key"], &claim["attempt"]), (&json!("task:1"), &json!(1)));
    let lock = legacy.body("acquireLock", json!({ "targets": ["a"] })).await;
    assert_eq!(lock["success"], true);
    let held = modern.body("acquireLock", json!({ "targets": ["a"] })).await;
    assert_eq!(held["heldBy"], "raw-client-1");
    let done = json!({ "token": claim["token"], "outcome": "done", "result": "tidy" });
    assert_eq!(
        legacy.body("submitTask", done.clone()).await,
        json!({ "success": true, "key": "task:1", "state": "done" })
    );
    assert_eq!(legacy.body("submitTask", done).await["state"], "done");
    let again = json!({ "token": claim["token"], "outcome": "failed" });
    assert_eq!(legacy.body("submitTask", again).await["error"], "INVALID");
}

#[tokio::test]
async fn a_task_goes_to_one_agent_and_back_to_others() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    let id = ann.start("claimTask", json!({ "waitMs": 50_000 })).await;
    bob.set("task:1", r#"{"description":"tidy up"}"#).await;
    let claim = ann.end(&id).await;
    assert_eq!(claim["value"], r#"{"description":"tidy up"}"#);
    let nothing = bob.body("claimTask", json!({ "pattern": "task:*" })).await;
    assert_eq!(
        (&nothing["key"], &nothing["pending"], &nothing["claimed"]),
        (&Value::Null, &json!(0), &json!(1))
    );
    let raw = bob
        .call("setStorage", json!({ "key": "task:1", "value": "mine" }))
        .await;
    assert_eq!(raw["isError"], true);
    let retry = json!({ "token": claim["token"], "outcome": "retry" });
    assert_eq!(ann.body("submitTask", retry.clone()).await["state"], "pending");
    let stale = bob.body("submitTask", retry).await;
    assert_eq!(stale["error"], "LOST");
    let stats = bob.request("callboard/stats", json!({})).await;
    assert_eq!(
        stats["result"]["tasks"],
        json!({ "pending": 1, "claimed": 0, "done": 0, "failed": 0, "dead": 0 })
    );
    for (arguments, field) in [
        (json!({ "outcome": "done" }), "token"),
        (json!({ "token": 1 }), "outcome"),
        (json!({ "token": 1, "outcome": "done", "result": 1 }), "result"),
    ] {
        ann.refused("submitTask", arguments, field).await;
    }
    ann.refused("claimTask", json!({ "pattern": "a b" }), "pattern")
        .await;
    ann.refused("claimTask", json!({ "ttl": 0 }), "ttl").await;
}

#[tokio::test]
async fn messages_come_in_order_and_are_confirmed_by_the_next_call() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    let id = bob.start("receiveMessages", json!({ "waitMs": 50_000 })).await;
    let sent = ann
        .body("sendMessage", json!({ "to": "bob", "body": "one" }))
        .await;
    assert!(sent["id"].is_u64(), "{sent}");
    let first = bob.end(&id).await;
    assert_eq!(
        (
            &first["messages"][0]["id"],
            &first["messages"][0]["from"],
            &first["messages"][0]["body"]
        ),
        (&sent["id"], &json!("ann"), &json!("one"))
    );
    for body in ["two", "three"] {
        ann.body("sendMessage", json!({ "to": "*", "body": body })).await;
    }
    let next = bob.body("receiveMessages", json!({ "limit": 1 })).await;
    assert_eq!(
        (
            &next["messages"][0]["body"],
            &next["more"],
            &next["notices"]["inbox"]
        ),
        (&json!("two"), &json!(1), &json!(1))
    );
    let last = bob.body("receiveMessages", json!({})).await;
    assert_eq!(last["messages"][0]["body"], "three");
    let none = bob.body("receiveMessages", json!({})).await;
    assert_eq!(none, json!({ "success": true, "messages": [], "more": 0 }));
    for (arguments, field) in [
        (json!({ "body": "x" }), "to"),
        (json!({ "to": "bob" }), "body"),
        (json!({ "to": " ", "body": "x" }), "to"),
    ] {
        ann.refused("sendMessage", arguments, field).await;
    }
    ann.refused("receiveMessages", json!({ "limit": 101 }), "limit")
        .await;
}

#[tokio::test]
async fn a_heartbeat_tells_who_is_here_and_what_the_caller_holds() {
    let server = SocketServer::start();
    let (mut ann, mut bob) = (server.named("ann").await, server.named("bob").await);
    bob.set("task:1", "{}").await;
    ann.body("acquireLock", json!({ "targets": ["app/[slug].tsx"] }))
        .await;
    ann.body("claimTask", json!({})).await;
    let beat = ann.body("heartbeat", json!({ "progress": "half way" })).await;
    assert_eq!(
        (&beat["holds"][0]["target"], &beat["holds"][1]["key"]),
        (&json!("app/[slug].tsx"), &json!("task:1"))
    );
    assert!(beat["expiresInMs"].as_u64().unwrap() > 299_000, "{beat}");
    let seen = bob.body("heartbeat", json!({})).await;
    assert_eq!(
        (
            &seen["agents"][0]["name"],
            &seen["agents"][0]["doing"],
            &seen["agents"][0]["holds"]
        ),
        (&json!("ann"), &json!("half way"), &json!(2))
    );
    assert_eq!((&seen["holds"], &seen["expiresInMs"]), (&json!([]), &Value::Null));
    let board = bob.request("callboard/stats", json!({})).await["result"].take();
    assert_eq!(
        board["roster"][0]["holds"],
        json!(["lock:app/[slug].tsx", "task:1"])
    );
    assert_eq!(board["locks"]["rows"][0]["target"], "app/[slug].tsx");
}

#[tokio::test]
async fn agents_on_one_connection_are_told_apart_by_the_name_they_give() {
    let server = SocketServer::start();
    let mut shared = server.named("lead").await;
    let lock = |name: &str| json!({ "targets": ["a"], "as": name });
    assert_eq!(shared.body("acquireLock", lock("one")).await["success"], true);
    assert_eq!(shared.body("acquireLock", lock("two")).await["heldBy"], "one");
    let own = shared.body("acquireLock", json!({ "targets": ["a"] })).await;
    assert_eq!(own["heldBy"], "one", "the connection's own name is another agent");
    let released = shared.body("releaseLock", json!({ "as": "two" })).await;
    assert_eq!(released["released"], json!([]));
    let released = shared.body("releaseLock", json!({ "as": "one" })).await;
    assert_eq!(released["released"], json!(["a"]));
    shared
        .refused("releaseLock", json!({ "as": "human" }), "as")
        .await;
    shared.refused("releaseLock", json!({ "as": 1 }), "as").await;
    let mut other = server.named("other").await;
    other.refused("heartbeat", json!({ "as": "one" }), "as").await;
}

/// The ids of Codex's threads begin with the time, so those of one minute begin alike.
#[tokio::test]
async fn every_thread_of_codex_is_an_agent_of_its_own_for_every_tool() {
    let server = SocketServer::start();
    let mut codex = server.agent().await;
    let (first, second) = (
        "019debd9-2372-7f23-92b9-9f34002a6355",
        "019debd9-2399-7001-8f00-9f34002a6399",
    );
    let lock = json!({ "targets": ["a"] });
    let taken = in_thread(&mut codex, first, "acquireLock", lock.clone()).await;
    assert_eq!(taken["success"], true);
    let held = in_thread(&mut codex, second, "acquireLock", lock).await;
    assert_eq!(held["heldBy"], "codex-002a6355");
    let set = json!({ "key": "note", "value": "x" });
    in_thread(&mut codex, second, "setStorage", set).await;
    let seen = codex
        .body("watchStorage", json!({ "pattern": "note", "since": 0 }))
        .await;
    assert_eq!(seen["events"][0]["by"], "codex-002a6399");
    let named = json!({ "targets": ["b"], "as": "reviewer" });
    in_thread(&mut codex, first, "acquireLock", named).await;
    assert_eq!(server.holder("lock:b").as_deref(), Some("reviewer"));
    let mut named = server.named("coder").await;
    in_thread(&mut named, first, "acquireLock", json!({ "targets": ["c"] })).await;
    assert_eq!(server.holder("lock:c").as_deref(), Some("coder-002a6355"));
}

#[tokio::test]
async fn what_is_shown_can_be_fed_back_from_a_directory_below_the_root() {
    let server = SocketServer::start();
    let root = server.dir.path().to_owned();
    let write = |path: &str| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    };
    ["web/a.ts", "lib/b.rs", "package.json"]
        .into_iter()
        .for_each(write);
    std::os::unix::fs::symlink("a.ts", root.join("web/link.ts")).unwrap();
    let mut ann = server.named_in("ann", "web").await;
    for (written, target) in [
        ("a.ts", "web/a.ts"),
        ("web/a.ts", "web/a.ts"),
        ("lib/b.rs", "lib/b.rs"),
        ("./lib/b.rs", "web/lib/b.rs"),
        ("../package.json", "package.json"),
        ("package.json", "package.json"),
        ("tsconfig.json", "web/tsconfig.json"),
        ("../tsconfig.json", "tsconfig.json"),
        ("tsconfig.json", "web/tsconfig.json"),
    ] {
        let taken = ann.body("acquireLock", json!({ "targets": [written] })).await;
        assert_eq!(taken["targets"], json!([target]), "{written}");
    }
    let read = ann.body("acquireLock", json!({ "targets": ["lib/b.rs"] })).await;
    assert!(
        read["hint"].as_str().unwrap().contains("write ./lib/b.rs"),
        "{read}"
    );
    let linked = ann.body("acquireLock", json!({ "targets": ["link.ts"] })).await;
    assert_eq!(
        linked["asked"],
        json!([{ "asked": "link.ts", "target": "web/a.ts" }])
    );
    let many: Vec<_> = (0..64).map(|n| format!("{n}.ts")).collect();
    let taken = ann.body("acquireLock", json!({ "targets": many })).await;
    assert_eq!(taken["targets"].as_array().unwrap().len(), 64);
    let too_many: Vec<_> = (0..65).map(|n| format!("{n}.ts")).collect();
    ann.refused("acquireLock", json!({ "targets": too_many }), "targets")
        .await;
    let outside = Path::new("/");
    ann.refused("acquireLock", json!({ "targets": ["a", outside] }), "targets[1]")
        .await;
}

#[tokio::test]
async fn wrong_arguments_of_a_lock_are_named() {
    let server = SocketServer::start();
    let mut ann = server.named("ann").await;
    for (arguments, field) in [
        (json!({}), "targets"),
        (json!({ "targets": [] }), "targets"),
        (json!({ "targets": ["a", 1] }), "targets[1]"),
        (json!({ "targets": [""] }), "targets[0]"),
        (json!({ "targets": ["a"], "mode": "write" }), "mode"),
        (json!({ "targets": ["a"], "why": "x".repeat(501) }), "why"),
        (json!({ "targets": ["a"], "ttl": 0 }), "ttl"),
        (json!({ "targets": ["a"], "waitMs": 50_001 }), "waitMs"),
        (json!({ "targets": ["a"], "wait": 1 }), "wait"),
    ] {
        ann.refused("acquireLock", arguments, field).await;
    }
    ann.refused("releaseLock", json!({ "fence": "1" }), "fence").await;
    assert_eq!(server.in_line(), 0);
}

#[tokio::test]
async fn a_core_server_knows_seven_tools_and_no_others() {
    let served = crate::support::served::Served::offering(
        callboard::mcp::Toolset::Core,
        callboard::board::Limits::default(),
    );
    let mut ann = served.agent("ann");
    let listed = ann.request("tools/list", json!({})).await;
    let names: Vec<_> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    let core = [
        "setStorage",
        "getStorage",
        "listKeys",
        "acquireLock",
        "releaseLock",
        "claimTask",
        "submitTask",
    ];
    assert_eq!(names, core);
    let unknown = ann.body("watchStorage", json!({ "pattern": "*" })).await;
    assert_eq!(unknown["error"], "NOT_FOUND");
    let hint = unknown["hint"].as_str().unwrap();
    assert!(hint.ends_with(&core.join(", ")), "{hint}");
    served.advance(Duration::from_secs(1));
    assert_eq!(ann.body("claimTask", json!({})).await["key"], Value::Null);
}
