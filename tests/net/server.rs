//! Many connections, selfish ones, and the end: over the real socket, with handlers that can be told what to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::raw::Raw;
use crate::support::socket::{PATIENCE, SocketServer};
use callboard::net::MAX_WAITING;
use callboard::net::server::{Connection, MAX_CONNECTIONS};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, SubscriptionFilter,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::Notify;

/// What the tests tell the handlers, and what these tell the tests.
#[derive(Default)]
struct Levers {
    /// Lets one call of `wait` answer.
    release: Notify,
    /// How many calls have begun.
    begun: AtomicUsize,
    /// How many calls were dropped or answered.
    ended: AtomicUsize,
}

/// Tools that wait, panic, and say a lot.
struct Puppet {
    levers: Arc<Levers>,
    _connection: Connection,
}

/// Counts the end of a call, however it comes.
struct Ends(Arc<Levers>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl ServerHandler for Puppet {
    fn get_info(&self) -> rmcp::model::ServerConfig {
        callboard_info()
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let begun = self.levers.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let _ends = Ends(Arc::clone(&self.levers));
        let text = match &*call.name {
            // A name that the board knows as changing, so that its answers are kept for repeats.
            "setStorage" => format!("call {begun}"),
            "wait" => {
                self.levers.release.notified().await;
                "released".to_owned()
            }
            "patient" => {
                context.ct.cancelled().await;
                "told to end".to_owned()
            }
            "deaf" => std::future::pending().await,
            "large" => "x".repeat(1 << 20),
            "panic" => fault(),
            _ => "quick".to_owned(),
        };
        let content = vec![ContentBlock::text(text)];
        Ok(CallToolResponse::Complete(CallToolResult::success(content)))
    }
}

#[expect(clippy::panic, reason = "this is what the test is about")]
fn fault() -> String {
    panic!("the handler's own fault")
}

fn callboard_info() -> rmcp::model::ServerConfig {
    let capabilities = rmcp::model::ServerCapabilities::builder()
        .enable_tools()
        .enable_tool_list_changed()
        .build();
    rmcp::model::ServerConfig::new(capabilities)
}

fn puppets() -> (SocketServer, Arc<Levers>) {
    let levers = Arc::new(Levers::default());
    let own = Arc::clone(&levers);
    let server = SocketServer::with(move |connection| Puppet {
        levers: Arc::clone(&own),
        _connection: connection,
    });
    (server, levers)
}

async fn ask(raw: &mut Raw<UnixStream>, tool: &str) -> Value {
    raw.ask("tools/call", json!({ "name": tool })).await
}

async fn text_of(raw: &mut Raw<UnixStream>, id: &Value) -> String {
    let answer = raw.answer(id).await;
    let text = answer["result"]["content"][0]["text"].as_str();
    assert!(text.is_some(), "no text: {answer}");
    text.unwrap_or_default().to_owned()
}

async fn call(raw: &mut Raw<UnixStream>, tool: &str) -> String {
    let id = ask(raw, tool).await;
    text_of(raw, &id).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_are_served_and_those_beyond_the_limit_are_told() {
    let server = SocketServer::start();
    let mut agents = Vec::new();
    for _ in 0..1_000 {
        agents.push(server.agent().await);
    }
    for (number, agent) in agents.iter_mut().enumerate() {
        let set = json!({ "key": format!("k{number}"), "value": "v" });
        assert_eq!(
            agent.call("setStorage", set).await["structuredContent"]["success"],
            json!(true)
        );
    }
    assert_eq!(server.board.agents().len(), 1_000);
    for _ in 1_000..MAX_CONNECTIONS {
        agents.push(server.agent().await);
    }
    server
        .until("all are open", |server| server.traffic.open() == MAX_CONNECTIONS)
        .await;
    let mut late = server.raw().await;
    let error = late.receive().await;
    assert!(
        error["error"]["message"].as_str().unwrap().contains("1024"),
        "{error}"
    );
    assert_eq!(late.line().await, None);
    drop(agents);
    server
        .until("all are gone", |server| server.traffic.open() == 0)
        .await;
    assert_eq!(server.board.agents().len(), 0);
    let mut again = server.agent().await;
    assert_eq!(
        again.call("getStorage", json!({ "key": "k7" })).await["structuredContent"]["value"],
        "v"
    );
}

#[tokio::test]
async fn who_says_nothing_is_no_agent() {
    let server = SocketServer::start();
    let silent = server.stream().await;
    server
        .until("it is open", |server| server.traffic.open() == 1)
        .await;
    assert!(server.board.agents().is_empty());
    drop(silent);
    server
        .until("it is gone", |server| server.traffic.open() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_not_read_from_and_disturbs_nobody() {
    let (server, levers) = puppets();
    let deaf = server.stream().await;
    let (reader, mut writer) = deaf.into_split();
    let asked = 64;
    let sending = tokio::spawn(async move {
        for id in 0..asked {
            let line =
                json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "large" } });
            writer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        }
        writer
    });
    server
        .until("answers pile up", |_| levers.begun.load(Ordering::SeqCst) >= 4)
        .await;
    let mut other = server.raw().await;
    for _ in 0..200 {
        assert_eq!(call(&mut other, "any").await, "quick");
    }
    // Of all these answers of 1 MiB, only what fills the bound and the socket has been made.
    assert!(levers.begun.load(Ordering::SeqCst) < 200 + 10);
    let mut raw = Raw::over(tokio::io::join(reader, tokio::io::sink()));
    for id in 0..asked {
        assert_eq!(raw.receive().await["id"], json!(id));
    }
    sending.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_as_fast_as_it_is_written_to_gets_every_answer() {
    let (server, _) = puppets();
    let asked = 40;
    let line = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "large" } });
    let lines = format!("{line}\n").repeat(asked);
    let socket = server.socket.clone();
    // A thread of its own, so that it reads while the server is busy writing.
    let reading = tokio::task::spawn_blocking(move || {
        let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        std::io::Write::write_all(&mut stream, lines.as_bytes()).unwrap();
        let mut answers = std::io::BufReader::with_capacity(1 << 20, stream);
        (0..asked)
            .all(|_| std::io::BufRead::skip_until(&mut answers, b'\n').is_ok_and(|count| count > 1 << 20))
    });
    assert!(reading.await.unwrap(), "an answer did not come");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_flood_do_not_starve_the_others() {
    let (server, levers) = puppets();
    let line = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "any" } });
    let lines = format!("{line}\n").repeat(1_000);
    let mut floods = Vec::new();
    for _ in 0..8 {
        let (mut reader, mut writer) = server.stream().await.into_split();
        let lines = lines.clone();
        floods.push(tokio::spawn(async move {
            while writer.write_all(lines.as_bytes()).await.is_ok() {}
        }));
        floods.push(tokio::spawn(async move {
            tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.ok();
        }));
    }
    server
        .until("the flood runs", |_| levers.begun.load(Ordering::SeqCst) > 10_000)
        .await;
    let mut quiet = server.raw().await;
    for _ in 0..50 {
        let before = levers.begun.load(Ordering::SeqCst);
        assert_eq!(call(&mut quiet, "any").await, "quick");
        // In calls and not in time, so that a slow machine changes nothing.
        let overtaken = levers.begun.load(Ordering::SeqCst) - before;
        assert!(overtaken < 5_000, "{overtaken} calls went first");
    }
    for flood in floods {
        flood.abort();
    }
}

