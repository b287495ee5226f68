//! What keys, the mouse and the board do to the dashboard's model.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::support::scene::Scene;
use crate::support::stage::Stage;
use callboard::board::{Board, Clock as _, Key, Namespace, Revision};
use callboard::tui::Request;
use callboard::tui::action::Effect;
use callboard::tui::app::{MAX_COPY, Outcome};
use callboard::tui::event::Event;
use callboard::tui::keymap::Mode;
use callboard::tui::pane::Pane;
use crossterm::event::MouseEventKind;
use ratatui::layout::Size;

fn busy() -> Stage {
    Stage::new(Scene::busy(), 80, 24)
}

fn exists(board: &Board, stage: &Stage, key: &str) -> bool {
    board
        .get(stage.scene.namespace, &Key::parse(key).unwrap())
        .is_some()
}

#[test]
fn a_lock_expires_after_yes_and_only_then() {
    let mut stage = busy();
    assert_eq!(stage.selected().as_deref(), Some("lock:src/auth/auth.ts"));
    let board = stage.scene.board.clone();
    for no in [["x", "n"], ["x", "esc"], ["x", "enter"], ["x", "q"]] {
        let outcome = stage.press(&no);
        assert_eq!(outcome.effects, [], "{no:?}");
        assert_eq!(stage.model.mode(), Mode::Board);
    }
    assert!(exists(&board, &stage, "lock:src/auth/auth.ts"));
    let outcome = stage.press(&["x", "y"]);
    assert!(stage.carry_out(outcome));
    assert!(!exists(&board, &stage, "lock:src/auth/auth.ts"));
    assert!(
        stage
            .text()
            .contains("expired lock:src/auth/auth.ts, held by agent-implementation-1")
    );
    assert_eq!(stage.selected().as_deref(), Some("lock:src/api/routes.ts"));
}

#[test]
fn the_other_button_and_enter_say_yes_too() {
    let mut stage = busy();
    let outcome = stage.press(&["x", "tab", "enter"]);
    assert!(stage.carry_out(outcome));
    let outcome = stage.press(&["x", "tab", "tab", "enter"]);
    assert!(!stage.carry_out(outcome));
}

#[test]
fn what_changed_while_the_question_was_open_is_not_touched() {
    let mut stage = busy();
    stage.press(&["x"]);
    let board = stage.scene.board.clone();
    stage.scene.set(
        1,
        "lock:src/auth/auth.ts",
        r#"{"lockedBy":"agent-implementation-1"}"#,
        300,
    );
    let outcome = stage.press(&["y"]);
    assert!(stage.carry_out(outcome));
    assert!(exists(&board, &stage, "lock:src/auth/auth.ts"));
    assert!(
        stage
            .text()
            .contains("not expired: lock:src/auth/auth.ts has changed meanwhile")
    );
    stage.scene.pass(60_000);
    stage.happen(Event::Tick);
    assert!(
        stage.text().contains("not expired"),
        "an error stays until a key is pressed"
    );
    stage.press(&["j"]);
    assert!(!stage.text().contains("not expired"));
}

#[test]
fn any_key_expires_from_its_details_and_agents_do_not() {
    let mut stage = busy();
    let outcome = stage.press(&["2", "enter", "x", "y"]);
    assert!(stage.carry_out(outcome));
    assert!(stage.text().contains("there is no such key now"));
    let outcome = stage.press(&["esc", "4", "x"]);
    assert_eq!((outcome.effects, stage.model.mode()), (vec![], Mode::Board));
    assert!(stage.text().contains("nothing to expire here"));
}

#[test]
fn letters_are_text_while_a_filter_is_typed() {
    let mut stage = busy();
    let outcome = stage.press(&["/", "q", "x", "y", "d", "space"]);
    assert_eq!(outcome.effects, []);
    assert_eq!(
        (stage.model.mode(), stage.model.filter.text()),
        (Mode::Filter, "qxyd ")
    );
    stage.press(&["esc"]);
    assert_eq!((stage.model.mode(), stage.model.filter.text()), (Mode::Board, ""));
    stage.press(&["/", "a", "p", "i", "enter"]);
    assert_eq!(
        (stage.model.mode(), stage.model.table(Pane::Locks).len()),
        (Mode::Board, 1)
    );
    assert_eq!(stage.selected().as_deref(), Some("lock:src/api/routes.ts"));
    stage.press(&["esc"]);
    assert_eq!(stage.model.table(Pane::Locks).len(), 3);
}

