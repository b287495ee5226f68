//! The filter: one text for all panes, typed on a line of its own.

use super::Line;

/// The most characters that a filter takes.
const MAX_CHARS: usize = 200;

/// A filter and the line in which it is typed.
#[derive(Clone, Debug)]
pub struct Filter {
    /// What is typed.
    pub line: Line,
    /// Whether it is being typed.
    pub editing: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            line: Line::new(MAX_CHARS),
            editing: false,
        }
    }
}

impl Filter {
    /// Returns the filter as it was typed.
    pub fn text(&self) -> &str {
        self.line.text()
    }

    /// Returns what rows must contain, in lower case.
    pub fn needle(&self) -> String {
        self.text().trim().to_lowercase()
    }

    /// Drops the text and stops typing.
    pub fn clear(&mut self) {
        self.line.clear();
        self.editing = false;
    }

    /// Tells whether rows are being hidden.
    pub fn is_active(&self) -> bool {
        !self.text().trim().is_empty()
    }
}
