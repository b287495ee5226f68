//! What is rewritten keeps its owner and its group, or is left alone. Only root can show it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::support::program::{Home, run};
use crate::support::users::{OTHER_USER, is_root, lets_others_in};

const SETUP: [&str; 4] = ["setup", "claude", "--no-hooks", "--yes"];

/// Writes `file` with an empty configuration, as a file of `user`.
fn configure(file: &Path, user: u32) {
    fs::write(file, "{}").unwrap();
    chown(file, Some(user), Some(user)).unwrap();
}

#[test]
fn a_configuration_of_another_user_stays_that_user_s() {
    if !is_root("a configuration keeps its owner") {
        return;
    }
    let home = Home::new();
    let file = home.path().join(".mcp.json");
    configure(&file, OTHER_USER);
    assert_eq!(home.run(&SETUP).code, Some(0));
    assert!(fs::read_to_string(&file).unwrap().contains("callboard"));
    let owner = fs::metadata(&file).unwrap();
    assert_eq!((owner.uid(), owner.gid()), (OTHER_USER, OTHER_USER));
}

#[test]
fn who_cannot_keep_the_owner_leaves_the_configuration_alone() {
    let what = "who cannot keep the owner leaves a configuration alone";
    if !is_root(what) {
        return;
    }
    let home = Home::new();
    let file = home.path().join(".mcp.json");
    configure(&file, 0);
    for (path, mode) in [(&*file, 0o666), (home.path(), 0o777)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    if !lets_others_in(home.path(), what) {
        return;
    }
    let program = home.path().join("callboard");
    // Another process copies it: what a test's own process has open for writing, no test beside it can run.
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_callboard")).arg(&program);
    assert_eq!(run(copy, b"").code, Some(0));
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command
        .args(SETUP)
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .uid(OTHER_USER)
        .gid(OTHER_USER);
    let ran = run(command, b"");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("its owner and group cannot be kept"),
        "{ran:?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    let left = fs::read_dir(home.path()).unwrap().count();
    assert_eq!(left, 2, "no draft is left beside the file and the program");
}
