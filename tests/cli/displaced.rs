//! A board whose place is removed while it serves: by a logout, a cleaner of temporary files, a mistake.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::plain::Plain;
use crate::support::process::PATIENCE;
use crate::support::program::Home;
use crate::support::wait::until;
use callboard::cli::exit;
use rustix::process::Signal;
use serde_json::{Value, json};

/// Returns the place of the one board that can be found, once there is one.
fn socket(home: &Home) -> PathBuf {
    until("the board can be found", PATIENCE, || {
        let boards = home.run(&["ls", "--all"]).json();
        boards
            .first()
            .map(|board| board["socket"].as_str().unwrap().into())
    })
}

fn lock(agent: &mut Plain) -> Value {
    let wanted = json!({ "targets": ["src/a.rs"], "waitMs": 0 });
    agent.tool("acquireLock", &wanted)
}

#[test]
fn a_board_takes_its_place_again_and_nobody_loses_anything() {
    let home = Home::new();
    let board = home.serve(&[]);
    let directory = socket(&home).parent().unwrap().to_owned();
    let mut agent = Plain::through_bridge(home.command(&[]), "ann");
    let held = lock(&mut agent);
    let removals: [fn(&Path); 3] = [
        |directory| fs::remove_file(directory.join("lock")).unwrap(),
        |directory| fs::remove_dir_all(directory.parent().unwrap()).unwrap(),
        |directory| fs::remove_file(directory.join("socket")).unwrap(),
    ];
    for remove in removals {
        remove(&directory);
        socket(&home);
        assert_eq!(home.run(&["ls", "--all"]).json()[0]["pid"], board.pid());
        assert_eq!(lock(&mut agent)["fence"], held["fence"]);
        let mut other = Plain::through_bridge(home.command(&[]), "bob");
        assert_eq!(lock(&mut other)["heldBy"], "ann");
        assert!(
            directory.join("revision").exists(),
            "what is handed out is noted there again"
        );
    }
    home.run(&["stop"]).json();
    assert!(!directory.join("socket").exists() && !directory.join("snapshot").exists());
}

#[test]
fn a_board_whose_place_is_another_s_ends_and_touches_nothing_there() {
    let home = Home::new();
    let mut first = home.serve(&[]);
    let directory = socket(&home).parent().unwrap().to_owned();
    first.send(Signal::STOP);
    fs::remove_dir_all(&directory).unwrap();
    let second = home.serve(&[]);
    home.run(&["set", "task:1", "of the second"]).json();
    home.run(&["snapshot", "kept.jsonl"]).ok();
    let files = || ["snapshot", "revision", "lock"].map(|name| fs::read(directory.join(name)).unwrap());
    let before = files();
    first.send(Signal::CONT);
    first.wait_for_line("a board already serves");
    assert_eq!(first.wait_end().code(), Some(i32::from(exit::FAILURE)));
    assert_eq!(files(), before);
    assert_eq!(home.run(&["ls", "--all"]).json()[0]["pid"], second.pid());
}
