//! Whom hooks speak for when an agent goes by several names, or its connection was cut.

use crate::hook_rules::{ONE, TWO, attach, denied, edit, expire, holders, hook, passes, sub_agent};
use crate::support::raw::Raw;
use crate::support::socket::SocketServer;
use serde_json::{Value, json};
use tokio::net::UnixStream;

/// Attaches a bridge that `process` has started and that can come back.
async fn bridge(server: &SocketServer, name: &str, process: u32, secret: &str) -> Raw<UnixStream> {
    let mut raw = server.agent().await;
    let hello = json!({ "callboard/hello": { "name": name, "ppid": process, "secret": secret } });
    raw.send(&hello.to_string()).await;
    raw.body("heartbeat", json!({})).await;
    raw
}

/// Cuts `bridge` off, and returns when the board has noticed.
async fn cut(server: &SocketServer, bridge: Raw<UnixStream>, name: &str) {
    drop(bridge);
    let is_here = |server: &SocketServer| {
        let agents = server.board.agents();
        agents.iter().any(|agent| *agent.owner.name == *name)
    };
    server
        .until("it is off the board", |server| !is_here(server))
        .await;
}

/// Calls `tool`, beside which the client says `meta`.
async fn call(agent: &mut Raw<UnixStream>, tool: &str, arguments: Value, meta: Value) -> Value {
    let call = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    agent.request("tools/call", call).await
}

/// What Codex says of a sub-agent's hook.
fn of_thread(path: &str) -> Value {
    let agent = json!({ "kind": "default", "id": "019a-00000002" });
    json!({ "thread": "019a-00000001", "agent": agent, "writes": [path] })
}

#[tokio::test]
async fn a_codex_thread_is_still_the_same_when_all_bridges_come_back() {
    let server = SocketServer::start();
    let first = bridge(&server, "codex", ONE, "s1").await;
    let second = bridge(&server, "codex", ONE, "s2").await;
    passes(&hook(&server, "before", ONE, of_thread("b.rs")).await);
    cut(&server, first, "codex").await;
    cut(&server, second, "codex-2").await;
    let mut first = bridge(&server, "codex", ONE, "s1").await;
    let mut second = bridge(&server, "codex", ONE, "s2").await;

    let meta = json!({ "threadId": "019a-00000002" });
    call(&mut second, "heartbeat", json!({}), meta.clone()).await;
    passes(&hook(&server, "before", ONE, of_thread("b.rs")).await);
    assert_eq!(holders(&server, "lock:b.rs"), ["codex-00000002"]);
    call(&mut second, "releaseLock", json!({}), meta).await;
    assert_eq!(holders(&server, "lock:b.rs"), [""; 0]);
    first.body("heartbeat", json!({})).await;
}

#[tokio::test]
async fn a_name_of_its_own_is_still_an_agent_s_after_it_was_cut_off() {
    let server = SocketServer::start();
    let mut one = bridge(&server, "one", ONE, "s1").await;
    passes(&hook(&server, "before", ONE, json!({ "call": "toolu_1" })).await);
    let lock = json!({ "targets": ["a.rs"], "as": "lead" });
    let meta = json!({ "claudecode/toolUseId": "toolu_1" });
    call(&mut one, "acquireLock", lock, meta).await;
    passes(&edit(&server, ONE, "a.rs").await);
    cut(&server, one, "one").await;
    let _one = bridge(&server, "one", ONE, "s1").await;
    passes(&edit(&server, ONE, "a.rs").await);
    assert_eq!(holders(&server, "lock:a.rs"), ["lead"]);
}

#[tokio::test]
async fn sub_agents_that_were_never_seen_to_stop_leave_their_places_to_others() {
    let server = SocketServer::start();
    let _one = attach(&server, "one", ONE).await;
    for number in 0..70 {
        let agent = sub_agent(&format!("{number:08}"));
        let writes = if number == 0 { json!(["a.rs"]) } else { json!([]) };
        passes(
            &hook(
                &server,
                "before",
                ONE,
                json!({ "agent": agent, "writes": writes }),
            )
            .await,
        );
    }
    let names: Vec<_> = server
        .board
        .agents()
        .into_iter()
        .map(|agent| agent.owner.name.to_string())
        .collect();
    assert!(
        names.contains(&"general-purpose-00000000".to_owned()),
        "it holds a file"
    );
    assert!(
        !names.contains(&"general-purpose-00000001".to_owned()),
        "{names:?}"
    );
    assert_eq!(holders(&server, "lock:a.rs"), ["general-purpose-00000000"]);
}

