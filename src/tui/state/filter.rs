//! The filter: one text for all panes, typed on a line of its own.

use crossterm::event::{Event, KeyEvent};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use crate::tui::text;

/// The most characters that a filter takes; a paste may be a whole file.
const MAX_CHARS: usize = 200;

/// A filter and the line in which it is typed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    input: Input,
    /// Whether it is being typed.
    pub editing: bool,
}

impl Filter {
    /// Returns the filter as it was typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Returns what rows must contain, in lower case.
    pub fn needle(&self) -> String {
        self.input.value().trim().to_lowercase()
    }

    /// Returns the column of the cursor within the text.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// Takes a key as text or as a movement of the cursor.
    pub fn key(&mut self, key: KeyEvent) {
        if self.text().chars().count() < MAX_CHARS || !matches!(key.code, crossterm::event::KeyCode::Char(_))
        {
            self.input.handle_event(&Event::Key(key));
        }
    }

    /// Takes a pasted text, on one line.
    pub fn paste(&mut self, pasted: &str) {
        let room = MAX_CHARS.saturating_sub(self.text().chars().count());
        for c in text::clean(pasted).chars().take(room) {
            self.input.handle(tui_input::InputRequest::InsertChar(c));
        }
    }

    /// Drops the text and stops typing.
    pub fn clear(&mut self) {
        self.input.reset();
        self.editing = false;
    }

    /// Tells whether rows are being hidden.
    pub fn is_active(&self) -> bool {
        !self.text().trim().is_empty()
    }
}
