//! Reading a call's arguments: the server judges them, so that it can answer in the contract's words.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::board::{Key, KeyError, Refusal, check_ttl, check_value};
use crate::mcp::answer::Fault;

/// The arguments of one call, or of one operation in a batch. An argument that is null is absent.
#[derive(Debug, Default)]
pub(in crate::mcp) struct Arguments {
    map: JsonObject,
    /// What stands before a name when it is told what is wrong, such as `ops[2].`.
    path: String,
}

impl Arguments {
    /// Returns the arguments in `map`; a call may leave it out.
    pub(in crate::mcp) fn new(map: Option<JsonObject>) -> Self {
        Self {
            map: map.unwrap_or_default(),
            path: String::new(),
        }
    }

    /// Returns the key, in the words of the original design when it is none.
    pub(super) fn key(&mut self) -> Result<Key, Refusal> {
        match self.take("key") {
            Some(Value::String(text)) => Ok(Key::parse(&text)?),
            _ => Err(KeyError::Grammar.into()),
        }
    }

    /// Returns the value, which must be there; an empty text is one.
    pub(super) fn value(&mut self) -> Result<Arc<str>, Refusal> {
        match self.take("value") {
            Some(Value::String(text)) => {
                check_value(&text)?;
                Ok(Arc::from(text))
            }
            Some(_) => Err(Refusal::ValueType),
            None => Err(Refusal::ValueRequired),
        }
    }

    /// Returns the time to live, one hour when absent.
    pub(super) fn ttl(&mut self) -> Result<Duration, Refusal> {
        match self.take("ttl") {
            Some(Value::Number(seconds)) => check_ttl(Some(seconds.as_f64().ok_or(Refusal::Ttl)?)),
            Some(_) => Err(Refusal::Ttl),
            None => check_ttl(None),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }
}