/// Asks as a hook before an edit of `path` does, and returns when the server has begun to answer.
async fn ask(asking: &mut Raw<UnixStream>, server: &SocketServer, process: u32, mut more: Value) -> Value {
    more["moment"] = json!("before");
    if more["processes"].is_null() {
        more["processes"] = json!([4_100_000, process]);
    }
    more["cwd"] = json!(server.dir.path());
    more["autoLock"] = json!(true);
    let id = asking.ask("callboard/hook", more).await;
    asking.request("callboard/stats", json!({})).await;
    id
}

#[tokio::test]
async fn a_hook_waits_for_its_agent_that_is_cut_off_for_a_moment() {
    let server = SocketServer::start();
    let (one, _two) = (
        bridge(&server, "one", ONE, "s1").await,
        attach(&server, "two", TWO).await,
    );
    passes(&edit(&server, ONE, "a.rs").await);
    cut(&server, one, "one").await;
    denied(&edit(&server, TWO, "a.rs").await);
    let mut asking = server.agent().await;
    let id = ask(&mut asking, &server, ONE, json!({ "writes": ["a.rs", "b.rs"] })).await;
    let _one = bridge(&server, "one", ONE, "s1").await;
    passes(&asking.answer(&id).await["result"]);
    assert_eq!(holders(&server, "lock:b.rs"), ["one"]);
}

#[tokio::test]
async fn a_codex_thread_waits_for_the_bridge_that_it_is_known_on() {
    let server = SocketServer::start();
    let first = bridge(&server, "codex", ONE, "s1").await;
    let mut second = bridge(&server, "codex", ONE, "s2").await;
    passes(&hook(&server, "before", ONE, of_thread("b.rs")).await);
    cut(&server, first, "codex").await;
    let mut asking = server.agent().await;
    let id = ask(&mut asking, &server, ONE, of_thread("b.rs")).await;
    let call = json!({
        "name": "acquireLock", "arguments": { "targets": ["c.rs"] }, "_meta": { "threadId": "019a-00000002" },
    });
    let locking = second.ask("tools/call", call).await;
    second.request("callboard/stats", json!({})).await;
    let _first = bridge(&server, "codex", ONE, "s1").await;
    passes(&asking.answer(&id).await["result"]);
    second.answer(&locking).await;
    assert_eq!(holders(&server, "lock:c.rs"), ["codex-00000002"]);
    assert_eq!(holders(&server, "lock:b.rs"), ["codex-00000002"]);
}

#[tokio::test]
async fn a_thread_of_codex_inside_another_client_is_not_of_that_one_s_session() {
    let server = SocketServer::start();
    let hello = |process: u32| json!({ "callboard/hello": { "ppid": process } }).to_string();
    let mut outer = Raw::modern_as("claude-code", server.stream().await);
    outer.send(&hello(ONE)).await;
    outer.body("heartbeat", json!({})).await;
    let nested = |writes: &[&str]| {
        let thread = "019a-00000001";
        json!({ "processes": [TWO, ONE], "program": "codex", "thread": thread, "writes": writes })
    };
    // Before its bridge is connected.
    let started = hook(&server, "start", TWO, nested(&[])).await;
    assert_eq!(started["verdict"], "tell", "{started}");
    let mut inner = Raw::over(server.stream().await);
    inner.send(&hello(TWO)).await;
    let is_here = |server: &SocketServer| {
        let agents = server.board.agents();
        agents.iter().any(|agent| agent.introduction.ppid == Some(TWO))
    };
    server.until("it is on the board", is_here).await;

    let mut asking = server.agent().await;
    let id = ask(&mut asking, &server, TWO, nested(&["a.rs"])).await;
    let info = json!({ "name": "codex-mcp-client", "version": "1" });
    let opening = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info });
    inner.request("initialize", opening).await;
    passes(&asking.answer(&id).await["result"]);
    let lock = json!({ "targets": ["b.rs"] });
    call(
        &mut inner,
        "acquireLock",
        lock,
        json!({ "threadId": "019a-00000001" }),
    )
    .await;
    for lock in ["lock:a.rs", "lock:b.rs"] {
        assert_eq!(holders(&server, lock), ["codex-00000001"]);
    }
}

