//! What the tests of the program's outside share.

#![allow(dead_code, reason = "each test program uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a helper of tests may fail the test"
)]

pub(crate) mod agent;
pub(crate) mod bridge;
pub(crate) mod chance;
pub(crate) mod heart;
pub(crate) mod image;
pub(crate) mod life;
pub(crate) mod plain;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod pty;
pub(crate) mod raw;
pub(crate) mod registers;
pub(crate) mod scene;
pub(crate) mod served;
pub(crate) mod socket;
pub(crate) mod stage;
pub(crate) mod users;
pub(crate) mod virtual_time;
pub(crate) mod wait;
