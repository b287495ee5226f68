//! What a person looks at: the selected row, or what the open details are about.

use std::sync::Arc;

use super::holders::{self, Held, Holder};
use super::pane::RowId;
use super::state::{Detail, Model, Overlay, Subject};
use crate::board::{Entry, Key, Kind, Owner};

/// Returns the key that is looked at.
pub(super) fn key(model: &Model) -> Option<Key> {
    match open_detail(model) {
        Some(detail) => match &detail.subject {
            Subject::Key(key, _) => Some(key.clone()),
            Subject::Agent(_) => None,
        },
        None => model.selected()?.id.key().cloned(),
    }
}

/// Returns the key that is looked at with the entry under it, as it stands on the screen.
pub(super) fn entry(model: &Model) -> Option<(Key, Arc<Entry>)> {
    let key = key(model)?;
    let entry = match open_detail(model) {
        Some(detail) => detail.entry.clone(),
        None => model
            .selected()
            .and_then(|row| row.entry.clone())
            .or_else(|| model.snapshot.entry(&key)),
    };
    Some((key, entry?))
}

/// Returns the task that is looked at.
pub(super) fn task(model: &Model) -> Option<(Key, Arc<Entry>)> {
    entry(model).filter(|(key, _)| key.kind() == Kind::Task)
}

/// Returns the hold that is looked at, with who has it. Where several share a key, only a row tells which; details
/// remember the one from which they were opened.
pub(super) fn hold(model: &Model) -> Option<(&Holder, &Held)> {
    let (key, entry) = entry(model)?;
    let row = match open_detail(model).map(|detail| &detail.subject) {
        Some(Subject::Key(_, fence)) => *fence,
        Some(Subject::Agent(_)) => None,
        None => model.selected().and_then(|row| row.fence),
    };
    let lease = holders::looked_at(&entry, row)?;
    model.snapshot.held(&key, lease.fence)
}

/// Returns the agent that is looked at, or who has the hold that is looked at.
pub(super) fn agent(model: &Model) -> Option<Arc<Owner>> {
    let named = match open_detail(model) {
        Some(detail) => match &detail.subject {
            Subject::Agent(owner) => Some(owner),
            Subject::Key(..) => None,
        },
        None => model.selected().and_then(|row| match &row.id {
            RowId::Agent(owner) => Some(owner),
            _ => None,
        }),
    };
    let holder = || hold(model).map(|(holder, _)| holder.owner());
    named.or_else(holder).map(Arc::clone)
}

fn open_detail(model: &Model) -> Option<&Detail> {
    match model.overlays.last() {
        Some(Overlay::Detail(..)) => model.detail.as_ref(),
        _ => None,
    }
}
