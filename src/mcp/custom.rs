//! Requests for the command line, not for models: they are in no list, so they cost no agent a token.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::answer::Failure;
use super::fault::{Fault, Listener};
use super::report;
use super::tools::{Arguments, Toolset};
use crate::board::{Entry, Key, Refusal, Revision, Session};
use crate::snapshot::Saver;

/// Ends an entry as the person at the board: `{key, rev?}`.
pub(super) const EXPIRE: &str = "callboard/expire";
/// The board in numbers, with who is here and who holds what.
pub(super) const STATS: &str = "callboard/stats";
/// Saves the board at once in its own place, for whoever takes a copy of that.
pub(super) const SNAPSHOT: &str = "callboard/snapshot";
/// Ends the board in good order, after the answer, which tells who was attached.
pub(super) const STOP: &str = "callboard/stop";

/// What can be asked of whoever runs the board.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    /// Saves the board.
    pub(super) saver: Option<&'a Saver>,
    /// Ends it.
    pub(super) end: Option<&'a CancellationToken>,
}

/// Returns the result of the request `method`. A refusal is a result too, shaped as tools tell it.
pub(super) async fn answer(
    method: &str,
    params: Arguments,
    session: Result<&Session, Fault>,
    host: Host<'_>,
) -> Option<Value> {
    let answer = match method {
        EXPIRE => session.and_then(|session| {
            let told = |failure: Failure| failure.into_fault(&Listener::new(&session.call(), Toolset::All));
            expire(session, params).map_err(told)
        }),
        STATS => session.map(report::summary),
        SNAPSHOT => match session {
            Ok(_) => snapshot(params, host.saver).await,
            Err(fault) => Err(fault),
        },
        STOP => session.and_then(|session| stop(session, params, host.end)),
        _ => return None,
    };
    Some(answer.unwrap_or_else(|fault| json!(fault)))
}

/// The file is the board's own: whoever can ask could otherwise have it write anywhere in the user's name,
/// which an agent in a sandbox must not.
async fn snapshot(params: Arguments, saver: Option<&Saver>) -> Result<Value, Fault> {
    params.end()?;
    let saver = saver.ok_or_else(|| Fault::unavailable("this board is not saved"))?;
    let saved = saver.save().await;
    let saved = saved.map_err(|error| Fault::unavailable(error.to_string()))?;
    Ok(json!({
        "success": true,
        "rev": saved.rev,
        "entries": saved.entries,
    }))
}

/// What is in flight is answered before the board goes, so this is.
fn stop(session: &Session, params: Arguments, end: Option<&CancellationToken>) -> Result<Value, Fault> {
    params.end()?;
    let end = end.ok_or_else(|| Fault::unavailable("this board cannot be ended from here"))?;
    let own = session.owner().session;
    let agents = session.board().agents();
    let others = agents.iter().filter(|agent| agent.owner.session != own);
    let names: Vec<_> = others.map(|agent| &agent.owner.name).collect();
    tracing::info!(agents = names.len(), "told over the socket to stop");
    end.cancel();
    Ok(json!({
        "success": true,
        "process": std::process::id(),
        "agents": names,
    }))
}

/// Without a revision, what stands there now is ended.
fn expire(session: &Session, mut params: Arguments) -> Result<Value, Failure> {
    let key = params.key()?;
    let rev = params.revision("rev")?;
    params.end()?;
    let (board, namespace) = (session.board(), session.namespace());
    let rev = match rev {
        Some(rev) => rev,
        None => match board.get(namespace, &key) {
            Some(entry) => entry.rev,
            None => return Err(absent(&key).into()),
        },
    };
    match board.expire(namespace, key.clone(), rev) {
        Ok(entry) => Ok(ended(&key, &entry)),
        Err(Refusal::Changed { rev, .. }) if rev == Revision::ZERO => Err(absent(&key).into()),
        Err(refusal) => Err(refusal.into()),
    }
}

fn ended(key: &Key, entry: &Arc<Entry>) -> Value {
    let mut ended = json!({
        "success": true,
        "key": key,
        "rev": entry.rev,
        "by": entry.by.name,
        "heldBy": null,
    });
    report::holders(&mut ended, entry);
    ended
}

fn absent(key: &Key) -> Fault {
    Fault::not_found(vec![("key", json!(key))], format!("there is nothing under {key}"))
}
