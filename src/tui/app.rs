//! The update: what happens to the model when something happens. Pure: what must be done outside of the
//! model comes back as effects.

use crossterm::event::KeyEvent;

use super::action::{Action, Effect};
use super::event::Event;
use super::keymap::{Mode, Press, lookup};
use super::pane::Pane;
use super::snapshot::Snapshot;
use super::state::{Choice, Model, Overlay, Subject};
use super::toast::{Level, Toast};
use super::{Ended, Facts, Request, chosen, mouse, steer, text, view};
use crate::board::Time;

/// The most bytes that are sent to the clipboard: terminals drop longer sequences without a word.
pub const MAX_COPY: usize = 72 * 1024;

/// What an update leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What must be done outside of the model.
    pub effects: Vec<Effect>,
    /// Whether the screen is out of date.
    pub redraw: bool,
}

impl Outcome {
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    pub(super) fn redraw() -> Self {
        Self::effect(None)
    }

    fn effect(effect: impl Into<Option<Effect>>) -> Self {
        Self {
            effects: effect.into().into_iter().collect(),
            redraw: true,
        }
    }
}

/// Changes `model` by `event`, which happened at `now`.
pub fn update(model: &mut Model, event: Event, now: Time) -> Outcome {
    match event {
        Event::Key(key) => press(model, key, now),
        Event::Mouse(mouse) => mouse::update(model, mouse, now),
        Event::Paste(text) => match model.typed() {
            Some(line) => {
                line.paste(&text);
                Outcome::redraw()
            }
            // It would fire keys that nobody pressed.
            None => Outcome::nothing(),
        },
        Event::InFront(in_front) => {
            model.in_front = in_front;
            Outcome::nothing()
        }
        Event::Board if model.paused => Outcome::nothing(),
        Event::Log if model.arrangement().slot_of(Pane::Log).is_none() => Outcome::nothing(),
        Event::Tick => {
            let over = |toast: &Toast| toast.until.is_some_and(|until| until <= now);
            model.toast = model.toast.take().filter(|toast| !over(toast));
            Outcome::redraw()
        }
        Event::Resize | Event::Board | Event::Log => Outcome::redraw(),
        Event::Done(result) => {
            model.toast = Some(match result {
                Ok(done) => Toast::info(now, done),
                Err(why) => Toast::error(why),
            });
            Outcome::redraw()
        }
        Event::Copied(result) => {
            // A terminal never says whether it took it.
            model.toast = Some(match result {
                Ok(size) => Toast::info(now, format!("sent {} to the clipboard", text::bytes(size))),
                Err(error) => Toast::error(format!("cannot copy: {error}")),
            });
            Outcome::redraw()
        }
        Event::TerminalGone => Outcome::effect(Effect::End(Ended::TerminalGone)),
        Event::Stop => Outcome::effect(Effect::End(Ended::Stopped)),
    }
}

fn press(model: &mut Model, key: KeyEvent, now: Time) -> Outcome {
    if model
        .toast
        .as_ref()
        .is_some_and(|toast| toast.level == Level::Error)
    {
        model.toast = None;
    }
    let mode = model.mode();
    if let Some(action) = lookup(mode, Press::of(key)) {
        return act(model, action, now);
    }
    if let Some(line) = model.typed() {
        line.key(key);
    }
    Outcome::redraw()
}

/// Returns why `action` cannot be done now, `None` when it can.
pub fn why_not(model: &Model, action: Action) -> Option<&'static str> {
    let row = model.selected();
    let on_log = model.focus() == Pane::Log && model.mode() == Mode::Board;
    let blank = model.is_blank() && model.mode() == Mode::Board;
    match action {
        Action::Open | Action::Sort | Action::Reverse | Action::Filter | Action::Zoom if blank => {
            Some("the board is empty")
        }
        Action::Demo if !model.snapshot.is_blank() => Some("the demo starts on an empty board only"),
        Action::Open if row.is_none() => Some("there is no row to open"),
        Action::Sort | Action::Reverse if on_log => Some("the log has no columns to sort by"),
        Action::NextNamespace if model.snapshot.namespaces.len() < 2 => Some("there is only one namespace"),
        Action::NextNamespace if model.paused => Some("the picture stands still; press space to go on"),
        Action::CopyKey if chosen::key(model).is_none() => Some("there is no key to copy here"),
        Action::CopyValue if chosen::entry(model).is_none() => Some("there is no value to copy here"),
        Action::Suggest if !matches!(model.overlays.last(), Some(Overlay::Prompt(prompt)) if prompt.suggests()) => {
            Some("there is nothing to suggest here")
        }
        _ => steer::why_not(model, action),
    }
}

