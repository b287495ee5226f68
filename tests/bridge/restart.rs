//! The bridge over a restart of the board: what is said again, what is not, and what the client sees of it.

use crate::support::bridge::Place;
use serde_json::json;

#[test]
fn lines_go_both_ways_after_a_hello() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    assert_eq!(line.hello["name"], "lead");
    assert_eq!(line.hello["pid"], std::process::id());
    assert!(line.hello["ppid"].is_u64());
    assert_eq!(line.hello["secret"].as_str().unwrap().len(), 32);
    assert_eq!(line.repeats(), &json!([]));

    client.say_raw(b"  {\"id\" : \"a\\u0062\", \"method\":\"x\\/y\", \"jsonrpc\":\"2.0\"}\r\n");
    let request = line.read_request("x/y");
    line.say(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}}));
    line.answer(&request, json!({"ok": true}));
    assert_eq!(client.read()["method"], "notifications/message");
    assert_eq!(client.read_answer("ab")["result"]["ok"], true);
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/progress"}));
    assert_eq!(line.read()["method"], "notifications/progress");
    assert_eq!(client.end(), Vec::<serde_json::Value>::new());
}

#[test]
fn what_was_not_answered_is_repeated_once_in_order_and_nothing_else() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    let secret = line.hello["secret"].clone();
    for id in 1..=4 {
        client.call(id);
    }
    client.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}}));
    let requests: Vec<_> = (0..4).map(|_| line.read_request("tools/call")).collect();
    assert_eq!(line.read()["method"], "notifications/cancelled");
    line.answer(&requests[1], json!("two"));
    client.read_answer(2);
    drop(line);

    // A second restart before anything was answered repeats the same again.
    for _ in 0..2 {
        let mut line = board.accept();
        assert_eq!(line.hello["secret"], secret);
        assert_eq!(line.repeats(), &json!([1, 4]));
        assert_eq!(line.read(), requests[0]);
        assert_eq!(line.read(), requests[3]);
    }
    let mut line = board.accept();
    line.read();
    line.read();
    client.call(5);
    assert_eq!(line.read_request("tools/call")["id"], 5);
    line.answer(&requests[3], json!("four"));
    line.answer(&requests[0], json!("one"));
    assert_eq!(client.read_answer(4)["result"], "four");
    assert_eq!(client.read_answer(1)["result"], "one");
    drop(line);
    assert_eq!(board.accept().repeats(), &json!([5]));
}

#[test]
fn what_arrives_between_two_boards_is_no_repeat() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.call(1);
    line.read_request("tools/call");
    drop(board);
    drop(line);
    client.call(2);
    let board = place.board();
    let mut line = board.accept();
    assert_eq!(line.repeats(), &json!([1]));
    assert_eq!(line.read()["id"], 1);
    assert_eq!(line.read()["id"], 2);
}

#[test]
fn an_answer_on_its_way_when_the_board_goes_counts() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.call(1);
    client.call(2);
    let first = line.read();
    // The board leaves the second request unread, which resets the connection.
    line.answer(&first, json!("one"));
    line.say_raw(b"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"ha");
    drop(line);
    assert_eq!(client.read_answer(1)["result"], "one");
    let mut line = board.accept();
    assert_eq!(line.repeats(), &json!([2]));
    let second = line.read();
    line.answer(&second, json!("whole"));
    assert_eq!(client.read_answer(2)["result"], "whole");
}

