//! Hooks that ask over the connection of their agents, by the tool that no model sees.

use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::served::{Served, serve};
use callboard::board::{Key, Limits, Namespace};
use callboard::mcp::{Handler, Toolset};
use serde_json::{Value, json};
use tokio::io::DuplexStream;

/// What Claude Code calls itself.
const CLAUDE: &str = "claude-code";

/// Connects an agent of Claude Code's.
fn claude(served: &Served, name: &str) -> Raw<DuplexStream> {
    Raw::modern_as(CLAUDE, served.connect(name))
}

/// What Claude Code fills in before `tool` is used on `path`.
fn before(served: &Served, tool: &str, path: &str) -> Value {
    json!({
        "hook_event_name": "PreToolUse", "agent_id": "", "agent_type": "", "cwd": served.root.path(),
        "tool_name": tool, "tool_use_id": "toolu_1", "tool_input.file_path": path,
        "tool_input.notebook_path": "", "tool_input.command": "",
    })
}

fn event(name: &str) -> Value {
    json!({ "hook_event_name": name, "agent_id": "", "agent_type": "", "stop_hook_active": "false" })
}

/// Returns `arguments` as a sub-agent's hook has them.
fn of_sub_agent(mut arguments: Value) -> Value {
    arguments["agent_id"] = json!("a54902da7c31c6cce");
    arguments["agent_type"] = json!("general-purpose");
    arguments
}

/// Calls the tool and returns what the client obeys, `null` when that is nothing.
async fn hook(agent: &mut Raw<DuplexStream>, arguments: Value) -> Value {
    let result = agent.call("hook", arguments).await;
    assert_eq!(result["isError"], false, "{result}");
    assert!(result["structuredContent"].is_null(), "{result}");
    match result["content"].as_array().unwrap().as_slice() {
        [] => Value::Null,
        [block] => serde_json::from_str(block["text"].as_str().unwrap()).unwrap(),
        more => panic!("{more:?}"),
    }
}

fn denied(answer: &Value) -> String {
    let output = &answer["hookSpecificOutput"];
    assert_eq!(output["hookEventName"], "PreToolUse", "{answer}");
    assert_eq!(output["permissionDecision"], "deny", "{answer}");
    output["permissionDecisionReason"].as_str().unwrap().to_owned()
}

fn holders(served: &Served, key: &str) -> Vec<String> {
    let namespace = served.board.open(&Namespace::default()).unwrap();
    let entry = served.board.get(namespace, &Key::parse(key).unwrap());
    let leases = entry.iter().flat_map(|entry| entry.leases());
    leases.map(|lease| lease.owner().name.to_string()).collect()
}

#[tokio::test]
async fn an_edit_locks_for_the_agent_of_the_connection_until_it_stops() {
    let served = Served::new();
    let (mut one, mut two) = (claude(&served, "one"), claude(&served, "two"));
    assert_eq!(
        hook(&mut one, before(&served, "Write", "a.rs")).await,
        Value::Null
    );
    assert_eq!(holders(&served, "lock:a.rs"), ["one"]);
    let reason = denied(&hook(&mut two, before(&served, "Edit", "a.rs")).await);
    assert!(reason.contains("a.rs is locked by one"), "{reason}");
    assert_eq!(hook(&mut one, event("Stop")).await, Value::Null);
    assert_eq!(hook(&mut two, before(&served, "Edit", "a.rs")).await, Value::Null);
    assert_eq!(holders(&served, "lock:a.rs"), ["two"]);
    let mut free = before(&served, "Edit", "b.rs");
    free["auto_lock"] = json!("false");
    assert_eq!(hook(&mut one, free).await, Value::Null);
    assert_eq!(holders(&served, "lock:b.rs"), [""; 0]);
}

#[tokio::test]
async fn a_client_of_the_older_era_is_served_alike() {
    let served = Served::new();
    let mut one = Raw::legacy_as(CLAUDE, served.connect("one")).await;
    let mut two = Raw::legacy_as(CLAUDE, served.connect("two")).await;
    assert_eq!(
        hook(&mut one, before(&served, "Write", "a.rs")).await,
        Value::Null
    );
    denied(&hook(&mut two, before(&served, "Write", "a.rs")).await);
}

