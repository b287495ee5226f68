//! `callboard stats`: the board in numbers.

use serde_json::{Value, json};

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::{CliError, text};

/// Writes the numbers.
pub(super) fn run(place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let body = Client::connect(place)?.ask("callboard/stats", json!({}))?;
    match output.form() {
        Form::Json => output.json(&body),
        Form::Human => output.raw(text::table(&rows(&body)).as_bytes()),
    }
}

fn rows(body: &Value) -> Vec<Vec<String>> {
    let count = |field: &str| body[field].as_u64().unwrap_or(0);
    let hit_rate = match body["hitRate"].as_f64() {
        Some(rate) => format!("{:.1} %", rate * 100.0),
        None => "no reads yet".to_owned(),
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut rows = vec![
        row(
            "namespace",
            body["namespace"].as_str().unwrap_or_default().to_owned(),
        ),
        row("revision", count("rev").to_string()),
        row("uptime", text::duration(count("uptimeMs"))),
        row("agents", count("agents").to_string()),
        row(
            "calls a second",
            format!("{:.1}", body["opsPerSecond"].as_f64().unwrap_or(0.0)),
        ),
        row("hit rate", hit_rate),
        row("hits", count("hits").to_string()),
        row("misses", count("misses").to_string()),
        row("sets", count("sets").to_string()),
        row("deletes", count("deletes").to_string()),
        row("expirations", count("expirations").to_string()),
        row("keys", held(count("keys"), count("bytes"))),
    ];
    for (kind, stats) in body["kinds"].as_object().into_iter().flatten() {
        let keys = stats["keys"].as_u64().unwrap_or(0);
        if keys > 0 {
            let bytes = stats["bytes"].as_u64().unwrap_or(0);
            rows.push(row(&format!("  {kind}"), held(keys, bytes)));
        }
    }
    let states = body["tasks"].as_object().into_iter().flatten();
    let states: Vec<_> = states
        .filter(|(_, count)| **count != 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if !states.is_empty() {
        rows.push(row("tasks", states.join(", ")));
    }
    let waiting = body["waiting"].as_array().map_or(0, Vec::len);
    if waiting > 0 {
        rows.push(row("waiting", format!("{waiting} for locks")));
    }
    rows
}

fn held(keys: u64, bytes: u64) -> String {
    format!("{keys} ({})", text::bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_and_those_who_wait_are_counted_when_there_are_any() {
        let body = json!({ "tasks": { "pending": 2, "claimed": 0, "dead": 1 }, "waiting": [{ "by": "a" }] });
        let text = text::table(&rows(&body));
        assert!(text.contains("tasks           2 pending, 1 dead\n"), "{text}");
        assert!(text.ends_with("waiting         1 for locks\n"), "{text}");
    }

    #[test]
    fn only_kinds_that_hold_something_are_shown() {
        let body = json!({
            "hitRate": 0.5, "keys": 2, "bytes": 2_048, "uptimeMs": 61_000,
            "kinds": { "lock": { "keys": 0, "bytes": 0 }, "task": { "keys": 2, "bytes": 2_048 } },
        });
        let text = text::table(&rows(&body));
        assert!(text.contains("hit rate        50.0 %\n"), "{text}");
        assert!(text.contains("uptime          1m 1s\n"), "{text}");
        assert!(
            text.ends_with("keys            2 (2.0 KiB)\n  task          2 (2.0 KiB)\n"),
            "{text}"
        );
    }
}
