//! How a person leaves the dashboard, and what is asked before the board would go with it.

use crate::support::scene::Scene;
use crate::support::stage::Stage;
use callboard::board::Namespace;
use callboard::tui::action::Effect;
use callboard::tui::event::Event;
use callboard::tui::{Ended, Request};

fn busy() -> Stage {
    Stage::new(Scene::busy(), 80, 24)
}

#[test]
fn quitting_and_stopping_end_and_esc_never_does() {
    let mut stage = busy();
    let ends = |why| vec![Effect::End(why)];
    assert_eq!(stage.press(&["esc", "esc", "esc"]).effects, []);
    assert_eq!(stage.press(&["q"]).effects, ends(Ended::Quit));
    for open in ["?", "enter", "/", "x"] {
        assert_eq!(
            stage.press(&[open, "ctrl-c"]).effects,
            ends(Ended::Quit),
            "{open}"
        );
        stage.press(&["esc"]);
    }
    assert_eq!(stage.happen(Event::Stop).effects, ends(Ended::Stopped));
    assert_eq!(
        stage.happen(Event::TerminalGone).effects,
        ends(Ended::TerminalGone)
    );
}

#[test]
fn who_quits_while_agents_are_attached_is_asked_what_becomes_of_the_board() {
    let mut stage = busy();
    stage.model.facts.outlived = true;
    assert_eq!(stage.press(&["q"]).effects, []);
    assert!(stage.text().contains("agents are attached."), "{}", stage.text());
    assert_eq!(stage.press(&["esc"]).effects, []);
    assert!(!stage.text().contains("agents are attached."));
    let leaves = vec![Effect::Ask(Request::LeaveRunning)];
    // Whoever quits twice means to quit, and takes nothing away from anybody by that.
    for keys in [["q", "enter"], ["q", "q"], ["ctrl-c", "ctrl-c"], ["q", "y"]] {
        assert_eq!(stage.press(&keys).effects, leaves, "{keys:?}");
        assert!(
            !stage.text().contains("agents are attached."),
            "it has been answered"
        );
    }
    assert_eq!(stage.press(&["q", "e"]).effects, vec![Effect::End(Ended::Quit)]);
    stage.press(&["esc", "?", "ctrl-c"]);
    assert!(stage.text().contains("agents are attached."), "from anywhere");
}

#[test]
fn who_quits_a_board_that_ran_before_is_asked_while_it_holds_anything() {
    let mut scene = Scene::empty();
    let agent = scene.attach("writer", "test 1");
    scene.set(agent, "task:1", "{}", 60);
    let other = Namespace::parse("other").unwrap();
    scene.namespace = scene.board.open(&other).unwrap();
    let elsewhere = scene.attach("elsewhere", "test 1");
    scene.set(elsewhere, "note:1", "x", 600);
    scene.leave(agent);
    scene.leave(elsewhere);
    // Nobody comes back any more.
    scene.pass(45_000);
    let mut stage = Stage::new(scene, 80, 24);
    stage.model.facts.outlived = true;
    assert_eq!(stage.press(&["q"]).effects, vec![Effect::End(Ended::Quit)]);
    stage.model.facts.goes_on = true;
    assert_eq!(stage.press(&["q"]).effects, []);
    assert!(
        stage.text().contains("It ran before, and holds 2 keys."),
        "{}",
        stage.text()
    );
    let leaves = vec![Effect::Ask(Request::LeaveRunning)];
    assert_eq!(stage.press(&["enter"]).effects, leaves);
    assert_eq!(stage.press(&["q", "e"]).effects, vec![Effect::End(Ended::Quit)]);
    stage.press(&["esc"]);
    // What the other namespace holds counts, though nothing of it is on the screen.
    stage.scene.pass(20_000);
    stage.happen(Event::Tick);
    stage.press(&["q"]);
    assert!(stage.text().contains("It ran before, and holds 1 key."));
    stage.press(&["esc"]);
    stage.scene.pass(600_000);
    stage.happen(Event::Tick);
    assert_eq!(stage.press(&["q"]).effects, vec![Effect::End(Ended::Quit)]);
}

#[test]
fn the_ways_to_quit_can_be_clicked() {
    let mut stage = busy();
    stage.model.facts.outlived = true;
    stage.press(&["q"]);
    assert_eq!(stage.click("agents are attached").effects, []);
    assert_eq!(
        stage.click("leave the board running").effects,
        vec![Effect::Ask(Request::LeaveRunning)]
    );
}

#[test]
fn stopping_the_process_is_explained_instead() {
    let mut stage = busy();
    assert_eq!(stage.press(&["ctrl-z"]).effects, []);
    assert!(stage.text().contains("every agent would hang"));
    stage.scene.pass(5_000);
    stage.happen(Event::Tick);
    assert!(!stage.text().contains("every agent would hang"));
}
