//! A line that is typed.

use crossterm::event::{Event, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler as _;
use tui_input::{Input, InputRequest};

use crate::tui::text;

/// A line that is typed, of bounded length: a paste may be a whole file.
#[derive(Clone, Debug)]
pub struct Line {
    input: Input,
    max_chars: usize,
}

impl Line {
    /// Returns an empty line that takes up to `max_chars` characters.
    pub fn new(max_chars: usize) -> Self {
        Self {
            input: Input::default(),
            max_chars,
        }
    }

    /// Returns what was typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Returns the column of the cursor within the text.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// Takes a key as text or as a movement of the cursor.
    pub fn key(&mut self, key: KeyEvent) {
        if self.room() > 0 || !matches!(key.code, KeyCode::Char(_)) {
            self.input.handle_event(&Event::Key(key));
        }
    }

    /// Takes a pasted text, on one line.
    pub fn paste(&mut self, pasted: &str) {
        for c in text::clean(pasted).chars().take(self.room()) {
            self.input.handle(InputRequest::InsertChar(c));
        }
    }

    /// Replaces what was typed.
    pub fn fill(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
    }

    /// Drops what was typed.
    pub fn clear(&mut self) {
        self.input.reset();
    }

    fn room(&self) -> usize {
        self.max_chars.saturating_sub(self.text().chars().count())
    }
}
