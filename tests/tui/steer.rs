//! What a person does about leases, tasks and messages: asked about, carried out, shown.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use crate::support::scene::Scene;
use crate::support::stage::Stage;
use callboard::board::{Clock as _, Key, Mode, TaskState};
use callboard::tui::Request;
use callboard::tui::action::Effect;
use callboard::tui::event::Event;
use callboard::tui::keymap::Mode as Keys;
use callboard::tui::pane::Pane;

fn crowded() -> Stage {
    Stage::new(Scene::crowded(), 80, 24)
}

/// Returns who holds `key`, in the order of the grants.
fn holders(stage: &Stage, key: &str) -> Vec<String> {
    let entry = stage
        .scene
        .board
        .get(stage.scene.namespace, &Key::parse(key).unwrap());
    let leases = entry.iter().flat_map(|entry| entry.leases().to_vec());
    leases.map(|lease| lease.owner().name.to_string()).collect()
}

fn state(stage: &Stage, id: &str) -> TaskState {
    let key = Key::parse(&format!("task:{id}")).unwrap();
    let entry = stage.scene.board.get(stage.scene.namespace, &key);
    entry.unwrap().task_state()
}

/// Moves to the lock of `holder`.
fn select(stage: &mut Stage, holder: &str) {
    stage.press(&["1", "g"]);
    let is_its = |stage: &Stage| stage.model.selected().unwrap().cells[1].text() == holder;
    while !is_its(stage) {
        stage.press(&["j"]);
    }
}

#[test]
fn one_who_shares_a_lock_can_be_sent_away_alone() {
    let mut stage = crowded();
    select(&mut stage, "impl-docs");
    let outcome = stage.press(&["e", "n"]);
    assert_eq!(outcome.effects, []);
    let outcome = stage.press(&["e", "y"]);
    assert!(stage.carry_out(outcome));
    assert!(stage.text().contains("ended the lease on lock:docs"));
    assert_eq!(holders(&stage, "lock:docs"), ["impl-tests"]);
    select(&mut stage, "impl-tests");
    stage.press(&["e"]);
    assert!(
        stage.text().contains("editor, who waits for it, gets it"),
        "{}",
        stage.text()
    );
    let outcome = stage.press(&["y"]);
    assert!(stage.carry_out(outcome));
    assert_eq!(holders(&stage, "lock:docs/guide.md"), ["editor"]);
}

#[test]
fn details_know_which_of_those_who_share_a_lock_they_were_opened_from() {
    let mut stage = crowded();
    for (holder, other) in [("impl-docs", "impl-tests"), ("impl-tests", "editor")] {
        select(&mut stage, holder);
        stage.press(&["enter"]);
        assert_eq!(stage.model.mode(), Keys::Detail);
        stage.press(&["+"]);
        assert!(stage.text().contains(&format!("held by {holder}, ")), "{holder}");
        stage.press(&["esc"]);
        let outcome = stage.press(&["e", "y"]);
        assert!(stage.carry_out(outcome), "{holder}");
        let stays = [
            holders(&stage, "lock:docs"),
            holders(&stage, "lock:docs/guide.md"),
        ]
        .concat();
        assert_eq!(stays, [other], "{holder}");
        stage.press(&["esc"]);
    }
}

#[test]
fn details_promise_no_key_that_does_nothing() {
    let mut stage = crowded();
    select(&mut stage, "impl-docs");
    stage.press(&["enter"]);
    let picture = stage.text();
    assert!(picture.contains("end the lease of impl-docs (e)"), "{picture}");
    // An event is about the key, and not about one of those who share it.
    stage.press(&["esc", "5", "/", "d", "o", "c", "s", "enter", "enter"]);
    let picture = stage.text();
    assert!(
        picture.contains("select one of those who share it, among the locks (1)") && !picture.contains("(e)"),
        "{picture}"
    );
}

