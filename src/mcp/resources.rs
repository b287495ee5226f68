//! What a client can read by address: the board, its locks, one value, the server's version.

use rmcp::ErrorData;
use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::{Value, json};

use super::fault::Fault;
use super::report;
use crate::board::{Key, Session};

const VERSION: &str = "server://version";
const BOARD: &str = "callboard://board";
const LOCKS: &str = "callboard://locks";
const STORAGE: &str = "storage://";
const JSON: &str = "application/json";

/// What an address stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The server's name and version; it never changes.
    Version,
    /// The board at a glance.
    Board,
    /// Who holds which lock.
    Locks,
    /// The value under one key.
    Storage(Key),
}

impl Subject {
    /// Returns what `uri` stands for, `None` when it is no address of this server.
    pub(super) fn of(uri: &str) -> Option<Self> {
        match uri {
            VERSION => Some(Self::Version),
            BOARD => Some(Self::Board),
            LOCKS => Some(Self::Locks),
            _ => Key::parse(&written(uri.strip_prefix(STORAGE)?))
                .ok()
                .map(Self::Storage),
        }
    }
}

/// Returns the key in an address as it is written on the board.
///
/// A client that fills in the template encodes `:` and `/`, which a key never does; then the whole was
/// encoded once more, also the `%` of a key such as `lock:%5Bslug%5D`.
fn written(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    if !upper.contains("%3A") && !upper.contains("%2F") {
        return text.to_owned();
    }
    let mut parts = text.split('%');
    let mut key = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        if let Some(byte) = code.filter(u8::is_ascii) {
            key.push(char::from(byte));
            key.push_str(&part[2..]);
        } else {
            key.push('%');
            key.push_str(part);
        }
    }
    key
}

/// Returns the fixed addresses.
pub(super) fn list() -> ListResourcesResult {
    let resource = |uri: &str, name: &str, title: &str, description: &str| {
        Resource::new(uri, name)
            .with_title(title)
            .with_description(description)
            .with_mime_type(JSON)
    };
    ListResourcesResult::with_all_items(vec![
        resource(
            BOARD,
            "board",
            "The board at a glance",
            "Who is here, tasks, status, progress and locks in one read",
        ),
        resource(LOCKS, "locks", "Locks", "Who holds which file, and for how long"),
        resource(
            VERSION,
            "version",
            "Server version",
            "Name and version of the server",
        ),
    ])
}

/// Returns the template of the addresses of values.
pub(super) fn templates() -> ListResourceTemplatesResult {
    let storage = ResourceTemplate::new(format!("{STORAGE}{{key}}"), "storage")
        .with_title("One value")
        .with_description("The value under a key, as it was stored")
        .with_mime_type("text/plain");
    ListResourceTemplatesResult::with_all_items(vec![storage])
}

/// Returns what stands at `uri`. `session` is the fault to tell when there is no board to read from.
pub(super) fn read(uri: &str, session: Result<&Session, Fault>) -> Result<ReadResourceResult, ErrorData> {
    let subject = Subject::of(uri).ok_or_else(|| not_found(uri))?;
    let contents = match subject {
        Subject::Version => {
            let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
            whole(uri, &json!({ "name": name, "version": version }))
        }
        Subject::Board => whole(uri, &report::board(session.map_err(Fault::into_error)?)),
        Subject::Locks => whole(uri, &report::locks(session.map_err(Fault::into_error)?)),
        Subject::Storage(key) => {
            let entry = session.map_err(Fault::into_error)?.call().get(&key);
            let entry = entry.ok_or_else(|| not_found(uri))?;
            ResourceContents::text(&*entry.value, uri)
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

/// Returns the error for an address at which nothing stands.
pub(super) fn not_found(uri: &str) -> ErrorData {
    let hint = format!(
        "nothing at this address; there are {BOARD}, {LOCKS}, {VERSION} and {STORAGE}KEY for keys that exist"
    );
    ErrorData::resource_not_found(hint, Some(json!({ "uri": uri })))
}

fn whole(uri: &str, body: &Value) -> ResourceContents {
    ResourceContents::text(body.to_string(), uri).with_mime_type(JSON)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(uri: &str) -> Option<String> {
        match Subject::of(uri)? {
            Subject::Storage(key) => Some(key.to_string()),
            _ => None,
        }
    }

    #[test]
    fn an_address_holds_a_key_as_it_is_or_filled_into_the_template() {
        for (uri, expected) in [
            ("storage://task:1", "task:1"),
            ("storage://task%3A1", "task:1"),
            ("storage://lock%3aapp%2fa.rs", "lock:app/a.rs"),
            ("storage://lock:app/%5Bslug%5D/p.tsx", "lock:app/%5Bslug%5D/p.tsx"),
            ("storage://lock%3Aapp%2F%255Bslug%255D", "lock:app/%5Bslug%5D"),
        ] {
            assert_eq!(key(uri).as_deref(), Some(expected), "{uri}");
        }
    }

    #[test]
    fn other_addresses_are_none() {
        for uri in [
            "",
            "storage://",
            "storage://a b",
            "storage://%3A%",
            "storage://%3A%é",
            "file:///etc/passwd",
        ] {
            assert_eq!(Subject::of(uri), None, "{uri}");
        }
    }
}
