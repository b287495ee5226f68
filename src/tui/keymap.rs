//! The one table of keys. Dispatch, footer, help and the README's list of keys are all made from it.

mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::pane::Pane;

pub use table::KEYMAP;

/// What the keys act on at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The panes.
    Board,
    /// The line in which a filter is typed: letters are text.
    Filter,
    /// Everything about one row.
    Detail,
    /// Who waits for whom.
    Waits,
    /// A line that is typed for something to be done: letters are text.
    Prompt,
    /// The list of keys.
    Help,
    /// A question before something that cannot be undone.
    Confirm,
    /// The question what becomes of the board.
    Leave,
}

impl Mode {
    /// Every mode, in the order in which the help shows them.
    pub const ALL: [Self; 8] = [
        Self::Board,
        Self::Detail,
        Self::Waits,
        Self::Filter,
        Self::Prompt,
        Self::Confirm,
        Self::Leave,
        Self::Help,
    ];

    /// Returns the heading of the mode's keys in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Board => "Panes",
            Self::Filter => "Filter",
            Self::Detail => "Details",
            Self::Waits => "Who waits",
            Self::Prompt => "Typing",
            Self::Help => "Help",
            Self::Confirm => "Question",
            Self::Leave => "Quitting",
        }
    }
}

/// A key with its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Press(KeyCode, KeyModifiers);

impl Press {
    /// Returns the press behind a terminal's event. Shift is already in the letter.
    pub fn of(event: KeyEvent) -> Self {
        let modifiers = match event.code {
            KeyCode::Char(_) | KeyCode::BackTab => event.modifiers - KeyModifiers::SHIFT,
            _ => event.modifiers,
        };
        Self(event.code, modifiers)
    }

    /// Returns what people call the key.
    pub fn name(self) -> String {
        let mut name = String::new();
        if self.1.contains(KeyModifiers::CONTROL) {
            name.push_str("ctrl-");
        }
        match self.0 {
            KeyCode::Char(' ') => name.push_str("space"),
            KeyCode::Char(c) => name.push(c),
            KeyCode::F(number) => {
                name.push('F');
                name.push_str(&number.to_string());
            }
            KeyCode::Up => name.push('↑'),
            KeyCode::Down => name.push('↓'),
            KeyCode::Left => name.push('←'),
            KeyCode::Right => name.push('→'),
            KeyCode::Enter => name.push_str("enter"),
            KeyCode::Esc => name.push_str("esc"),
            KeyCode::Tab => name.push_str("tab"),
            KeyCode::BackTab => name.push_str("shift-tab"),
            KeyCode::Home => name.push_str("home"),
            KeyCode::End => name.push_str("end"),
            KeyCode::PageUp => name.push_str("pgup"),
            KeyCode::PageDown => name.push_str("pgdn"),
            other => name.push_str(&format!("{other:?}").to_lowercase()),
        }
        name
    }
}

const fn key(code: KeyCode) -> Press {
    Press(code, KeyModifiers::NONE)
}

