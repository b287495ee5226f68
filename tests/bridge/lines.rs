//! The bridge and bytes: long lines, garbage, ends that do not read, and the end.

use std::io::Read as _;

use crate::support::bridge::Place;
use serde_json::{Value, json};

const LIMIT: usize = 64 * 1024 * 1024;

#[test]
fn garbage_is_refused_under_its_id_and_never_reaches_the_board() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.say_raw(b"garbage\n\n \r\n\xff\xfe\x00\n[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]\n");
    for code in [-32700, -32700, -32600] {
        let error = client.read_answer(Value::Null);
        assert_eq!(error["error"]["code"], code, "{error}");
    }
    client.say_raw(b"{\"id\":\"7\",\"method\":\"ping\"}\n");
    assert_eq!(client.read_answer("7")["error"]["code"], -32600);
    client.call(8);
    assert_eq!(line.read()["id"], 8);
}

#[test]
fn garbage_from_the_board_never_reaches_the_client() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    line.say_raw(b"warning: this is no JSON\n\n{\"jsonrpc\":\n\xff\n");
    client.call(1);
    let call = line.read();
    line.answer(&call, json!("fine"));
    assert_eq!(client.read_answer(1)["result"], "fine");
}

#[test]
fn long_values_pass_both_ways() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    // What 10 MiB of quotes become, once as text in JSON and once more in that text.
    let value = "\\\"".repeat(10 * 1024 * 1024);
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"v": value}});
    let asking = question.clone();
    let asked = std::thread::spawn(move || {
        client.say(&asking);
        client
    });
    let heard = line.read();
    let client = asked.join().unwrap();
    assert!(heard == question);
    line.answer(&heard, question["params"].clone());
    let answer = client.read();
    assert!(answer["result"] == question["params"]);
}

#[test]
fn a_line_beyond_the_limit_is_refused_under_its_id_and_the_next_one_served() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.say_raw(b"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"id\":1,\"v\":\"");
    let piece = vec![b'x'; 1024 * 1024];
    for _ in 0..=LIMIT / piece.len() {
        client.say_raw(&piece);
    }
    client.say_raw(b"\"},\"id\":\"long\"}\n");
    client.call(2);
    let refused = client.read_answer("long");
    assert_eq!(refused["error"]["code"], -32600);
    let text = refused["error"]["message"].as_str().unwrap();
    assert!(text.contains(&LIMIT.to_string()), "{text}");
    assert_eq!(line.read()["id"], 2);
}

#[test]
fn a_board_that_does_not_read_is_still_heard() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    // More than the socket takes waits for the board, and meanwhile it sends as much.
    let filler = "x".repeat(100_000);
    let calls = 20;
    let message = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": filler}});
    let asking = std::thread::spawn(move || {
        for id in 0..calls {
            client.say(&json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"v": filler}}));
        }
        client
    });
    for _ in 0..calls {
        line.say(&message);
    }
    for id in 0..calls {
        let call = line.read();
        assert_eq!(call["id"], id);
        line.answer(&call, json!(id));
    }
    let client = asking.join().unwrap();
    for _ in 0..calls {
        assert!(client.read() == message);
    }
    for id in 0..calls {
        assert_eq!(client.read_answer(id)["result"], id);
    }
}

#[test]
fn a_client_that_does_not_read_is_still_heard() {
    let place = Place::new();
    let board = place.board();
    let (mut output, to_client) = std::io::pipe().unwrap();
    let mut client = place.client_writing_to(to_client);
    let mut line = board.accept();
    client.call(0);
    let first = line.read();
    let long = "x".repeat(1_000_000);
    line.answer(&first, json!(long));
    // The answer does not fit into the pipe; calls go through all the same.
    for id in 1..100 {
        client.call(id);
        let call = line.read();
        assert_eq!(call["id"], id);
    }
    drop(line);
    let mut start = vec![0; long.len()];
    output.read_exact(&mut start).unwrap();
    let begins = start.windows(10).any(|part| part == b"\"result\":\"");
    assert!(begins, "{:?}", String::from_utf8_lossy(&start[..60]));
}

#[test]
fn the_end_of_input_waits_for_answers_but_not_for_subscriptions() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.say(&json!({"jsonrpc": "2.0", "id": 0, "method": "subscriptions/listen"}));
    client.call(1);
    // The last line has no end.
    client.say_raw(br#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#);
    client.close();
    line.read_request("subscriptions/listen");
    let call = line.read();
    line.answer(&call, json!("one"));
    let list = line.read_request("tools/list");
    line.answer(&list, json!("two"));
    let answers = client.end();
    let results: Vec<_> = answers.iter().map(|answer| &answer["result"]).collect();
    assert_eq!(results, ["one", "two"]);
}

#[test]
fn an_answer_that_never_comes_does_not_keep_the_bridge() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    client.call(1);
    line.read();
    assert_eq!(client.end().len(), 0);
}

#[test]
fn a_bridge_that_nobody_listens_to_ends() {
    let place = Place::new();
    let board = place.board();
    let (output, to_client) = std::io::pipe().unwrap();
    let client = place.client_writing_to(to_client);
    board.accept();
    drop(output);
    client.ends_by_itself().expect("the bridge goes on");
}

#[test]
fn many_lines_at_once_are_taken_as_there_is_room() {
    let place = Place::new();
    let board = place.board();
    let mut client = place.client();
    let mut line = board.accept();
    // All of it fits into one reading, but the bridge keeps fewer unanswered requests.
    let count = 1_000;
    let calls: Vec<_> = (0..count)
        .map(|id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"x\"}}\ngarbage\n"))
        .collect();
    let calls = calls.concat();
    client.say_raw(calls.as_bytes());
    client.close();
    for id in 0..count {
        let call = line.read();
        assert_eq!(call["id"], id);
        line.answer(&call, json!(id));
    }
    let said = client.end();
    let (answers, complaints): (Vec<_>, Vec<_>) = said.iter().partition(|line| line["id"].is_u64());
    assert_eq!(answers.len(), count);
    assert_eq!(complaints.len(), count);
}