#[tokio::test]
async fn a_codex_thread_under_a_name_of_its_own_is_still_itself_to_hooks_over_every_bridge() {
    let server = SocketServer::start();
    let _first = attach(&server, "codex", ONE).await;
    let mut second = attach(&server, "codex", ONE).await;
    let meta = json!({ "threadId": "019a-00000002" });
    // Before and after a hook has spoken for it: it is of the session that named it first.
    for path in ["a.rs", "b.rs"] {
        let lock = json!({ "targets": [path], "as": "bob" });
        call(&mut second, "acquireLock", lock, meta.clone()).await;
        assert_eq!(holders(&server, &format!("lock:{path}")), ["bob"]);
        passes(&hook(&server, "before", ONE, of_thread(path)).await);
        let lead = json!({ "thread": "019a-00000001", "writes": [path] });
        assert!(denied(&hook(&server, "before", ONE, lead).await).contains("locked by bob"));
    }
    passes(&hook(&server, "stop", ONE, of_thread("")).await);
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
}

#[tokio::test]
async fn a_codex_thread_that_speaks_as_another_does_not_get_its_locks() {
    let server = SocketServer::start();
    let mut codex = attach(&server, "codex", ONE).await;
    let other = json!({ "threadId": "019a-00000002" });
    call(&mut codex, "acquireLock", json!({ "targets": ["a.rs"] }), other).await;
    let lead = json!({ "threadId": "019a-00000001" });
    call(&mut codex, "heartbeat", json!({ "as": "codex-00000002" }), lead).await;
    let edit = json!({ "thread": "019a-00000001", "writes": ["a.rs"] });
    denied(&hook(&server, "before", ONE, edit).await);
}

#[tokio::test]
async fn where_calls_say_nothing_of_their_maker_one_name_is_the_agent_s_and_two_are_nobody_s() {
    let server = SocketServer::start();
    let mut one = attach(&server, "gemini", ONE).await;
    let lock = |path: &str, name: &str| json!({ "targets": [path], "as": name });
    one.body("acquireLock", lock("a.rs", "bob")).await;
    passes(&edit(&server, ONE, "a.rs").await);
    one.body("acquireLock", lock("b.rs", "bob")).await;
    passes(&edit(&server, ONE, "b.rs").await);
    one.body("acquireLock", lock("c.rs", "ann")).await;
    for path in ["a.rs", "c.rs"] {
        denied(&edit(&server, ONE, path).await);
    }
}

/// Returns an agent that its hooks know as `one` and that calls itself `lead`.
async fn lead(server: &SocketServer) -> Raw<UnixStream> {
    let mut one = attach(server, "one", ONE).await;
    as_lead(server, &mut one, "heartbeat", json!({})).await;
    one
}

/// Calls `tool` as Claude Code does when its agent calls itself `lead`, and returns what is answered.
async fn as_lead(
    server: &SocketServer,
    one: &mut Raw<UnixStream>,
    tool: &str,
    mut arguments: Value,
) -> Value {
    passes(&hook(server, "before", ONE, json!({ "call": "toolu_1" })).await);
    arguments["as"] = json!("lead");
    let answer = call(one, tool, arguments, json!({ "claudecode/toolUseId": "toolu_1" })).await;
    answer["result"]["structuredContent"].clone()
}

#[tokio::test]
async fn a_loss_under_a_name_of_its_own_is_told_once_before_an_agent_writes_again() {
    let server = SocketServer::start();
    let mut one = lead(&server).await;
    as_lead(
        &server,
        &mut one,
        "acquireLock",
        json!({ "targets": ["a.rs", "src"] }),
    )
    .await;
    for key in ["lock:a.rs", "lock:src"] {
        expire(&server, key);
    }
    assert!(denied(&edit(&server, ONE, "a.rs").await).contains("read it again"));
    passes(&edit(&server, ONE, "a.rs").await);
    passes(&hook(&server, "stop", ONE, json!({})).await);
    passes(&edit(&server, ONE, "a.rs").await);
    for path in ["src/b.rs", "src/c.rs"] {
        denied(&edit(&server, ONE, path).await);
        passes(&edit(&server, ONE, path).await);
    }
    let without = json!({ "writes": ["src/d.rs"], "autoLock": false });
    assert!(denied(&hook(&server, "before", ONE, without.clone()).await).contains("acquireLock it again"));
    passes(&hook(&server, "before", ONE, without).await);
}