#[tokio::test]
async fn a_sub_agent_is_told_from_the_one_it_works_for_and_its_calls_are_its_own() {
    let served = Served::new();
    let mut one = claude(&served, "one");
    let started = hook(&mut one, of_sub_agent(event("SubagentStart"))).await;
    let context = started["hookSpecificOutput"]["additionalContext"]
        .as_str()
        .unwrap();
    assert!(context.contains("you are general-purpose-c31c6cce"), "{context}");
    let announced = before(&served, "mcp__callboard__acquireLock", "");
    assert_eq!(hook(&mut one, of_sub_agent(announced)).await, Value::Null);
    let call = json!({
        "name": "acquireLock", "arguments": { "targets": ["sub.rs"] },
        "_meta": { "claudecode/toolUseId": "toolu_1" },
    });
    one.request("tools/call", call).await;
    assert_eq!(holders(&served, "lock:sub.rs"), ["general-purpose-c31c6cce"]);
    denied(&hook(&mut one, before(&served, "Write", "sub.rs")).await);
    assert_eq!(
        hook(&mut one, of_sub_agent(event("SubagentStop"))).await,
        Value::Null
    );
    assert_eq!(holders(&served, "lock:sub.rs"), [""; 0]);
}

#[tokio::test]
async fn what_a_sub_agent_holds_under_a_name_of_its_own_is_not_in_its_way_and_goes_with_it() {
    let served = Served::new();
    let mut one = claude(&served, "one");
    one.body("acquireLock", json!({ "targets": ["main.rs"] })).await;
    lock_as(&served, &mut one, true, "worker", "src").await;
    // To act in another's name makes nobody that other one.
    lock_as(&served, &mut one, true, "one", "more.rs").await;
    assert_eq!(
        hook(&mut one, of_sub_agent(before(&served, "Write", "src/a.rs"))).await,
        Value::Null
    );
    denied(&hook(&mut one, before(&served, "Write", "src/a.rs")).await);
    denied(&hook(&mut one, of_sub_agent(before(&served, "Write", "main.rs"))).await);
    hook(&mut one, of_sub_agent(event("SubagentStop"))).await;
    assert_eq!(holders(&served, "lock:src"), [""; 0]);
    for key in ["lock:main.rs", "lock:more.rs"] {
        assert_eq!(holders(&served, key), ["one"], "{key}");
    }
}

/// Calls `tool` as Claude Code does, whose hook says before that it is the main agent's call.
async fn call(served: &Served, one: &mut Raw<DuplexStream>, tool: &str, arguments: Value) -> Value {
    let announced = before(served, &format!("mcp__callboard__{tool}"), "");
    assert_eq!(hook(one, announced).await, Value::Null);
    announced_call(one, tool, arguments).await
}

async fn announced_call(one: &mut Raw<DuplexStream>, tool: &str, arguments: Value) -> Value {
    let meta = json!({ "claudecode/toolUseId": "toolu_1" });
    let call = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    let answer = one.request("tools/call", call).await;
    answer["result"]["structuredContent"].clone()
}

/// Locks `target` under the name `alias`, in a call which the hook before it says is of the main agent, or of the
/// sub-agent.
async fn lock_as(served: &Served, one: &mut Raw<DuplexStream>, is_sub: bool, alias: &str, target: &str) {
    let announced = before(served, "mcp__callboard__acquireLock", "");
    let announced = if is_sub {
        of_sub_agent(announced)
    } else {
        announced
    };
    assert_eq!(hook(one, announced).await, Value::Null);
    announced_call(one, "acquireLock", json!({ "targets": [target], "as": alias })).await;
    assert_eq!(holders(served, &format!("lock:{target}")), [alias]);
}

