//! Refusals with a code, details and a hint: the one place where what the board refuses becomes words.
//!
//! A hint tells a model the right next call: when to try again, whom to ask, what to stop. What an agent must
//! expect and handle, such as a lock that somebody else holds, is no error of the protocol.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use rmcp::ErrorData;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::answer::millis;
use super::targets;
use super::tools::Toolset;
use crate::board::{Call, Circle, Held, Key, Kind, Loss, Owner, Reason, Refusal, Revision, Target};

/// The longest time after which an agent is told to try again.
const MAX_RETRY: Duration = Duration::from_secs(15);
/// The most targets in one list of a refusal; how many more there are is said.
const MAX_TARGETS: usize = 64;
/// The most targets that a hint names.
const MAX_NAMED: usize = 3;

/// Who is told, as far as the words depend on it.
#[derive(Debug)]
pub(super) struct Listener<'a> {
    owner: &'a Owner,
    rev: Revision,
    tools: Toolset,
}

impl<'a> Listener<'a> {
    /// Returns the one who made `call`, to whom `tools` are offered.
    pub(super) fn new(call: &'a Call<'_>, tools: Toolset) -> Self {
        Self {
            owner: call.owner(),
            rev: call.board().rev(),
            tools,
        }
    }

    /// Returns after how many milliseconds to try again what is free in `remaining` at the latest.
    ///
    /// Give or take a fifth, so that agents do not come in step; the same for the same agent at one revision.
    fn retry_after(&self, remaining: Option<Duration>) -> u64 {
        let base = millis(remaining.map_or(MAX_RETRY, |remaining| remaining.min(MAX_RETRY)));
        let mut hasher = DefaultHasher::new();
        (self.owner, self.rev).hash(&mut hasher);
        base * (800 + hasher.finish() % 401) / 1_000
    }

    /// Returns how to ask `holder` for what it holds, when there is a tool for that.
    fn ask(&self, holder: &Owner) -> String {
        let tool = self.tools.find("sendMessage");
        tool.map_or_else(String::new, |_| {
            format!("; to ask for it, sendMessage to {holder}")
        })
    }
}

/// A refusal as the later tools tell it: `{"success":false,"error":CODE,…,"hint":…}`.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    code: &'static str,
    fields: Fields,
    hint: String,
    /// False for what an agent must expect and handle, such as a failed condition.
    is_error: bool,
}