#[test]
fn an_answer_that_comes_twice_is_passed_on_once() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.call(1);
    let request = line.read();
    line.answer(&request, json!("one"));
    line.answer(&request, json!("again"));
    line.answer(&json!({"id": "never asked"}), json!("what"));
    line.say(&json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "too many"}}));
    client.call(2);
    let request = line.read();
    line.answer(&request, json!("two"));
    assert_eq!(client.read_answer(1)["result"], "one");
    assert_eq!(client.read_answer(2)["result"], "two");
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_handshake_session_is_brought_back_unseen() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.initialize();
    let initialize = line.read_request("initialize");
    line.answer(&initialize, json!({"protocolVersion": "2025-11-25"}));
    client.read_answer(0);
    client.initialized();
    line.read();
    let ask = |id: u32, method: &str, params| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    for (id, method, params) in [
        (1, "resources/subscribe", json!({"uri": "callboard://board"})),
        (2, "resources/subscribe", json!({"uri": "callboard://locks"})),
        (3, "resources/unsubscribe", json!({"uri": "callboard://locks"})),
        (4, "logging/setLevel", json!({"level": "debug"})),
        (5, "resources/subscribe", json!({"uri": "refused://"})),
    ] {
        client.say(&ask(id, method, params));
        let request = line.read_request(method);
        match id {
            5 => line.say(&json!({"jsonrpc": "2.0", "id": 5, "error": {"code": -32602, "message": "no"}})),
            _ => line.answer(&request, json!({})),
        }
        client.read_answer(id);
    }
    client.call(6);
    let call = line.read();
    drop(line);

    let mut line = board.accept();
    assert_eq!(line.repeats(), &json!([6]));
    let again = line.read_request("initialize");
    assert_eq!(again["params"], initialize["params"]);
    assert_ne!(again["id"], initialize["id"]);
    assert_eq!(line.read()["method"], "notifications/initialized");
    let level = line.read_request("logging/setLevel");
    let subscribed = line.read_request("resources/subscribe");
    assert_eq!(subscribed["params"]["uri"], "callboard://board");
    assert_eq!(line.read(), call);
    for request in [again, level, subscribed, call] {
        line.answer(&request, json!({}));
    }
    client.read_answer(6);
    assert_eq!(client.end().len(), 0);
}

#[test]
fn an_opening_that_was_not_answered_is_simply_repeated() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    client.initialize();
    let initialize = board.accept().read();
    let mut line = board.accept();
    assert_eq!(line.read(), initialize);
    line.answer(&initialize, json!({}));
    client.read_answer(0);
    client.initialized();
    assert_eq!(line.read()["method"], "notifications/initialized");
    drop(line);
    let mut line = board.accept();
    assert_eq!(line.read()["method"], "initialize");
    assert_eq!(line.read()["method"], "notifications/initialized");
}

#[test]
fn a_subscription_outlives_the_board_with_one_acknowledgement() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let tag = json!({"io.modelcontextprotocol/subscriptionId": "listen:0"});
    let tell = |method: &str| json!({"jsonrpc": "2.0", "method": method, "params": {"_meta": tag}});
    let acknowledged = tell("notifications/subscriptions/acknowledged");
    let changed = tell("notifications/tools/list_changed");
    client.say(&json!({"jsonrpc": "2.0", "id": "listen:0", "method": "subscriptions/listen", "params": {}}));
    for restart in 0..3 {
        let mut line = board.accept();
        let listen = line.read_request("subscriptions/listen");
        line.say(&acknowledged);
        line.say(&changed);
        if restart == 0 {
            assert_eq!(client.read(), acknowledged);
        }
        assert_eq!(client.read(), changed);
        // A board that stops in good order ends its subscriptions, which the client need not know.
        line.answer(&listen, json!({"resultType": "complete"}));
    }
    let mut line = board.accept();
    line.read_request("subscriptions/listen");
    client.say(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "listen:0"}}),
    );
    line.read();
    drop(line);
    assert_eq!(board.accept().repeats(), &json!([]));
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_board_s_question_is_answered_to_that_board_only() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    let ask = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "roots/list"});
    let roots = |id: u32| json!({"jsonrpc": "2.0", "id": id, "result": {"roots": []}});
    line.say(&ask(0));
    line.say(&ask(1));
    assert_eq!(client.read(), ask(0));
    assert_eq!(client.read(), ask(1));
    client.say(&roots(0));
    assert_eq!(line.read(), roots(0));
    drop(line);
    let mut line = board.accept();
    client.say(&roots(1));
    client.call(5);
    assert_eq!(line.read()["id"], 5);
}
