//! Reading a call's arguments: the server judges them, so that it can answer in the contract's words.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::JsonObject;
use serde_json::Value;

use crate::board::{
    Key, KeyError, MAX_TARGETS, Pattern, Refusal, Revision, check_lease_ttl, check_ttl, check_value,
};
use crate::mcp::fault::Fault;
use crate::mcp::waiting::MAX_WAIT_MS;

/// The arguments of one call, or of one operation in a batch. An argument that is null is absent.
#[derive(Debug, Default)]
pub(in crate::mcp) struct Arguments {
    map: JsonObject,
    /// What stands before a name when it is told what is wrong, such as `ops[2].`.
    path: String,
    /// How long the client waits for the answer already.
    waited: Duration,
}

impl Arguments {
    /// Returns the arguments in `map`; a call may leave it out.
    pub(in crate::mcp) fn new(map: Option<JsonObject>) -> Self {
        Self {
            map: map.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Notes that the client asked first so long ago, on a connection that was lost since.
    pub(in crate::mcp) fn has_waited(&mut self, waited: Duration) {
        self.waited = waited;
    }

    /// Returns the key, in the words of the original design when it is none.
    pub(in crate::mcp) fn key(&mut self) -> Result<Key, Refusal> {
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
        check_ttl(self.seconds()?)
    }

    /// Returns the time to live of a lock or a claim, five minutes when absent.
    pub(super) fn lease_ttl(&mut self) -> Result<Duration, Refusal> {
        check_lease_ttl(self.seconds()?)
    }

    fn seconds(&mut self) -> Result<Option<f64>, Refusal> {
        match self.take("ttl") {
            Some(Value::Number(seconds)) => Ok(Some(seconds.as_f64().ok_or(Refusal::Ttl)?)),
            Some(_) => Err(Refusal::Ttl),
            None => Ok(None),
        }
    }

    /// Returns how long the call may still wait, not at all when absent.
    pub(super) fn wait(&mut self) -> Result<Duration, Fault> {
        let wait = self.whole("waitMs", 0..=MAX_WAIT_MS)?;
        Ok(Duration::from_millis(wait.unwrap_or(0)).saturating_sub(self.waited))
    }

    /// Returns the pattern, which must be there.
    pub(super) fn pattern(&mut self) -> Result<Pattern, Fault> {
        let pattern = self.optional_pattern()?;
        pattern.ok_or_else(|| self.invalid("pattern", "give a pattern such as lock:*"))
    }

    /// Returns the pattern if there is one.
    pub(super) fn optional_pattern(&mut self) -> Result<Option<Pattern>, Fault> {
        let Some(text) = self.text("pattern")? else {
            return Ok(None);
        };
        let pattern = Pattern::parse(&text);
        pattern
            .map(Some)
            .map_err(|refusal| self.invalid("pattern", refusal_text(refusal)))
    }

    /// Returns the text called `name`.
    pub(in crate::mcp) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.take(name) {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(name, "must be a string")),
            None => Ok(None),
        }
    }

    /// Returns what the text called `name` means, which must be one of `words`.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.invalid(name, format!("must be one of {}", words.join(", ")))
        })
    }

    /// Returns the texts in the list called `targets`, which must be there.
    pub(super) fn targets(&mut self) -> Result<Vec<String>, Fault> {
        let list = match self.take("targets") {
            Some(Value::Array(list)) if (1..=MAX_TARGETS).contains(&list.len()) => list,
            _ => {
                let problem = format!(
                    "must be a list of 1 to {MAX_TARGETS} strings, such as [\"src/a.rs\"]; lock a directory \
                     for all below it"
                );
                return Err(self.invalid("targets", problem));
            }
        };
        let text = |(at, item)| match item {
            Value::String(text) => Ok(text),
            _ => Err(self.invalid(&format!("targets[{at}]"), "must be a string")),
        };
        list.into_iter().enumerate().map(text).collect()
    }

    /// Returns the flag called `name`, which is false when absent.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        match self.take(name) {
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.invalid(name, "must be true or false")),
            None => Ok(false),
        }
    }

    /// Returns the whole number called `name`, which must be in `range`.
    pub(super) fn whole(&mut self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Fault> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None if *range.end() == u64::MAX => Err(self.invalid(name, "must be a whole number")),
            None => {
                let problem = format!("must be a whole number from {} to {}", range.start(), range.end());
                Err(self.invalid(name, problem))
            }
        }
    }

    /// Returns the revision called `name`.
    pub(in crate::mcp) fn revision(&mut self, name: &str) -> Result<Option<Revision>, Fault> {
        Ok(self.whole(name, 0..=u64::MAX)?.map(Revision))
    }

    /// Returns the objects in the list called `name`, which must be there.
    pub(super) fn objects(&mut self, name: &str) -> Result<Vec<Self>, Fault> {
        let Some(Value::Array(items)) = self.take(name) else {
            return Err(self.invalid(name, "must be a list of objects"));
        };
        let object = |(at, item)| match item {
            Value::Object(map) => Ok(Self {
                map,
                path: format!("{name}[{at}]."),
                waited: self.waited,
            }),
            _ => Err(self.invalid(&format!("{name}[{at}]"), "must be an object")),
        };
        items.into_iter().enumerate().map(object).collect()
    }

    /// Refuses what is left over: a misspelt condition must not become an unconditional write.
    pub(in crate::mcp) fn end(self) -> Result<(), Fault> {
        match self.map.keys().next() {
            Some(name) => Err(self.invalid(name, "there is no such argument")),
            None => Ok(()),
        }
    }

    /// Returns the refusal of the argument called `name`.
    pub(super) fn invalid(&self, name: &str, problem: impl Into<String>) -> Fault {
        Fault::invalid(format!("{}{name}", self.path), problem)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }
}

fn refusal_text(refusal: Refusal) -> String {
    match refusal {
        Refusal::Invalid { problem, .. } => problem,
        other => other.to_string(),
    }
}