#[tokio::test]
async fn automatic_locks_end_with_the_task_of_an_agent_that_named_itself() {
    let server = SocketServer::start();
    let mut one = lead(&server).await;
    one.set("task:7", "{}").await;
    let claim = as_lead(&server, &mut one, "claimTask", json!({})).await;
    passes(&edit(&server, ONE, "a.rs").await);
    assert_eq!(holders(&server, "lock:a.rs"), ["one"]);
    let done = json!({ "token": claim["token"], "outcome": "done" });
    as_lead(&server, &mut one, "submitTask", done).await;
    assert_eq!(holders(&server, "lock:a.rs"), [""; 0]);
}

#[tokio::test]
async fn a_sub_agent_that_speaks_as_its_leader_does_not_take_what_that_one_holds_along() {
    let server = SocketServer::start();
    let mut one = lead(&server).await;
    as_lead(&server, &mut one, "acquireLock", json!({ "targets": ["a.rs"] })).await;
    let sub = sub_agent("a54902da7c31c6cce");
    let announced = json!({ "agent": sub, "call": "toolu_2" });
    passes(&hook(&server, "before", ONE, announced).await);
    passes(&edit(&server, ONE, "b.rs").await);
    let meta = json!({ "claudecode/toolUseId": "toolu_2" });
    let wanted = json!({ "targets": ["b.rs"], "as": "lead" });
    let refused = call(&mut one, "acquireLock", wanted, meta).await.to_string();
    assert!(refused.contains("is another agent of your session"), "{refused}");
    assert_eq!(
        holders(&server, "lock:b.rs"),
        ["one"],
        "and nothing is taken from it"
    );
    passes(&edit(&server, ONE, "a.rs").await);
    passes(&hook(&server, "stop", ONE, json!({ "agent": sub })).await);
    assert_eq!(holders(&server, "lock:a.rs"), ["lead"]);
    passes(&edit(&server, ONE, "a.rs").await);
}

#[tokio::test]
async fn an_agent_that_named_itself_is_not_kept_waiting_by_what_was_locked_for_it() {
    let server = SocketServer::start();
    let mut one = lead(&server).await;
    for path in ["src/a.rs", "b.rs", "c.rs"] {
        passes(&edit(&server, ONE, path).await);
    }
    let wanted = json!({ "targets": ["src", "b.rs"], "waitMs": 50_000 });
    as_lead(&server, &mut one, "acquireLock", wanted).await;
    for (key, expected) in [
        ("lock:src/a.rs", &[][..]),
        ("lock:src", &["lead"]),
        ("lock:b.rs", &["lead"]),
        ("lock:c.rs", &["one"]),
    ] {
        assert_eq!(holders(&server, key), expected, "{key}");
    }
    passes(&edit(&server, ONE, "src/a.rs").await);
}

#[tokio::test]
async fn an_agent_that_named_itself_gives_up_no_more_than_it_gets() {
    let server = SocketServer::start();
    let mut one = lead(&server).await;
    let mut two = attach(&server, "two", TWO).await;
    two.body("acquireLock", json!({ "targets": ["z.rs"] })).await;
    let patch = json!({ "writes": ["w.rs", "x.rs", "y.rs"] });
    passes(&hook(&server, "before", ONE, patch).await);
    as_lead(&server, &mut one, "acquireLock", json!({ "targets": ["x.rs"] })).await;
    assert_eq!(holders(&server, "lock:x.rs"), ["lead"]);
    let in_vain = json!({ "targets": ["y.rs", "z.rs"], "waitMs": 0 });
    let refused = as_lead(&server, &mut one, "acquireLock", in_vain).await;
    assert_eq!(refused["error"], "HELD", "{refused}");
    for key in ["lock:w.rs", "lock:y.rs"] {
        assert_eq!(holders(&server, key), ["one"], "{key}");
    }
}