#[test]
fn all_that_an_agent_holds_ends_with_one_answer() {
    let mut stage = crowded();
    assert!(!stage.scene.lock(0, &["src/billing"], Mode::Exclusive, "rates"));
    let outcome = stage.press(&["4", "G", "E", "y"]);
    assert!(stage.carry_out(outcome));
    assert!(
        stage.text().contains("ended the lease on lock:src/auth"),
        "{}",
        stage.text()
    );
    assert_eq!(holders(&stage, "lock:src/auth"), Vec::<String>::new());
    for key in ["lock:src/api", "lock:src/auth/login.rs"] {
        assert_eq!(holders(&stage, key), ["impl-api"]);
    }
    assert_eq!(stage.press(&["E"]).effects, []);
    assert!(stage.text().contains("nothing is held here"));
}

#[test]
fn what_is_left_behind_ends_and_nothing_else() {
    let mut stage = crowded();
    stage.press(&["O"]);
    assert!(stage.text().contains("End 1 lease whose holder is gone?"));
    let outcome = stage.press(&["y"]);
    assert!(stage.carry_out(outcome));
    assert_eq!(
        holders(&stage, "lock:src/billing/invoice.rs"),
        Vec::<String>::new()
    );
    assert_eq!(stage.model.table(Pane::Locks).len(), 3);
    assert_eq!(stage.press(&["O"]).effects, []);
    assert!(stage.text().contains("nobody left anything held"));
}

#[test]
fn a_lease_that_is_another_by_now_is_not_touched() {
    let mut stage = crowded();
    select(&mut stage, "lead");
    stage.press(&["e"]);
    let lead = stage.scene.session(0);
    lead.call().release(None).unwrap();
    let outcome = stage.press(&["y"]);
    assert!(stage.carry_out(outcome));
    assert!(
        stage
            .text()
            .contains("not ended: the lease on lock:src/auth is over already")
    );
    assert_eq!(holders(&stage, "lock:src/api"), ["impl-api"]);
}

#[test]
fn a_lease_gets_as_many_minutes_as_were_typed() {
    let mut stage = crowded();
    select(&mut stage, "lead");
    stage.press(&["+"]);
    assert_eq!(stage.model.mode(), Keys::Prompt);
    assert!(
        stage.text().contains("It will last 8:47 from now at least"),
        "{}",
        stage.text()
    );
    stage.press(&["tab"]);
    assert!(stage.text().contains("more minutes: 30"));
    stage.press(&["backspace", "backspace", "x", "enter"]);
    assert_eq!(
        stage.model.mode(),
        Keys::Prompt,
        "what will not do can be typed anew"
    );
    assert!(stage.text().contains("give a number of minutes from 1 to 1440"));
    let outcome = stage.press(&["backspace", "1", "2", "enter"]);
    assert!(stage.carry_out(outcome));
    let now = stage.scene.clock.now();
    let key = Key::parse("lock:src/auth").unwrap();
    let entry = stage.scene.board.get(stage.scene.namespace, &key).unwrap();
    let left = entry.ends(now).since(now);
    assert_eq!(left, Duration::from_secs(12 * 60 + 227));
    select(&mut stage, "lead");
    assert!(stage.text().contains(" 15:47 "), "{}", stage.text());
    assert_eq!(stage.press(&["+", "esc"]).effects, []);
    assert_eq!(stage.model.mode(), Keys::Board);
}

#[test]
fn a_task_is_brought_back_and_given_up() {
    let mut stage = Stage::new(Scene::at_work(), 80, 24);
    stage.press(&["2", "g"]);
    for id in ["1", "2", "3", "4", "5", "6"] {
        stage.press(&["R"]);
        let outcome = stage.press(&["y"]);
        assert!(stage.carry_out(outcome), "task {id}");
        assert!(
            stage.text().contains(&format!("task:{id} is free again")),
            "{}",
            stage.text()
        );
        assert_eq!(state(&stage, id), TaskState::Pending);
        stage.press(&["j"]);
    }
    assert_eq!(stage.press(&["R"]).effects, []);
    assert!(stage.text().contains("the task is free already"));
    let outcome = stage.press(&["B", "y"]);
    assert!(stage.carry_out(outcome));
    assert_eq!(state(&stage, "7"), TaskState::Dead);
    stage.press(&["B"]);
    assert!(stage.text().contains("nobody gets the task any more as it is"));
    assert_eq!(stage.model.mode(), Keys::Board);
}

