//! What the dashboard looks like, at the sizes that people have.

use crate::support::scene::Scene;
use crate::support::stage::Stage;
use callboard::board::Mode;
use callboard::tui::event::Event;
use callboard::tui::pane::Pane;
use callboard::tui::{Palette, keymap};
use insta::assert_snapshot;
use ratatui::layout::Size;
use ratatui::style::{Color, Modifier};

fn busy(width: u16, height: u16) -> Stage {
    Stage::new(Scene::busy(), width, height)
}

#[test]
fn a_busy_board() {
    assert_snapshot!("board_80x24", busy(80, 24).draw());
    assert_snapshot!("board_120x40", busy(120, 40).draw());
    assert_snapshot!("board_60x20", busy(60, 20).draw());
    assert_snapshot!("board_50x12", busy(50, 12).draw());
}

#[test]
fn an_empty_board_shows_how_to_begin() {
    assert_snapshot!("empty_80x24", Stage::new(Scene::empty(), 80, 24).draw());
    assert_snapshot!("empty_50x12", Stage::new(Scene::empty(), 50, 12).draw());
}

#[test]
fn the_help_begins_with_the_keys_of_the_view() {
    let mut stage = busy(80, 24);
    stage.press(&["?"]);
    assert_snapshot!("help_80x24", stage.draw());
    let mut stage = busy(50, 12);
    stage.press(&["?"]);
    assert_snapshot!("help_50x12", stage.draw());
    let mut stage = busy(80, 24);
    stage.press(&["enter", "?"]);
    let picture = stage.text();
    assert!(picture.find("Details").unwrap() < picture.find("Panes").unwrap_or(usize::MAX));
    stage.press(&["G"]);
    assert!(
        stage.text().contains("close the help"),
        "the last line can be reached"
    );
}

/// Returns the lines inside the box that lies over the panes.
fn inside_the_box(picture: &str) -> Vec<String> {
    let lines: Vec<Vec<char>> = picture.lines().map(|line| line.chars().collect()).collect();
    let corner = |c| lines[1].iter().position(|other| *other == c).unwrap();
    let (from, to) = (corner('╭') + 1, corner('╮'));
    let inside = lines[2..lines.len() - 2].iter();
    inside.map(|line| line[from..to].iter().collect()).collect()
}

#[test]
fn the_help_shows_every_word_at_any_width() {
    for width in [50, 80, 120] {
        let mut stage = busy(width, 12);
        stage.press(&["?"]);
        let mut told = Vec::new();
        loop {
            let before = stage.text();
            stage.press(&["j"]);
            let lines = inside_the_box(&before);
            if stage.text() == before {
                told.extend(lines);
                break;
            }
            told.extend(lines.into_iter().next());
        }
        let words = told.iter().flat_map(|line| line.split_whitespace());
        let told = words.collect::<Vec<_>>().join(" ");
        for binding in keymap::KEYMAP {
            assert!(told.contains(binding.help), "{} in {told}", binding.help);
        }
    }
}

#[test]
fn a_question_names_the_key_its_holder_and_what_remains() {
    let mut stage = busy(80, 24);
    stage.press(&["x"]);
    assert_snapshot!("confirm_80x24", stage.draw());
}

#[test]
fn locks_that_are_waited_for_shared_and_left_behind() {
    let mut stage = Stage::new(Scene::crowded(), 80, 24);
    assert_snapshot!("crowded_80x24", stage.draw());
    stage.press(&["w"]);
    assert_snapshot!("waits_80x24", stage.draw());
    stage.press(&["esc", "enter"]);
    assert_snapshot!("detail_waited_80x24", stage.draw());
    stage.press(&["esc", "4", "enter"]);
    assert_snapshot!("detail_waiting_80x24", stage.draw());
    let mut stage = Stage::new(Scene::crowded(), 120, 40);
    assert_snapshot!("crowded_120x40", stage.draw());
    stage.press(&["w"]);
    assert_snapshot!("waits_120x40", stage.draw());
    let mut stage = Stage::new(Scene::crowded(), 50, 12);
    stage.press(&["w"]);
    assert_snapshot!("waits_50x12", stage.draw());
}

