//! A shell command as words, without what the shell would make of them.
//!
//! It knows what parts words and commands: quotes, comments, redirections, the bodies of here-documents, and the
//! commands in parentheses and backticks. Not variables, patterns, `case` or any other meaning of a word: where a word
//! depends on what only a shell finds out, [`UNKNOWN`] is in it.

/// What a word holds in the place of what a command prints; a variable begins with it too.
pub(super) const UNKNOWN: char = '$';

/// How many here-documents without an end are looked for: that takes reading all of the text.
const MAX_ENDLESS: usize = 16;

/// What a shell does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Runs a simple command: its words, without quotes and redirections.
    Command(Vec<String>),
    /// Starts another shell, which has a directory of its own.
    Enter,
    /// Goes on with the shell that started this one.
    Leave,
}

/// Returns what a shell does to run `text`, in order: what a command is made of is run before it.
pub(super) fn steps(text: &str) -> Vec<Step> {
    let mut reader = Reader {
        rest: text,
        ..Reader::default()
    };
    while let Some(c) = reader.next() {
        if reader.level.is_quoted {
            reader.quoted(c);
        } else {
            reader.plain(c);
        }
    }
    while !reader.above.is_empty() {
        reader.leave();
    }
    reader.end_command();
    reader.steps
}

#[derive(Default)]
struct Reader<'a> {
    rest: &'a str,
    steps: Vec<Step>,
    level: Level,
    /// The commands that wait for what is in their parentheses, the outermost first.
    above: Vec<Level>,
    /// The here-documents that begin with the next line.
    bodies: Vec<Body>,
    /// How many had no end.
    endless: usize,
}

/// The command that is being read.
#[derive(Default)]
struct Level {
    words: Vec<String>,
    /// `None` between words; an empty word can be written in quotes.
    word: Option<String>,
    /// What the next word is, when it is none of the command's.
    aside: Option<Aside>,
    /// Whether this is between double quotes.
    is_quoted: bool,
    /// What ends it, if it is inside another one.
    end: Option<char>,
}

enum Aside {
    /// A redirection's file.
    File,
    /// The line that ends a here-document, whose lines may be indented with tabs.
    Body { has_tabs: bool },
}

struct Body {
    end: String,
    has_tabs: bool,
}

