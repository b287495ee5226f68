//! `callboard set`: writes a value, from the command line or from stdin.

use std::io::{self, Read as _};

use serde_json::json;

use super::CliError;
use super::args::Place;
use super::client::{Client, expire_instead};
use super::output::{Form, Output};

/// The value that stands for stdin.
const STDIN: &str = "-";

/// Writes `value` under `key`.
pub(super) fn run(
    key: &str,
    value: String,
    ttl: Option<f64>,
    place: &Place,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let value = if value == STDIN {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(CliError::Input)?;
        text
    } else {
        value
    };
    let mut arguments = json!({ "key": key, "value": value });
    if let Some(ttl) = ttl {
        arguments["ttl"] = json!(ttl);
    }
    let answer = Client::connect(place)?.call("setStorage", &arguments);
    let body = answer.map_err(expire_instead(key))?;
    match output.form() {
        Form::Json => output.json(&body),
        Form::Human => output.line(format_args!("set {key}")),
    }
}
