//! `callboard ls`: the keys of a board, or the boards that run.

use serde_json::{Value, json};

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::{CliError, place, text};
use crate::net::project::Project;

/// How many keys are asked for at once; the most that the board gives.
const PAGE: u64 = 500;

/// Writes the keys that match, in key order, page by page.
pub(super) fn keys(
    pattern: &str,
    values: bool,
    place: &Place,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut client = Client::connect(place)?;
    let mut arguments = json!({ "pattern": pattern, "values": values, "limit": PAGE });
    let mut rows = Vec::new();
    loop {
        let mut page = client.call("listKeys", &arguments)?;
        let keys = page["keys"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        match output.form() {
            Form::Json => keys.iter().try_for_each(|key| output.json(key))?,
            Form::Human => rows.extend(keys.iter().map(|key| row(key, values))),
        }
        match page["cursor"].take() {
            Value::Null => break,
            cursor => arguments["cursor"] = cursor,
        }
    }
    if output.form() == Form::Json {
        return Ok(());
    }
    if rows.is_empty() {
        return output.line(format_args!("no keys match {pattern}"));
    }
    let mut heading = vec!["KEY", "REV", "EXPIRES IN", "HELD BY"];
    if values {
        heading.push("VALUE");
    }
    rows.insert(0, heading.into_iter().map(str::to_owned).collect());
    output.raw(text::table(&rows).as_bytes())
}

fn row(key: &Value, values: bool) -> Vec<String> {
    let text_of = |field: &str| key[field].as_str().unwrap_or_default().to_owned();
    let mut cells = vec![
        text_of("key"),
        key["rev"].to_string(),
        text::duration(key["expiresInMs"].as_u64().unwrap_or(0)),
        text::holders(key).unwrap_or_default(),
    ];
    if values {
        cells.push(text::one_line(&text_of("value")));
    }
    cells
}

/// Writes the boards of this user that run.
pub(super) fn boards(output: &mut Output<'_>) -> Result<(), CliError> {
    let boards = Project::all(place::runtime_directory().as_deref())?;
    if output.form() == Form::Json {
        return boards.iter().try_for_each(|board| {
            output.json(&json!({
                "name": board.name, "root": board.root, "socket": board.socket, "pid": board.pid,
            }))
        });
    }
    if boards.is_empty() {
        return output.line("no boards run; one with a --socket of its own is not known here");
    }
    let heading = ["NAME", "PROCESS", "ROOT", "SOCKET"].map(str::to_owned).to_vec();
    let rows = boards.iter().map(|board| {
        vec![
            board.name.clone(),
            board.pid.to_string(),
            board.root.display().to_string(),
            board.socket.display().to_string(),
        ]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    output.raw(text::table(&rows).as_bytes())
}
