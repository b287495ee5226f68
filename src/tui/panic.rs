//! The panic hook. A panic in an agent's task must not take the screen away; one of the dashboard must.

use std::cell::Cell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use super::term;

static INSTALLED: Once = Once::new();

thread_local! {
    /// Whether this thread is at work for the dashboard right now. Between two awaits the dashboard may
    /// change threads, so it is not a thread that counts but what the thread does.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` for the dashboard: a panic in it restores the screen and is printed.
pub(super) fn at_work<T>(work: impl FnOnce() -> T) -> T {
    struct Over;
    impl Drop for Over {
        fn drop(&mut self) {
            AT_WORK.set(false);
        }
    }
    AT_WORK.set(true);
    let _over = Over;
    work()
}

/// Installs the hook, once. Every panic is logged; while the screen is up, only the dashboard's own one
/// restores it and is printed.
pub(super) fn install_hook() {
    INSTALLED.call_once(|| {
        let printing = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            log(info);
            if AT_WORK.get()
                && let Err(error) = term::restore()
            {
                tracing::warn!(%error, "cannot restore the terminal");
            }
            if !term::is_up() {
                printing(info);
            }
        }));
    });
}

fn log(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(at = place, "panic: {message}");
}
