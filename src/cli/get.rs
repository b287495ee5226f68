//! `callboard get`: the value of a key.

use serde_json::json;

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::{CliError, text};

/// Writes the value of `key`, byte for byte when `raw`. A missing key has its own exit code.
pub(super) fn run(key: String, raw: bool, place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let body = Client::connect(place)?.call("getStorage", &json!({ "key": key }))?;
    let value = body["value"].as_str();
    if output.form() == Form::Json && !raw {
        output.json(&body)?;
    }
    let Some(value) = value else {
        return Err(CliError::NoKey(key));
    };
    match output.form() {
        _ if raw => output.raw(value.as_bytes()),
        Form::Json => Ok(()),
        Form::Human => output.line(text::printable(value)),
    }
}
