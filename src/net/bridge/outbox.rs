//! What is to be written and did not fit yet.

/// An empty buffer larger than this is given back.
const KEPT: usize = 64 * 1024;

/// Bytes on their way to one reader.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    buffer: Vec<u8>,
    written: usize,
}

impl Outbox {
    /// Adds a line, newline included.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.buffer.extend_from_slice(line);
    }

    /// Adds a line that its owner no longer needs: a long one changes hands instead of being copied.
    pub(super) fn push_owned(&mut self, line: &mut Vec<u8>) {
        if self.buffer.is_empty() && line.len() > KEPT {
            self.buffer = std::mem::take(line);
        } else {
            self.push(line);
        }
    }

    /// Returns what waits.
    pub(super) fn waiting(&self) -> &[u8] {
        self.buffer.get(self.written..).unwrap_or_default()
    }

    /// Notes that the first `count` bytes of what waits were written.
    pub(super) fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.buffer.len() {
            self.clear();
        } else if self.written > KEPT && self.written * 2 > self.buffer.len() {
            self.buffer.drain(..std::mem::take(&mut self.written));
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.written = 0;
        self.buffer.clear();
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
    }

    /// Returns whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_not_written_again() {
        let mut outbox = Outbox::default();
        outbox.push(b"one\n");
        outbox.push_owned(&mut b"two\n".to_vec());
        outbox.advance(5);
        assert_eq!(outbox.waiting(), b"wo\n");
        outbox.push(b"three\n");
        outbox.advance(3);
        assert_eq!(outbox.waiting(), b"three\n");
        outbox.advance(6);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_long_line_changes_hands_and_its_memory_is_given_back() {
        let mut outbox = Outbox::default();
        let mut line = vec![b'x'; KEPT + 1];
        outbox.push_owned(&mut line);
        assert!(line.is_empty());
        outbox.advance(KEPT + 1);
        assert_eq!(outbox.buffer.capacity(), 0);
    }
}