#[tokio::test]
async fn waiting_calls_are_bounded_and_block_nothing() {
    let (server, levers) = puppets();
    let mut raw = server.raw().await;
    let mut waiting = Vec::new();
    for _ in 0..MAX_WAITING {
        waiting.push(ask(&mut raw, "wait").await);
    }
    let id = ask(&mut raw, "wait").await;
    assert_eq!(raw.answer(&id).await["error"]["code"], -32000);
    assert_eq!(call(&mut raw, "any").await, "quick");
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": waiting[0] } });
    raw.send(&cancel.to_string()).await;
    server
        .until("the cancelled call is dropped", |_| {
            levers.ended.load(Ordering::SeqCst) == 3
        })
        .await;
    let replacement = ask(&mut raw, "wait").await;
    assert_eq!(call(&mut raw, "any").await, "quick");
    for _ in 0..MAX_WAITING {
        levers.release.notify_one();
        let answer = raw.receive().await;
        assert_eq!(answer["result"]["content"][0]["text"], "released", "{answer}");
        assert_ne!(answer["id"], waiting[0]);
        waiting.retain(|id| *id != answer["id"]);
    }
    assert_eq!(
        waiting.len(),
        1,
        "only the cancelled one: {waiting:?}, {replacement}"
    );
}

#[tokio::test]
async fn an_id_that_is_in_flight_is_refused() {
    let (server, levers) = puppets();
    let mut raw = server.raw().await;
    let line = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": { "name": "wait" } })
        .to_string();
    raw.send(&line).await;
    raw.send(&line).await;
    assert_eq!(raw.receive().await["error"]["code"], -32600);
    levers.release.notify_one();
    assert_eq!(raw.receive().await["result"]["content"][0]["text"], "released");
}

#[tokio::test]
async fn a_panic_is_answered_counted_and_ends_nothing() {
    let (server, _) = puppets();
    let mut raw = server.raw().await;
    let id = ask(&mut raw, "panic").await;
    assert_eq!(raw.answer(&id).await["error"]["code"], -32603);
    assert_eq!(call(&mut raw, "any").await, "quick");
    assert_eq!(server.traffic.panics(), 1);
}

