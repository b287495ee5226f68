//! Where a command's results go, and in which form: for people, or one JSON value a line.

use std::io::{BufWriter, Write};
use std::os::fd::BorrowedFd;

use serde_json::Value;

use super::CliError;

/// The streams of the program, handed in by `main`, the only place that owns them.
pub struct Streams<'a> {
    /// Where results go.
    pub out: &'a mut dyn Write,
    /// Where remarks go that are no part of the result.
    pub remarks: &'a mut dyn Write,
    /// What `out` writes to, for noticing that nobody reads it any more.
    pub out_fd: Option<BorrowedFd<'a>>,
    /// Whether a person reads `out`.
    pub out_is_terminal: bool,
    /// Whether a person can type.
    pub in_is_terminal: bool,
}

/// The writer of results.
pub(super) struct Output<'a> {
    out: BufWriter<&'a mut dyn Write>,
    remarks: &'a mut dyn Write,
    fd: Option<BorrowedFd<'a>>,
    form: Form,
    asked_for_json: bool,
}

/// Who reads the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A person.
    Human,
    /// A program.
    Json,
}

impl<'a> Output<'a> {
    pub(super) fn new(streams: Streams<'a>, json: bool) -> Self {
        let Streams {
            out,
            remarks,
            out_fd,
            out_is_terminal,
            ..
        } = streams;
        let form = if json || !out_is_terminal {
            Form::Json
        } else {
            Form::Human
        };
        Self {
            out: BufWriter::new(out),
            remarks,
            fd: out_fd,
            form,
            asked_for_json: json,
        }
    }

    /// Returns who reads.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Returns what can be polled to notice that nobody reads any more.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'a>> {
        self.fd
    }

    /// Tells whether `--json` was given, for results whose plain text is meant for pipes as well.
    pub(super) fn asked_for_json(&self) -> bool {
        self.asked_for_json
    }

    /// Writes one line.
    pub(super) fn line(&mut self, line: impl std::fmt::Display) -> Result<(), CliError> {
        writeln!(self.out, "{line}").map_err(CliError::Output)
    }

    /// Writes `text` as it is.
    pub(super) fn raw(&mut self, text: &[u8]) -> Result<(), CliError> {
        self.out.write_all(text).map_err(CliError::Output)
    }

    /// Writes one JSON value as one line.
    pub(super) fn json(&mut self, value: &Value) -> Result<(), CliError> {
        self.line(value)
    }

    /// Writes a remark that is no part of the result, such as where to put it.
    pub(super) fn remark(&mut self, line: impl std::fmt::Display) -> Result<(), CliError> {
        writeln!(self.remarks, "{line}").map_err(CliError::Output)
    }

    /// Shows what has been written so far; a command's end does it too.
    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(CliError::Output)
    }
}
