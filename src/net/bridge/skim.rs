//! Finds the id of a message that is too long to be kept.
//!
//! Not a parser: it believes that the text is JSON. A client that sends such a line still gets its one answer.

use super::message::Id;

/// The longest key or id that is looked at.
const MAX_TOKEN: usize = 256;

/// Follows a JSON object's bytes and keeps only its own `id`.
#[derive(Debug, Default)]
pub(super) struct Skim {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The key or scalar value that is being read, at the top level.
    token: Vec<u8>,
    /// Whether the value that is being read is that of `id`.
    at_id: bool,
    id: Option<Id>,
}

impl Skim {
    /// Reads on.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.step(byte);
        }
    }

    /// Returns the id, if there was one.
    pub(super) fn id(&mut self) -> Option<Id> {
        self.id.take()
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return self.keep(byte);
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.keep(byte);
            }
            b'{' | b'[' => self.depth += 1,
            b':' if self.depth == 1 => self.at_id = self.take() == b"\"id\"",
            b',' | b'}' if self.depth == 1 => {
                let value = self.take();
                if std::mem::take(&mut self.at_id) {
                    self.id = std::str::from_utf8(&value).ok().and_then(Id::read);
                }
                self.depth -= usize::from(byte == b'}');
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ if byte.is_ascii_whitespace() => {}
            _ => self.keep(byte),
        }
    }

    /// Keeps one byte more than is looked at, so that a longer token equals nothing.
    fn keep(&mut self, byte: u8) {
        if self.depth == 1 && self.token.len() <= MAX_TOKEN {
            self.token.push(byte);
        }
    }

    fn take(&mut self) -> Vec<u8> {
        let mut token = std::mem::take(&mut self.token);
        if token.len() > MAX_TOKEN {
            token.clear();
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(line: &str) -> Option<Id> {
        let mut skim = Skim::default();
        // Byte by byte is the hardest way to cut it.
        line.bytes().for_each(|byte| skim.feed(&[byte]));
        skim.id()
    }

    #[test]
    fn only_the_message_s_own_id_counts() {
        for (line, id) in [
            (r#"{"id":7,"params":{"id":8}}"#, "7"),
            (
                r#"{"params":{"a":[{"id":8}],"t":"},\"id\":9,\\"},"jsonrpc":"2.0", "id" : "x,y" }"#,
                "\"x,y\"",
            ),
            (r#"{"params":"\"id\":1","id":-3}"#, "-3"),
        ] {
            assert_eq!(id_of(line), Id::read(id), "{line}");
        }
        let long = "x".repeat(MAX_TOKEN);
        for line in [
            "{}",
            "[1,2]",
            "nonsense",
            r#"{"params":{"id":1}}"#,
            &format!("{{\"id\":\"{long}\"}}"),
        ] {
            assert_eq!(id_of(line), None, "{line}");
        }
    }
}
