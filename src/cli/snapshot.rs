//! `callboard snapshot`: a copy of all that the board knows, for `callboard --restore`.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::Place;
use super::client::Client;
use super::output::{Form, Output};
use super::{CliError, place};
use crate::snapshot::{Existing, Saver, copy};

/// Has the board saved and copies that to `file`, with the rights of whoever asks.
pub(super) fn run(file: &Path, force: bool, place: &Place, output: &mut Output<'_>) -> Result<(), CliError> {
    let existing = if force {
        Existing::IsReplaced
    } else {
        Existing::Stays
    };
    if !force && file.symlink_metadata().is_ok() {
        // Known before the board has gone to the trouble.
        return Err(CliError::FileExists(file.to_owned()));
    }
    let body = Client::connect(place)?.ask_for_much("callboard/snapshot", json!({}))?;
    export(&place::project(place)?.snapshot_file(), file, existing)?;
    match output.form() {
        Form::Json => output.json(&answer(body, file)),
        Form::Human => output.line(format_args!(
            "wrote {} keys of revision {} to {}",
            body["entries"],
            body["rev"],
            file.display()
        )),
    }
}

/// Copies the snapshot in which a board is `saved` to `file`.
pub(super) fn export(saved: &Path, file: &Path, existing: Existing) -> Result<(), CliError> {
    copy(saved, file, existing).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CliError::FileExists(PathBuf::from(file)),
        kind => CliError::System {
            doing: "write the snapshot",
            source: io::Error::new(kind, format!("{}: {source}", file.display())),
        },
    })
}

/// Has the board saved and copies that into the directory that the program runs in, under a name of the moment;
/// returns what there is to say of it.
pub(super) async fn keep_copy(saver: Saver) -> Result<String, String> {
    let saved = saver.save().await;
    let saved = saved.map_err(|error| format!("no snapshot: {error}"))?;
    let name = jiff::Zoned::now()
        .strftime("callboard-%Y%m%d-%H%M%S.jsonl")
        .to_string();
    let to = PathBuf::from(&name);
    let copied = tokio::task::spawn_blocking(move || copy(&saved.path, &to, Existing::Stays)).await;
    match copied {
        Ok(Ok(())) => Ok(format!(
            "{name} written, {} keys, for callboard --restore",
            saved.entries
        )),
        Ok(Err(error)) => Err(format!("no snapshot: cannot write {name}: {error}")),
        Err(_) => Err("no snapshot: the board is ending".to_owned()),
    }
}

fn answer(mut body: Value, file: &Path) -> Value {
    body["file"] = file.to_string_lossy().into();
    body
}
