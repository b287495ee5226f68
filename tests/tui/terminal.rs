//! The dashboard in a real terminal: what it leaves behind, what it survives, what it costs.
//!
//! The program under test is this test binary itself, run again with [`program`] as its only test, so that
//! a test can choose what happens on the board.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::support::pty::{Cost, PATIENCE, Pty};
use crate::support::scene::{Scene, SceneClock};
use crate::support::wait::until;
use callboard::tui::{self, Ended, Palette};
use portable_pty::CommandBuilder;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Names what happens on the board of [`program`].
const SCENE: &str = "CALLBOARD_TEST_SCENE";
/// Names the file that tells why the dashboard ended.
const OUTCOME: &str = "CALLBOARD_TEST_OUTCOME";

/// The program that the tests run in a terminal; without a scene there is nothing to show.
#[test]
fn program() {
    let Ok(wanted) = std::env::var(SCENE) else { return };
    callboard::telemetry::to_dashboard(tracing::level_filters::LevelFilter::INFO).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(show(&wanted));
    if let Some(path) = std::env::var_os(OUTCOME) {
        std::fs::write(path, format!("{ended:?}")).unwrap();
    }
    if wanted.ends_with("stay") {
        // The board goes on without its dashboard until the test kills it.
        runtime.block_on(std::future::pending::<()>());
    }
}

async fn show(wanted: &str) -> Ended {
    let mut scene = Scene::on(SceneClock::running());
    if wanted.starts_with("busy") {
        scene.play();
    }
    let board = scene.board.clone();
    let shown = board.clone();
    let _sweeper = tokio::spawn(async move { board.keep_swept().await });
    let mut facts = scene.facts();
    facts.palette = Palette::from_no_color(std::env::var_os("NO_COLOR").as_deref());
    let (requests, mut asked) = mpsc::channel(1);
    let host = {
        let (wanted, clock) = (wanted.to_owned(), scene.clock.clone());
        async move {
            while asked.recv().await.is_some() {
                match wanted.as_str() {
                    "task panics" => {
                        let _panicked = tokio::spawn(async { panic!("an agent's task") }).await;
                    }
                    "dashboard panics" => clock.broken.store(true, Ordering::SeqCst),
                    _ => {}
                }
                let agent = scene.attach("late", "codex 1.0");
                scene.set(agent, "lock:late.rs", "{}", 300);
            }
        }
    };
    tokio::select! {
        ended = tui::run(shown, facts, requests, CancellationToken::new()) => ended.unwrap(),
        () = host => unreachable!("the dashboard holds the other end"),
    }
}

/// Starts the program with `scene` in a terminal of the design size.
fn start(scene: &str, more: &[(&str, &Path)]) -> Pty {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "terminal::program", "--nocapture"]);
    command.env(SCENE, scene);
    command.env_remove("NO_COLOR");
    for (name, value) in more {
        command.env(name, value);
    }
    Pty::start(command, 24, 80)
}

/// Tells whether the terminal is as the dashboard found it.
fn is_restored(screen: &vt100::Screen) -> bool {
    !screen.alternate_screen()
        && !screen.hide_cursor()
        && !screen.bracketed_paste()
        && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
}

#[test]
fn rows_appear_help_opens_and_quitting_restores_the_screen() {
    let mut pty = start("busy", &[]);
    pty.wait_for("src/auth/auth.ts");
    assert!(pty.look(|screen| screen.alternate_screen() && screen.bracketed_paste()));
    pty.send("?");
    pty.wait_for("show everything about the selected row");
    pty.send("?");
    pty.wait_until("the help to close", |screen| {
        !screen.contents().contains("Help ·")
    });
    pty.send("q");
    assert!(pty.wait_end().success());
    pty.wait_until("the screen as it was", is_restored);
}

#[test]
fn ctrl_c_quits_and_ctrl_z_explains() {
    let mut pty = start("busy", &[]);
    pty.wait_for("1 Locks 3");
    pty.send("\x1a");
    pty.wait_for("every agent would hang; q quits");
    pty.send("\x03");
    assert!(pty.wait_end().success());
    pty.wait_until("the screen as it was", is_restored);
}

#[test]
fn a_time_to_live_counts_down_by_itself() {
    let pty = start("busy", &[]);
    pty.wait_for("1 Locks 3");
    let first = pty.contents();
    pty.wait_until("a second to pass", |screen| screen.contents() != first);
}

