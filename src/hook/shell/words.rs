//! A shell command as words, without what the shell would make of them.

use std::iter::Peekable;
use std::str::Chars;

/// Returns the words of each simple command in `text`, in order. Quotes are taken off, redirections left out, and
/// what stands in `$(…)` is a command like any other.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                reader.begin();
                chars
                    .by_ref()
                    .take_while(|c| *c != '\'')
                    .for_each(|c| reader.push(c));
            }
            '"' => reader.quoted(&mut chars),
            '\\' => match chars.next() {
                // A line that goes on.
                Some('\n') | None => {}
                Some(c) => reader.push(c),
            },
            '#' if reader.word.is_none() => {
                chars.by_ref().find(|c| *c == '\n');
                reader.end_command();
            }
            '>' | '<' => reader.redirect(&mut chars),
            '$' if chars.peek() == Some(&'(') => reader.end_command(),
            ';' | '\n' | '|' | '&' | '(' | ')' | '`' => reader.end_command(),
            '{' | '}' if reader.word.is_none() => reader.end_command(),
            c if c.is_whitespace() => reader.end_word(),
            c => reader.push(c),
        }
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    /// `None` between words; an empty word can be written in quotes.
    word: Option<String>,
    /// Whether the next word is a redirection's file.
    is_aside: bool,
}

impl Reader {
    fn begin(&mut self) {
        self.word.get_or_insert_default();
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    /// Reads to the end of double quotes; a command in them is run, so it is one.
    fn quoted(&mut self, chars: &mut Peekable<Chars<'_>>) {
        self.begin();
        while let Some(c) = chars.next() {
            match c {
                '"' => return,
                '\\' => chars.next().into_iter().for_each(|c| self.push(c)),
                '$' if chars.peek() == Some(&'(') => {
                    let inner: String = chars.by_ref().skip(1).take_while(|c| *c != ')').collect();
                    self.commands.extend(commands(&inner));
                }
                c => self.push(c),
            }
        }
    }

    fn redirect(&mut self, chars: &mut Peekable<Chars<'_>>) {
        // A number before it is the stream, not a word.
        if self
            .word
            .as_ref()
            .is_some_and(|word| word.chars().all(|c| c.is_ascii_digit()))
        {
            self.word = None;
        }
        self.end_word();
        while chars
            .next_if(|c| matches!(c, '>' | '<' | '&' | '|' | '-'))
            .is_some()
        {}
        self.is_aside = true;
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.is_aside)
        {
            self.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_aside = false;
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_as_a_shell_takes_them() {
        for (text, expected) in [
            ("git status", vec![vec!["git", "status"]]),
            (
                "a 'b c' \"d \\\" e\" f\\ g",
                vec![vec!["a", "b c", "d \" e", "f g"]],
            ),
            (
                "a && b || c; d | e & f\ng",
                vec![
                    vec!["a"],
                    vec!["b"],
                    vec!["c"],
                    vec!["d"],
                    vec!["e"],
                    vec!["f"],
                    vec!["g"],
                ],
            ),
            ("a > out 2>&1 b < in", vec![vec!["a", "b"]]),
            ("a # b; c\nd", vec![vec!["a"], vec!["d"]]),
            (
                "x=$(git stash) && (git pop)",
                vec![vec!["x="], vec!["git", "stash"], vec!["git", "pop"]],
            ),
            (
                "echo \"$(git stash) done\"",
                vec![vec!["git", "stash"], vec!["echo", " done"]],
            ),
            ("{ a; } ; b{1,2}", vec![vec!["a"], vec!["b{1,2}"]]),
            ("a ''", vec![vec!["a", ""]]),
            ("a \\\n b", vec![vec!["a", "b"]]),
            ("'open", vec![vec!["open"]]),
        ] {
            assert_eq!(commands(text), expected, "{text}");
        }
    }
}