#[test]
fn tasks_in_every_state() {
    let mut stage = Stage::new(Scene::at_work(), 80, 24);
    assert_snapshot!("at_work_80x24", stage.draw());
    let roomy = Stage::new(Scene::at_work(), 120, 40);
    assert_snapshot!("at_work_120x40", roomy.draw());
    let wide = Stage::new(Scene::at_work(), 200, 60).text();
    assert!(wide.contains("Rewrite the parser in Perl "), "{wide}");
    let wide = busy(200, 60).text();
    assert!(wide.contains("Writing auth logic "), "{wide}");
    stage.press(&["2", "z"]);
    assert_snapshot!("tasks_80x24", stage.draw());
    stage.press(&["z", "4", "z"]);
    assert_snapshot!("agents_80x24", stage.draw());
    stage.press(&["z", "2", "g", "j", "j", "enter"]);
    assert_snapshot!("detail_task_80x24", stage.draw());
    stage.press(&["esc", "R"]);
    assert_snapshot!("ask_requeue_80x24", stage.draw());
    stage.press(&["esc", "j", "B"]);
    assert_snapshot!("ask_bury_80x24", stage.draw());
    let mut stage = Stage::new(Scene::at_work(), 50, 12);
    stage.press(&["2", "g", "j", "j", "j", "B"]);
    assert_snapshot!("ask_bury_50x12", stage.draw());
    stage.press(&["esc", "+"]);
    assert_snapshot!("ask_extend_claim_50x12", stage.draw());
}

#[test]
fn questions_say_what_will_happen() {
    for (name, keys) in [
        ("expire", &["x"][..]),
        ("end", &["e"]),
        ("end_all", &["E"]),
        ("orphans", &["O"]),
        ("extend", &["+"]),
        ("message", &["m", "h", "i"]),
    ] {
        let mut stage = Stage::new(Scene::crowded(), 80, 24);
        stage.press(&["G"]);
        stage.press(keys);
        assert_snapshot!(format!("ask_{name}_80x24"), stage.draw());
    }
    let mut stage = busy(50, 12);
    stage.press(&["+"]);
    assert!(
        stage.text().contains("held by agent-implementation-1, 3:26 left"),
        "there is room for it: {}",
        stage.text()
    );
}

#[test]
fn the_question_what_becomes_of_the_board() {
    for (name, width, height) in [("80x24", 80, 24), ("50x12", 50, 12)] {
        let mut stage = busy(width, height);
        stage.model.facts.outlived = true;
        stage.press(&["q"]);
        assert_snapshot!(format!("quit_{name}"), stage.draw());
    }
}

#[test]
fn details_show_the_value_and_what_happened() {
    let mut stage = busy(80, 24);
    stage.scene.set(
        1,
        "lock:src/auth/auth.ts",
        r#"{"lockedBy":"agent-implementation-1","taskId":"3.1","files":["a","b"],"note":"a rather long note that has to go on on the next line, since it is wider than the screen"}"#,
        300,
    );
    stage.happen(Event::Board);
    stage.press(&["enter"]);
    assert_snapshot!("detail_80x24", stage.draw());
    stage.press(&["G"]);
    assert_snapshot!("detail_end_80x24", stage.draw());
    stage.press(&["esc", "4", "enter"]);
    assert_snapshot!("detail_agent_80x24", stage.draw());
}

#[test]
fn a_filter_shows_in_all_panes() {
    let mut stage = busy(80, 24);
    stage.press(&["/", "a", "u", "t", "h"]);
    assert_snapshot!("filter_80x24", stage.draw());
    stage.model.size = Size::new(50, 12);
    stage.refresh();
    let picture = stage.text();
    assert!(
        picture.contains("┌ 1 Locks 1 of 3 │ 2 │ 3 │ 4 │ 5 │ 6 │ 7 │ 8 ─"),
        "every tab can be seen: {picture}"
    );
    stage.model.size = Size::new(80, 24);
    stage.press(&["enter"]);
    let picture = stage.text();
    assert!(
        picture.contains("└ filter  auth  esc drops it ────") && picture.contains("1 Locks 1 of 3 found"),
        "{picture}"
    );
    stage.press(&["enter"]);
    let picture = stage.text();
    assert!(
        !picture.contains("esc drops it") && picture.contains(&format!("╰{}╯", "─".repeat(78))),
        "esc closes the details, whose edge is whole: {picture}"
    );
    stage.press(&["esc", "/"]);
    for _ in 0..100 {
        stage.press(&["x"]);
    }
    for keys in [&["backspace"][..], &["enter"]] {
        stage.press(keys);
        let picture = stage.text();
        let line = picture.lines().nth(22).unwrap();
        assert!(line.starts_with('└') && line.ends_with('┘'), "{line}");
    }
}

