//! The relay on a virtual clock, and in every order of events that chance finds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#;
const OPENING: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize"}"#;

fn relay() -> Relay {
    Relay::new(Hello::default(), Time::default())
}

fn at(millis: u64) -> Time {
    Time::default().after(Duration::from_millis(millis))
}

fn say(relay: &mut Relay, line: &str, now: Time) {
    relay.client_line(&mut format!("{line}\n").into_bytes(), now);
}

fn answer(relay: &mut Relay, side: Side, id: &str) {
    let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n");
    relay.server_line(side, &mut line.into_bytes());
}

/// Takes what waits in an outbox.
fn drain(outbox: &mut Outbox) -> Vec<Value> {
    let lines = outbox.waiting().split_inclusive(|byte| *byte == b'\n');
    let lines = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    outbox.clear();
    lines
}

/// Lets the stand-in answer what it is given at `now`, and returns the ids.
fn hand_over(relay: &mut Relay, now: Time) -> Vec<Value> {
    if !relay.is_overdue(now) {
        return Vec::new();
    }
    relay.stand_in_came(now);
    relay.hand_over(now);
    let mut ids: Vec<_> = drain(&mut relay.stand_in.outbox).into_iter().collect();
    ids.iter_mut().map(|request| request["id"].take()).collect()
}

#[test]
fn a_new_board_is_told_what_comes_again_and_how_long_it_is_waited_for() {
    let mut relay = relay();
    relay.board_came(at(0)).unwrap();
    say(&mut relay, CALL, at(100));
    relay.board_went(at(40_000));
    relay.board_came(at(40_020)).unwrap();
    let hello = drain(&mut relay.board.outbox).remove(0);
    assert_eq!(hello["callboard/hello"]["repeats"], json!([1]));
    assert_eq!(hello["callboard/hello"]["waited_ms"], json!([39_920]));
}

#[test]
fn an_opening_without_a_board_is_answered_within_a_second() {
    let mut relay = relay();
    say(&mut relay, OPENING, at(10));
    let alarm = relay.alarm().unwrap();
    assert!(alarm < at(1_000), "{alarm:?}");
    assert_eq!(hand_over(&mut relay, at(10)), Vec::<Value>::new());
    assert_eq!(hand_over(&mut relay, alarm), [0]);
    // Later requests need not wait: it is known that there is no board.
    let later = alarm.after(Duration::from_millis(1));
    say(&mut relay, CALL, later);
    assert_eq!(relay.alarm(), Some(alarm));
    assert_eq!(hand_over(&mut relay, later), [1]);
}

#[test]
fn a_board_that_comes_in_time_answers_itself() {
    let mut relay = relay();
    say(&mut relay, OPENING, at(0));
    say(&mut relay, CALL, at(0));
    relay.board_came(at(400)).unwrap();
    assert_eq!(drain(&mut relay.board.outbox).len(), 3);
    // As long as it has said nothing, the opening is not safe with it, but the call is.
    assert!(relay.is_overdue(at(600)));
    answer(&mut relay, Side::Board, "0");
    assert!(!relay.is_overdue(at(60_000)));
    answer(&mut relay, Side::Board, "1");
    assert!(!relay.owes_answers());
}

#[test]
fn what_is_under_way_when_the_board_goes_waits_for_a_restart_and_no_longer() {
    let mut relay = relay();
    relay.board_came(at(0)).unwrap();
    say(&mut relay, CALL, at(60_000));
    relay.board_went(at(60_100));
    assert!(!relay.is_overdue(at(62_000)));
    assert_eq!(hand_over(&mut relay, at(62_100)), [1]);
    // The next board is not given what the stand-in has.
    relay.board_came(at(62_101)).unwrap();
    assert_eq!(drain(&mut relay.board.outbox).len(), 1);
    answer(&mut relay, Side::StandIn, "1");
    assert_eq!(drain(&mut relay.client).len(), 1);
}

