//! What an agent must be told with its next answer, whichever tool it calls.
//!
//! The board knows what there is to tell; here it gets its shape, and its place in an answer.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use super::answer::millis;
use super::fault::{ended_by, named, spoken};
use super::targets::texts;
use super::tools::{Family, Toolset};
use super::worktrees::Overlap;
use crate::board::{Changed, Intrusion, Kind, Loss, Notices, Revision, Target};

/// The most who wait that an agent is told of; how many more there are is said.
const MAX_WANTED: usize = 16;

/// Adds `notices`, and whom the agent will meet at a merge, to the answer of a tool of `family`.
///
/// Bodies of the original design have no room for them. There they stand beside the body, and nothing is
/// structured, because a client that shows the structured part would hide what is beside it.
pub(super) fn add(
    result: &mut CallToolResult,
    notices: &Notices,
    overlaps: &[Overlap],
    family: Family,
    tools: Toolset,
) {
    let told = told(notices, overlaps, None, tools);
    if family == Family::Original {
        result.structured_content = None;
        let beside = json!({ "notices": told }).to_string();
        result.content.push(ContentBlock::text(beside));
        return;
    }
    if let Some(ContentBlock::Text(body)) = result.content.first_mut()
        && body.text.pop() == Some('}')
    {
        body.text.extend([r#","notices":"#, &told.to_string(), "}"]);
    }
    if let Some(Value::Object(body)) = &mut result.structured_content {
        body.insert("notices".to_owned(), told);
    }
}

/// Returns what an agent can do about `notices`, in words. They are for the name `alias` that it gave itself, if that
/// is not its client's for it: what is done about them is done in that name.
pub(super) fn hint(notices: &Notices, alias: Option<&str>, tools: Toolset) -> String {
    told(notices, &[], alias, tools)["hint"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Returns what a call has to say beside its arguments that is made under `alias`, in words.
pub(super) fn with(alias: Option<&str>) -> String {
    alias.map_or_else(String::new, |name| format!(" with as {name:?}"))
}

/// Names the call that gives up what was lost under `fence`, which ends the notices of it; `with` is what [`with`] says.
pub(super) fn release(with: &str, fence: Revision) -> String {
    match with {
        "" => format!("releaseLock with fence {fence}"),
        with => format!("releaseLock{with} and fence {fence}"),
    }
}

fn told(notices: &Notices, overlaps: &[Overlap], alias: Option<&str>, tools: Toolset) -> Value {
    let mut told = json!({});
    let mut hints = Vec::new();
    let with = with(alias);
    if !notices.lost.is_empty() {
        told["lost"] = lost(&notices.lost, &with, &mut hints);
    }
    if let Some(first) = notices.wanted.first() {
        let wanted = notices.wanted.iter().take(MAX_WANTED).map(|wanted| {
            json!({
                "targets": texts(&wanted.targets),
                "by": wanted.by.name,
                "waitingMs": millis(wanted.waiting),
            })
        });
        told["wanted"] = wanted.collect();
        if notices.wanted.len() > MAX_WANTED {
            told["wantedMore"] = json!(notices.wanted.len() - MAX_WANTED);
        }
        hints.push(format!(
            "{} waits for {}: releaseLock{with} as soon as you are done with it",
            first.by,
            named(&first.targets)
        ));
    }
    if !notices.changed.is_empty() {
        told["changed"] = changed(&notices.changed, &mut hints);
    }
    if let Some(first) = overlaps.first() {
        let rows = overlaps
            .iter()
            .map(|one| json!({ "target": one.own.text(), "other": one.other.text(), "by": one.by.name }));
        told["overlap"] = rows.collect();
        hints.push(format!(
            "{} has locked {}, the same path in another worktree, so your changes will meet when both are merged",
            first.by,
            first.other.text()
        ));
    }
    if notices.inbox > 0 {
        told["inbox"] = json!(notices.inbox);
        hints.push(match tools.find("receiveMessages") {
            Some(_) => format!("receiveMessages{with} has news for you"),
            None => "listKeys msg:* with values true has news for you".to_owned(),
        });
    }
    told["hint"] = json!(hints.join("; "));
    told
}

/// Returns one row for each file.
///
/// Nothing is known but what the clients' hooks announced, so no more than that is said.
fn changed(all: &[Changed], hints: &mut Vec<String>) -> Value {
    let mut alike: Vec<(&Changed, Vec<Target>)> = Vec::new();
    let mut rows = Vec::new();
    for one in all {
        let Intrusion {
            holder,
            file,
            suspect,
            ..
        } = &one.intrusion;
        let mut row = json!({ "path": file.text(), "agoMs": millis(one.ago) });
        match suspect {
            Some(suspect) if one.is_holder => row["suspect"] = json!(suspect.name),
            Some(_) => row["heldBy"] = json!(holder.name),
            None => {}
        }
        rows.push(row);
        let is_alike = |(first, _): &&mut (&Changed, _)| {
            (&first.intrusion.holder, &first.intrusion.suspect) == (holder, suspect)
        };
        match alike.iter_mut().find(is_alike) {
            Some((_, files)) => files.push(file.clone()),
            None => alike.push((one, vec![file.clone()])),
        }
    }
    hints.extend(alike.iter().map(|(first, files)| in_words(first, files)));
    Value::from(rows)
}

/// Says that `files` were changed, as `first` was.
fn in_words(first: &Changed, files: &[Target]) -> String {
    let (files, ago) = (named(files), spoken(first.ago));
    let Intrusion { holder, suspect, .. } = &first.intrusion;
    if !first.is_holder {
        return format!(
            "{files} changed {ago} ago while you were at work, and {holder} holds it: leave it alone, and tell {holder} \
             what you changed"
        );
    }
    let meanwhile = suspect.as_ref();
    let meanwhile = meanwhile.map_or_else(String::new, |suspect| format!(", while {suspect} was at work"));
    format!(
        "{files}, which you hold, changed {ago} ago by no edit or command of yours{meanwhile}: read it again before you \
         go on"
    )
}

/// Returns one row for each fence: what was taken in one call is lost in one. `with` is what a call has to say that is
/// to end one.
fn lost(losses: &[Loss], with: &str, hints: &mut Vec<String>) -> Value {
    let mut rows = Vec::new();
    for together in losses.chunk_by(|a, b| (a.fence, a.reason) == (b.fence, b.reason)) {
        let Some(first) = together.first() else {
            continue;
        };
        let targets: Vec<Target> = together.iter().filter_map(|loss| loss.target.clone()).collect();
        let ended = ended_by(first.reason);
        if first.key.kind() == Kind::Lock {
            hints.push(format!(
                "your lock on {} {ended}: stop editing, acquireLock{with} again, then read again before you go on; \
                 {} ends this notice",
                named(&targets),
                release(with, first.fence)
            ));
            rows.push(json!({ "targets": texts(&targets), "fence": first.fence, "reason": first.reason }));
        } else {
            hints.push(format!(
                "your hold on {} {ended}: stop working on it; {} ends this notice",
                first.key,
                release(with, first.fence)
            ));
            rows.push(json!({ "key": first.key, "fence": first.fence, "reason": first.reason }));
        }
    }
    Value::from(rows)
}