#[tokio::test]
async fn what_waits_ends_when_the_peer_dies_but_not_when_only_its_input_ends() {
    let (server, levers) = puppets();
    let mut half = server.stream().await;
    let line = |tool: &str| {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } });
        format!("{call}\n")
    };
    half.write_all(line("wait").as_bytes()).await.unwrap();
    half.shutdown().await.unwrap();
    server
        .until("it waits", |_| levers.begun.load(Ordering::SeqCst) == 1)
        .await;
    levers.release.notify_one();
    let mut half = Raw::over(half);
    assert_eq!(half.receive().await["result"]["content"][0]["text"], "released");
    assert_eq!(half.line().await, None);

    let mut dies = server.stream().await;
    dies.write_all(line("deaf").as_bytes()).await.unwrap();
    server
        .until("it waits", |_| levers.begun.load(Ordering::SeqCst) == 2)
        .await;
    drop(dies);
    server
        .until("its call is dropped", |_| {
            levers.ended.load(Ordering::SeqCst) == 2
        })
        .await;
}

#[tokio::test]
async fn a_repeated_change_is_applied_once() {
    let (server, levers) = puppets();
    let hello =
        |repeats: Value| json!({ "callboard/hello": { "secret": "s1", "repeats": repeats } }).to_string();
    let mut bridge = server.raw().await;
    bridge.send(&hello(json!([]))).await;
    assert_eq!(call(&mut bridge, "setStorage").await, "call 1");
    drop(bridge);
    let mut back = server.raw().await;
    back.send(&hello(json!([1, 2]))).await;
    assert_eq!(call(&mut back, "setStorage").await, "call 1");
    assert_eq!(call(&mut back, "setStorage").await, "call 2");
    assert_eq!(levers.begun.load(Ordering::SeqCst), 2);
    let mut reuses = server.raw().await;
    reuses.send(&hello(json!([]))).await;
    assert_eq!(call(&mut reuses, "setStorage").await, "call 3");
}

#[tokio::test]
async fn a_hello_names_the_agent_and_a_bad_one_is_told_in_every_answer() {
    let server = SocketServer::start();
    let mut raw = server.raw().await;
    raw.send(r#"{"callboard/hello":{"name":"lead","namespace":"other"}}"#)
        .await;
    let set = json!({ "name": "setStorage", "arguments": { "key": "a", "value": "b" } });
    assert!(raw.request("tools/call", set.clone()).await["result"].is_object());
    assert_eq!(&*server.board.agents()[0].owner.name, "lead");
    let mut main = server.agent().await;
    assert_eq!(
        main.call("getStorage", json!({ "key": "a" })).await["structuredContent"]["exists"],
        json!(false)
    );

    for hello in [
        r#"{"callboard/hello":{"namespace":"a b"}}"#,
        r#"{"callboard/hello":7}"#,
    ] {
        let mut raw = server.raw().await;
        raw.send(hello).await;
        assert!(raw.initialize("2025-11-25").await["result"].is_object());
        let refused = raw.request("tools/call", set.clone()).await;
        assert_eq!(refused["result"]["isError"], json!(true), "{refused}");
    }
}

#[tokio::test]
async fn a_gentle_end_lets_calls_answer_and_subscriptions_finish() {
    let (server, levers) = puppets();
    let mut raw = server.agent().await;
    let patient = ask(&mut raw, "patient").await;
    let listen = raw
        .ask(
            "subscriptions/listen",
            json!({ "notifications": { "toolsListChanged": true } }),
        )
        .await;
    assert_eq!(
        raw.receive().await["method"],
        "notifications/subscriptions/acknowledged"
    );
    server
        .until("the call waits", |_| levers.begun.load(Ordering::SeqCst) == 1)
        .await;
    server.stop.gently.cancel();
    assert_eq!(text_of(&mut raw, &patient).await, "told to end");
    let last = raw.answer(&listen).await;
    assert_eq!(
        last["result"]["_meta"]["io.modelcontextprotocol/subscriptionId"], listen,
        "{last}"
    );
    assert_eq!(raw.line().await, None);
    tokio::time::timeout(PATIENCE, server.ended)
        .await
        .unwrap()
        .unwrap();
    assert!(!server.socket.exists());
}

#[tokio::test]
async fn a_second_order_to_stop_forces_the_end() {
    let (server, levers) = puppets();
    let mut raw = server.agent().await;
    ask(&mut raw, "deaf").await;
    server
        .until("the call waits", |_| levers.begun.load(Ordering::SeqCst) == 1)
        .await;
    server.stop.gently.cancel();
    server
        .until("the socket is gone", |server| !server.socket.exists())
        .await;
    assert!(!server.ended.is_finished());
    server.stop.now.cancel();
    tokio::time::timeout(PATIENCE, server.ended)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(levers.ended.load(Ordering::SeqCst), 1);
    assert_eq!(raw.line().await, None);
}