type Fields = Vec<(&'static str, Value)>;

impl Fault {
    /// Returns the refusal of the argument `field`.
    pub(super) fn invalid(field: impl Into<String>, hint: impl Into<String>) -> Self {
        let field = Value::from(field.into());
        Self::error("INVALID", vec![("field", field)], hint)
    }

    /// Returns the refusal of something that there is not; `fields` say more.
    pub(super) fn not_found(fields: Fields, hint: impl Into<String>) -> Self {
        Self::error("NOT_FOUND", fields, hint)
    }

    /// Returns the refusal of everything that needs a board when there is none to ask.
    pub(super) fn unavailable(hint: impl Into<String>) -> Self {
        Self::error("UNAVAILABLE", Vec::new(), hint)
    }

    /// Returns the refusal of a call that was applied already, but whose answer nobody knows any more.
    pub(super) fn repeated() -> Self {
        let hint = "the board had applied this call before the connection broke, but its answer is lost; look at \
                    what it has done before you call again";
        Self::error("REPEATED", Vec::new(), hint)
    }

    fn error(code: &'static str, fields: Fields, hint: impl Into<String>) -> Self {
        Self {
            code,
            fields,
            hint: hint.into(),
            is_error: true,
        }
    }

    fn expected(code: &'static str, fields: Fields, hint: impl Into<String>) -> Self {
        Self {
            is_error: false,
            ..Self::error(code, fields, hint)
        }
    }

    /// Returns what `listener` is told of `refusal`.
    pub(super) fn of(refusal: Refusal, listener: &Listener<'_>) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Key(_) => Self::invalid("key", text),
            Refusal::ValueRequired | Refusal::ValueType | Refusal::ValueTooLong => {
                Self::invalid("value", text)
            }
            Refusal::Ttl => Self::invalid("ttl", text),
            Refusal::Invalid { field, problem } => Self::invalid(field, problem),
            Refusal::Leased {
                key,
                holder,
                remaining,
            } => leased(&key, &holder, remaining, listener),
            Refusal::Full { which, limit } => full(which, limit),
            Refusal::Conflict { key, rev, value } => {
                let hint = format!("nothing was written; look at {key} again, decide again, then retry");
                let fields = vec![("key", json!(key)), ("rev", json!(rev)), ("value", json!(value))];
                Self::expected("CONFLICT", fields, hint)
            }
            Refusal::Changed { key, rev } => {
                let hint = format!("{key} is not what you saw; look again");
                Self::expected("CONFLICT", vec![("key", json!(key)), ("rev", json!(rev))], hint)
            }
            Refusal::Lost { fence, loss, holder } => lost(fence, loss.as_deref(), holder.as_deref()),
            Refusal::Held(held) => self::held(&held, listener),
            Refusal::Deadlock(circle) => deadlock(&circle, listener),
            Refusal::NotFound { .. } => Self::not_found(Vec::new(), text),
            Refusal::Compacted(compacted) => {
                let fields = vec![("oldest", json!(compacted.oldest)), ("rev", json!(compacted.rev))];
                Self::expected("COMPACTED", fields, "listKeys, then watchStorage from its rev")
            }
            Refusal::Revisions(_) => Self::unavailable(format!("{text}; tell the person at the board")),
        }
    }

    /// Tells whether this is more than an agent must expect.
    pub(super) fn is_error(&self) -> bool {
        self.is_error
    }

    /// Returns the details, to be told beside a body that has no room for them, and the hint.
    pub(super) fn into_parts(self) -> (Vec<(&'static str, Value)>, String) {
        (self.fields, self.hint)
    }

    /// Returns the protocol error, for requests whose results have no place for a refusal.
    pub(super) fn into_error(self) -> ErrorData {
        ErrorData::internal_error(self.hint, None)
    }
}

fn leased(key: &Key, holder: &Owner, remaining: Duration, listener: &Listener<'_>) -> Fault {
    let next = match key.kind() {
        Kind::Lock => {
            "do not edit it; do other work, or acquireLock what you wanted with waitMs to stand in line"
        }
        Kind::Task => "claimTask for another task",
        _ => "do other work",
    };
    let ask = listener.ask(holder);
    // Who stands in line holds nothing yet, and nobody knows when its turn comes.
    let left = (!remaining.is_zero()).then_some(remaining);
    let hint = match left {
        Some(left) => format!(
            "{key} is held by {holder} for another {}; {next}{ask}",
            spoken(left)
        ),
        None => format!("{holder} came first and waits for {key}; {next}{ask}"),
    };
    let fields = vec![
        ("key", json!(key)),
        ("heldBy", json!(holder.name)),
        ("expiresInMs", millis(remaining).into()),
        ("retryAfterMs", listener.retry_after(left).into()),
    ];
    Fault::expected("HELD", fields, hint)
}

fn held(held: &Held, listener: &Listener<'_>) -> Fault {
    let Held {
        holder,
        why,
        targets,
        remaining,
        position,
    } = held;
    let retry = ("retryAfterMs", json!(listener.retry_after(*remaining)));
    if **holder == *listener.owner {
        let hint = "nobody holds it, but the board has no room for more locks; releaseLock what you no longer \
                    need, lock a directory instead of its files, then try again";
        return Fault::expected("HELD", vec![("position", json!(position)), retry], hint);
    }
    let mut fields = vec![("heldBy", json!(holder.name))];
    fields.extend(why.as_ref().map(|why| ("why", json!(why))));
    list("targets", "more", targets, &mut fields);
    fields.extend(remaining.map(|remaining| ("expiresInMs", millis(remaining).into())));
    fields.extend([("position", json!(position)), retry]);
    let what = named(targets);
    let held = match remaining {
        Some(remaining) => {
            let seconds = spoken(*remaining);
            format!("{holder} holds {what} for another {seconds} unless renewed")
        }
        None => format!("{holder} came first and waits for {what}"),
    };
    let ask = listener.ask(holder);
    let hint = format!(
        "{held}: do not edit it. Do other work, or acquireLock the same again with waitMs to stand in line, where \
         your place is kept 30 s between calls{ask}"
    );
    Fault::expected("HELD", fields, hint)
}

fn deadlock(circle: &Circle, listener: &Listener<'_>) -> Fault {
    let cycle: Vec<Value> = circle
        .0
        .iter()
        .map(|stuck| {
            let mut fields = vec![("owner", json!(stuck.owner.name))];
            list("holds", "holdsMore", &stuck.holds, &mut fields);
            list("wants", "wantsMore", &stuck.wants, &mut fields);
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        })
        .collect();
    let mut others = circle
        .0
        .iter()
        .rev()
        .filter(|stuck| *stuck.owner != *listener.owner);
    let waits = others.next().map_or_else(String::new, |stuck| {
        format!(
            "{} waits for {}, which you hold",
            stuck.owner,
            named(&stuck.wants)
        )
    });
    let hint = format!(
        "{waits}, so waiting would never end. Finish or undo what you began, releaseLock what you hold, then \
         acquireLock all that you need in one call with waitMs, and read again"
    );
    Fault::expected("DEADLOCK", vec![("cycle", Value::from(cycle))], hint)
}

fn lost(fence: Revision, loss: Option<&Loss>, holder: Option<&Owner>) -> Fault {
    let mut fields = vec![("fence", json!(fence))];
    let Some(loss) = loss else {
        fields.extend(holder.map(|holder| ("heldBy", json!(holder.name))));
        let hint = format!(
            "you hold nothing under {fence}; stop what depends on it: acquireLock or claimTask again, read again, \
             then go on"
        );
        return Fault::expected("LOST", fields, hint);
    };
    fields.push(("reason", json!(loss.reason)));
    fields.extend(holder.map(|holder| ("heldBy", json!(holder.name))));
    let ended = ended_by(loss.reason);
    let hint = if let Some(target) = &loss.target {
        fields.push(("targets", json!([target.text()])));
        format!(
            "your lock on {target} {ended}: stop editing it. acquireLock it again, then read it again before you \
             go on"
        )
    } else {
        fields.push(("key", json!(loss.key)));
        format!(
            "your hold on {} {ended}: stop working on it, its result is not taken any more. claimTask for what is \
             to be done now",
            loss.key
        )
    };
    Fault::expected("LOST", fields, hint)
}

/// Returns how a lease ended, in words that go on from what it was on.
pub(super) fn ended_by(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "ran out",
        Reason::Disconnected | Reason::Died => "ended because your connection was gone",
        Reason::Person => "was ended by the person at the board",
        Reason::Restart => "ended because the board was started again",
        _ => "has ended",
    }
}

