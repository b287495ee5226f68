//! What agents and people read when a hook keeps them from something, or tells them what is going on.
//!
//! Texts state facts and what can be done, since a model takes orders from nobody whom it does not know. What
//! others wrote is quoted, cut and cleaned.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::fault::{ended_by, named, spoken};
use super::super::notices;
use super::super::targets::texts;
use super::super::tools::Toolset;
use super::automatic::Predecessor;
use super::edit::Rival;
use crate::board::{Call, Held, Key, Kind, Loss, Owner, Refusal, Revision, Target, locked_target};
use crate::hook::Verdict;

/// The most rows of one kind in a text.
const MAX_ROWS: usize = 12;
/// The most characters of what somebody else wrote.
const MAX_QUOTED: usize = 120;

/// Refuses to write what is held, or waited for.
pub(super) fn held(held: &Held, tools: Toolset) -> Verdict {
    let reason = match held.remaining {
        Some(remaining) => taken(&held.targets, &held.holder, held.why.as_deref(), remaining),
        None => format!(
            "{} came first and waits for {}",
            held.holder,
            named(&held.targets)
        ),
    };
    denied(&reason, &held.targets, &held.holder, tools)
}

/// Refuses to write what is held by `rival`.
pub(super) fn in_the_way(rival: &Rival, tools: Toolset) -> Verdict {
    let targets = [rival.target.clone()];
    let (holder, why) = (rival.lease.owner(), rival.lease.why.as_deref());
    denied(
        &taken(&targets, holder, why, rival.remaining),
        &targets,
        holder,
        tools,
    )
}

fn denied(reason: &str, targets: &[Target], holder: &Owner, tools: Toolset) -> Verdict {
    Verdict::Deny {
        reason: format!(
            "{reason}. Nothing was written. {}",
            ways_on(targets, holder, tools)
        ),
    }
}

fn taken(targets: &[Target], holder: &Owner, why: Option<&str>, remaining: Duration) -> String {
    let why = why.map_or_else(String::new, |why| format!(" for {}", quoted(why)));
    format!(
        "{} is locked by {holder}{why}, for another {} unless it goes on",
        named(targets),
        spoken(remaining)
    )
}

/// Says what an agent can do that is kept from `targets`.
fn ways_on(targets: &[Target], holder: &Owner, tools: Toolset) -> String {
    let targets = serde_json::Value::from(texts(targets));
    let mut ways = format!(
        "Work on something else meanwhile, or call acquireLock with targets {targets} and waitMs 50000 to stand in \
         line and read the file again then"
    );
    if tools.find("sendMessage").is_some() {
        // Writing to a string cannot fail.
        let _ = write!(ways, ", or sendMessage to {holder} to ask for it");
    }
    ways + "."
}

/// Tells an agent that it lost what it is about to write; this is said once, or once for each file below it as long as
/// it takes none of the `ways_out`.
pub(super) fn lost(losses: &[Loss], ways_out: &[String], is_locked_again: bool) -> Verdict {
    let targets: Vec<Target> = losses.iter().filter_map(|loss| loss.target.clone()).collect();
    let ended = losses.first().map_or("has ended", |loss| ended_by(loss.reason));
    let again = if is_locked_again {
        "The file is locked for you again"
    } else {
        "acquireLock it again"
    };
    Verdict::Deny {
        reason: format!(
            "Your lock on {} {ended}, so others may have changed the file since. Nothing was written. {again}: \
             read it again, then edit.{}",
            named(&targets),
            ways_out.concat()
        ),
    }
}

/// Says how an agent that calls itself `alias` is no longer told of `loss`, a directory's, before its edits.
pub(super) fn way_out(loss: &Loss, alias: Option<&str>) -> String {
    let with = notices::with(alias);
    format!(
        " You are told so once for each file of {}, until you acquireLock it{with} again, or {}.",
        named(loss.target.as_slice()),
        notices::release(&with, loss.fence)
    )
}

/// Refuses a command that would throw away what `rivals` hold.
pub(super) fn overwritten(rivals: &[Rival], tools: Toolset) -> Verdict {
    let Some(first) = rivals.first() else {
        return Verdict::Pass;
    };
    let ask = match tools.find("sendMessage") {
        Some(_) => format!("sendMessage to {} first", first.lease.owner()),
        None => "wait until they are released".to_owned(),
    };
    Verdict::Deny {
        reason: format!(
            "This command would overwrite files that others have locked: {}. Nothing was run. Name only your own \
             files (git checkout -- PATH, git stash push -- PATH), or {ask}.",
            rows(rivals)
        ),
    }
}