#[test]
fn calls_wait_for_a_board_that_is_being_started_and_openings_do_not() {
    let mut relay = relay();
    say(&mut relay, OPENING, at(0));
    say(&mut relay, CALL, at(0));
    relay.expect_board(at(5_000));
    assert_eq!(hand_over(&mut relay, at(500)), [0]);
    let later = CALL.replace(":1,", ":2,");
    say(&mut relay, &later, at(3_000));
    assert_eq!(hand_over(&mut relay, at(4_999)), Vec::<Value>::new());
    assert_eq!(hand_over(&mut relay, at(5_000)), [1, 2]);
}

#[test]
fn a_board_that_came_and_went_is_not_the_one_that_was_being_started() {
    let mut relay = relay();
    relay.expect_board(at(5_000));
    relay.board_came(at(30)).unwrap();
    say(&mut relay, CALL, at(40));
    answer(&mut relay, Side::Board, "1");
    relay.board_went(at(50));
    say(&mut relay, &CALL.replace(":1,", ":2,"), at(60));
    assert_eq!(hand_over(&mut relay, at(1_060)), [2]);
}

#[test]
fn nobody_waits_for_a_board_that_could_not_be_started() {
    let mut relay = relay();
    say(&mut relay, OPENING, at(0));
    say(&mut relay, CALL, at(0));
    relay.expect_board(at(5_000));
    relay.expect_nobody(at(20));
    assert_eq!(hand_over(&mut relay, at(20)), [0, 1]);
    let later = CALL.replace(":1,", ":2,");
    say(&mut relay, &later, at(3_000));
    assert_eq!(hand_over(&mut relay, at(3_000)), [2]);
}

#[test]
fn boards_that_come_and_go_without_a_word_do_not_make_a_request_wait_for_ever() {
    let mut relay = relay();
    say(&mut relay, CALL, at(0));
    for attempt in 0..20 {
        relay.board_came(at(attempt * 50)).unwrap();
        relay.board_went(at(attempt * 50 + 10));
    }
    assert_eq!(hand_over(&mut relay, at(960)), [1]);
}

#[test]
fn without_anybody_to_stand_in_a_request_is_refused() {
    let mut relay = relay();
    say(&mut relay, CALL, at(0));
    relay.hand_over(at(1_000));
    let said = drain(&mut relay.client);
    assert_eq!(
        (said.len(), &said[0]["id"], &said[0]["error"]["code"]),
        (1, &json!(1), &json!(-32603))
    );
}

#[test]
fn an_answer_too_long_to_pass_is_replaced_by_an_error() {
    let mut relay = relay();
    relay.board_came(at(0)).unwrap();
    say(&mut relay, CALL, at(0));
    relay.server_line_skipped(Id::read("1").as_ref(), 100);
    relay.server_line_skipped(Id::read("1").as_ref(), 100);
    let said = drain(&mut relay.client);
    assert_eq!((said.len(), &said[0]["id"]), (1, &json!(1)));
}

/// A small generator of numbers that look random, so that a failing program can be run again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let at = self.below(from.len().max(1) as u64);
        from.get(usize::try_from(at).unwrap()).cloned()
    }
}