#[test]
fn a_resize_lays_everything_out_again() {
    let mut pty = start("busy", &[]);
    pty.wait_for("1 Locks 3");
    pty.resize(12, 40);
    pty.wait_for("needs 50×12, is 40×12");
    pty.resize(40, 120);
    pty.wait_for("Details");
    pty.send("q");
    assert!(pty.wait_end().success());
}

#[test]
fn a_panic_in_a_task_leaves_the_screen_whole_and_is_logged() {
    let mut pty = start("task panics", &[]);
    pty.wait_for("Nobody is on the board yet");
    pty.send("d");
    pty.wait_for("late.rs");
    assert!(pty.look(vt100::Screen::alternate_screen));
    pty.send("8");
    pty.wait_for("panic: an agent's task");
    pty.send("q");
    assert!(pty.wait_end().success());
    pty.wait_until("the screen as it was", is_restored);
}

#[test]
fn a_panic_of_the_dashboard_restores_the_screen_and_is_printed() {
    let mut pty = start("dashboard panics", &[]);
    pty.wait_for("Nobody is on the board yet");
    pty.send("d");
    pty.wait_for("the clock is broken");
    assert!(!pty.wait_end().success());
    pty.wait_until("the screen as it was", is_restored);
}

#[cfg(target_os = "linux")]
#[test]
fn a_closed_terminal_ends_the_dashboard_at_no_cost() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = dir.path().join("outcome");
    let mut pty = start("stay", &[(OUTCOME, &outcome)]);
    pty.wait_for("Nobody is on the board yet");
    pty.close("?");
    ends_at_no_cost(&pty, &outcome);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_closed_in_the_middle_of_a_key_ends_the_dashboard_at_no_cost() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = dir.path().join("outcome");
    let mut pty = start("busy stay", &[(OUTCOME, &outcome)]);
    pty.wait_for("1 Locks 3");
    // The beginning of a key that never ends: the dashboard is in the middle of reading.
    pty.send_and_be_read("\x1b[", "keyboard");
    pty.close("");
    ends_at_no_cost(&pty, &outcome);
}

/// Waits until the dashboard has noticed that its terminal is gone, and looks at what the rest costs.
#[cfg(target_os = "linux")]
fn ends_at_no_cost(pty: &Pty, outcome: &Path) {
    until("the dashboard ends", PATIENCE, || {
        let why = std::fs::read_to_string(outcome).ok();
        why.filter(|why| why == "TerminalGone")
    });
    let Cost { ticks, .. } = pty.cost_over(50);
    assert!(
        ticks <= 2,
        "the program took {ticks} ticks in a second without a terminal"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_dashboard_costs_nothing() {
    let mut pty = start("blank", &[]);
    pty.wait_for("Nobody is on the board yet");
    let Cost { ticks, wakes } = pty.cost_over(100);
    assert!(ticks <= 2, "the idle program took {ticks} ticks in two seconds");
    // A logger's thread alone would wake two hundred times.
    assert!(wakes <= 20, "the idle program woke {wakes} times in two seconds");
    pty.send("q");
    assert!(pty.wait_end().success());
}

#[test]
fn without_colours_the_selected_row_is_still_marked() {
    let mut pty = start("busy", &[("NO_COLOR", Path::new("1"))]);
    pty.wait_for("1 Locks 3");
    pty.look(|screen| {
        let (rows, columns) = screen.size();
        let selected = (0..rows.get()).find(|row| {
            let cell = screen.cell(*row, 2);
            cell.is_some_and(vt100::Cell::inverse)
        });
        let row = selected.expect("no row is reversed");
        let line = screen.rows(0, columns.get()).nth(usize::from(row)).unwrap();
        assert!(line.contains("src/auth/auth.ts"), "{line}");
        for column in 1..columns.get() - 1 {
            assert!(
                screen.cell(row, column).unwrap().inverse(),
                "column {column} of {line}"
            );
        }
        for (row, column) in
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)))
        {
            let cell = screen.cell(row, column).unwrap();
            assert_eq!(
                (cell.fgcolor(), cell.bgcolor()),
                (vt100::Color::Default, vt100::Color::Default)
            );
        }
    });
    pty.send("q");
    assert!(pty.wait_end().success());
}