#[test]
fn each_pane_on_the_whole_screen() {
    let mut stage = busy(120, 12);
    let mut pictures = String::new();
    for pane in Pane::ALL.into_iter().filter(|pane| *pane != Pane::Log) {
        stage.press(&[&pane.number().to_string()]);
        if !stage.model.zoom {
            stage.press(&["z"]);
        }
        for line in stage.text().lines().skip(1).take(6) {
            pictures.push_str(line);
            pictures.push('\n');
        }
    }
    assert_snapshot!("panes_120", pictures);
}

#[test]
fn colours_come_from_the_theme_alone() {
    let stage = busy(80, 24);
    assert_snapshot!("colours_80x24", format!("{:?}", stage.draw().buffer()));
}

#[test]
fn without_colours_every_view_is_drawn_with_modifiers_alone() {
    for keys in [
        &[][..],
        &["?"],
        &["x"],
        &["enter"],
        &["/", "a"],
        &["space"],
        &["8"],
        &["ctrl-z"],
        &["w"],
        &["O"],
        &["+"],
        &["m", "a"],
        &["q"],
        &["/", "i", "enter"],
    ] {
        let mut stage = Stage::new(Scene::crowded(), 80, 24);
        stage.model.facts.palette = Palette::Monochrome;
        stage.model.facts.outlived = true;
        let facts = stage.model.facts.clone();
        stage.model = callboard::tui::state::Model::new(facts, Size::new(80, 24));
        stage.refresh();
        stage.press(keys);
        let backend = stage.draw();
        for cell in &backend.buffer().content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys:?}");
        }
        let reversed = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
        let marked = backend.buffer().content.iter().filter(reversed).count();
        assert!(
            marked >= 4 || [&["?"][..], &["enter"], &["8"]].contains(&keys),
            "{keys:?}"
        );
    }
}

#[test]
fn nothing_that_agents_write_reaches_the_terminal_as_more_than_text() {
    let nasty = "\u{1b}[2J\u{1b}]52;c;eA==\u{7}\u{9b}31m\u{202e}evil\u{2066}\u{0}\u{200b}";
    let mut scene = Scene::empty();
    let agent = scene.attach(nasty, &format!("{nasty} {nasty}"));
    let json = serde_json::json!({
        "lockedBy": nasty, "description": nasty, "agentId": nasty, "status": nasty,
        "currentStep": nasty, "body": nasty, "taskId": nasty,
    });
    for key in [
        "lock:%1B%5B2Jx",
        "task:%1B%5B2Jx",
        "status:%1B%5B2Jx:1",
        "msg:%E2%80%AE:b:1",
        "note:%1B%5B2J",
    ] {
        scene.set(agent, key, &json.to_string(), 300);
        scene.set(agent, &format!("{key}2"), nasty, 300);
    }
    assert!(scene.lock(agent, &[nasty, "a"], Mode::Exclusive, nasty));
    let waiter = scene.attach(nasty, "b 1");
    assert!(!scene.lock(waiter, &[nasty], Mode::Shared, nasty));
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::new(Scene::empty(), width, height);
        stage.scene = scene;
        stage.model.facts.project = nasty.to_owned();
        stage.model.facts.snippet = nasty.to_owned();
        stage.refresh();
        for pane in 1..=8 {
            let presses = [
                &["enter"][..],
                &["G"],
                &["esc"],
                &["x"],
                &["esc", "e"],
                &["esc", "E"],
                &["esc", "+"],
                &["esc", "m"],
                &["esc", "R"],
                &["esc", "w"],
                &["esc", "z"],
                &["z"],
            ];
            for keys in presses {
                stage.press(&[&pane.to_string()]);
                stage.press(keys);
                for cell in &stage.draw().buffer().content {
                    let steers = |c: char| {
                        c.is_control()
                            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}')
                    };
                    assert!(
                        !cell.symbol().contains(steers),
                        "{:?} in pane {pane}",
                        cell.symbol()
                    );
                }
            }
            stage.press(&["esc"]);
        }
        scene = stage.scene;
    }
}

