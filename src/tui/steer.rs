//! How a person steers coordination: which acts are possible now, and the questions before them.
//!
//! A question says exactly what will happen, for nothing of it can be undone.

use std::sync::Arc;

use super::action::{Action, Destructive};
use super::holders::{Held, Holder, held_word};
use super::state::{Affected, Confirm, Model, Overlay, Prompt, Purpose, Question};
use super::waits::Next;
use super::{chosen, text};
use crate::board::{Entry, Key, Kind, Owner, Revision, WorkState};

/// Returns why `action` cannot be done now, `None` when it can.
pub(super) fn why_not(model: &Model, action: Action) -> Option<&'static str> {
    match action {
        Action::Expire if chosen::entry(model).is_none() => {
            Some("nothing to expire here; select a lock or another key")
        }
        Action::EndLease | Action::Extend if chosen::hold(model).is_none() => {
            Some("no lease here; select a lock that is held, or a task that is claimed")
        }
        Action::EndAll if held_by_chosen(model).is_none() => {
            Some("nothing is held here; select an agent that holds something")
        }
        Action::EndOrphans if orphans(model).next().is_none() => Some("nobody left anything held"),
        Action::Message if addressee(model).is_none() => Some("select an agent that is here"),
        Action::Requeue | Action::Bury => {
            let Some((_, entry)) = chosen::task(model) else {
                return Some("no task here; select one");
            };
            let work = entry.work();
            let is_new = entry.lease().is_none() && work.attempts == 0 && work.state == WorkState::Open;
            match action {
                Action::Requeue if is_new => Some("the task is free already"),
                Action::Bury if work.state != WorkState::Open => {
                    Some("nobody gets the task any more as it is")
                }
                _ => None,
            }
        }
        Action::Waits if model.snapshot.waits.all().is_empty() => Some("nobody waits"),
        _ => None,
    }
}

/// Asks what `action` needs to be asked, on top of what is shown.
pub(super) fn ask(model: &mut Model, action: Action) {
    let overlay = match action {
        Action::Message => message(model).map(Overlay::Prompt),
        Action::Extend => extend(model).map(Overlay::Prompt),
        _ => question(model, action).map(Overlay::Confirm),
    };
    model.overlays.extend(overlay);
}

fn question(model: &Model, action: Action) -> Option<Confirm> {
    match action {
        Action::Expire => expire(model),
        Action::EndLease => end_lease(model),
        Action::EndAll => held_by_chosen(model).map(|holder| end_all(model, holder)),
        Action::EndOrphans => Some(end_orphans(model)),
        Action::Requeue => requeue(model),
        Action::Bury => bury(model),
        _ => None,
    }
}

fn expire(model: &Model) -> Option<Confirm> {
    let (key, entry) = chosen::entry(model)?;
    let name = name(&key);
    let what = match key.kind() {
        Kind::Lock => "lock",
        Kind::Task => "task",
        _ => "key",
    };
    let mut affected: Vec<Affected> = entry
        .leases()
        .iter()
        .filter_map(|lease| model.snapshot.held(&key, lease.fence))
        .map(|(holder, held)| held_line(holder, held))
        .collect();
    if affected.is_empty() {
        affected.push(Affected {
            name,
            note: format!("written by {}", text::clean(&entry.by.name)),
            until: Some(entry.deadline),
        });
    }
    let leases: Vec<_> = entry
        .leases()
        .iter()
        .map(|lease| (key.clone(), lease.fence))
        .collect();
    let then = match (key.kind(), entry.lease()) {
        (Kind::Lock, Some(_)) => format!("It is free at once.{}{}", served(model, &leases), told(&entry)),
        (_, Some(_)) => format!(
            "It is removed for everyone, not only the hold on it.{}",
            told(&entry)
        ),
        (_, None) => "It is removed at once, for everyone.".to_owned(),
    };
    let question = Question {
        title: format!("Expire this {what}?"),
        affected,
        then,
        yes: "yes, expire it",
    };
    let act = Destructive::Expire {
        namespace: model.snapshot.namespace,
        key,
        rev: entry.rev,
    };
    Some(Confirm::new(act, question))
}

fn end_lease(model: &Model) -> Option<Confirm> {
    let (holder, held) = chosen::hold(model)?;
    let who = clean(holder.owner());
    let lease = vec![(held.key.clone(), held.fence)];
    let what = match held.key.kind() {
        Kind::Task if held.entry.work().again(model.now).state == WorkState::Dead => {
            "The claim counts as lost, and it was the last try: the task is dead, and nobody gets it."
                .to_owned()
        }
        Kind::Task => "The claim counts as lost; others may have the task after a pause.".to_owned(),
        _ => format!("It ends at once.{}", served(model, &lease)),
    };
    let then = format!("{what} {who} is told with its next answer.");
    let question = Question {
        title: "End this lease?".to_owned(),
        affected: vec![held_line(holder, held)],
        then,
        yes: "yes, end it",
    };
    Some(Confirm::new(revoke(model, lease), question))
}

fn end_all(model: &Model, holder: &Holder) -> Confirm {
    let who = clean(holder.owner());
    let leases: Vec<_> = holder.leases().collect();
    let after = if holder.orphaned {
        format!("Should {who} come back, it is told with its first answer.")
    } else {
        format!("{who} stays attached and is told with its next answer.")
    };
    let question = Question {
        title: format!("End {} of {who}?", count(leases.len())),
        affected: holder.held.iter().map(|held| held_line(holder, held)).collect(),
        then: format!("{}{} {after}", at_once(&leases), served(model, &leases)),
        yes: "yes, end all",
    };
    Confirm::new(revoke(model, leases), question)
}

