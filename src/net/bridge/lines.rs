//! Bytes into lines, with bounded memory.
//!
//! A line that is too long is skipped to its end and then reported, with the id that stood in it.

use std::io::BufRead as _;

use super::message::Id;
use super::skim::Skim;

/// An empty buffer larger than this is given back.
const KEPT: usize = 64 * 1024;

/// Collects lines out of the pieces in which they arrive.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    line: Vec<u8>,
    /// What is known of a line that is too long, while it is skipped.
    skimmed: Option<Skim>,
}

/// What [`Lines::next`] finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A whole line with its newline; whoever takes the buffer keeps it.
    Whole(&'a mut Vec<u8>),
    /// A line that passed the limit.
    TooLong(Option<Id>),
}

impl Lines {
    /// Returns a collector of lines of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            skimmed: None,
        }
    }

    /// Takes bytes from `piece` up to the end of the line, and returns the line if that is there.
    pub(super) fn next(&mut self, piece: &mut &[u8]) -> Option<Line<'_>> {
        loop {
            let rest = *piece;
            // The standard library's reader searches by machine words also in a debug build.
            let taken = piece.skip_until(b'\n').ok()?;
            let part = rest.get(..taken)?;
            let whole = part.ends_with(b"\n");
            self.add(part, whole);
            if !whole {
                return None;
            }
            if let Some(mut skimmed) = self.skimmed.take() {
                return Some(Line::TooLong(skimmed.id()));
            }
            if !self.line.trim_ascii().is_empty() {
                return Some(Line::Whole(&mut self.line));
            }
        }
    }

    /// Appends to the line, which begins anew when the last one was whole.
    fn add(&mut self, part: &[u8], whole: bool) {
        if self.line.ends_with(b"\n") {
            self.line.clear();
            if self.line.capacity() > KEPT {
                self.line = Vec::new();
            }
        }
        if let Some(skimmed) = &mut self.skimmed {
            skimmed.feed(part);
        } else if self.line.len() + part.len() - usize::from(whole) > self.limit {
            let mut skimmed = Skim::default();
            skimmed.feed(&std::mem::take(&mut self.line));
            skimmed.feed(part);
            self.skimmed = Some(skimmed);
        } else {
            self.line.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(lines: &mut Lines, mut piece: &[u8]) -> Vec<Result<String, Option<Id>>> {
        let mut found = Vec::new();
        while let Some(line) = lines.next(&mut piece) {
            found.push(match line {
                Line::Whole(line) => Ok(String::from_utf8(line.clone()).unwrap()),
                Line::TooLong(id) => Err(id),
            });
        }
        found
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let mut lines = Lines::new(10);
        assert_eq!(feed(&mut lines, b"on"), []);
        assert_eq!(feed(&mut lines, b""), []);
        assert_eq!(feed(&mut lines, b"e"), []);
        let expected = [Ok("one\n".to_owned()), Ok("two\r\n".to_owned())];
        assert_eq!(feed(&mut lines, b"\n\r\n\ntwo\r\nthr"), expected);
        assert_eq!(feed(&mut lines, b"ee\n"), [Ok("three\n".to_owned())]);
        assert_eq!(feed(&mut lines, b"\n"), []);
    }

    #[test]
    fn a_taken_buffer_is_replaced() {
        let mut lines = Lines::new(10);
        let Some(Line::Whole(line)) = lines.next(&mut &b"one\n"[..]) else {
            panic!()
        };
        assert_eq!(std::mem::take(line), b"one\n");
        assert_eq!(feed(&mut lines, b"two\n"), [Ok("two\n".to_owned())]);
    }

    #[test]
    fn a_line_too_long_is_skipped_in_little_memory_and_reported_with_its_id() {
        let mut lines = Lines::new(20);
        assert_eq!(
            feed(&mut lines, b"12345678901234567890\n"),
            [Ok("12345678901234567890\n".to_owned())]
        );
        assert_eq!(feed(&mut lines, b"{\"params\":{\"id\":1,\"t\":\""), []);
        for _ in 0..1_000 {
            assert_eq!(feed(&mut lines, &[b'x'; 1_000]), []);
        }
        assert!(lines.line.capacity() < 1_000);
        assert_eq!(
            feed(&mut lines, b"\"},\"id\":\"seven\"}\n{}\n"),
            [Err(Id::read("\"seven\"")), Ok("{}\n".to_owned())]
        );
    }
}