/// What a client, a board and a stand-in have seen.
struct World {
    relay: Relay,
    now: Time,
    asked: u64,
    cancelled: BTreeSet<u64>,
    answers: BTreeMap<u64, u32>,
    /// The requests that the present board has, and those that any board may have.
    board: Vec<u64>,
    known: BTreeSet<u64>,
    stand_in: Vec<u64>,
    handed: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        Self {
            relay: relay(),
            now: Time::default(),
            asked: 0,
            cancelled: BTreeSet::new(),
            answers: BTreeMap::new(),
            board: Vec::new(),
            known: BTreeSet::new(),
            stand_in: Vec::new(),
            handed: BTreeSet::new(),
        }
    }

    fn step(&mut self, chance: &mut Chance) {
        match chance.below(14) {
            0..=3 => {
                self.asked += 1;
                let line = json!({"jsonrpc": "2.0", "id": self.asked, "method": "tools/call"});
                say(&mut self.relay, &line.to_string(), self.now);
            }
            4 | 5 => self.answer(Side::Board, chance),
            6 => self.answer(Side::StandIn, chance),
            7 if self.relay.board.is_up() => {
                self.relay.board_went(self.now);
                self.board.clear();
            }
            7 | 8 if !self.relay.board.is_up() => self.relay.board_came(self.now).unwrap(),
            9 => {
                let id = 1 + chance.below(self.asked + 1);
                let params = json!({"requestId": id});
                let line = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
                say(&mut self.relay, &line.to_string(), self.now);
                self.cancelled.insert(id);
            }
            12 if !self.relay.board.is_up() => {
                let until = self.now.after(Duration::from_millis(chance.below(3_000)));
                self.relay.expect_board(until);
            }
            13 if !self.relay.board.is_up() => self.relay.expect_nobody(self.now),
            10 => {
                // An answer that was given before comes again.
                let id = 1 + chance.below(self.asked + 1);
                if self.answers.contains_key(&id) && self.relay.board.is_up() {
                    answer(&mut self.relay, Side::Board, &id.to_string());
                }
            }
            _ => self.wait(Duration::from_millis(chance.below(800))),
        }
        self.look();
    }

    fn answer(&mut self, side: Side, chance: &mut Chance) {
        let seen = match side {
            Side::Board => &mut self.board,
            Side::StandIn => &mut self.stand_in,
        };
        if let Some(id) = chance.pick(seen) {
            seen.retain(|other| *other != id);
            answer(&mut self.relay, side, &id.to_string());
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        if self.relay.is_overdue(self.now) {
            if !self.relay.stand_in.is_up() {
                self.relay.stand_in_came(self.now);
            }
            self.relay.hand_over(self.now);
        } else if self.relay.stand_in.is_up() && self.relay.is_stand_in_done() {
            self.relay.stand_in_went();
            self.stand_in.clear();
        }
    }

    /// Looks at everything that was sent, and whether it may have been.
    fn look(&mut self) {
        for line in drain(&mut self.relay.board.outbox) {
            if let Some(repeats) = line["callboard/hello"]["repeats"].as_array() {
                let repeats: BTreeSet<_> = repeats.iter().map(|id| id.as_u64().unwrap()).collect();
                assert!(repeats.is_subset(&self.known), "{repeats:?} were never sent");
                self.board.clear();
            } else if let Some(id) = line["id"].as_u64() {
                assert!(
                    !self.answers.contains_key(&id),
                    "{id} was answered and is sent again"
                );
                assert!(!self.handed.contains(&id), "{id} is with the stand-in");
                assert!(
                    self.board.last().is_none_or(|last| *last < id),
                    "{id} comes out of order"
                );
                self.board.push(id);
                self.known.insert(id);
            }
        }
        for line in drain(&mut self.relay.stand_in.outbox) {
            let id = line["id"].as_u64().unwrap();
            assert!(self.handed.insert(id), "{id} was handed over twice");
            self.stand_in.push(id);
        }
        for line in drain(&mut self.relay.client) {
            let id = line["id"].as_u64().unwrap();
            *self.answers.entry(id).or_default() += 1;
        }
    }
}

#[test]
fn every_request_gets_one_answer_in_whatever_order_things_happen() {
    for seed in 0..2_000 {
        let mut chance = Chance(seed);
        let mut world = World::new();
        for _ in 0..60 {
            world.step(&mut chance);
        }
        // Whoever is there at last answers everything that it has.
        for round in 0.. {
            if !world.relay.owes_answers() {
                break;
            }
            assert!(round < 1_000, "seed {seed}: somebody waits for ever");
            for side in [Side::Board, Side::StandIn] {
                world.answer(side, &mut chance);
            }
            world.wait(GRACE);
            world.look();
        }
        for id in 1..=world.asked {
            let answers = world.answers.get(&id).copied().unwrap_or_default();
            let fair = answers == 1 || (answers == 0 && world.cancelled.contains(&id));
            assert!(fair, "seed {seed}: {answers} answers to {id}");
        }
    }
}
