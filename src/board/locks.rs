//! What a lock's entry says, and the original way to lock made safe.
//!
//! A raw write of `lock:<target>` takes an exclusive lease, so the first writer wins, a rival is refused, and
//! check-then-set has no gap any more. The JSON that agents write stays as they know it: `lockedBy` names the
//! holder, `{"released":true}` gives the lock back.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::roster::clean;
use super::{Caller, Entry, Key, Kind, Lease, Mode, Owner, Target, Term};

/// What a raw write of a lock key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LockWrite {
    /// To hold the lock, under the name in `lockedBy` if there is one.
    Hold { locked_by: Option<Arc<str>> },
    /// To give it back.
    Release { locked_by: Option<Arc<str>> },
}

impl LockWrite {
    /// What deleting the key of a lock asks for.
    pub(crate) const DELETE: Self = Self::Release { locked_by: None };

    /// Returns what writing `value` under `key` asks of the lock, `None` when `key` is no lock.
    ///
    /// A value that is not the usual JSON still locks: the key says what it is.
    pub(crate) fn read(key: &Key, value: &str) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Raw {
            locked_by: Option<String>,
            released: bool,
        }
        if key.kind() != Kind::Lock {
            return None;
        }
        let Raw { locked_by, released } = serde_json::from_str(value).unwrap_or_default();
        // Everybody who meets the lock is told this name, so it may be no longer than other names.
        let locked_by = locked_by
            .map(|name| clean(&name))
            .filter(|name| !name.is_empty())
            .map(Arc::from);
        Some(if released {
            Self::Release { locked_by }
        } else {
            Self::Hold { locked_by }
        })
    }

    fn locked_by(&self) -> Option<&Arc<str>> {
        match self {
            Self::Hold { locked_by } | Self::Release { locked_by } => locked_by.as_ref(),
        }
    }

    /// Returns who holds after this write by `caller`.
    pub(crate) fn owner(&self, caller: &Caller) -> Arc<Owner> {
        match self.locked_by() {
            Some(name) if *name != caller.owner().name => Owner::new(name, caller.owner().session),
            _ => Arc::clone(caller.owner()),
        }
    }
}

/// Returns the hold on `entry` that keeps `caller` from writing, or removing, what stands there.
///
/// Several agents may share a session, so a write that names its holder must name the one who holds. And an
/// agent may open a session for every call: its raw lock is given back by any session of its name, and taken
/// again once the session that took it is gone.
pub(crate) fn in_the_way<'a>(
    entry: &'a Entry,
    caller: &Caller,
    write: Option<&LockWrite>,
) -> Option<&'a Lease> {
    let named = write.and_then(LockWrite::locked_by);
    let name = named.unwrap_or(&caller.owner().name);
    let may_pass = |lease: &&Lease| {
        let holder = lease.owner();
        if holder.session == caller.owner().session {
            return named.is_none_or(|name| *name == holder.name);
        }
        let is_gone = lease.holder.gone().is_some();
        lease.term == Term::Entry
            && match write {
                Some(LockWrite::Release { .. }) => {
                    *name == holder.name || is_gone && kin(&caller.owner().name) == kin(&entry.by.name)
                }
                Some(LockWrite::Hold { .. }) => is_gone && named == Some(&holder.name),
                None => false,
            }
    };
    entry.leases().iter().find(|lease| !may_pass(lease))
}

/// Returns a name without the number that tells sessions of one program apart: who opens a session for every
/// call is `python-1` in one and `python-2` in the next.
fn kin(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('-')
}

/// Returns what a lock under `key` with `value` is on, `None` when `key` is no lock's.
pub(crate) fn target(key: &Key, value: &str) -> Option<Target> {
    #[derive(Deserialize)]
    struct Spelled {
        path: String,
    }
    named(key, || {
        let spelled: Option<Spelled> = serde_json::from_str(value).ok();
        spelled.map(|Spelled { path }| path)
    })
}

/// Returns what a lock under `key` is on, `None` when `key` is no lock's. If the key does not tell, `text` does.
pub(crate) fn named(key: &Key, text: impl FnOnce() -> Option<String>) -> Option<Target> {
    let target = Target::of_key(key)?;
    if target.is_spelled() {
        return Some(target);
    }
    let spelled = text().map(|text| Target::of_text(&text));
    Some(spelled.filter(|spelled| spelled.key() == *key).unwrap_or(target))
}

/// Returns the value of a lock on `target` that is held by `leases`, in the original shape.
pub(crate) fn describe(target: &Target, leases: &[Lease]) -> Arc<str> {
    let mut names: Vec<&str> = leases.iter().map(|lease| &*lease.owner().name).collect();
    names.dedup();
    let mut value = Map::new();
    value.insert("lockedBy".to_owned(), json!(names.join(", ")));
    if leases.iter().all(|lease| lease.mode == Mode::Shared) {
        value.insert("mode".to_owned(), json!(Mode::Shared));
    }
    if let Some(why) = leases.iter().find_map(|lease| lease.why.as_ref()) {
        value.insert("why".to_owned(), json!(why));
    }
    if !target.is_spelled() {
        value.insert("path".to_owned(), json!(target.text()));
    }
    Arc::from(Value::Object(value).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Option<LockWrite> {
        LockWrite::read(&Key::parse(key).unwrap(), value)
    }

    #[test]
    fn the_original_json_is_understood() {
        let held = read(
            "lock:src/auth/auth.ts",
            r#"{"lockedBy":"impl-1","taskId":"3.1","acquiredAt":1}"#,
        );
        assert_eq!(
            held,
            Some(LockWrite::Hold {
                locked_by: Some(Arc::from("impl-1"))
            })
        );
        let released = read(
            "lock:src/auth/auth.ts",
            r#"{"released":true,"releasedAt":"2025-10-15T14:33:00Z"}"#,
        );
        assert_eq!(released, Some(LockWrite::Release { locked_by: None }));
    }

    #[test]
    fn a_holder_is_named_as_agents_are() {
        let long = format!(r#"{{"lockedBy":"{}"}}"#, "é".repeat(1_000));
        for (value, name) in [
            (r#"{"lockedBy":" agent one "}"#, Some("agent-one")),
            (r#"{"lockedBy":" "}"#, None),
            (&long, Some(&*"-".repeat(64))),
        ] {
            let locked_by = name.map(Arc::from);
            assert_eq!(
                read("lock:a", value),
                Some(LockWrite::Hold { locked_by }),
                "{value}"
            );
        }
    }

    #[test]
    fn any_other_value_still_locks_and_other_keys_never_do() {
        for value in ["", "mine", "[]", r#"{"released":"yes"}"#, r#"{"lockedBy":7}"#] {
            assert_eq!(
                read("lock:a", value),
                Some(LockWrite::Hold { locked_by: None }),
                "{value}"
            );
        }
        assert_eq!(read("task:a", r#"{"lockedBy":"a"}"#), None);
    }
}