#[test]
fn a_paste_goes_to_the_filter_and_nowhere_else() {
    let mut stage = busy();
    let outcome = stage.happen(Event::Paste("xyq".to_owned()));
    assert_eq!(outcome, Outcome::default());
    stage.press(&["/"]);
    stage.happen(Event::Paste("a\u{1b}uth\n".to_owned()));
    assert_eq!(stage.model.filter.text(), "auth ");
    stage.happen(Event::Paste("x".repeat(1_000_000)));
    assert_eq!(stage.model.filter.text().len(), 200);
}

#[test]
fn the_selection_follows_its_key_when_rows_come_and_go() {
    let mut stage = busy();
    stage.press(&["j"]);
    assert_eq!(stage.selected().as_deref(), Some("lock:src/api/routes.ts"));
    stage.scene.set(0, "lock:a/first.rs", "{}", 5);
    stage.happen(Event::Board);
    assert_eq!(stage.selected().as_deref(), Some("lock:src/api/routes.ts"));
    stage.scene.pass(6_000);
    stage.happen(Event::Board);
    assert_eq!(stage.selected().as_deref(), Some("lock:src/api/routes.ts"));
    assert_eq!(stage.model.table(Pane::Locks).place(), 1);
}

#[test]
fn order_and_selection_survive_other_panes_and_the_zoom() {
    let mut stage = busy();
    stage.press(&["s", "s", "s", "r", "j"]);
    let (sort, reverse) = (
        stage.model.table(Pane::Locks).sort,
        stage.model.table(Pane::Locks).reverse,
    );
    let selected = stage.selected();
    stage.press(&["tab", "z", "z", "8", "5", "shift-tab", "1"]);
    let table = stage.model.table(Pane::Locks);
    assert_eq!(
        (table.sort, table.reverse, stage.selected()),
        (sort, reverse, selected)
    );
}

#[test]
fn a_paused_picture_stands_still_and_can_be_looked_through() {
    let mut stage = busy();
    let outcome = stage.press(&["space"]);
    assert_eq!(outcome.effects, [Effect::Freeze]);
    let before = stage.text();
    assert!(before.contains(" PAUSED "));
    stage.scene.set(0, "lock:late.rs", "{}", 5);
    stage.scene.pass(2_000);
    assert_eq!(stage.happen(Event::Board), Outcome::default());
    assert_eq!(stage.text(), before);
    assert_eq!(
        stage.model.changes_in(stage.scene.clock.now()),
        None,
        "nothing counts down"
    );
    stage.press(&["enter"]);
    assert!(stage.text().contains("lock:src/auth/auth.ts"));
    stage.press(&["esc", "space"]);
    assert!(stage.text().contains("late.rs"));
}

#[test]
fn the_demo_starts_on_an_empty_board_only() {
    let mut stage = Stage::new(Scene::empty(), 80, 24);
    assert_eq!(stage.press(&["d"]).effects, [Effect::Ask(Request::StartDemo)]);
    let mut stage = busy();
    assert_eq!(stage.press(&["d"]).effects, []);
    assert!(stage.text().contains("the demo starts on an empty board only"));
}

#[test]
fn copying_sends_the_key_as_it_is_written_and_refuses_what_no_terminal_takes() {
    let mut stage = busy();
    stage.press(&["j", "j"]);
    let copied = |text: &str| vec![Effect::Copy(text.to_owned())];
    assert_eq!(
        stage.press(&["y"]).effects,
        copied("lock:app/%5Bslug%5D/page.tsx")
    );
    let value = r#"{"lockedBy":"agent-implementation-3","taskId":"3.3"}"#;
    assert_eq!(stage.press(&["Y"]).effects, copied(value));
    stage.scene.set(0, "task:0", &"x".repeat(MAX_COPY + 1), 60);
    stage.happen(Event::Board);
    assert_eq!(stage.press(&["2", "g", "Y"]).effects, []);
    assert!(stage.text().contains("too much for a terminal's clipboard"));
}

