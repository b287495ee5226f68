//! Tests with another user in them: who can run them, and where.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A user who is not us: nobody.
pub(crate) const OTHER_USER: u32 = 65_534;

/// Tells whether the test runs as root, and says so when it does not.
pub(crate) fn is_root(what: &str) -> bool {
    let is_root = rustix::process::getuid().is_root();
    if !is_root {
        skip(what, "only root can show it");
    }
    is_root
}

/// Tells whether another user gets to what is in `directory`, and says so when it does not: `TMPDIR` may be private.
pub(crate) fn lets_others_in(directory: &Path, what: &str) -> bool {
    let whole = fs::canonicalize(directory).unwrap();
    let is_closed = |above: &&Path| fs::metadata(above).unwrap().permissions().mode() & 0o001 == 0;
    let closed = whole.ancestors().find(is_closed);
    if let Some(closed) = closed {
        skip(what, &format!("{} lets no other user in", closed.display()));
    }
    closed.is_none()
}

#[expect(clippy::print_stderr, reason = "whoever reads the tests' output is to know")]
fn skip(what: &str, why: &str) {
    eprintln!("skipped, since {why}: {what}");
}
