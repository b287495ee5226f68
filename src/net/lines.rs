//! Bytes into lines, with bounded memory.
//!
//! A line that is too long is reported once and skipped to its end; the connection goes on after it.

use std::io;
use std::ops::Range;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line that is served: a value of 10 MiB, all of it escaped, fits several times.
pub const MAX_LINE: usize = 64 * 1024 * 1024;

/// What is asked of the socket at a time.
const CHUNK: usize = 16 * 1024;
/// An empty buffer larger than this is given back.
const KEPT: usize = 256 * 1024;

/// The reader's buffer.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the first line that was not returned begins.
    start: usize,
    /// How far the search for its end has come.
    searched: usize,
    /// Whether that line was reported as too long, and its rest is to be dropped.
    skipping: bool,
}

/// What [`Lines::next`] finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Where a whole line is, for [`Lines::bytes`] until the next [`Lines::fill`].
    Whole(Range<usize>),
    /// A line passed [`MAX_LINE`]; it is skipped.
    TooLong,
}

impl Lines {
    /// Returns the next line, `None` until more has been read. Empty lines are passed over.
    pub(super) fn next(&mut self) -> Option<Line> {
        loop {
            let Some(end) = find_newline(&self.buffer, self.searched) else {
                self.searched = self.buffer.len();
                return self.check_rest();
            };
            let line = self.start..end;
            self.start = end + 1;
            self.searched = self.start;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > MAX_LINE {
                return Some(Line::TooLong);
            }
            if !self.bytes(&line).is_empty() {
                return Some(Line::Whole(line));
            }
        }
    }

    /// Returns the bytes of a line, without its end.
    pub(super) fn bytes(&self, line: &Range<usize>) -> &[u8] {
        let bytes = self.buffer.get(line.clone()).unwrap_or_default();
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    /// Reads what there is into the buffer, and returns how much that was: 0 at the end.
    /// Dropping it loses nothing.
    pub(super) async fn fill(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.make_room();
        reader.read_buf(&mut self.buffer).await
    }

    fn make_room(&mut self) {
        self.buffer.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        if self.buffer.capacity() - self.buffer.len() < CHUNK / 4 {
            self.buffer.reserve(CHUNK);
        }
    }

    /// Drops what is there of a line that is already too long, and reports it once.
    fn check_rest(&mut self) -> Option<Line> {
        let rest = self.buffer.len() - self.start;
        if !self.skipping && rest <= MAX_LINE {
            return None;
        }
        self.buffer.clear();
        (self.start, self.searched) = (0, 0);
        let first = !std::mem::replace(&mut self.skipping, true);
        first.then_some(Line::TooLong)
    }
}

fn find_newline(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    // The standard library's reader searches by machine words also in a debug build.
    let taken = io::BufRead::skip_until(&mut &*rest, b'\n').ok()?;
    let end = (from + taken).checked_sub(1)?;
    (bytes.get(end) == Some(&b'\n') && end >= from).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(lines: &mut Lines, bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
        lines.make_room();
        lines.buffer.extend_from_slice(bytes);
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            found.push(match line {
                Line::Whole(range) => Some(lines.bytes(&range).to_vec()),
                Line::TooLong => None,
            });
        }
        found
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::default();
        assert_eq!(feed(&mut lines, b"on"), []);
        assert_eq!(feed(&mut lines, b"e"), []);
        assert_eq!(
            feed(&mut lines, b"\n\r\n\ntwo\r\nthr"),
            [Some(b"one".to_vec()), Some(b"two".to_vec())]
        );
        assert_eq!(feed(&mut lines, b"ee\n"), [Some(b"three".to_vec())]);
    }

    #[test]
    fn a_line_too_long_is_reported_once_and_skipped_with_bounded_memory() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; MAX_LINE / 2 + 1];
        assert_eq!(feed(&mut lines, &chunk), []);
        assert_eq!(feed(&mut lines, &chunk), [None]);
        assert_eq!(feed(&mut lines, &chunk), []);
        assert_eq!(feed(&mut lines, b"tail\nnext\n"), [Some(b"next".to_vec())]);
        lines.make_room();
        assert!(lines.buffer.capacity() <= KEPT, "{}", lines.buffer.capacity());
    }
}
