//! `callboard del`: removes a key.

use serde_json::json;

use super::CliError;
use super::args::Place;
use super::client::{Client, expire_instead};
use super::output::{Form, Output};

/// Removes `key` and says whether it was there; either way it is gone then, so both are success.
pub(super) fn run(key: &str, place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let answer = Client::connect(place)?.call("deleteStorage", &json!({ "key": key }));
    let body = answer.map_err(expire_instead(key))?;
    match output.form() {
        Form::Json => output.json(&body),
        Form::Human if body["deleted"] == true => output.line(format_args!("deleted {key}")),
        Form::Human => output.line(format_args!("there was no {key}")),
    }
}
