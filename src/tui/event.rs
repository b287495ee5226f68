//! Everything that can happen to the dashboard. Whatever its source, it comes as one of these.

use crossterm::event::{Event as TerminalEvent, KeyEvent, KeyEventKind, MouseEvent};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// The terminal has a new size.
    Resize,
    /// The terminal's window came to the front, or went to the back.
    InFront(bool),
    /// The terminal is gone.
    TerminalGone,
    /// Something changed on the board, or an agent called.
    Board,
    /// The program logged something.
    Log,
    /// A text on the screen would read differently now.
    Tick,
    /// What a person wanted was carried out, or was not: what there is to say of it, clean.
    Done(Result<String, String>),
    /// A text was sent to the clipboard, or could not be.
    Copied(Result<usize, String>),
    /// The host wants the dashboard to end.
    Stop,
}

impl Event {
    /// Returns what a terminal's event means, `None` for what nobody asked about, such as a released key.
    pub fn of(event: TerminalEvent) -> Option<Self> {
        match event {
            TerminalEvent::Key(key) => (key.kind == KeyEventKind::Press).then_some(Self::Key(key)),
            TerminalEvent::Paste(text) => Some(Self::Paste(text)),
            TerminalEvent::Mouse(mouse) => Some(Self::Mouse(mouse)),
            TerminalEvent::Resize(..) => Some(Self::Resize),
            TerminalEvent::FocusGained => Some(Self::InFront(true)),
            TerminalEvent::FocusLost => Some(Self::InFront(false)),
        }
    }
}
