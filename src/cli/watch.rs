//! `callboard watch`: what happens on the board, line by line, until it is interrupted or the board goes.

use serde_json::{Value, json};

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::{CliError, text};

/// How long one request waits at the board, which allows 50 s.
const WAIT_MS: u64 = 50_000;

/// Follows the keys that match. An interrupt ends the process where it waits, as in any filter: nothing is
/// held that would have to be given back.
pub(super) fn run(
    pattern: &str,
    since: Option<u64>,
    place: &Place,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut client = Client::connect(place)?;
    client.listen_only_while_read(output.fd());
    let mut arguments = json!({ "pattern": pattern, "waitMs": 0 });
    if let Some(since) = since {
        arguments["since"] = since.into();
    }
    loop {
        let answer = client.call("watchStorage", &arguments).map_err(forgotten)?;
        for event in answer["events"].as_array().into_iter().flatten() {
            match output.form() {
                Form::Json => output.json(event)?,
                Form::Human => output.line(line(event))?,
            }
        }
        output.flush()?;
        arguments["since"] = answer["rev"].clone();
        arguments["waitMs"] = WAIT_MS.into();
    }
}

fn line(event: &Value) -> String {
    let text_of = |field: &str| event[field].as_str().unwrap_or_default();
    let rev = event["rev"].as_u64().unwrap_or(0);
    let (kind, key, by) = (text_of("kind"), text_of("key"), text_of("by"));
    let value = match (event["value"].as_str(), event["bytes"].as_u64()) {
        (Some(value), _) => text::one_line(value),
        (None, Some(bytes)) => format!("({}, see `callboard get {key}`)", text::bytes(bytes)),
        (None, None) => String::new(),
    };
    let by = if by.is_empty() {
        String::new()
    } else {
        format!("  by {by}")
    };
    format!("{rev:>8}  {kind:<6}  {key}{by}  {value}")
        .trim_end()
        .to_owned()
}

/// Says in the command's own words that events between two answers, or before the first, are gone.
fn forgotten(error: CliError) -> CliError {
    match error {
        CliError::Refused { code, .. } if code == "COMPACTED" => CliError::Refused {
            code: "it no longer remembers all events after that revision".to_owned(),
            hint: Some("list what there is with `callboard ls`, then watch without --since".to_owned()),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let set = json!({"rev": 7, "kind": "set", "key": "task:1", "by": "lead", "value": "a\nb"});
        assert_eq!(line(&set), "       7  set     task:1  by lead  a b");
        let expiry = json!({"rev": 12, "kind": "expire", "key": "lock:a", "by": ""});
        assert_eq!(line(&expiry), "      12  expire  lock:a");
        let long = json!({"rev": 8, "kind": "set", "key": "k", "by": "x", "bytes": 20_480});
        assert_eq!(
            line(&long),
            "       8  set     k  by x  (20.0 KiB, see `callboard get k`)"
        );
    }
}
