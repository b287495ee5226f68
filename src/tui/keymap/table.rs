//! Every key, what it does and where: the table itself.

use crossterm::event::KeyCode;

use super::{Binding, Mode, bind, char, ctrl, key};
use crate::tui::action::Action;
use crate::tui::pane::Pane;

const BOARD: &[Mode] = &[Mode::Board];
const ROWS: &[Mode] = &[Mode::Board, Mode::Detail];
const SCROLL: &[Mode] = &[Mode::Board, Mode::Detail, Mode::Waits, Mode::Help];
const LEAVE: &[Mode] = &[Mode::Leave];
const ALL: &[Mode] = &Mode::ALL;

/// Every binding. The order is that of the footer and of the help.
pub const KEYMAP: &[Binding] = &[
    bind(
        Action::KeepFilter,
        &[key(KeyCode::Enter)],
        &[Mode::Filter],
        "keep the filter",
    )
    .footer("keep"),
    bind(
        Action::ClearFilter,
        &[key(KeyCode::Esc)],
        &[Mode::Filter],
        "drop the filter",
    )
    .footer("drop"),
    bind(
        Action::Submit,
        &[key(KeyCode::Enter)],
        &[Mode::Prompt],
        "do what was typed",
    )
    .footer("do it"),
    bind(Action::Abandon, &[key(KeyCode::Esc)], &[Mode::Prompt], "leave it").footer("leave it"),
    bind(
        Action::Suggest,
        &[key(KeyCode::Tab)],
        &[Mode::Prompt],
        "fill in the next suggestion",
    )
    .footer("other time"),
    bind(Action::Accept, &[char('y')], &[Mode::Confirm], "yes, do it")
        .footer("yes")
        .dangerous(),
    bind(
        Action::Decline,
        &[char('n'), key(KeyCode::Esc), char('q')],
        &[Mode::Confirm],
        "no, leave it",
    )
    .footer("no"),
    bind(
        Action::OtherChoice,
        &[
            key(KeyCode::Tab),
            key(KeyCode::BackTab),
            key(KeyCode::Left),
            key(KeyCode::Right),
        ],
        &[Mode::Confirm],
        "go to the other button",
    )
    .footer("other button"),
    bind(
        Action::Choose,
        &[key(KeyCode::Enter)],
        &[Mode::Confirm],
        "press the marked button",
    )
    .footer("press"),
    bind(
        Action::LeaveRunning,
        &[key(KeyCode::Enter), char('q'), char('y')],
        LEAVE,
        "quit, and leave the board running",
    )
    .footer("leave it running"),
    bind(
        Action::EndBoard,
        &[char('e')],
        LEAVE,
        "end the board, with all that it holds",
    )
    .footer("end it")
    .dangerous(),
    bind(Action::Stay, &[key(KeyCode::Esc), char('n')], LEAVE, "stay").footer("stay"),
    bind(
        Action::Demo,
        &[char('d')],
        BOARD,
        "start the demo, on an empty board",
    )
    .footer("demo"),
    bind(
        Action::Open,
        &[key(KeyCode::Enter)],
        BOARD,
        "show everything about the selected row",
    )
    .footer("details"),
    bind(
        Action::Waits,
        &[char('w')],
        BOARD,
        "show who waits for whom, while somebody waits",
    )
    .footer("waits"),
    bind(
        Action::Expire,
        &[char('x')],
        ROWS,
        "expire the selected lock or key, after a question",
    )
    .footer("expire")
    .dangerous(),
    bind(
        Action::EndLease,
        &[char('e')],
        ROWS,
        "end the selected lease, on a lock or a task, after a question",
    )
    .footer("end lease")
    .dangerous(),
    bind(
        Action::EndAll,
        &[char('E')],
        ROWS,
        "end all leases of the selected agent or holder, after a question",
    )
    .footer("end all")
    .dangerous(),
    bind(
        Action::EndOrphans,
        &[char('O')],
        BOARD,
        "end all leases whose holder is gone, after a question",
    )
    .footer("end orphans")
    .dangerous(),
    bind(
        Action::Extend,
        &[char('+')],
        ROWS,
        "give the selected lease more time",
    )
    .footer("more time"),
    bind(
        Action::Requeue,
        &[char('R')],
        ROWS,
        "make the selected task free again, after a question",
    )
    .footer("requeue")
    .dangerous(),
    bind(
        Action::Bury,
        &[char('B')],
        ROWS,
        "give the selected task up, so that nobody gets it, after a question",
    )
    .footer("bury")
    .dangerous(),
    bind(
        Action::Message,
        &[char('m')],
        ROWS,
        "send a message to the selected agent or holder",
    )
    .footer("message"),
    bind(Action::Filter, &[char('/')], BOARD, "filter all panes by a text").footer("filter"),
    bind(Action::Sort, &[char('s')], BOARD, "sort by the next column").footer("sort"),
    bind(Action::Reverse, &[char('r')], BOARD, "turn the order round"),
    bind(
        Action::Zoom,
        &[char('z')],
        BOARD,
        "give the whole screen to the pane, and back",
    )
    .footer("zoom"),
    bind(Action::Pause, &[char(' ')], ROWS, "freeze the picture, and go on").footer("pause"),
    bind(Action::CopyKey, &[char('y')], ROWS, "copy the key"),
    bind(Action::CopyValue, &[char('Y')], ROWS, "copy the value"),
    bind(
        Action::NextPane,
        &[key(KeyCode::Tab)],
        BOARD,
        "go to the next pane",
    ),
    bind(
        Action::PreviousPane,
        &[key(KeyCode::BackTab)],
        BOARD,
        "go to the previous pane",
    ),
    Binding::focus(Pane::Locks, &[char('1')]),
    Binding::focus(Pane::Tasks, &[char('2')]),
    Binding::focus(Pane::Statuses, &[char('3')]),
    Binding::focus(Pane::Agents, &[char('4')]),
    Binding::focus(Pane::Events, &[char('5')]),
    Binding::focus(Pane::Messages, &[char('6')]),
    Binding::focus(Pane::Keys, &[char('7')]),
    Binding::focus(Pane::Log, &[char('8')]),
    bind(
        Action::Snapshot,
        &[char('S')],
        BOARD,
        "write a snapshot of the board to a file",
    ),
    bind(
        Action::NextNamespace,
        &[char('n')],
        BOARD,
        "show the next namespace, when there are several",
    )
    .footer("namespace")
    .pinned(),
    bind(Action::Up, &[char('k'), key(KeyCode::Up)], SCROLL, "up"),
    bind(Action::Down, &[char('j'), key(KeyCode::Down)], SCROLL, "down"),
    bind(
        Action::PageUp,
        &[key(KeyCode::PageUp), ctrl('u')],
        SCROLL,
        "a page up",
    ),
    bind(
        Action::PageDown,
        &[key(KeyCode::PageDown), ctrl('d')],
        SCROLL,
        "a page down",
    ),
    bind(
        Action::Top,
        &[char('g'), key(KeyCode::Home)],
        SCROLL,
        "to the top",
    ),
    bind(
        Action::Bottom,
        &[char('G'), key(KeyCode::End)],
        SCROLL,
        "to the bottom",
    ),
    bind(
        Action::Back,
        &[key(KeyCode::Esc)],
        BOARD,
        "drop the filter, or leave the zoom, or dismiss a notice",
    ),
    bind(
        Action::Back,
        &[key(KeyCode::Esc), key(KeyCode::Enter), char('q')],
        &[Mode::Detail],
        "back to the panes",
    )
    .footer("back")
    .pinned(),
    bind(
        Action::Back,
        &[key(KeyCode::Esc), key(KeyCode::Enter), char('q'), char('w')],
        &[Mode::Waits],
        "back to the panes",
    )
    .footer("back")
    .pinned(),
    bind(
        Action::Back,
        &[key(KeyCode::Esc), char('q'), char('?'), key(KeyCode::F(1))],
        &[Mode::Help],
        "close the help",
    )
    .footer("close"),
    bind(
        Action::Help,
        &[char('?'), key(KeyCode::F(1))],
        &[Mode::Board, Mode::Detail, Mode::Waits],
        "this help",
    )
    .footer("help")
    .pinned(),
    bind(Action::Redraw, &[ctrl('l')], ROWS, "draw everything anew"),
    bind(
        Action::ExplainSuspend,
        &[ctrl('z')],
        ALL,
        "say why the board does not stop",
    ),
    bind(
        Action::Quit,
        &[char('q')],
        BOARD,
        "quit; after a question where agents are attached, or where the board ran before",
    )
    .footer("quit")
    .pinned(),
    bind(Action::Quit, &[ctrl('c')], ALL, "quit from anywhere, as q does"),
];
