//! How the dashboard shows that a locked file was changed by somebody else than its holder.

use crate::support::scene::Scene;
use crate::support::stage::Stage;
use callboard::board::{Key, Report, Target};
use insta::assert_snapshot;

/// Reports a change of what is locked by `key`, while `suspect` was at work.
fn change(scene: &Scene, key: &str, suspect: Option<usize>) {
    let key = Key::parse(key).unwrap();
    let entry = scene.board.get(scene.namespace, &key).unwrap();
    let lease = entry.lease().unwrap();
    let report = Report {
        fence: lease.fence,
        file: Target::of_key(&key).unwrap(),
        suspect: suspect.map(|place| scene.session(place).owner()),
        key,
    };
    assert!(scene.board.as_person(scene.namespace, report).unwrap());
}

#[test]
fn a_change_is_an_event_and_marks_its_lock() {
    let scene = Scene::busy();
    let locks = scene.board.list(
        scene.namespace,
        &callboard::board::Pattern::prefix("lock:"),
        None,
        10,
    );
    let keys: Vec<String> = locks.rows.iter().map(|(key, _)| key.to_string()).collect();
    change(&scene, &keys[0], Some(2));
    scene.pass(12_000);
    let mut stage = Stage::new(scene, 80, 24);
    assert_snapshot!("changed_80x24", stage.draw());
    stage.press(&["G", "enter"]);
    assert_snapshot!("detail_changed_80x24", stage.draw());
}
