//! What a key can mean, what the dashboard can ask of the world, and what only a confirmation sets free.

use std::sync::Arc;
use std::time::Duration;

use crate::board::{Key, NamespaceId, Revision};

use super::pane::Pane;
use super::state::Confirmed;
use super::{Ended, Request};

/// What a key means where it was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// End the dashboard, after a question when somebody would miss a board that can outlive it.
    Quit,
    /// End the dashboard, and leave the board running without it.
    LeaveRunning,
    /// End the board although somebody would miss it.
    EndBoard,
    /// Do not end the dashboard.
    Stay,
    /// Show or hide the help.
    Help,
    /// Move the focus to the next pane.
    NextPane,
    /// Move the focus to the previous pane.
    PreviousPane,
    /// Move the focus to a pane.
    Focus(Pane),
    /// Go one row or line up.
    Up,
    /// Go one row or line down.
    Down,
    /// Go one page up.
    PageUp,
    /// Go one page down.
    PageDown,
    /// Go to the first row or line.
    Top,
    /// Go to the last row or line.
    Bottom,
    /// Show everything about the selected row.
    Open,
    /// Leave what was entered last; it never quits.
    Back,
    /// Begin to type a filter.
    Filter,
    /// Keep the filter that was typed.
    KeepFilter,
    /// Drop the filter.
    ClearFilter,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// Freeze the picture, or let it go on.
    Pause,
    /// Send the selected key to the clipboard.
    CopyKey,
    /// Send the selected value to the clipboard.
    CopyValue,
    /// Ask whether the selected key should expire now.
    Expire,
    /// Ask whether the selected lease should end now.
    EndLease,
    /// Ask whether all leases of the selected agent should end now.
    EndAll,
    /// Ask whether all leases whose holder is gone should end now.
    EndOrphans,
    /// Ask how much more time the selected lease should have.
    Extend,
    /// Ask whether the selected task should be free again.
    Requeue,
    /// Ask whether the selected task should be given up.
    Bury,
    /// Begin to type a message to the selected agent.
    Message,
    /// Show who waits for whom.
    Waits,
    /// Have a snapshot of the board written.
    Snapshot,
    /// Do what was typed.
    Submit,
    /// Do not do what was typed.
    Abandon,
    /// Fill in the next suggestion.
    Suggest,
    /// Show the next namespace.
    NextNamespace,
    /// Give the whole screen to the pane with the focus, or take it back.
    Zoom,
    /// Start the demo on an empty board.
    Demo,
    /// Draw everything anew.
    Redraw,
    /// Say why the program does not stop.
    ExplainSuspend,
    /// Do what the dialog asks about.
    Accept,
    /// Do not do what the dialog asks about.
    Decline,
    /// Move to the other button of the dialog.
    OtherChoice,
    /// Press the marked button of the dialog.
    Choose,
}

/// An act that cannot be undone. It does nothing by itself: only the confirm dialog turns one into
/// [`Confirmed`], which is what gets carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destructive {
    /// End the entry under `key`, provided that it still is at `rev`, which the person saw.
    Expire {
        /// The namespace of the key.
        namespace: NamespaceId,
        /// The key.
        key: Key,
        /// The revision on the screen when the question was asked.
        rev: Revision,
    },
    /// End `leases`, each a key and the fence of the grant that the person saw.
    Revoke {
        /// The namespace of the keys.
        namespace: NamespaceId,
        /// The leases.
        leases: Vec<(Key, Revision)>,
    },
    /// Make the task under `key` free again, provided that it still is at `rev`.
    Requeue {
        /// The namespace of the task.
        namespace: NamespaceId,
        /// The task.
        key: Key,
        /// The revision on the screen when the question was asked.
        rev: Revision,
    },
    /// Give the task under `key` up, provided that it still is at `rev`.
    Bury {
        /// The namespace of the task.
        namespace: NamespaceId,
        /// The task.
        key: Key,
        /// The revision on the screen when the question was asked.
        rev: Revision,
    },
}

/// Something that a person has done for them and that takes nothing away from anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Let the lease on `key` that was granted under `fence` run for at least `by`.
    Extend {
        /// The namespace of the key.
        namespace: NamespaceId,
        /// The key.
        key: Key,
        /// The fence of the grant that the person saw.
        fence: Revision,
        /// For how long, from now.
        by: Duration,
    },
    /// Send a message in the person's name.
    Send {
        /// The namespace of the agent.
        namespace: NamespaceId,
        /// Who is to get it.
        to: Arc<str>,
        /// What it says.
        body: Arc<str>,
    },
}

/// What an update asks of the world outside of the model.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// End the dashboard.
    End(Ended),
    /// Send a text to the terminal's clipboard.
    Copy(String),
    /// Carry out what was confirmed.
    Apply(Confirmed),
    /// Carry out what needs no question.
    Run(Errand),
    /// Pass a request to the host.
    Ask(Request),
    /// Take one last full picture of the board before it is frozen.
    Freeze,
    /// Clear the terminal, then draw everything.
    Repaint,
}