impl Body {
    /// Returns what follows the body with which `text` begins, `None` when it has no end.
    fn skip<'a>(&self, text: &'a str) -> Option<&'a str> {
        let mut read = 0;
        for line in text.split_inclusive('\n') {
            read += line.len();
            let line = line.strip_suffix('\n').unwrap_or(line);
            let indented = if self.has_tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if indented == self.end {
                return Some(&text[read..]);
            }
        }
        None
    }
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// Tells whether `text` comes next, and reads it then.
    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn push(&mut self, c: char) {
        self.level.word.get_or_insert_default().push(c);
    }

    fn plain(&mut self, c: char) {
        let is_between = self.level.word.is_none();
        match c {
            '\'' => {
                let (text, rest) = self.rest.split_once('\'').unwrap_or((self.rest, ""));
                self.level.word.get_or_insert_default().push_str(text);
                self.rest = rest;
            }
            '"' => {
                self.level.word.get_or_insert_default();
                self.level.is_quoted = true;
            }
            '\\' => match self.next() {
                // A line that goes on.
                Some('\n') | None => {}
                Some(c) => self.push(c),
            },
            '$' if self.eat("'") => self.escaped(),
            '$' | '<' | '>' if self.eat("(") => self.substitute(')'),
            '`' if self.level.end == Some('`') => self.leave(),
            '`' => self.substitute('`'),
            '(' => {
                self.end_command();
                self.enter(')');
            }
            ')' if self.level.end == Some(')') => self.leave(),
            '#' if is_between => self.rest = self.rest.trim_start_matches(|c| c != '\n'),
            // A redirection of two streams, which goes on with its arrow.
            '&' if self.rest.starts_with('>') => {}
            '<' | '>' => self.redirect(c),
            '\n' => {
                self.end_command();
                self.skip_bodies();
            }
            ';' | '|' | '&' | ')' => self.end_command(),
            '}' if is_between => self.end_command(),
            '{' if is_between && self.rest.starts_with(char::is_whitespace) => self.end_command(),
            c if c.is_whitespace() => self.end_word(),
            c => self.push(c),
        }
    }

    /// Reads on between double quotes, where commands are run too.
    fn quoted(&mut self, c: char) {
        match c {
            '"' => self.level.is_quoted = false,
            '\\' => match self.next() {
                Some('\n') | None => {}
                Some(c @ ('"' | '\\' | '$' | '`')) => self.push(c),
                Some(c) => {
                    self.push('\\');
                    self.push(c);
                }
            },
            '$' if self.eat("(") => self.substitute(')'),
            '`' => self.substitute('`'),
            c => self.push(c),
        }
    }

    /// Reads to the end of `$'…'`, in which a quote can be escaped.
    fn escaped(&mut self) {
        let mut word = self.level.word.take().unwrap_or_default();
        while let Some(c) = self.next().filter(|c| *c != '\'') {
            word.extend(if c == '\\' { self.next() } else { Some(c) });
        }
        self.level.word = Some(word);
    }

    /// Reads a command whose output, or the name of whose stream, is part of a word.
    fn substitute(&mut self, end: char) {
        self.push(UNKNOWN);
        self.enter(end);
    }

    fn enter(&mut self, end: char) {
        self.steps.push(Step::Enter);
        let inner = Level {
            end: Some(end),
            ..Level::default()
        };
        self.above.push(std::mem::replace(&mut self.level, inner));
    }

    fn leave(&mut self) {
        self.end_command();
        if let Some(outer) = self.above.pop() {
            self.steps.push(Step::Leave);
            self.level = outer;
        }
    }

    fn redirect(&mut self, arrow: char) {
        // A number before it is the stream, not a word.
        let is_number = |word: &mut String| word.chars().all(|c| c.is_ascii_digit());
        self.level.word.take_if(is_number);
        self.end_word();
        let mut aside = Aside::File;
        if arrow == '<' && !self.eat("<<") && self.eat("<") {
            let has_tabs = self.eat("-");
            aside = Aside::Body { has_tabs };
        }
        while self.eat(">") || self.eat("|") {}
        let is_closed = self.eat("&") && self.eat("-");
        self.level.aside = (!is_closed).then_some(aside);
    }

    /// Reads over the here-documents that begin here. One without an end may be none, but the `<<` of a
    /// calculation, so it is read like anything else.
    fn skip_bodies(&mut self) {
        for body in std::mem::take(&mut self.bodies) {
            if self.endless == MAX_ENDLESS {
                return;
            }
            match body.skip(self.rest) {
                Some(rest) => self.rest = rest,
                None => self.endless += 1,
            }
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.level.word.take() else {
            return;
        };
        match self.level.aside.take() {
            None => self.level.words.push(word),
            Some(Aside::File) => {}
            Some(Aside::Body { has_tabs }) => self.bodies.push(Body { end: word, has_tabs }),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.level.aside = None;
        if !self.level.words.is_empty() {
            let words = std::mem::take(&mut self.level.words);
            self.steps.push(Step::Command(words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the steps of `text` in one line: `[a|b]` is a command of two words, `(` and `)` another shell.
    fn read(text: &str) -> String {
        let shown = |step: &Step| match step {
            Step::Command(words) => format!("[{}]", words.join("|")),
            Step::Enter => "(".to_owned(),
            Step::Leave => ")".to_owned(),
        };
        steps(text).iter().map(shown).collect()
    }

    #[test]
    fn words_are_taken_as_a_shell_takes_them() {
        for (text, expected) in [
            ("git status", "[git|status]"),
            ("a 'b c' \"d \\\" e\" f\\ g", "[a|b c|d \" e|f g]"),
            (r#"a "\d\$(b)" $'it\'s' c"#, r"[a|\d$(b)|it's|c]"),
            ("a && b || c; d | e & f\ng", "[a][b][c][d][e][f][g]"),
            ("a # b; it's\nd", "[a][d]"),
            ("{ a; } ; b{1,2} {c,d}", "[a][b{1,2}|{c,d}]"),
            ("a ''", "[a|]"),
            ("a \\\n b", "[a|b]"),
            ("'open", "[open]"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn redirections_are_no_words() {
        for (text, expected) in [
            ("a > out 2>&1 b < in", "[a|b]"),
            ("a 2>&- b &> out c >| d <> e", "[a|b|c]"),
            ("a <<< 'b c' d\ne", "[a|d][e]"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_command_in_a_command_leaves_the_rest_of_it() {
        for (text, expected) in [
            ("x=$(git stash) && (git pop)", "([git|stash])[x=$]([git|pop])"),
            ("a $(b \"$(c)\" d) e", "(([c])[b|$|d])[a|$|e]"),
            ("a \"$(b) c\" `d` <(e) f", "([b])([d])([e])[a|$ c|$|$|f]"),
            ("(a; (b) c) d", "([a]([b])[c])[d]"),
            ("a $((1 + (2))) b", "(([1|+]([2])))[a|$|b]"),
            ("case x in y) a;; esac", "[case|x|in|y][a][esac]"),
            ("a $(b", "([b])[a|$]"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn bodies_of_here_documents_are_no_commands() {
        for (text, expected) in [
            ("a > n <<'EOF'\nit's\nEOF\nb", "[a][b]"),
            ("a <<EOF | b\nc\n EOF\nEOF", "[a][b]"),
            ("a <<-\"E F\" b\n\tc\n\tE F\nd", "[a|b][d]"),
            ("a <<A <<B\nB\nA\nc\nB\nd", "[a][d]"),
            ("a -m \"$(b <<'EOF'\nit's (c)\nEOF\n)\" d", "([b])[a|-m|$|d]"),
            ("a $((1<<2))\nb", "(())[a|$][b]"),
            ("a <<EOF\nb", "[a][b]"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_end_of_here_documents_is_not_looked_for_without_an_end() {
        let text = |endless| format!("{}a <<'END'\nb\nEND\n", "<<E\n".repeat(endless));
        assert_eq!(read(&text(MAX_ENDLESS - 1)), "[a]");
        assert_eq!(read(&text(MAX_ENDLESS)), "[a][b][END]");
    }
}