/// Lets time pass in steps so small that the board does not take one for a time in which it stood still.
fn pass(served: &Served, seconds: u64) {
    for _ in 0..seconds {
        served.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn hooks_keep_what_an_agent_holds_under_a_name_that_it_gave_itself() {
    let served = Served::new();
    let mut one = claude(&served, "one");
    lock_as(&served, &mut one, false, "backend", "src").await;
    for _ in 0..6 {
        pass(&served, 300);
        hook(&mut one, before(&served, "Write", "src/a.rs")).await;
    }
    assert_eq!(holders(&served, "lock:src"), ["backend"]);

    // Its sub-agent's hooks keep it too, and what the sub-agent holds under another name.
    lock_as(&served, &mut one, true, "worker", "web").await;
    for _ in 0..6 {
        pass(&served, 300);
        hook(&mut one, of_sub_agent(before(&served, "Write", "web/a.ts"))).await;
    }
    assert_eq!(holders(&served, "lock:src"), ["backend"]);
    assert_eq!(holders(&served, "lock:web"), ["worker"]);

    for _ in 0..5 {
        pass(&served, 300);
    }
    for key in ["lock:src", "lock:web"] {
        assert_eq!(holders(&served, key), [""; 0], "{key} of who is silent");
    }
}

#[tokio::test]
async fn a_sub_agent_that_is_stopped_gives_everything_back_though_no_hook_of_its_own_says_so() {
    let served = Served::new();
    let mut one = claude(&served, "one");
    one.body("acquireLock", json!({ "targets": ["main.rs"] })).await;
    one.body("acquireLock", json!({ "targets": ["as.rs"], "as": "planner" }))
        .await;
    let other = |mut arguments: Value| {
        arguments["agent_id"] = json!("a1d34df349c54df48");
        arguments["agent_type"] = json!("general-purpose");
        arguments
    };
    hook(&mut one, of_sub_agent(before(&served, "Write", "a.rs"))).await;
    hook(&mut one, other(before(&served, "Write", "b.rs"))).await;
    let mut stopped = event("PostToolUse");
    stopped["tool_name"] = json!("TaskStop");
    stopped["tool_input.task_id"] = json!("a54902da7c31c6cce");
    assert_eq!(hook(&mut one, stopped).await, Value::Null);
    assert_eq!(holders(&served, "lock:a.rs"), [""; 0]);
    assert_eq!(holders(&served, "lock:b.rs"), ["general-purpose-9c54df48"]);

    // A person stops one without a word to anybody. That nobody is at work any more, the next stop tells.
    let stop = |tasks: Option<Value>| {
        let mut stop = event("Stop");
        stop["background_tasks"] = tasks.map_or_else(String::new, |tasks| tasks.to_string()).into();
        stop
    };
    for unsure in [None, Some(json!([{ "id": "t1", "type": "teammate" }]))] {
        hook(&mut one, stop(unsure)).await;
        assert_eq!(holders(&served, "lock:b.rs"), ["general-purpose-9c54df48"]);
    }
    hook(&mut one, other(stop(Some(json!([]))))).await;
    hook(&mut one, other(before(&served, "Write", "b.rs"))).await;
    hook(&mut one, stop(Some(json!([{ "id": "b1", "type": "shell" }])))).await;
    assert_eq!(holders(&served, "lock:b.rs"), [""; 0]);
    assert_eq!(holders(&served, "lock:main.rs"), ["one"]);
    assert_eq!(holders(&served, "lock:as.rs"), ["planner"], "a name of its own");
}

#[tokio::test]
async fn an_agent_takes_over_from_its_sub_agent_that_is_silent() {
    let served = Served::new();
    let (mut one, mut two) = (claude(&served, "one"), claude(&served, "two"));
    let sub = of_sub_agent(before(&served, "Write", "a.rs"));
    assert_eq!(hook(&mut one, sub.clone()).await, Value::Null);
    lock_as(&served, &mut one, true, "general-purpose-c31c6cce", "own.rs").await;
    // A build takes long, and says nothing until it is over.
    let mut build = of_sub_agent(before(&served, "Bash", ""));
    build["tool_input.command"] = json!("make");
    assert_eq!(hook(&mut one, build).await, Value::Null);
    pass(&served, 240);
    denied(&hook(&mut one, before(&served, "Write", "a.rs")).await);
    let done = of_sub_agent(event("PostToolBatch"));
    assert_eq!(hook(&mut one, done).await, Value::Null);
    pass(&served, 59);
    denied(&hook(&mut one, before(&served, "Write", "a.rs")).await);
    pass(&served, 1);
    denied(&hook(&mut two, before(&served, "Write", "a.rs")).await);
    assert_eq!(
        hook(&mut one, before(&served, "Write", "a.rs")).await,
        Value::Null
    );
    assert_eq!(holders(&served, "lock:a.rs"), ["one"]);
    // What it asked for itself is its own, and it may be at work after all.
    denied(&hook(&mut one, before(&served, "Write", "own.rs")).await);
    assert_eq!(hook(&mut one, sub).await, Value::Null);
    assert_eq!(holders(&served, "lock:a.rs"), ["general-purpose-c31c6cce"]);
}

#[tokio::test]
async fn messages_are_told_between_tools_and_claims_hold_back_once() {
    let served = Served::new();
    let (mut one, mut two) = (claude(&served, "one"), claude(&served, "two"));
    one.set("task:7", "{}").await;
    one.body("claimTask", json!({})).await;
    two.body("sendMessage", json!({ "to": "one", "body": "hello" }))
        .await;
    let told = hook(&mut one, event("PostToolBatch")).await;
    let context = told["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    assert!(context.contains("messages waiting: 1"), "{context}");
    let held = hook(&mut one, event("Stop")).await;
    assert_eq!(held["decision"], "block", "{held}");
    assert_eq!(hook(&mut one, event("StopFailure")).await, Value::Null);
    let mut again = event("Stop");
    again["stop_hook_active"] = json!("true");
    assert_eq!(hook(&mut one, again).await, Value::Null);
}

#[tokio::test]
async fn what_there_is_under_another_name_is_told_with_that_name() {
    let served = Served::new();
    let (mut one, mut two) = (claude(&served, "one"), claude(&served, "two"));
    one.set("task:7", "{}").await;
    lock_as(&served, &mut one, false, "backend", "src").await;
    let claim = call(&served, &mut one, "claimTask", json!({ "as": "backend" })).await;
    let send = json!({ "to": "backend", "body": "hello" });
    two.body("sendMessage", send).await;
    let namespace = served.board.open(&Namespace::default()).unwrap();
    for key in ["lock:src", "task:7"] {
        let key = Key::parse(key).unwrap();
        let rev = served.board.get(namespace, &key).unwrap().rev;
        served.board.expire(namespace, key, rev).unwrap();
    }
    let told = hook(&mut one, event("PostToolBatch")).await;
    let context = told["hookSpecificOutput"]["additionalContext"].as_str().unwrap();
    let token = &claim["token"];
    for part in [
        r#"acquireLock with as "backend" again"#,
        r#"receiveMessages with as "backend" has news"#,
        &format!(r#"releaseLock with as "backend" and fence {token} ends"#),
    ] {
        assert!(context.contains(part), "{part}: {context}");
    }
    // Who does so is not told again.
    for (tool, arguments) in [
        ("acquireLock", json!({ "as": "backend", "targets": ["src"] })),
        ("receiveMessages", json!({ "as": "backend" })),
        ("releaseLock", json!({ "as": "backend", "fence": token })),
    ] {
        let done = call(&served, &mut one, tool, arguments).await;
        assert_eq!(done["success"], true, "{tool}: {done}");
    }
    assert_eq!(hook(&mut one, event("PostToolBatch")).await, Value::Null);
}

#[tokio::test]
async fn for_a_model_and_for_a_client_without_such_hooks_there_is_no_such_tool() {
    let served = Served::new();
    let (mut one, mut two) = (claude(&served, "one"), claude(&served, "two"));
    two.body("acquireLock", json!({ "targets": ["a.rs"] })).await;
    // Each as a client names the calls of its model.
    for meta in [
        json!({ "claudecode/toolUseId": "toolu_2" }),
        json!({ "threadId": "019a" }),
        json!({ "progressToken": 4 }),
    ] {
        let call = json!({ "name": "hook", "arguments": before(&served, "Write", "b.rs"), "_meta": meta });
        let answer = one.request("tools/call", call).await;
        let body = &answer["result"]["structuredContent"];
        assert_eq!(body["error"], "NOT_FOUND", "{answer}");
        assert!(!body["hint"].as_str().unwrap().contains("hook,"), "{body}");
    }
    // A client that says nothing of its models' calls has no hooks that could ask.
    let plain = Raw::legacy(served.connect("plain")).await;
    let away = Raw::modern(serve(Handler::away(""), served.stop.child_token()));
    for mut other in [plain, served.agent("other"), away] {
        let body = other.body("hook", before(&served, "Write", "b.rs")).await;
        assert_eq!(body["error"], "NOT_FOUND", "{body}");
        let listed = other.request("tools/list", json!({})).await.to_string();
        assert!(!listed.contains("For hooks"), "{listed}");
    }
    assert_eq!(holders(&served, "lock:b.rs"), [""; 0]);
    // A forged one ends nothing of another connection's agents, whatever it calls itself.
    for name in ["Stop", "SessionEnd", "SubagentStop"] {
        let mut forged = event(name);
        forged["agent_id"] = json!("two");
        forged["agent_type"] = json!("two");
        hook(&mut one, forged).await;
        hook(&mut one, event(name)).await;
        assert_eq!(holders(&served, "lock:a.rs"), ["two"], "{name}");
    }
}

#[tokio::test]
async fn it_is_listed_last_for_programs_alone_in_every_set() {
    for tools in [Toolset::All, Toolset::Core] {
        let served = Served::offering(tools, Limits::default());
        let listed = claude(&served, "one").request("tools/list", json!({})).await;
        let last = listed["result"]["tools"].as_array().unwrap().last().unwrap();
        assert_eq!(last["name"], "hook");
        assert_eq!(last["_meta"]["ui"]["visibility"], json!(["app"]), "{last}");
        let mut one = claude(&served, "one");
        assert_eq!(
            hook(&mut one, before(&served, "Write", "a.rs")).await,
            Value::Null
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_stops_an_edit_unless_the_user_chose_otherwise() {
    let served = Served::new();
    let mut one = claude(&served, "one");
    let mut nameless = before(&served, "Write", "");
    for arguments in [json!({}), nameless.clone()] {
        let result = one.call("hook", arguments).await;
        assert_eq!(result["isError"], true, "{result}");
    }
    nameless["enforce"] = json!("open");
    let warned = hook(&mut one, nameless).await;
    assert!(
        warned["systemMessage"]
            .as_str()
            .unwrap()
            .contains("Locks are not looked at")
    );
}

#[tokio::test]
async fn without_a_board_edits_pass_with_a_warning_or_not_at_all_as_the_user_chose() {
    let served = Served::new();
    let stand_in = |handler| Raw::modern_as(CLAUDE, serve(handler, served.stop.child_token()));
    let mut away = stand_in(Handler::away("do this, then call again"));
    let warned = hook(&mut away, before(&served, "Write", "a.rs")).await;
    let warning = warned["systemMessage"].as_str().unwrap();
    assert!(
        warning.contains("no board runs; start it in another terminal"),
        "{warning}"
    );
    assert_eq!(warned.as_object().unwrap().len(), 1, "it decides nothing");
    let mut command = before(&served, "Bash", "");
    command["tool_input.command"] = json!("cargo test");
    assert_eq!(hook(&mut away, command).await, Value::Null);
    assert_eq!(hook(&mut away, event("PostToolBatch")).await, Value::Null);
    let mut closed = before(&served, "Write", "a.rs");
    closed["enforce"] = json!("closed");
    assert!(denied(&hook(&mut away, closed).await).contains("no board runs"));
    // One that has no place for the agent knows who holds the file.
    let mut full = stand_in(Handler::turned_away("there are too many namespaces"));
    let reason = denied(&hook(&mut full, before(&served, "Write", "a.rs")).await);
    assert!(reason.contains("too many namespaces"), "{reason}");
    let mut open = before(&served, "Write", "a.rs");
    open["enforce"] = json!("open");
    assert!(hook(&mut full, open).await["systemMessage"].is_string());
}
