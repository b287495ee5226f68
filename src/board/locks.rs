//! The original way to lock, made safe: a raw write of `lock:<target>` takes an exclusive lease.
//!
//! The first writer wins and a rival is refused, so check-then-set has no gap any more. The JSON that
//! agents write stays as they know it: `lockedBy` names the holder, `{"released":true}` gives it back.

use std::sync::Arc;

use serde::Deserialize;

use super::roster::clean;
use super::{Caller, Key, Kind, Lease, Owner};

/// What a raw write of a lock key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LockWrite {
    /// To hold the lock, under the name in `lockedBy` if there is one.
    Hold { locked_by: Option<Arc<str>> },
    /// To give it back.
    Release { locked_by: Option<Arc<str>> },
}

impl LockWrite {
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
            Some(name) if *name != caller.owner.name => Owner::new(name, caller.owner.session),
            _ => Arc::clone(&caller.owner),
        }
    }
}

/// Tells whether `caller` may write what `lease` covers.
///
/// Several agents may share a session; a write that names its holder must name the one who holds.
pub(crate) fn may_write(lease: &Lease, caller: &Caller, write: Option<&LockWrite>) -> bool {
    lease.owner.session == caller.owner.session
        && write
            .and_then(LockWrite::locked_by)
            .is_none_or(|name| *name == lease.owner.name)
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
