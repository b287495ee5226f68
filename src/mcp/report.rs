//! The board in JSON, for those who want to see it whole: models by resource, scripts by request.
//!
//! Rows and values are cut to what a reader can take in, and what was cut is said.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::millis;
use super::targets::texts;
use crate::board::{
    Agent, Entry, Key, Kind, Owner, Page, Pattern, Score, Session, Stats, TaskState, Time, Waiter,
    locked_target,
};

/// The most rows of one kind.
const MAX_ROWS: usize = 100;
/// What a task can be in.
const STATES: [TaskState; 5] = [
    TaskState::Pending,
    TaskState::Claimed,
    TaskState::Done,
    TaskState::Failed,
    TaskState::Dead,
];
/// How many tasks are counted while the board is held.
const COUNTED: usize = 1_000;
/// A value with more bytes is left out of its row; `getStorage` has it.
const MAX_VALUE_BYTES: usize = 512;

/// Returns the counts of the whole board and what the session's namespace holds.
pub(super) fn stats(session: &Session) -> Value {
    let stats = session.board().stats(session.namespace());
    let kinds: Map<_, _> = stats
        .kinds
        .iter()
        .map(|(kind, held)| {
            let held = json!({ "keys": held.keys, "bytes": held.bytes, "keyBytes": held.key_bytes });
            (kind.name().to_owned(), held)
        })
        .collect();
    json!({
        "namespace": namespace(session),
        "rev": stats.rev,
        "uptimeMs": millis(stats.uptime),
        "agents": stats.agents,
        "opsPerSecond": stats.ops_per_second,
        "hits": stats.hits,
        "misses": stats.misses,
        "hitRate": stats.hit_rate(),
        "sets": stats.sets,
        "deletes": stats.deletes,
        "expirations": stats.expirations,
        "keys": Stats::keys(&stats),
        "bytes": Stats::bytes(&stats),
        "kinds": kinds,
        "tasks": tasks(session),
    })
}

/// Returns the numbers with who is here and who holds what: one read for scripts.
pub(super) fn summary(session: &Session) -> Value {
    let mut summary = stats(session);
    summary["roster"] = agents(session);
    let locks = locks(session);
    summary["locks"] = locks["locks"].clone();
    summary["waiting"] = locks["waiting"].clone();
    summary
}

/// Returns how many tasks are in each state.
fn tasks(session: &Session) -> Value {
    let mut counts = STATES.map(|state| (state, 0_usize));
    let pattern = Pattern::prefix("task:");
    let mut after = None;
    loop {
        let page = session.call().list(&pattern, after.as_deref(), COUNTED);
        for (_, entry) in &page.rows {
            let state = entry.task_state();
            counts
                .iter_mut()
                .filter(|(known, _)| *known == state)
                .for_each(|(_, count)| *count += 1);
        }
        match page.cursor {
            Some(cursor) => after = Some(cursor.as_str().to_owned()),
            None => break,
        }
    }
    let counts = counts.iter();
    counts
        .map(|(state, count)| (state.name().to_owned(), json!(count)))
        .collect()
}

/// Returns who is here, what is to be done, how it goes and who holds what.
pub(super) fn board(session: &Session) -> Value {
    let now = session.board().clock().now();
    let rows = |prefix, row: fn(&Key, &Entry, Time) -> Value| {
        let page = session.call().list(&Pattern::prefix(prefix), None, MAX_ROWS);
        rows(&page, |(key, entry)| row(key, entry, now))
    };
    let locks = locks(session);
    json!({
        "stats": stats(session),
        "agents": agents(session),
        "tasks": rows("task:", task),
        "status": rows("status:", row),
        "progress": rows("progress:", row),
        "locks": locks["locks"],
        "waiting": locks["waiting"],
    })
}

/// Returns who holds which lock, since when and for how long, and who waits for which.
pub(super) fn locks(session: &Session) -> Value {
    let now = session.board().clock().now();
    let page = session.call().list(&Pattern::prefix("lock:"), None, MAX_ROWS);
    let waiters = session.board().waiters(session.namespace());
    let open: Vec<_> = waiters.iter().filter(|(waiter, _)| waiter.is_open()).collect();
    let waiting: Vec<_> = open.iter().take(MAX_ROWS).map(|one| waiting(one, now)).collect();
    json!({
        "rev": page.rev,
        "locks": rows(&page, |(key, entry)| {
            let mut row = lock(key, entry, now);
            let target = locked_target(key, &entry.value);
            let wanted = |waiter: &Waiter| {
                let wish = waiter.wish.targets.iter();
                target.as_ref().is_some_and(|target| wish.clone().any(|other| other.overlaps(target)))
            };
            let waiters = open.iter().filter(|(waiter, _)| wanted(waiter));
            row["waiters"] = waiters.map(|(waiter, _)| json!(waiter.owner().name)).collect();
            row
        }),
        "waiting": waiting,
        "waitingMore": (open.len() > MAX_ROWS).then(|| open.len() - MAX_ROWS),
    })
}