pub(super) fn act(model: &mut Model, action: Action, now: Time) -> Outcome {
    if let Some(why) = why_not(model, action) {
        model.toast = Some(Toast::info(now, why));
        return Outcome::redraw();
    }
    match action {
        Action::Quit => return quit(model),
        Action::LeaveRunning => {
            model.overlays.pop();
            return Outcome::effect(Effect::Ask(Request::LeaveRunning));
        }
        Action::EndBoard => return Outcome::effect(Effect::End(Ended::Quit)),
        Action::Help => model.overlays.push(Overlay::Help(0)),
        Action::NextPane => step_focus(model, 1),
        Action::PreviousPane => step_focus(model, Pane::ALL.len() - 1),
        Action::Focus(pane) => model.set_focus(pane),
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::Top | Action::Bottom => {
            travel(model, action);
        }
        Action::Open => {
            if let Some(row) = model.selected() {
                let subject = Subject::of(row);
                model.overlays.push(Overlay::Detail(subject, 0));
            }
        }
        Action::Back => back(model),
        Action::Filter => model.filter.editing = true,
        Action::KeepFilter => model.filter.editing = false,
        Action::ClearFilter => model.filter.clear(),
        Action::Sort => model.table_mut(model.focus()).0.sort_next(),
        Action::Reverse => {
            let (table, _) = model.table_mut(model.focus());
            table.reverse = !table.reverse;
        }
        Action::Pause => {
            model.paused = !model.paused;
            return Outcome::effect(model.paused.then_some(Effect::Freeze));
        }
        Action::CopyKey => {
            let key = chosen::key(model).map(|key| key.as_str().to_owned());
            return Outcome::effect(key.map(Effect::Copy));
        }
        Action::CopyValue => return copy_value(model),
        Action::Expire
        | Action::EndLease
        | Action::EndAll
        | Action::EndOrphans
        | Action::Extend
        | Action::Requeue
        | Action::Bury
        | Action::Message => steer::ask(model, action),
        Action::Waits => model.overlays.push(Overlay::Waits(0)),
        Action::Snapshot => return Outcome::effect(Effect::Ask(Request::Snapshot)),
        Action::Submit => return submit(model, now),
        Action::Abandon | Action::Stay => drop(model.overlays.pop()),
        Action::Suggest => {
            if let Some(Overlay::Prompt(prompt)) = model.overlays.last_mut() {
                prompt.suggest();
            }
        }
        Action::NextNamespace => next_namespace(model),
        Action::Zoom => model.zoom = !model.zoom,
        Action::Demo => return Outcome::effect(Effect::Ask(Request::StartDemo)),
        Action::Redraw => return Outcome::effect(Effect::Repaint),
        Action::ExplainSuspend => {
            let why = "not stopped: every agent would hang; q quits";
            model.toast = Some(Toast::info(now, why));
        }
        Action::Accept => return answer(model, true),
        Action::Decline => return answer(model, false),
        Action::OtherChoice => {
            if let Some(Overlay::Confirm(confirm)) = model.overlays.last_mut() {
                confirm.other_choice();
            }
        }
        Action::Choose => {
            let yes = matches!(model.overlays.last(), Some(Overlay::Confirm(confirm)) if confirm.choice == Choice::Yes);
            return answer(model, yes);
        }
    }
    model.arrange();
    Outcome::redraw()
}

/// Ends the dashboard and the board with it. Where somebody would lose a board that can outlive it, a person is
/// asked first; who quits again does not mean that anybody should.
fn quit(model: &mut Model) -> Outcome {
    let Facts {
        outlived, goes_on, ..
    } = model.facts;
    // Who only looks at a board that ran before may not know what agents have left on it.
    let is_missed = model.snapshot.attached > 0 || goes_on && model.snapshot.keys > 0;
    if !outlived || !is_missed {
        return Outcome::effect(Effect::End(Ended::Quit));
    }
    if matches!(model.overlays.last(), Some(Overlay::Leave)) {
        model.overlays.pop();
        return Outcome::effect(Effect::Ask(Request::LeaveRunning));
    }
    model.overlays.push(Overlay::Leave);
    Outcome::redraw()
}