fn full(which: &'static str, limit: usize) -> Fault {
    let hint = match which {
        "locks" => format!(
            "the board has its {limit} locks already; releaseLock what you no longer need, or lock a directory \
             instead of its files"
        ),
        "waiters" => {
            format!("{limit} calls wait for locks already; do other work, and ask again later without waitMs")
        }
        "messages" => format!(
            "{limit} messages wait unread for that agent; go on without an answer, or tell the person at the board"
        ),
        _ => format!(
            "the board holds its limit of {limit} {which}; delete what is no longer needed, let it expire, or \
             tell the person at the board"
        ),
    };
    Fault::error(
        "FULL",
        vec![("which", json!(which)), ("limit", json!(limit))],
        hint,
    )
}

/// Adds the texts of `targets` to `fields`, and how many are left out.
fn list(name: &'static str, more: &'static str, targets: &[Target], fields: &mut Fields) {
    let (shown, rest) = targets.split_at(targets.len().min(MAX_TARGETS));
    fields.push((name, json!(targets::texts(shown))));
    if !rest.is_empty() {
        fields.push((more, json!(rest.len())));
    }
}

/// Returns the first of `targets` in a row of words.
pub(super) fn named(targets: &[Target]) -> String {
    let (named, rest) = targets.split_at(targets.len().min(MAX_NAMED));
    let named = targets::texts(named).join(", ");
    match rest.len() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 3))?;
        map.serialize_entry("success", &false)?;
        map.serialize_entry("error", self.code)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("hint", &self.hint)?;
        map.end()
    }
}

/// Returns a duration in words.
pub(super) fn spoken(duration: Duration) -> String {
    format!("{} s", millis(duration).div_ceil(1_000))
}
