//! The bridge without a board: who answers meanwhile, how soon, and what happens when one comes or goes.

use std::time::{Duration, Instant};

use crate::support::bridge::{Client, Place};
use serde_json::{Value, json};

/// When the most impatient client gives up on an opening. That the bridge takes less than a second is shown
/// where a test can turn the clock.
const PROBE: Duration = Duration::from_secs(3);

fn modern(id: u32, method: &str) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "new", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": meta}})
}

#[expect(clippy::disallowed_methods, reason = "a client measures by its own clock")]
fn now() -> Instant {
    Instant::now()
}

#[track_caller]
fn assert_says_how_to_start(answer: &Value) {
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("`callboard` in a terminal"), "{text}");
    assert!(text.contains("/the/project"), "{text}");
}

fn tools(client: &Client, id: u32) -> usize {
    let answer = client.read_answer(id);
    answer["result"]["tools"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_stateless_client_opens_in_time_and_finds_the_board_when_it_comes() {
    let place = Place::new();
    let mut client = place.client();
    let began = now();
    client.say(&modern(1, "server/discover"));
    let discovered = client.read_answer(1);
    assert!(began.elapsed() < PROBE, "{:?}", began.elapsed());
    assert!(
        discovered["result"]["supportedVersions"].is_array(),
        "{discovered}"
    );
    client.say(&modern(2, "tools/list"));
    assert!(tools(&client, 2) > 3);
    let mut call = modern(3, "tools/call");
    call["params"]["name"] = json!("getStorage");
    client.say(&call);
    assert_says_how_to_start(&client.read_answer(3));
    // Once it is known that there is none, nobody waits for it again.
    assert!(began.elapsed() < PROBE, "{:?}", began.elapsed());

    let board = place.board();
    client.call(4);
    let mut line = board.accept();
    assert_eq!(line.repeats(), &json!([]));
    let call = line.read_request("tools/call");
    assert_eq!(call["id"], 4);
    line.answer(&call, json!("done"));
    assert_eq!(client.read_answer(4)["result"], "done");
}

#[test]
fn a_handshake_client_opens_in_time_and_is_introduced_to_the_board_when_it_comes() {
    let place = Place::new();
    let mut client = place.client();
    let began = now();
    client.initialize();
    let opened = client.read_answer(0);
    assert!(began.elapsed() < PROBE, "{:?}", began.elapsed());
    assert_eq!(opened["result"]["protocolVersion"], "2025-11-25", "{opened}");
    client.initialized();
    client.say(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}));
    assert!(tools(&client, 1) > 3);
    client.call(2);
    assert_says_how_to_start(&client.read_answer(2));
    client.say(&json!({"jsonrpc": "2.0", "id": 3, "method": "made/up"}));
    assert_eq!(client.read_answer(3)["error"]["code"], -32601);

    let board = place.board();
    let mut line = board.accept();
    let initialize = line.read_request("initialize");
    assert_eq!(line.read()["method"], "notifications/initialized");
    line.answer(&initialize, json!({}));
    client.call(4);
    let call = line.read_request("tools/call");
    line.answer(&call, json!("done"));
    assert_eq!(client.read_answer(4)["result"], "done");
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_call_under_way_gets_one_clear_error_when_the_board_goes_for_good() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.say(&json!({"jsonrpc": "2.0", "id": "l", "method": "subscriptions/listen", "params": {}}));
    let listen = line.read();
    let tag = json!({"_meta": {"io.modelcontextprotocol/subscriptionId": "l"}});
    line.say(&json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": tag}));
    client.read();
    client.call(1);
    line.read_request("tools/call");
    drop(board);
    drop(line);
    assert_says_how_to_start(&client.read_answer(1));
    client.call(2);
    assert_says_how_to_start(&client.read_answer(2));

    let board = place.board();
    let mut line = board.accept();
    assert_eq!(line.repeats(), &json!(["l"]));
    assert_eq!(line.read(), listen);
    client.call(3);
    let call = line.read();
    line.answer(&call, json!("done"));
    assert_eq!(client.read_answer(3)["result"], "done");
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_subscription_without_a_board_is_acknowledged_and_made_when_one_comes() {
    let place = Place::new();
    let mut client = place.client();
    let mut listen = modern(7, "subscriptions/listen");
    listen["params"]["notifications"] = json!({"toolsListChanged": true});
    client.say(&listen);
    let acknowledged = client.read();
    assert_eq!(
        acknowledged["method"], "notifications/subscriptions/acknowledged",
        "{acknowledged}"
    );
    let board = place.board();
    let mut line = board.accept();
    assert_eq!(line.read(), listen);
    line.say(&acknowledged);
    client.call(8);
    let call = line.read();
    line.answer(&call, json!({}));
    client.read_answer(8);
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_board_that_says_nothing_does_not_keep_a_client_from_opening() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.initialize();
    let initialize = line.read_request("initialize");
    assert_eq!(client.read_answer(0)["result"]["protocolVersion"], "2025-11-25");
    client.initialized();
    client.call(1);
    assert_eq!(line.read()["method"], "notifications/initialized");
    // The call waits for the board, which has it.
    let call = line.read_request("tools/call");
    line.answer(&initialize, json!("late"));
    line.answer(&call, json!("done"));
    assert_eq!(client.read_answer(1)["result"], "done");
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_board_that_turns_everybody_away_is_as_good_as_none() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    client.call(1);
    let answer = loop {
        // The error is about the connection; the client never sees it.
        let mut line = board.accept();
        line.say(&json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32603, "message": "too many"}}));
        drop(line);
        if let Some(answer) = client.read_now() {
            break answer;
        }
    };
    assert_eq!(answer["id"], 1);
    assert_says_how_to_start(&answer);
}

#[test]
fn the_last_calls_are_answered_also_without_a_board() {
    let place = Place::new();
    let mut client = place.client();
    client.call(1);
    client.call(2);
    let answers = client.end();
    assert_eq!(answers.len(), 2);
    for answer in &answers {
        assert_says_how_to_start(answer);
    }
}
