//! The question before something that cannot be undone. Nothing else turns a [`Destructive`] act into one
//! that gets carried out.

use crate::board::Time;
use crate::tui::action::Destructive;

/// An act to which a person said yes. Only [`Confirm::accept`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Confirmed(Destructive);

impl Confirmed {
    /// Returns the act.
    pub fn into_inner(self) -> Destructive {
        self.0
    }
}

/// A button of the dialog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Leave it.
    #[default]
    No,
    /// Do it.
    Yes,
}

/// An open question, with everything that the person must know to answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    act: Destructive,
    /// The button that enter presses.
    pub choice: Choice,
    /// The key, clean and whole.
    pub key: String,
    /// Who holds it, or who wrote it.
    pub holder: String,
    /// Whether it is held or was only written.
    pub held: bool,
    /// When it ends by itself.
    pub deadline: Time,
}

impl Confirm {
    /// Returns the question whether to do `act`; no is marked.
    pub fn new(act: Destructive, key: String, holder: String, held: bool, deadline: Time) -> Self {
        Self {
            act,
            choice: Choice::No,
            key,
            holder,
            held,
            deadline,
        }
    }

    /// Returns what the question is about.
    pub fn act(&self) -> &Destructive {
        &self.act
    }

    /// Marks the other button.
    pub fn other_choice(&mut self) {
        self.choice = match self.choice {
            Choice::No => Choice::Yes,
            Choice::Yes => Choice::No,
        };
    }

    /// Says yes.
    pub fn accept(self) -> Confirmed {
        Confirmed(self.act)
    }
}