#[test]
fn no_size_makes_it_panic() {
    let mut stage = Stage::new(Scene::crowded(), 80, 24);
    stage.scene.set(
        0,
        "task:日本語".replace("日本語", "%E6%97%A5%E6%9C%AC").as_str(),
        r#"{"title":"日本語のタスク"}"#,
        60,
    );
    for keys in [
        &[][..],
        &["?"],
        &["esc", "enter"],
        &["x"],
        &["esc", "esc", "/", "a"],
        &["esc", "z"],
        &["8"],
        &["1", "w"],
        &["esc", "O"],
        &["esc", "+"],
        &["esc", "4", "m"],
    ] {
        stage.model.size = Size::new(80, 24);
        stage.press(keys);
        for width in 1..=60 {
            for height in 1..=20 {
                stage.model.size = Size::new(width, height);
                stage.refresh();
                let drawn = stage.draw();
                assert_eq!(
                    (drawn.buffer().area.width, drawn.buffer().area.height),
                    (width, height)
                );
            }
        }
    }
}

#[test]
fn every_box_ends_at_the_edge_of_the_screen() {
    const EDGES: &str = "│┌┐└┘├┤╭╮╰╯";
    for (width, height) in [(50, 12), (80, 24), (120, 40), (200, 60)] {
        for scene in [Scene::busy, Scene::crowded, Scene::at_work] {
            for keys in [
                &[][..],
                &["enter"],
                &["?"],
                &["w"],
                &["x"],
                &["E"],
                &["2", "g", "B"],
                &["+"],
                &["4", "g", "m", "h", "i"],
                &["q"],
                &["/", "i"],
                &["/", "i", "enter"],
                &["ctrl-z"],
                &["z", "3"],
            ] {
                let mut stage = Stage::new(scene(), width, height);
                stage.model.facts.outlived = true;
                stage.press(keys);
                let picture = stage.text();
                let body = picture.lines().skip(if height < 20 { 1 } else { 2 });
                for line in body.take_while(|line| !line.starts_with(' ')) {
                    let ends = [line.chars().next(), line.chars().last()];
                    assert!(
                        ends.iter().flatten().all(|end| EDGES.contains(*end)),
                        "{line}, after {keys:?} in\n{picture}"
                    );
                }
            }
        }
    }
}

#[test]
fn wide_characters_are_cut_at_columns() {
    let mut stage = busy(80, 24);
    let value = serde_json::json!({"title": "日本語のとても長いタスクの名前です", "agentId": "日本語のとても長い名前"});
    stage.scene.set(0, "task:0", &value.to_string(), 60);
    stage.happen(Event::Board);
    let picture = stage.text();
    let line = picture.lines().find(|line| line.contains('日')).unwrap();
    // A wide character takes two cells, of which the second is drawn as a blank here.
    assert_eq!(line.chars().count(), 80, "{line}");
    assert!(line.contains('…') && line.matches('│').count() == 3, "{line}");
}

#[test]
fn the_readme_lists_the_keys_of_the_table() {
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&keymap::markdown()),
        "put this into the README:\n{}",
        keymap::markdown()
    );
}

#[test]
fn a_terminal_that_shrinks_while_it_is_drawn_is_no_reason_to_panic() {
    let mut stage = busy(120, 40);
    stage.press(&["x"]);
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(60, 20)).unwrap();
    terminal
        .draw(|frame| callboard::tui::view::view(&stage.model, frame))
        .unwrap();
    assert_eq!(terminal.backend().buffer().area.as_size(), Size::new(60, 20));
}
