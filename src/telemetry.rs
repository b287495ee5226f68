//! Logging: to the dashboard's log pane, or to stderr when there is none.
//!
//! `tui_logger::init_logger` is not used, because its thread wakes a hundred times a second; the dashboard
//! moves the lines itself before it draws, and [`logged`] tells it when to.

use std::io::IsTerminal as _;

use tokio::sync::Notify;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry;
use tui_logger::TuiTracingSubscriberLayer;

static LOGGED: Notify = Notify::const_new();

/// Sends what is logged at `level` and above to the log pane, for the whole process.
pub fn to_dashboard(level: LevelFilter) -> Result<(), SetGlobalDefaultError> {
    // What is wanted was filtered before it gets there.
    tui_logger::set_default_level(tui_logger::LevelFilter::Trace);
    let layers = TuiTracingSubscriberLayer.and_then(Wake);
    let subscriber = registry().with(layers.with_filter(wanted(level)));
    tracing::subscriber::set_global_default(subscriber)
}

/// Sends what is logged at `level` and above to stderr, for the whole process.
pub fn to_stderr(level: LevelFilter) -> Result<(), SetGlobalDefaultError> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !no_color);
    let subscriber = registry().with(lines.with_filter(wanted(level)));
    tracing::subscriber::set_global_default(subscriber)
}

/// Waits until something was logged since this last returned; meant for a single listener.
pub async fn logged() {
    LOGGED.notified().await;
}

/// Returns the filter for `level`; what the libraries say below a warning helps nobody who watches agents.
fn wanted(level: LevelFilter) -> Targets {
    let quiet = level.min(LevelFilter::WARN);
    Targets::new()
        .with_default(level)
        .with_target("mio", quiet)
        .with_target("rmcp", quiet)
        .with_target("tokio", quiet)
}

/// Tells the dashboard that there is something to show.
struct Wake;

impl<S: Subscriber> Layer<S> for Wake {
    fn on_event(&self, _event: &Event<'_>, _context: Context<'_, S>) {
        LOGGED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_are_quiet_however_much_is_asked_for() {
        let filter = wanted(LevelFilter::TRACE);
        assert!(filter.would_enable("callboard::net", &Level::TRACE));
        assert!(!filter.would_enable("rmcp::service", &Level::DEBUG));
        assert!(!filter.would_enable("mio::poll", &Level::TRACE));
        assert!(filter.would_enable("rmcp::service", &Level::WARN));
        assert!(!wanted(LevelFilter::ERROR).would_enable("rmcp::service", &Level::WARN));
    }
}
