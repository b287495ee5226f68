//! The board in JSON, for those who want to see it whole: models by resource, scripts by request.
//!
//! Rows and values are cut to what a reader can take in, and what was cut is said.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::millis;
use crate::board::{Agent, Entry, Key, Page, Pattern, Session, Stats, Time};

/// The most rows of one kind.
const MAX_ROWS: usize = 100;
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
    })
}

/// Returns who is here, what is to be done, how it goes and who holds what.
pub(super) fn board(session: &Session) -> Value {
    let now = session.board().clock().now();
    let mut agents = session.board().agents();
    agents.retain(|agent| agent.namespace == session.namespace());
    let rows = |prefix| {
        let page = session.call().list(&Pattern::prefix(prefix), None, MAX_ROWS);
        rows(&page, |(key, entry)| row(key, entry, now))
    };
    json!({
        "stats": stats(session),
        "agents": agents.iter().map(|one| agent(one, now)).collect::<Vec<_>>(),
        "tasks": rows("task:"),
        "status": rows("status:"),
        "progress": rows("progress:"),
        "locks": locks(session)["locks"],
    })
}

/// Returns who holds which lock, since when and for how long.
pub(super) fn locks(session: &Session) -> Value {
    let now = session.board().clock().now();
    let page = session.call().list(&Pattern::prefix("lock:"), None, MAX_ROWS);
    json!({ "rev": page.rev, "locks": rows(&page, |(key, entry)| lock(key, entry, now)) })
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

fn lock(key: &Key, entry: &Entry, now: Time) -> Value {
    let mut row = row(key, entry, now);
    let decoded = key.decoded();
    row["target"] = json!(decoded.strip_prefix("lock:"));
    if let Some(lease) = entry.lease() {
        row["heldBy"] = json!(lease.owner().name);
        row["heldForMs"] = json!(millis(now.since(lease.granted)));
        row["fence"] = json!(lease.fence);
    }
    row
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