#[test]
fn namespaces_are_shown_in_turn() {
    let mut stage = busy();
    stage.press(&["n"]);
    assert!(stage.text().contains("there is only one namespace"));
    assert!(!stage.text().contains("n namespace"));
    let other = stage
        .scene
        .board
        .open(&Namespace::parse("other").unwrap())
        .unwrap();
    stage.happen(Event::Board);
    assert!(stage.text().contains("n namespace"), "{}", stage.text());
    stage.press(&["n"]);
    assert_eq!(stage.model.snapshot.namespace, other);
    assert!(stage.text().contains("· other"));
    assert!(
        stage.text().contains("○ no agents  +4 in other namespaces"),
        "{}",
        stage.text()
    );
    stage.press(&["n"]);
    assert_eq!(stage.model.table(Pane::Locks).len(), 3);
    let main = std::mem::replace(&mut stage.scene.namespace, other);
    stage.scene.attach("elsewhere", "test 1");
    stage.scene.namespace = main;
    for (width, height) in [(50, 12), (80, 24), (120, 40)] {
        stage.model.size = Size::new(width, height);
        stage.happen(Event::Resize);
        let picture = stage.text();
        assert!(
            picture.contains("● 4 agents") && picture.contains("n namespace"),
            "{picture}"
        );
        assert_eq!(
            picture.contains("● 4 agents  +1 in other namespaces"),
            width > 50,
            "{picture}"
        );
    }
}

#[test]
fn a_click_selects_a_second_one_opens_and_headers_sort() {
    let mut stage = busy();
    stage.click("src/api/routes.ts");
    assert_eq!(stage.selected().as_deref(), Some("lock:src/api/routes.ts"));
    stage.click("src/api/routes.ts");
    assert_eq!(stage.model.mode(), Mode::Detail);
    stage.press(&["esc"]);
    stage.click("holder");
    assert_eq!(
        (
            stage.model.table(Pane::Locks).sort,
            stage.model.table(Pane::Locks).reverse
        ),
        (1, false)
    );
    stage.click("holder");
    assert!(stage.model.table(Pane::Locks).reverse);
    stage.click("6 Messages");
    assert_eq!(stage.model.focus(), Pane::Messages);
    stage.click("3.2   Add");
    assert_eq!(
        (stage.model.focus(), stage.selected().as_deref()),
        (Pane::Tasks, Some("task:3.2"))
    );
}

#[test]
fn the_buttons_of_a_question_can_be_clicked() {
    let mut stage = busy();
    stage.press(&["x"]);
    assert_eq!(stage.click("no ").effects, []);
    assert_eq!(stage.model.mode(), Mode::Board);
    stage.press(&["x"]);
    let outcome = stage.click("yes, expire");
    assert!(stage.carry_out(outcome));
}

#[test]
fn the_wheel_moves_what_is_under_it_one_turn_at_a_time() {
    let mut stage = busy();
    stage.press(&["2"]);
    assert!(stage.mouse(MouseEventKind::ScrollDown, 5, 5).redraw);
    assert_eq!(stage.model.table(Pane::Locks).place(), 1);
    assert_eq!(
        stage.mouse(MouseEventKind::ScrollDown, 5, 5),
        Outcome::default(),
        "too soon"
    );
    stage.scene.pass(25);
    stage.mouse(MouseEventKind::ScrollUp, 5, 5);
    assert_eq!(
        (stage.model.table(Pane::Locks).place(), stage.model.focus()),
        (0, Pane::Tasks)
    );
}

