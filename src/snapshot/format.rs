//! The lines of a snapshot: a header, one record each, and an end that tells how many there must be.
//!
//! JSON lines, so that `jq` and `grep` read it too. The header names the version; a later one may add words,
//! which this one refuses rather than drops.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::board::{
    Board, Clock, Image, Limits, Moment, Record, Restoring, Revision, RevisionFile, SessionId, Unfit,
};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// How a snapshot begins, so that no other file is taken for one.
const KIND: &str = "snapshot";
/// The longest line: the longest value, every character of it escaped, and room.
const MAX_LINE: u64 = 80 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    callboard: String,
    version: u32,
    /// The program that wrote it, for people.
    program: String,
    rev: Revision,
    at: Timestamped,
    last_session: SessionId,
    entries: usize,
}

/// What every version of the header has.
#[derive(Debug, Deserialize)]
struct AnyHeader {
    callboard: String,
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: bool,
    /// How many lines there are before this one.
    lines: u64,
}

/// A moment of the wall clock, as text.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Timestamped(Timestamp);

impl From<Timestamped> for String {
    fn from(Timestamped(at): Timestamped) -> Self {
        at.to_string()
    }
}

impl TryFrom<String> for Timestamped {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// A board made of a snapshot.
#[derive(Debug)]
pub struct Restored {
    /// The board.
    pub board: Board,
    /// When the snapshot was taken.
    pub moment: Moment,
    /// How long ago that was.
    pub age: Duration,
    /// How many entries it has.
    pub entries: usize,
}

/// Why there is no board of a snapshot.
#[derive(Debug, thiserror::Error)]
#[error("cannot go on from the snapshot {}: {problem}", .path.display())]
pub struct RestoreError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The system refuses.
    #[error("{0}")]
    System(#[from] io::Error),
    /// It is something else.
    #[error("it is no snapshot of a board")]
    Foreign,
    /// It was written by another version.
    #[error("it is of version {0}, and this callboard reads version {VERSION}")]
    Version(u64),
    /// A line is not what it must be.
    #[error("line {line}: {problem}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A record does not belong to the board that the others make.
    #[error("line {line}: {unfit}")]
    Unfit {
        /// Which, from 1.
        line: u64,
        /// Why.
        unfit: Unfit,
    },
    /// It ends too early.
    #[error("it ends after line {0}, in the middle")]
    Torn(u64),
    /// There are not as many of something as it says.
    #[error("it says that it has {said} {what}, but it has {found}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there must be.
        said: u64,
        /// How many there are.
        found: u64,
    },
}

/// Writes `image` as lines.
pub fn write(image: &Image, out: &mut impl Write) -> io::Result<()> {
    let Moment {
        rev,
        at,
        last_session,
    } = image.moment();
    let header = Header {
        callboard: KIND.to_owned(),
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        rev,
        at: Timestamped(at),
        last_session,
        entries: image.entries(),
    };
    write_line(out, &header)?;
    let mut lines = 1;
    for record in image.records() {
        write_line(out, &record)?;
        lines += 1;
    }
    write_line(out, &End { end: true, lines })
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Makes a board of the snapshot at `path`, whose revisions go on above `start` too. Whatever is wrong with the
/// file, there is no board then, and nothing else has changed.
pub fn restore<C: Clock + std::fmt::Debug>(
    path: &Path,
    clock: C,
    limits: Limits,
    revisions: RevisionFile,
    start: Revision,
) -> Result<Restored, RestoreError> {
    let restored = || {
        let source = BufReader::new(File::open(path)?);
        let (moment, restoring) = read(source, clock, limits, start)?;
        Ok(Restored {
            moment,
            age: restoring.age(),
            entries: restoring.entries(),
            board: restoring.finish(revisions)?,
        })
    };
    restored().map_err(|problem| RestoreError {
        path: path.to_owned(),
        problem,
    })
}

/// Reads a snapshot from `source` up to its end.
pub fn read<C: Clock + std::fmt::Debug>(
    source: impl BufRead,
    clock: C,
    limits: Limits,
    start: Revision,
) -> Result<(Moment, Restoring<C>), Problem> {
    let mut lines = Lines {
        source,
        line: Vec::new(),
        number: 0,
    };
    let (moment, entries) = header(&mut lines)?;
    let begun = Restoring::begin(clock, limits, start, moment);
    let mut restoring = begun.map_err(|unfit| lines.unfit(unfit))?;
    let end = loop {
        let line = lines.next()?;
        if line.starts_with(b"{\"end\"") {
            let end: End = serde_json::from_slice(line).map_err(|error| lines.broken(&error))?;
            break end;
        }
        let record: Record = serde_json::from_slice(line).map_err(|error| lines.broken(&error))?;
        restoring.add(record).map_err(|unfit| lines.unfit(unfit))?;
    };
    expect("lines", end.lines, lines.number - 1)?;
    expect("entries", entries, restoring.entries() as u64)?;
    if !end.end || lines.has_more()? {
        let problem = "this should be the end".to_owned();
        return Err(Problem::Line {
            line: lines.number,
            problem,
        });
    }
    Ok((moment, restoring))
}

/// Reads the header: when the snapshot was taken, and how many entries it has.
fn header(lines: &mut Lines<impl BufRead>) -> Result<(Moment, u64), Problem> {
    let line = match lines.next() {
        Err(Problem::Torn(_)) => return Err(Problem::Foreign),
        line => line?,
    };
    match serde_json::from_slice::<AnyHeader>(line) {
        Ok(header) if header.callboard != KIND => return Err(Problem::Foreign),
        Ok(header) if header.version != u64::from(VERSION) => return Err(Problem::Version(header.version)),
        Ok(_) => {}
        Err(_) => return Err(Problem::Foreign),
    }
    let header: Header = serde_json::from_slice(line).map_err(|error| lines.broken(&error))?;
    let Header {
        callboard: _,
        version: _,
        program: _,
        rev,
        at: Timestamped(at),
        last_session,
        entries,
    } = header;
    let moment = Moment {
        rev,
        at,
        last_session,
    };
    Ok((moment, entries as u64))
}

fn expect(what: &'static str, said: u64, found: u64) -> Result<(), Problem> {
    if said == found {
        Ok(())
    } else {
        Err(Problem::Count { what, said, found })
    }
}

/// Lines of bounded length, counted.
struct Lines<R> {
    source: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Returns the next line; one without a newline is torn.
    fn next(&mut self) -> Result<&[u8], Problem> {
        self.line.clear();
        let read = self
            .source
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut self.line)?;
        match self.line.pop() {
            Some(b'\n') => {}
            Some(_) if read as u64 == MAX_LINE => {
                let problem = format!("it is longer than {MAX_LINE} bytes");
                let line = self.number + 1;
                return Err(Problem::Line { line, problem });
            }
            _ => return Err(Problem::Torn(self.number)),
        }
        self.number += 1;
        Ok(&self.line)
    }

    fn has_more(&mut self) -> io::Result<bool> {
        Ok(!self.source.fill_buf()?.is_empty())
    }

    fn broken(&self, error: &serde_json::Error) -> Problem {
        Problem::Line {
            line: self.number,
            problem: error.to_string(),
        }
    }

    fn unfit(&self, unfit: Unfit) -> Problem {
        let line = self.number;
        Problem::Unfit { line, unfit }
    }
}
