//! The newcomer's walk: that what the README says is what the script does, and that it works.

use std::process::Command;

use crate::support::program::run;

const README: &str = include_str!("../../README.md");
const WALK: &str = include_str!("../newcomer.sh");

/// Returns the commands in the README's section, without what is said about them.
fn told() -> Vec<&'static str> {
    let (_, section) = README.split_once("\n## Two agents in a minute\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    lines.map(|line| line.split('#').next().unwrap().trim()).collect()
}

/// Returns the steps of the script, as it says them.
fn walked() -> Vec<&'static str> {
    let steps = WALK.lines().filter_map(|line| line.trim().strip_prefix("walk "));
    steps
        .map(|step| {
            let quote = &step[..1];
            step[1..].split(quote).next().unwrap()
        })
        .collect()
}

#[test]
fn the_script_takes_the_steps_that_the_readme_names() {
    assert!(told().len() >= 4, "{:?}", told());
    assert_eq!(walked(), told());
}

#[test]
fn two_agents_coordinate_within_a_minute() {
    let mut walk = Command::new("bash");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/newcomer.sh");
    walk.args([script, env!("CARGO_BIN_EXE_callboard")]);
    let walked = run(walk, b"");
    assert_eq!(walked.code, Some(0), "{walked:?}");
    assert!(
        walked.stdout.contains("two agents coordinate after "),
        "{walked:?}"
    );
}
