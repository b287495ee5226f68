//! A terminal that is too small for the dashboard: what it says, and that nothing is asked or typed unseen.

use crate::support::scene::Scene;
use crate::support::stage::Stage;
use callboard::board::Mode;
use callboard::tui::event::Event;
use callboard::tui::keymap::Mode as Keys;
use insta::assert_snapshot;
use ratatui::layout::Size;

fn busy(width: u16, height: u16) -> Stage {
    Stage::new(Scene::busy(), width, height)
}

/// Makes the terminal of `stage` another size.
fn resize(stage: &mut Stage, width: u16, height: u16) {
    stage.model.size = Size::new(width, height);
    stage.happen(Event::Resize);
}

#[test]
fn a_terminal_that_is_too_small_says_what_it_needs() {
    let stage = busy(40, 12);
    assert_eq!(
        stage.text().lines().next().unwrap().trim_end(),
        "needs 50×12, is 40×12"
    );
    assert!(busy(50, 11).text().starts_with("needs 50×12, is 50×11"));
    let mut stage = busy(40, 12);
    stage.model.facts.outlived = true;
    stage.press(&["q"]);
    assert_snapshot!("quit_40x12", stage.draw());
    let mut stage = busy(80, 24);
    stage.press(&["x"]);
    resize(&mut stage, 40, 12);
    assert_snapshot!("ask_expire_40x12", stage.draw());
    resize(&mut stage, 10, 2);
    assert!(
        stage.text().starts_with("Expire thi"),
        "nobody answers what is not seen: {}",
        stage.text()
    );
}

#[test]
fn a_short_question_tells_who_holds_what() {
    let mut stage = Stage::new(Scene::crowded(), 80, 24);
    stage.press(&["1", "/", "d", "o", "c", "s", "enter", "g", "x"]);
    resize(&mut stage, 100, 11);
    let picture = stage.text();
    let question = "Expire this lock? lock:docs held by impl-docs, lock:docs held by impl-tests ";
    assert!(picture.starts_with(question), "{picture}");
}

#[test]
fn a_short_question_about_many_leases_leaves_room_for_the_answers() {
    let mut stage = Stage::new(Scene::crowded(), 80, 24);
    let targets = ["b/1", "b/2", "b/3", "b/4", "b/5", "b/6", "b/7"];
    assert!(stage.scene.lock(5, &targets, Mode::Exclusive, "many"));
    stage.happen(Event::Board);
    stage.press(&["4", "g", "E"]);
    resize(&mut stage, 40, 11);
    let picture = stage.text();
    assert!(picture.starts_with("End 7 leases of editor?"), "{picture}");
    assert!(picture.contains("… and 1 more"), "{picture}");
    assert!(picture.contains("y: yes, n: no"), "{picture}");
}

#[test]
fn what_is_typed_into_an_open_dialog_is_seen() {
    let mut stage = Stage::new(Scene::crowded(), 80, 24);
    stage.press(&["4", "g", "m", "h", "i", "space"]);
    resize(&mut stage, 40, 12);
    stage.press(&["q"]);
    assert_snapshot!("message_40x12", stage.draw());
    stage.happen(Event::Paste(
        "a message that is wider than such a terminal".to_owned(),
    ));
    let picture = stage.text();
    assert!(picture.contains("wider than such a terminal"), "{picture}");
    let outcome = stage.press(&["enter"]);
    assert_eq!(outcome.effects.len(), 1, "{outcome:?}");
    assert!(!stage.text().contains("Message to"), "{}", stage.text());
}

#[test]
fn more_time_is_given_in_sight() {
    let mut stage = Stage::new(Scene::crowded(), 80, 24);
    stage.press(&["1", "g", "+"]);
    resize(&mut stage, 40, 12);
    assert_snapshot!("extend_40x12", stage.draw());
    stage.press(&["tab"]);
    assert!(stage.text().contains("more minutes: 30"), "{}", stage.text());
    assert_eq!(stage.press(&["esc"]).effects, []);
    assert_eq!(stage.model.mode(), Keys::Board);
}
