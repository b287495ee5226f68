//! The dashboard without a terminal: its model on a scene, keys by name, its picture as text.

use callboard::board::Clock as _;
use callboard::tui::action::Effect;
use callboard::tui::app::{Outcome, update};
use callboard::tui::deeds;
use callboard::tui::event::Event;
use callboard::tui::runner::refresh;
use callboard::tui::state::Model;
use callboard::tui::view::view;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::layout::Size;

use super::scene::Scene;

/// A model and the scene that it shows.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) model: Model,
}

impl Stage {
    /// Returns a dashboard of `width` and `height` on `scene`, up to date.
    pub(crate) fn new(scene: Scene, width: u16, height: u16) -> Self {
        let model = Model::new(scene.facts(), Size::new(width, height));
        let mut stage = Self { scene, model };
        stage.refresh();
        stage
    }

    /// Brings the model up to date with the board.
    pub(crate) fn refresh(&mut self) {
        refresh(&self.scene.board, &mut self.model);
    }

    /// Lets something happen.
    pub(crate) fn happen(&mut self, event: Event) -> Outcome {
        let outcome = update(&mut self.model, event, self.scene.clock.now());
        self.refresh();
        outcome
    }

    /// Presses keys, each given by its name; returns what the last one led to.
    pub(crate) fn press(&mut self, keys: &[&str]) -> Outcome {
        let mut last = Outcome::default();
        for key in keys {
            last = self.happen(Event::Key(named(key)));
        }
        last
    }

    /// Carries out what `outcome` asks for, as the runner does, and tells the model; tells whether that was
    /// anything.
    pub(crate) fn carry_out(&mut self, outcome: Outcome) -> bool {
        let mut acted = false;
        for effect in outcome.effects {
            let done = match effect {
                Effect::Apply(confirmed) => deeds::apply(&self.scene.board, confirmed),
                Effect::Run(errand) => deeds::run(&self.scene.board, errand),
                _ => continue,
            };
            self.happen(Event::Done(done));
            acted = true;
        }
        acted
    }

    /// Does something with the mouse at a place.
    pub(crate) fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> Outcome {
        self.happen(Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }))
    }

    /// Clicks on the first place where the picture shows `text`.
    pub(crate) fn click(&mut self, text: &str) -> Outcome {
        let picture = self.text();
        let found = picture.lines().enumerate().find(|(_, line)| line.contains(text));
        assert!(found.is_some(), "no {text} in\n{picture}");
        let (row, line) = found.unwrap();
        let column = line[..line.find(text).unwrap()].chars().count();
        let left = MouseEventKind::Down(MouseButton::Left);
        self.mouse(left, u16::try_from(column).unwrap(), u16::try_from(row).unwrap())
    }

    /// Returns the picture.
    pub(crate) fn draw(&self) -> TestBackend {
        let Size { width, height } = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal.backend().clone()
    }

    /// Returns the picture as lines of text.
    pub(crate) fn text(&self) -> String {
        let backend = self.draw();
        let buffer = backend.buffer();
        let width = usize::from(buffer.area.width).max(1);
        let lines = buffer.content.chunks(width);
        lines
            .map(|cells| {
                cells
                    .iter()
                    .map(ratatui::buffer::Cell::symbol)
                    .collect::<String>()
                    + "\n"
            })
            .collect()
    }

    /// Returns the key of the selected row.
    pub(crate) fn selected(&self) -> Option<String> {
        let row = self.model.selected()?;
        row.id.key().map(ToString::to_string)
    }
}

/// Returns the key called `name`.
pub(crate) fn named(name: &str) -> KeyEvent {
    let (name, modifiers) = match name.strip_prefix("ctrl-") {
        Some(rest) => (rest, KeyModifiers::CONTROL),
        None => (name, KeyModifiers::NONE),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "shift-tab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "pgdn" => KeyCode::PageDown,
        _ => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}
