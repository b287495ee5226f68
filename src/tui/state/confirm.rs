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

/// Something that a question is about. Texts are clean and whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// What it is.
    pub name: String,
    /// Who holds it, or who wrote it, in words.
    pub note: String,
    /// When it ends by itself, if it does.
    pub until: Option<Time>,
}

/// What a person must know to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question itself.
    pub title: String,
    /// What it is about.
    pub affected: Vec<Affected>,
    /// What exactly happens on yes.
    pub then: String,
    /// What the button says that does it.
    pub yes: &'static str,
}

/// An open question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    act: Destructive,
    /// The button that enter presses.
    pub choice: Choice,
    /// What is asked.
    pub question: Question,
}

impl Confirm {
    /// Returns the question whether to do `act`; no is marked.
    pub fn new(act: Destructive, question: Question) -> Self {
        Self {
            act,
            choice: Choice::No,
            question,
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