fn step_focus(model: &mut Model, step: usize) {
    let next = (model.focus().index() + step) % Pane::ALL.len();
    model.set_focus(Pane::ALL[next]);
}

fn back(model: &mut Model) {
    if model.overlays.pop().is_some() {
        return;
    }
    if model.filter.is_active() {
        model.filter.clear();
    } else if model.zoom {
        model.zoom = false;
    } else {
        model.toast = None;
    }
}

/// Moves through what is on top: the text of an overlay, the log, or the rows of the pane.
fn travel(model: &mut Model, action: Action) {
    let page = usize::from(model.arrangement().body.height.saturating_sub(4)).max(1);
    let last_line = view::lines_below_the_screen(model);
    match model.overlays.last_mut() {
        Some(Overlay::Help(top) | Overlay::Waits(top) | Overlay::Detail(_, top)) => {
            *top = moved(*top, action, page).min(last_line);
            return;
        }
        Some(Overlay::Confirm(_) | Overlay::Prompt(_) | Overlay::Leave) => return,
        None => {}
    }
    let pane = model.focus();
    if pane == Pane::Log {
        use tui_logger::TuiWidgetEvent::{EscapeKey, NextPageKey, PrevPageKey};
        model.log.transition(match action {
            Action::Up | Action::PageUp | Action::Top => PrevPageKey,
            Action::Bottom => EscapeKey,
            _ => NextPageKey,
        });
        return;
    }
    let arrangement = model.arrangement();
    let height = arrangement.slot_of(pane).map_or(1, |slot| slot.rows().height);
    let page = usize::from(height).max(1);
    let (table, rows) = model.table_mut(pane);
    table.select(rows, moved(table.place(), action, page));
}

fn moved(place: usize, action: Action, page: usize) -> usize {
    match action {
        Action::Up => place.saturating_sub(1),
        Action::Down => place.saturating_add(1),
        Action::PageUp => place.saturating_sub(page),
        Action::PageDown => place.saturating_add(page),
        Action::Top => 0,
        _ => usize::MAX,
    }
}

fn copy_value(model: &mut Model) -> Outcome {
    let Some((_, entry)) = chosen::entry(model) else {
        return Outcome::redraw();
    };
    if entry.value.len() > MAX_COPY {
        let size = text::bytes(entry.value.len());
        let limit = text::bytes(MAX_COPY);
        model.toast = Some(Toast::error(format!(
            "{size} are too much for a terminal's clipboard, which takes {limit}"
        )));
        return Outcome::redraw();
    }
    Outcome::effect(Effect::Copy(entry.value.to_string()))
}

/// Does what was typed; what will not do stays to be typed anew.
fn submit(model: &mut Model, now: Time) -> Outcome {
    let Some(Overlay::Prompt(prompt)) = model.overlays.last() else {
        return Outcome::redraw();
    };
    match prompt.errand(now) {
        Ok(errand) => {
            model.overlays.pop();
            Outcome::effect(Effect::Run(errand))
        }
        Err(why) => {
            model.toast = Some(Toast::error(why));
            Outcome::redraw()
        }
    }
}

pub(super) fn answer(model: &mut Model, yes: bool) -> Outcome {
    match model.overlays.pop() {
        Some(Overlay::Confirm(confirm)) if yes => Outcome::effect(Effect::Apply(confirm.accept())),
        Some(Overlay::Confirm(_)) | None => Outcome::redraw(),
        Some(other) => {
            model.overlays.push(other);
            Outcome::redraw()
        }
    }
}

fn next_namespace(model: &mut Model) {
    let spaces = &model.snapshot.namespaces;
    let here = spaces.iter().position(|(id, _)| *id == model.snapshot.namespace);
    let next = here.map_or(0, |at| (at + 1) % spaces.len());
    if let Some((id, _)) = spaces.get(next) {
        model.snapshot = Snapshot::empty(*id);
    }
}