/// Returns one who waits, and who is in its way.
fn waiting((waiter, blockers): &(Waiter, Vec<Arc<Owner>>), now: Time) -> Value {
    json!({
        "by": waiter.owner().name,
        "targets": texts(&waiter.wish.targets),
        "why": waiter.wish.why,
        "waitingMs": millis(now.since(waiter.since)),
        "blockedBy": blockers.iter().map(|owner| &owner.name).collect::<Vec<_>>(),
    })
}

/// Returns who is here, what each holds and how it has done.
fn agents(session: &Session) -> Value {
    let (board, namespace) = (session.board(), session.namespace());
    let now = board.clock().now();
    let scores: BTreeMap<_, _> = board.scores(namespace).into_iter().collect();
    let here = board
        .agents()
        .into_iter()
        .filter(|agent| agent.namespace == namespace);
    here.map(|one| {
        let mut row = agent(&one, now);
        let mut holds = board.holds(namespace, &one.owner);
        holds.retain(|(key, _)| matches!(key.kind(), Kind::Lock | Kind::Task));
        row["holds"] = holds
            .iter()
            .map(|(key, _)| json!(key.decoded()))
            .take(MAX_ROWS)
            .collect();
        row["holdsMore"] = json!((holds.len() > MAX_ROWS).then(|| holds.len() - MAX_ROWS));
        row["score"] = json!(scores.get(&one.owner.name).map(score));
        row
    })
    .collect()
}

fn score(score: &Score) -> Value {
    json!({
        "done": score.done,
        "failed": score.failed,
        "lost": score.lost,
        "meanMs": score.mean.map(millis),
    })
}

fn namespace(session: &Session) -> Value {
    let open = session.board().namespaces();
    let own = open.iter().find(|(id, _)| *id == session.namespace());
    json!(own.map(|(_, name)| name.as_str()))
}

/// Returns the rows, and the key to go on after with `listKeys` when there are more.
fn rows(page: &Page, row: impl Fn(&(Key, Arc<Entry>)) -> Value) -> Value {
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    json!({ "rows": rows, "cursor": page.cursor })
}

fn row(key: &Key, entry: &Entry, now: Time) -> Value {
    let mut row = json!({
        "key": key,
        "rev": entry.rev,
        "by": entry.by.name,
        "expiresInMs": millis(entry.ends(now).since(now)),
    });
    if entry.value.len() <= MAX_VALUE_BYTES {
        row["value"] = json!(entry.value);
    } else {
        row["bytes"] = json!(entry.value.len());
    }
    row
}

fn task(key: &Key, entry: &Entry, now: Time) -> Value {
    let mut row = row(key, entry, now);
    row["state"] = json!(entry.task_state().name());
    row["attempts"] = json!(entry.work().attempts);
    hold(&mut row, entry, now);
    row
}

fn lock(key: &Key, entry: &Entry, now: Time) -> Value {
    let mut row = row(key, entry, now);
    row["target"] = json!(locked_target(key, &entry.value).map(|target| target.text().into_owned()));
    hold(&mut row, entry, now);
    row
}

/// Adds who holds the entry, since when, and what for.
fn hold(row: &mut Value, entry: &Entry, now: Time) {
    let Some(lease) = entry.lease() else {
        return;
    };
    holders(row, entry);
    row["heldForMs"] = json!(millis(now.since(lease.granted)));
    row["idleForMs"] = json!(millis(now.since(lease.holder.active())));
    row["fence"] = json!(lease.fence);
    row["why"] = json!(lease.why);
    row["orphaned"] = json!(lease.holder.gone().is_some());
}

/// Adds who holds the entry: the first of several, and the others who share it.
pub(super) fn holders(row: &mut Value, entry: &Entry) {
    let mut names = entry.leases().iter().map(|lease| json!(lease.owner().name));
    if let Some(first) = names.next() {
        row["heldBy"] = first;
    }
    let others: Vec<_> = names.collect();
    if !others.is_empty() {
        row["alsoHeldBy"] = others.into();
    }
}

fn agent(agent: &Agent, now: Time) -> Value {
    json!({
        "name": agent.owner.name,
        "client": agent.client,
        "connectedForMs": millis(now.since(agent.since)),
        "calls": agent.calls,
        "lastTool": agent.last_call.map(|(tool, _)| tool),
        "idleForMs": agent.last_call.map(|(_, at)| millis(now.since(at))),
    })
}
