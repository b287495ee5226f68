//! What things look like, by role. Panes name roles and never a colour.
//!
//! Only the sixteen named colours are used and the ground is left alone, so that light and dark terminals
//! both work. The monochrome theme sets no colour at all: with `NO_COLOR`, crossterm turns a colour into a
//! full reset, and a highlighted row would lose its highlight.

use std::ffi::OsStr;

use ratatui::style::{Color, Modifier, Style};

/// Whether the terminal may show colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// The sixteen named colours.
    #[default]
    Ansi,
    /// No colours; bold, dim, underlined and reversed only.
    Monochrome,
}

impl Palette {
    /// Returns the palette that the value of `NO_COLOR` asks for; an empty one asks for nothing.
    pub fn from_no_color(value: Option<&OsStr>) -> Self {
        match value {
            Some(value) if !value.is_empty() => Self::Monochrome,
            _ => Self::Ansi,
        }
    }
}

/// A style for each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Plain text.
    pub text: Style,
    /// What matters less.
    pub dim: Style,
    /// What matters most.
    pub strong: Style,
    /// The program's name, and the hint of a key.
    pub accent: Style,
    /// Headers of columns.
    pub header: Style,
    /// Borders of panes without the focus.
    pub border: Style,
    /// The border and title of the pane with the focus.
    pub focus: Style,
    /// The selected row of the pane with the focus.
    pub selected: Style,
    /// A time to live that is still long.
    pub fresh: Style,
    /// A time to live that runs out soon.
    pub expiring: Style,
    /// A time to live that is nearly over.
    pub ending: Style,
    /// Good news: done, written.
    pub good: Style,
    /// Work in progress.
    pub busy: Style,
    /// Things to look at: waiting, blocked, warnings.
    pub warn: Style,
    /// Things gone wrong.
    pub error: Style,
    /// A mark that must not be overlooked, such as `PAUSED`.
    pub badge: Style,
    /// The bottom line.
    pub footer: Style,
}

impl Theme {
    /// Returns the theme for `palette`.
    pub const fn of(palette: Palette) -> Self {
        match palette {
            Palette::Ansi => Self::ansi(),
            Palette::Monochrome => Self::monochrome(),
        }
    }

    const fn ansi() -> Self {
        const PLAIN: Style = Style::new();
        // Not the colour dark grey: several well-known palettes give it the shade of their ground.
        const DIM: Style = PLAIN.add_modifier(Modifier::DIM);
        Self {
            text: PLAIN,
            dim: DIM,
            strong: PLAIN.add_modifier(Modifier::BOLD),
            accent: PLAIN.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            header: DIM.add_modifier(Modifier::ITALIC),
            border: DIM,
            focus: PLAIN.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            selected: PLAIN.add_modifier(Modifier::REVERSED),
            fresh: PLAIN.fg(Color::Green),
            expiring: PLAIN.fg(Color::Yellow),
            ending: PLAIN.fg(Color::Red),
            good: PLAIN.fg(Color::Green),
            busy: PLAIN.fg(Color::LightBlue),
            warn: PLAIN.fg(Color::Yellow),
            error: PLAIN.fg(Color::Red),
            badge: PLAIN
                .fg(Color::Yellow)
                .add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
            footer: DIM,
        }
    }

    const fn monochrome() -> Self {
        const PLAIN: Style = Style::new();
        const BOLD: Style = PLAIN.add_modifier(Modifier::BOLD);
        const DIM: Style = PLAIN.add_modifier(Modifier::DIM);
        const REVERSED: Style = PLAIN.add_modifier(Modifier::REVERSED);
        Self {
            text: PLAIN,
            dim: DIM,
            strong: BOLD,
            accent: BOLD,
            header: PLAIN.add_modifier(Modifier::UNDERLINED),
            border: DIM,
            focus: BOLD,
            selected: REVERSED,
            fresh: PLAIN,
            expiring: BOLD,
            ending: BOLD.add_modifier(Modifier::UNDERLINED),
            good: PLAIN,
            busy: PLAIN,
            warn: BOLD,
            error: BOLD.add_modifier(Modifier::UNDERLINED),
            badge: REVERSED,
            footer: DIM,
        }
    }

    /// Returns the style of a time to live of which `share` remains.
    pub fn remaining(&self, share: f64) -> Style {
        match share {
            share if share > 0.5 => self.fresh,
            share if share > 0.2 => self.expiring,
            _ => self.ending,
        }
    }

    /// Returns the style of a word that says how work goes. The word itself carries the meaning.
    pub fn state(&self, word: &str) -> Style {
        let word = word.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|known| word.starts_with(known));
        if says(&[
            "done", "complete", "success", "passed", "ok", "answer", "respon", "finished", "read",
        ]) {
            self.good
        } else if says(&[
            "in_progress",
            "in-progress",
            "running",
            "working",
            "busy",
            "active",
            "claimed",
            "locked",
        ]) {
            self.busy
        } else if says(&[
            "fail", "error", "dead", "lost", "cancel", "orphan", "died", "deserted", "lapsed", "ended",
        ]) {
            self.error
        } else if says(&[
            "wait", "block", "paus", "retry", "review", "question", "expire", "backoff", "left", "shared",
            "returned", "restart", "changed",
        ]) {
            self.warn
        } else if says(&["delete", "released", "held", "handed", "given up"]) {
            self.dim
        } else {
            self.text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_no_color_asks_for_nothing() {
        assert_eq!(Palette::from_no_color(None), Palette::Ansi);
        assert_eq!(Palette::from_no_color(Some(OsStr::new(""))), Palette::Ansi);
        assert_eq!(Palette::from_no_color(Some(OsStr::new("1"))), Palette::Monochrome);
    }

    #[test]
    fn states_are_told_by_how_their_word_begins() {
        let theme = Theme::of(Palette::Ansi);
        assert_eq!(theme.state("Completed"), theme.good);
        assert_eq!(theme.state("in_progress"), theme.busy);
        assert_eq!(theme.state("failed"), theme.error);
        assert_eq!(theme.state("waiting for review"), theme.warn);
        assert_eq!(theme.state("whatever"), theme.text);
    }
}