/// Refuses a commit of what `rivals` hold.
pub(super) fn committed(rivals: &[Rival], by_person: bool) -> Verdict {
    if rivals.is_empty() {
        return Verdict::Pass;
    }
    let way_on = if by_person {
        "Commit the other files alone, wait for them, end a lock with `callboard expire` or in the dashboard, or \
         commit all the same with --no-verify"
    } else {
        "Commit only your own files (git commit -- PATH…), or wait until the locks are released"
    };
    Verdict::Deny {
        reason: format!("others work on files of this commit: {}. {way_on}.", rows(rivals)),
    }
}

/// Tells an agent that has claimed tasks what is left to do before it stops.
pub(super) fn unfinished(claims: &[(Key, Revision)]) -> String {
    let rows = list(claims, |(key, token)| format!("{key} (token {token})"));
    format!(
        "You still hold {rows} on the board, and others wait for what comes of it. If it is finished, submitTask \
         with that token and outcome done; if not, outcome retry gives it back to others, and failed ends it."
    )
}

/// Returns what an agent that begins to work should know, as `reader` sees it; `own` is who it is, if it is
/// attached already. What it takes over from its `predecessor` is free for it.
pub(super) fn welcome(
    reader: &Call<'_>,
    own: Option<&Call<'_>>,
    predecessor: &Predecessor<'_>,
    tools: Toolset,
) -> Result<String, Refusal> {
    let mut text = String::from("callboard coordinates the agents that work on this project. ");
    if let Some(own) = own {
        let name = own.owner();
        let _ = write!(
            text,
            "On its board you are {name}, and your calls are made in that name without `as`. "
        );
    }
    text += "A file that somebody else has locked cannot be edited; a free one is locked for whoever edits it, until \
             that agent stops.";
    let beat = reader.heartbeat(None)?;
    let others: Vec<_> = beat
        .agents
        .iter()
        .filter(|one| *one.name != *reader.owner().name)
        .collect();
    if !others.is_empty() {
        let rows = list(&others, |one| match &one.doing {
            Some(doing) => format!("{} ({})", one.name, quoted(doing)),
            None => one.name.to_string(),
        });
        let _ = write!(text, "\nAlso here: {rows}.");
    }
    let holders = reader.board().holders(reader.namespace());
    let mut held: Vec<(String, Kind, &Owner)> = Vec::new();
    for holder in &holders {
        for (key, entry) in &holder.held {
            if entry.leases().iter().any(|lease| predecessor.hands_on(lease)) {
                continue;
            }
            let target = locked_target(key, &entry.value);
            let what = target.map_or_else(|| key.to_string(), |target| target.text().into_owned());
            held.push((what, key.kind(), holder.presence.owner()));
        }
    }
    for (kind, title) in [(Kind::Task, "Being worked on"), (Kind::Lock, "Locked")] {
        let rows: Vec<_> = held.iter().filter(|(_, of, _)| *of == kind).collect();
        if !rows.is_empty() {
            let rows = list(&rows, |(what, _, owner)| {
                let is_own = own.is_some_and(|own| **own.owner() == **owner);
                let who = if is_own { "you" } else { &owner.name };
                format!("{} by {who}", quoted(what))
            });
            let _ = write!(text, "\n{title}: {rows}.");
        }
    }
    let inbox = own.and_then(Call::notices).map_or(0, |told| told.inbox);
    if inbox > 0 && tools.find("receiveMessages").is_some() {
        let _ = write!(
            text,
            "\nMessages waiting for you: {inbox}; receiveMessages returns them."
        );
    }
    Ok(text)
}

fn rows(rivals: &[Rival]) -> String {
    list(rivals, |rival| {
        let why = rival.lease.why.as_deref();
        let why = why.map_or_else(String::new, |why| format!(", {}", quoted(why)));
        format!("{} ({}{why})", rival.target, rival.lease.owner())
    })
}

/// Returns the first of `rows` in words, and how many more there are.
fn list<T>(rows: &[T], word: impl Fn(&T) -> String) -> String {
    let shown: Vec<_> = rows.iter().take(MAX_ROWS).map(word).collect();
    let more = rows.len().saturating_sub(MAX_ROWS);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &more
}

/// Returns what somebody wrote, in quotes, without what could pass for more than a quotation.
fn quoted(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .map(|c| if c.is_control() || c == '"' { ' ' } else { c })
        .take(MAX_QUOTED)
        .collect();
    if text.chars().count() > MAX_QUOTED {
        clean.push('…');
    }
    format!("\"{}\"", clean.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_within_its_quotes() {
        assert_eq!(quoted("a\n\"b\""), "\"a  b\"");
        assert_eq!(quoted(&"x".repeat(200)).chars().count(), MAX_QUOTED + 3);
    }

    #[test]
    fn long_lists_say_how_much_is_left_out() {
        let rows: Vec<usize> = (0..14).collect();
        let text = list(&rows, ToString::to_string);
        assert!(text.ends_with("10, 11 and 2 more"), "{text}");
    }
}