#[test]
fn a_claim_that_ends_leaves_the_task_to_others() {
    let mut stage = Stage::new(Scene::at_work(), 80, 24);
    stage.press(&["2", "g", "j", "j", "j", "e"]);
    assert!(stage.text().contains("others may have the task after a pause"));
    let outcome = stage.press(&["y"]);
    assert!(stage.carry_out(outcome));
    assert_eq!(state(&stage, "4"), TaskState::Pending);
    let row = stage.model.selected().unwrap();
    assert!(row.live.resting);
    stage.scene.pass(6_000);
    stage.happen(Event::Tick);
    assert!(
        !stage.model.selected().unwrap().live.resting,
        "it is free by the clock alone"
    );
}

#[tokio::test]
async fn a_message_is_sent_as_human_and_an_empty_one_is_not() {
    let mut stage = crowded();
    assert_eq!(stage.press(&["4", "g", "m", "enter"]).effects, []);
    assert!(stage.text().contains("there is no message to send"));
    stage.happen(Event::Paste("wait\nfor q".to_owned()));
    let outcome = stage.press(&["enter"]);
    assert!(stage.carry_out(outcome));
    assert!(stage.text().contains("sent to editor"));
    let editor = stage.scene.session(5);
    let received = editor.call().receive(10, Duration::ZERO).await.unwrap();
    let [message] = &received.messages[..] else {
        panic!("{received:?}");
    };
    assert_eq!((&*message.from, &*message.body), ("human", "wait for q"));
    select(&mut stage, "impl-gone");
    assert_eq!(stage.press(&["m"]).effects, []);
    assert!(stage.text().contains("select an agent that is here"));
}

#[test]
fn who_waits_is_shown_while_somebody_does() {
    let mut stage = Stage::new(Scene::busy(), 80, 24);
    stage.press(&["w"]);
    assert_eq!(stage.model.mode(), Keys::Board);
    assert!(stage.text().contains("nobody waits"));
    let mut stage = crowded();
    stage.press(&["w"]);
    assert!(stage.text().contains("└─ impl-api → src/api, src/auth/login.rs"));
    stage.scene.session(0).call().release(None).unwrap();
    stage.happen(Event::Board);
    assert!(!stage.text().contains("lead idle"), "{}", stage.text());
    stage.press(&["w"]);
    assert_eq!(stage.model.mode(), Keys::Board);
}

#[test]
fn a_call_renews_what_its_agent_holds_without_a_new_entry() {
    let mut stage = crowded();
    select(&mut stage, "lead");
    let before = stage.model.selected().unwrap().live;
    let entry = stage.model.selected().unwrap().entry.clone().unwrap();
    stage.scene.session(0).call().note("getStorage").unwrap();
    stage.happen(Event::Board);
    select(&mut stage, "lead");
    let row = stage.model.selected().unwrap();
    assert_eq!(row.entry.as_ref().unwrap().rev, entry.rev);
    assert_eq!(
        row.live.left.until.since(before.left.until),
        Duration::from_secs(73)
    );
    assert_eq!(row.live.active, Some(stage.scene.clock.now()));
}

#[test]
fn a_paused_picture_does_not_see_a_renewal() {
    let mut stage = crowded();
    stage.press(&["space"]);
    let before = stage.text();
    stage.scene.session(0).call().note("getStorage").unwrap();
    stage.scene.pass(3_000);
    stage.happen(Event::Resize);
    assert_eq!(stage.text(), before);
    stage.press(&["enter"]);
    let details = stage.text();
    stage.scene.session(0).call().note("getStorage").unwrap();
    stage.happen(Event::Resize);
    assert_eq!(stage.text(), details);
}

#[test]
fn a_snapshot_is_asked_of_the_host() {
    let mut stage = crowded();
    assert_eq!(stage.press(&["S"]).effects, [Effect::Ask(Request::Snapshot)]);
    stage.happen(Event::Done(Ok("wrote a.snapshot".to_owned())));
    assert!(stage.text().contains("wrote a.snapshot"));
}
