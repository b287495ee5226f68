//! The invariants of the modules that no lint can hold: who may know whom, and what the pure parts are without.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and what its code must not name.
const RULES: [(&str, &[&str]); 22] = [
    (
        "src/board",
        &[
            "rmcp",
            "ratatui",
            "crossterm",
            "tokio::io",
            "tokio::net",
            "tokio::fs",
        ],
    ),
    (
        "src/board",
        &[
            "crate::target",
            "crate::mcp",
            "crate::net",
            "crate::tui",
            "crate::cli",
            "crate::telemetry",
            "crate::snapshot",
            "crate::guard",
            "crate::hook",
        ],
    ),
    ("src/board/image/mod.rs", PURE),
    ("src/board/command", PURE),
    ("src/board/ledger.rs", PURE),
    ("src/board/space.rs", PURE),
    ("src/board/transaction.rs", PURE),
    ("src/board/handout.rs", PURE),
    ("src/board/locks.rs", PURE),
    ("src/board/tasks.rs", PURE),
    ("src/board/backlog.rs", PURE),
    ("src/board/messages.rs", PURE),
    ("src/board/target.rs", PURE),
    (
        "src/target.rs",
        &[
            "rmcp",
            "ratatui",
            "crossterm",
            "tokio",
            "crate::mcp",
            "crate::net",
            "crate::tui",
            "crate::cli",
            "crate::telemetry",
        ],
    ),
    (
        "src/snapshot",
        &[
            "rmcp",
            "ratatui",
            "crossterm",
            "crate::mcp",
            "crate::net",
            "crate::tui",
            "crate::cli",
            "crate::telemetry",
        ],
    ),
    (
        "src/guard",
        &[
            "rmcp",
            "ratatui",
            "crossterm",
            "crate::hook",
            "crate::mcp",
            "crate::net",
            "crate::snapshot",
            "crate::tui",
            "crate::cli",
            "crate::telemetry",
        ],
    ),
    (
        "src/guard/testimony.rs",
        &[
            "await",
            "notify",
            "tokio",
            "Clock",
            "Instant",
            "SystemTime",
            "std::fs",
            "std::io",
            "Board",
        ],
    ),
    (
        "src/hook",
        &[
            "rmcp",
            "ratatui",
            "crossterm",
            "tokio",
            "std::io",
            "std::env",
            "crate::board",
            "crate::mcp",
            "crate::net",
            "crate::tui",
            "crate::cli",
            "crate::telemetry",
        ],
    ),
    (
        "src/mcp",
        &[
            "ratatui",
            "crossterm",
            "std::fs",
            "canonicalize",
            "crate::net",
            "crate::tui",
            "crate::cli",
        ],
    ),
    ("src/net", &["ratatui", "crossterm", "crate::tui", "crate::cli"]),
    ("src/tui", &["rmcp", "crate::mcp", "crate::net", "crate::cli"]),
    (
        "src/tui/view",
        &[
            "await",
            "crate::board::Board",
            "board::{Board,",
            "Mutex",
            "&mut Model",
        ],
    ),
];

/// What would make the ledger's answers depend on more than its arguments.
const PURE: &[&str] = &[
    "await",
    "moka",
    "tokio",
    "Clock",
    "Instant",
    "SystemTime",
    "std::fs",
    "std::io",
    "Board::",
];

#[test]
fn no_room_knows_what_it_must_not_know() {
    let broken: Vec<_> = RULES
        .iter()
        .flat_map(|(room, forbidden)| {
            let files = rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(room));
            assert!(!files.is_empty(), "{room} has moved; so must its rule");
            files.into_iter().flat_map(|file| found_in(&file, forbidden))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_forbidden_name_is_found_in_code_and_not_in_comments() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.rs");
    fs::write(
        &file,
        "// moka\n/// tokio\nfn pure() {} // moka\nuse moka::sync::Cache;\n",
    )
    .unwrap();
    let found = found_in(&file, PURE);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("ledger.rs:4 names moka"), "{found:?}");
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let files = entries.flat_map(|entry| rust_files(&entry.unwrap().path()));
    files
        .filter(|file| file.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// Returns where the code of `file` names one of `forbidden`. Comments and unit tests may.
fn found_in(file: &Path, forbidden: &[&str]) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = (1..).zip(
        code.lines()
            .map(|line| line.split("//").next().unwrap_or_default()),
    );
    lines
        .flat_map(|(number, line)| {
            let names = forbidden.iter().filter(move |name| line.contains(**name));
            names.map(move |name| format!("{}:{number} names {name}", file.display()))
        })
        .collect()
}