#[test]
fn the_screen_wakes_when_a_text_changes_and_not_before() {
    let waits = || Stage::new(Scene::crowded(), 80, 24);
    let tasks = || Stage::new(Scene::at_work(), 80, 24);
    let cases: [(&dyn Fn() -> Stage, &[&str]); 7] = [
        (&busy, &[]),
        (&waits, &[]),
        (&waits, &["w"]),
        (&waits, &["enter"]),
        (&waits, &["j", "+"]),
        (&waits, &["O"]),
        (&tasks, &["2"]),
    ];
    for (scene, keys) in cases {
        let mut stage = scene();
        stage.press(keys);
        let mut changes = 0;
        for _ in 0..12 {
            let wake = stage.model.changes_in(stage.scene.clock.now()).unwrap();
            let before = stage.text();
            let step = wake.saturating_sub(std::time::Duration::from_nanos(1));
            stage.scene.clock.manual.advance(step);
            stage.happen(Event::Tick);
            assert_eq!(stage.text(), before, "{keys:?}");
            stage
                .scene
                .clock
                .manual
                .advance(std::time::Duration::from_nanos(1));
            stage.happen(Event::Tick);
            changes += usize::from(stage.text() != before);
        }
        // While there is a rate of calls it is looked at each second, and may be the same.
        assert!(
            changes >= 10,
            "{keys:?}: it woke for nothing, {changes} of 12 times for something"
        );
    }
}

#[test]
fn an_empty_board_wakes_once_a_minute_at_most() {
    let stage = Stage::new(Scene::empty(), 80, 24);
    let wake = stage.model.changes_in(stage.scene.clock.now()).unwrap();
    assert_eq!(wake.as_secs(), 60);
}

#[test]
fn no_key_is_invisible() {
    let mut stage = busy();
    for key in [
        "zzz",
        "agent",
        "progress:p",
        "solution:x",
        "a",
        "lockless",
        "msgs:1",
        "statuses",
        "tasks:1",
    ] {
        stage.scene.set(0, key, "1", 60);
    }
    stage.happen(Event::Board);
    stage.press(&["7", "z"]);
    let picture = stage.text();
    for key in [
        "zzz",
        "progress:p",
        "solution:x",
        "lockless",
        "msgs:1",
        "statuses",
        "tasks:1",
        "progress:global",
    ] {
        assert!(picture.contains(key), "{key} in\n{picture}");
    }
    assert_eq!(stage.model.table(Pane::Keys).len(), 11);
    assert_eq!(stage.model.snapshot.count(Pane::Keys), 11);
    assert_ne!(stage.model.snapshot.rev(), Revision::ZERO);
}

#[test]
fn more_rows_than_a_picture_holds_are_told() {
    let mut scene = Scene::empty();
    let agent = scene.attach("writer", "test 1");
    for number in 0..10_001 {
        scene.set(agent, &format!("note:{number}"), "x", 600);
    }
    let mut stage = Stage::new(scene, 80, 24);
    stage.press(&["7", "z"]);
    assert_eq!(stage.model.table(Pane::Keys).len(), 10_000);
    let picture = stage.text();
    assert!(
        picture.contains("7 Keys 10,001") && picture.contains("first 10,000"),
        "{picture}"
    );
}

#[test]
fn details_find_the_history_of_a_key_behind_the_feed_and_add_to_it() {
    let scene = Scene::busy();
    for round in 0..1_200 {
        scene.set(0, "note:busy", &round.to_string(), 600);
    }
    let mut stage = Stage::new(scene, 120, 40);
    assert!(
        !stage.text().contains("History"),
        "beside the panes the feed must do"
    );
    stage.press(&["enter"]);
    let told = |stage: &Stage| {
        stage
            .model
            .detail
            .as_ref()
            .unwrap()
            .history
            .as_ref()
            .unwrap()
            .rows
            .len()
    };
    assert_eq!(told(&stage), 1);
    stage.scene.set(
        1,
        "lock:src/auth/auth.ts",
        r#"{"lockedBy":"agent-implementation-1"}"#,
        300,
    );
    stage.happen(Event::Board);
    assert_eq!(told(&stage), 2);
    for _ in 0..1_200 {
        stage.scene.set(0, "note:busy", "on", 600);
    }
    stage.happen(Event::Board);
    assert_eq!(told(&stage), 2);
}
