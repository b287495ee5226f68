//! `callboard expire`: ends a key or a lock on behalf of the person at the keyboard.

use serde_json::json;

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::{CliError, text};

/// Ends `key`, provided that it still has revision `rev` when one is given, and says whose it was.
pub(super) fn run(
    key: &str,
    rev: Option<u64>,
    place: &Place,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut params = json!({ "key": key });
    if let Some(rev) = rev {
        params["rev"] = rev.into();
    }
    let body = Client::connect(place)?
        .ask("callboard/expire", params)
        .map_err(|error| match error {
            CliError::Refused { code, .. } if code == "NOT_FOUND" => CliError::NoKey(key.to_owned()),
            other => other,
        })?;
    if output.form() == Form::Json {
        return output.json(&body);
    }
    match (text::holders(&body), body["by"].as_str()) {
        (Some(holders), _) => output.line(format_args!("expired {key}, which {holders} held")),
        (None, Some(writer)) => output.line(format_args!("expired {key}, which {writer} had written")),
        (None, None) => output.line(format_args!("expired {key}")),
    }
}