const fn char(c: char) -> Press {
    key(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Press {
    Press(KeyCode::Char(c), KeyModifiers::CONTROL)
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What the keys do.
    pub action: Action,
    /// The keys, the one to show first.
    pub keys: &'static [Press],
    /// What it does, in one line.
    pub help: &'static str,
    /// What it does, in a word, if it has a place in the footer.
    pub label: Option<&'static str>,
    /// Where it works.
    pub modes: &'static [Mode],
    /// Whether it can destroy something; such actions are always asked about.
    pub dangerous: bool,
    /// Whether it keeps its place in the footer, however narrow that is.
    pub pinned: bool,
}

const fn bind(action: Action, keys: &'static [Press], modes: &'static [Mode], help: &'static str) -> Binding {
    Binding {
        action,
        keys,
        help,
        label: None,
        modes,
        dangerous: false,
        pinned: false,
    }
}

impl Binding {
    const fn footer(mut self, label: &'static str) -> Self {
        self.label = Some(label);
        self
    }

    const fn pinned(mut self) -> Self {
        self.pinned = true;
        self
    }

    const fn dangerous(mut self) -> Self {
        self.dangerous = true;
        self
    }

    const fn focus(pane: Pane, keys: &'static [Press]) -> Self {
        bind(
            Action::Focus(pane),
            keys,
            &[Mode::Board],
            "go to the pane of that number",
        )
    }
}

/// Returns what `press` means in `mode`.
pub fn lookup(mode: Mode, press: Press) -> Option<Action> {
    let mut here = bindings(mode);
    here.find(|binding| binding.keys.contains(&press))
        .map(|binding| binding.action)
}

/// Returns what people call the first key of `action` among the panes, empty when it has none there.
pub fn first_key(action: Action) -> String {
    let mut found = bindings(Mode::Board).filter(|binding| binding.action == action);
    let first = found.next().and_then(|binding| binding.keys.first());
    first.map(|press| press.name()).unwrap_or_default()
}

/// Returns the bindings that work in `mode`.
pub fn bindings(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    KEYMAP.iter().filter(move |binding| binding.modes.contains(&mode))
}

/// Returns the keys of `mode` with what they do; neighbours that do the same share a line.
pub fn help(mode: Mode) -> Vec<(String, &'static Binding)> {
    let mut lines: Vec<(String, &'static Binding)> = Vec::new();
    for binding in bindings(mode) {
        let names = binding.keys.iter().map(|press| press.name());
        let names = names.collect::<Vec<_>>().join(" ");
        match lines.last_mut() {
            Some((keys, last)) if last.help == binding.help => {
                let first = keys.split('…').next().unwrap_or_default().to_owned();
                *keys = format!("{first}…{names}");
            }
            _ => lines.push((names, binding)),
        }
    }
    lines
}

/// Returns the keys of the panes as the README lists them; the other modes show theirs in the footer.
pub fn markdown() -> String {
    let rows = help(Mode::Board).into_iter().map(|(keys, binding)| {
        let keys: Vec<_> = keys.split(' ').map(|key| format!("`{key}`")).collect();
        format!("| {} | {} |\n", keys.join(" "), binding.help)
    });
    format!("| Keys | |\n| --- | --- |\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_two_actions_share_a_key_in_one_mode() {
        for mode in Mode::ALL {
            let mut seen = HashMap::new();
            for binding in bindings(mode) {
                for press in binding.keys {
                    if let Some(other) = seen.insert(*press, binding.action) {
                        panic!(
                            "{} is {other:?} and {:?} in {mode:?}",
                            press.name(),
                            binding.action
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_action_has_keys_help_and_a_place() {
        for binding in KEYMAP {
            assert!(!binding.keys.is_empty(), "{binding:?}");
            assert!(
                !binding.help.is_empty() && !binding.modes.is_empty(),
                "{binding:?}"
            );
            assert!(binding.label.is_none_or(|label| !label.is_empty()), "{binding:?}");
        }
    }

    #[test]
    fn letters_are_text_where_text_is_typed() {
        for binding in bindings(Mode::Filter).chain(bindings(Mode::Prompt)) {
            for press in binding.keys {
                let typed = matches!(press, Press(KeyCode::Char(_), KeyModifiers::NONE));
                assert!(!typed, "{} would not be typed", press.name());
            }
        }
    }

    #[test]
    fn ctrl_c_quits_everywhere_and_esc_nowhere() {
        for mode in Mode::ALL {
            assert_eq!(lookup(mode, ctrl('c')), Some(Action::Quit), "{mode:?}");
            assert_ne!(lookup(mode, key(KeyCode::Esc)), Some(Action::Quit), "{mode:?}");
            assert!(lookup(mode, key(KeyCode::Esc)).is_some(), "{mode:?}");
        }
    }

    #[test]
    fn shift_is_part_of_the_letter() {
        let shifted = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(lookup(Mode::Board, Press::of(shifted)), Some(Action::Bottom));
    }

    #[test]
    fn the_number_of_a_pane_is_its_key() {
        for (number, pane) in (1..).zip(Pane::ALL) {
            let press = char(char::from_digit(number, 10).unwrap());
            assert_eq!(lookup(Mode::Board, press), Some(Action::Focus(pane)));
        }
    }
}