fn end_orphans(model: &Model) -> Confirm {
    let leases: Vec<_> = orphans(model).flat_map(Holder::leases).collect();
    let held = orphans(model).flat_map(|holder| holder.held.iter().map(move |held| (holder, held)));
    let served = served(model, &leases);
    let question = Question {
        title: format!("End {} whose holder is gone?", count(leases.len())),
        affected: held.map(|(holder, held)| held_line(holder, held)).collect(),
        then: format!(
            "{}{served} Who comes back is told with its first answer.",
            at_once(&leases)
        ),
        yes: "yes, end all",
    };
    Confirm::new(revoke(model, leases), question)
}

fn requeue(model: &Model) -> Option<Confirm> {
    let (key, entry) = chosen::task(model)?;
    let then = format!(
        "It is free at once and for an hour at least, as if nobody had ever had it.{}",
        claim_ends(&entry)
    );
    let question = Question {
        title: "Make this task free again?".to_owned(),
        affected: vec![task_line(model, &key, &entry)],
        then,
        yes: "yes, requeue it",
    };
    let act = Destructive::Requeue {
        namespace: model.snapshot.namespace,
        key,
        rev: entry.rev,
    };
    Some(Confirm::new(act, question))
}

fn bury(model: &Model) -> Option<Confirm> {
    let (key, entry) = chosen::task(model)?;
    let dead = "It is dead: for a day nobody gets it, unless a person requeues it or it is written anew.";
    let then = format!("{dead}{}", claim_ends(&entry));
    let question = Question {
        title: "Give this task up?".to_owned(),
        affected: vec![task_line(model, &key, &entry)],
        then,
        yes: "yes, bury it",
    };
    let act = Destructive::Bury {
        namespace: model.snapshot.namespace,
        key,
        rev: entry.rev,
    };
    Some(Confirm::new(act, question))
}

fn claim_ends(entry: &Entry) -> String {
    match entry.lease() {
        Some(_) => format!(" The claim on it ends.{}", told(entry)),
        None => String::new(),
    }
}

fn extend(model: &Model) -> Option<Prompt> {
    let (holder, held) = chosen::hold(model)?;
    Some(Prompt::new(Purpose::Extend {
        namespace: model.snapshot.namespace,
        key: held.key.clone(),
        fence: held.fence,
        holder: clean(holder.owner()),
        left: held.left,
    }))
}

fn message(model: &Model) -> Option<Prompt> {
    let to = addressee(model)?;
    Some(Prompt::new(Purpose::Message {
        namespace: model.snapshot.namespace,
        to: Arc::clone(&to.name),
    }))
}

/// Returns who can be sent a message: the agent that is looked at, if its connection is open.
fn addressee(model: &Model) -> Option<Arc<Owner>> {
    let is_gone = |owner: &Arc<Owner>| model.snapshot.holder(owner).is_some_and(|holder| holder.orphaned);
    chosen::agent(model).filter(|owner| !is_gone(owner))
}

fn held_by_chosen(model: &Model) -> Option<&Holder> {
    model.snapshot.holder(&*chosen::agent(model)?)
}

fn orphans(model: &Model) -> impl Iterator<Item = &Holder> {
    model.snapshot.holders.iter().filter(|holder| holder.orphaned)
}

fn revoke(model: &Model, leases: Vec<(Key, Revision)>) -> Destructive {
    Destructive::Revoke {
        namespace: model.snapshot.namespace,
        leases,
    }
}

fn held_line(holder: &Holder, held: &Held) -> Affected {
    Affected {
        name: name(&held.key),
        note: format!("{} by {}", held_word(&held.key), clean(holder.owner())),
        until: Some(held.left.until),
    }
}

fn task_line(model: &Model, key: &Key, entry: &Entry) -> Affected {
    let held = entry
        .lease()
        .and_then(|lease| model.snapshot.held(key, lease.fence));
    held.map_or_else(
        || Affected {
            name: name(key),
            note: format!("written by {}", clean(&entry.by)),
            until: None,
        },
        |(holder, held)| held_line(holder, held),
    )
}

/// Returns what the end of `leases` is for those who wait, as a sentence.
fn served(model: &Model, leases: &[(Key, Revision)]) -> String {
    match model.snapshot.waits.next(&model.snapshot.holders, leases) {
        Next::Nobody => String::new(),
        Next::Gets(wait) => format!(" {}, who waits for it, gets it.", clean(&wait.owner)),
        Next::Needs(wait, other) => {
            let (first, other) = (clean(&wait.owner), clean(&other));
            format!(" {first}, who waits for it, still has to wait for {other}.")
        }
    }
}

/// Returns that the holders of `entry` are told, as a sentence.
fn told(entry: &Entry) -> String {
    let mut names: Vec<_> = entry.leases().iter().map(|lease| clean(lease.owner())).collect();
    names.dedup();
    match &names[..] {
        [] => String::new(),
        [only] => format!(" {only} is told with its next answer."),
        [all @ .., last] => format!(" {} and {last} are told with their next answers.", all.join(", ")),
    }
}

fn name(key: &Key) -> String {
    text::clean(&key.decoded())
}

fn clean(owner: &Owner) -> String {
    text::clean(&owner.name)
}

fn at_once(leases: &[(Key, Revision)]) -> &'static str {
    match leases {
        [_] => "It ends at once.",
        _ => "All of them end at once.",
    }
}

fn count(leases: usize) -> String {
    match leases {
        1 => "1 lease".to_owned(),
        many => format!("{many} leases"),
    }
}
