//! What a lock is on: a path with everything below it, or a named thing such as `port:3000`.
//!
//! Responsible for what a lock's key means and for which targets are in each other's way. Not for what the
//! file system says of a path: by the time a text arrives here its links have been followed, and its case
//! folded where that is needed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::iter;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::Key;
use super::key::decode;
use super::limits::MAX_KEY_CHARS;

/// What every key of a lock begins with.
const PREFIX: &str = "lock:";

/// How many bytes of its SHA-256 stand for a text that is too long for a key.
const HASH_BYTES: usize = 16;

/// What a lock is on: a path with everything below it, or a named thing such as `port:3000`.
///
/// Targets are in the order of their tree: those below a target follow it without a gap. So whatever a
/// target covers among others is `range(&target..).take_while(|other| target.covers(other))`, and whatever
/// covers it is found by looking up each of [`Target::and_above`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    form: Form,
    /// In normal form, Unicode's NFC included, so that equal targets have equal texts.
    text: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Form {
    /// A path in the project: parts joined by `/`, or `.` for the project itself.
    Relative,
    /// A path outside the project: `/` before each part, or `/` alone.
    Absolute,
    /// `kind:name`.
    Named,
    /// `#` and a hash: some target with a long text, known by its key only.
    Hashed,
}

impl Target {
    /// Returns the path `text`, relative to the project unless it begins with `/`.
    ///
    /// Empty parts and `.` are dropped, `..` takes the part before it along and stops at the top.
    pub fn path(text: &str) -> Self {
        let text = nfc(text);
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                _ => parts.push(part),
            }
        }
        let inner = parts.join("/");
        let (form, text) = match (text.starts_with('/'), inner.is_empty()) {
            (false, true) => (Form::Relative, Arc::from(".")),
            (false, false) => (Form::Relative, Arc::from(inner)),
            (true, _) => (Form::Absolute, Arc::from(format!("/{inner}"))),
        };
        Self { form, text }
    }

    /// Returns the thing `name` of the kind `kind`, such as `3000` and `port`.
    pub fn named(kind: &str, name: &str) -> Self {
        Self::thing(&format!("{kind}:{name}"))
    }

    fn thing(text: &str) -> Self {
        Self {
            form: Form::Named,
            text: Arc::from(nfc(text)),
        }
    }

    /// Returns the kind and the name in a text that reads as a named thing; the name may be empty.
    ///
    /// A kind is lower-case letters, digits and `-`, so that `src/a:b` and `C:` are paths.
    pub fn split_name(text: &str) -> Option<(&str, &str)> {
        let (kind, name) = text.split_once(':')?;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_kind = kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.bytes().all(is_plain);
        is_kind.then_some((kind, name))
    }

    /// Returns what a lock under `key` is on, `None` when `key` is no lock's.
    ///
    /// Every key of a lock means something: one with a plain colon is a named thing, all others are paths,
    /// read as [`Target::path`] does, so that `lock:src/` and `lock:src` mean the same.
    pub fn of_key(key: &Key) -> Option<Self> {
        let spelled = key.as_str().strip_prefix(PREFIX)?;
        // A part that is not UTF-8 stays as it is spelled, and the others are still what they are.
        let parts: Vec<_> = spelled.split('/').map(decode).collect();
        let text = parts.join("/");
        Some(if spelled.contains(':') {
            Self::thing(&text)
        } else if is_hash(&text) {
            Self {
                form: Form::Hashed,
                text: Arc::from(text),
            }
        } else {
            Self::path(&text)
        })
    }

    /// Returns the key of a lock on this target.
    pub fn key(&self) -> Key {
        match self.spelled() {
            Some(spelled) => Key::vouched(&spelled),
            None => Key::vouched(&format!("{PREFIX}%23{}", self.hash())),
        }
    }

    /// Tells whether the key spells the target; if not, the text has to be kept beside the key.
    pub fn is_spelled(&self) -> bool {
        self.form != Form::Hashed && self.spelled().is_some()
    }

    /// Returns the target as people and agents write it: `app/[slug]/page.tsx`, `port:3000`, `./a:b`.
    ///
    /// It may hold any character, so it must be stripped before it is drawn.
    pub fn text(&self) -> Cow<'_, str> {
        if self.form == Form::Relative && Self::split_name(&self.text).is_some() {
            Cow::Owned(format!("./{}", self.text))
        } else {
            Cow::Borrowed(&self.text)
        }
    }

    /// Returns the target that [`Self::text`] writes.
    pub fn of_text(text: &str) -> Self {
        match Self::split_name(text) {
            Some((kind, name)) => Self::named(kind, name),
            None => Self::path(text),
        }
    }

    /// Tells whether this is a path.
    pub fn is_path(&self) -> bool {
        matches!(self.form, Form::Relative | Form::Absolute)
    }

    /// Tells whether `other` is this target or lies below it.
    ///
    /// The project itself covers every path in it, and none outside it.
    pub fn covers(&self, other: &Self) -> bool {
        match (self.form, other.form) {
            (Form::Relative, Form::Relative) | (Form::Absolute, Form::Absolute) => {
                let rest = other.text.strip_prefix(&*self.text);
                self.is_top() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (Form::Hashed, _) | (_, Form::Hashed) => self.key() == other.key(),
            _ => self == other,
        }
    }

    /// Tells whether a lock on one target is in the way of a lock on the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Tells whether this is the project, or the root of the file system.
    fn is_top(&self) -> bool {
        matches!(
            (self.form, &*self.text),
            (Form::Relative, ".") | (Form::Absolute, "/")
        )
    }

    /// Returns every target that covers this one: itself first, at last `.` or `/`.
    ///
    /// A target whose key is a hash is followed by the one that [`Target::of_key`] reads from that key. The
    /// other way round there is nothing to list: what a hash stands for is known to the entry under the key.
    pub fn and_above(&self) -> impl Iterator<Item = Self> + use<> {
        iter::successors(Some(self.clone()), Self::above).flat_map(|target| {
            let alias = target.alias();
            iter::once(target).chain(alias)
        })
    }

    /// Returns the directory that a path is in.
    fn above(&self) -> Option<Self> {
        let text = match (self.form, self.text.rsplit_once('/')) {
            (Form::Relative, None) if *self.text != *"." => ".",
            (Form::Absolute, Some(("", name))) if !name.is_empty() => "/",
            (Form::Relative | Form::Absolute, Some((above, _))) if !above.is_empty() => above,
            _ => return None,
        };
        Some(Self {
            form: self.form,
            text: Arc::from(text),
        })
    }

    /// Returns what this target is to those who know only its key, when that key is a hash.
    fn alias(&self) -> Option<Self> {
        // Each byte takes three characters at most, and few texts come near the limit.
        let may_be_hashed = PREFIX.len() + 3 * self.text.len() > MAX_KEY_CHARS || is_hash(&self.text);
        let is_hashed = may_be_hashed && self.form != Form::Hashed && self.spelled().is_none();
        is_hashed.then(|| Self {
            form: Form::Hashed,
            text: Arc::from(format!("#{}", self.hash())),
        })
    }

    /// Returns the key as `lock:` and the text, when it is not too long.
    fn spelled(&self) -> Option<String> {
        let mut spelled = String::from(PREFIX);
        for byte in self.text.bytes() {
            match byte {
                b':' if self.form == Form::Named => spelled.push(':'),
                b'_' | b'.' | b'/' | b'-' => spelled.push(byte.into()),
                _ if byte.is_ascii_alphanumeric() => spelled.push(byte.into()),
                _ => {
                    spelled.push('%');
                    push_hex(&mut spelled, byte, b"0123456789ABCDEF");
                }
            }
            if spelled.len() > MAX_KEY_CHARS {
                return None;
            }
        }
        // A file may be called like a hash; its key must not be taken for one.
        let is_mistakable = self.form == Form::Relative && is_hash(&self.text);
        (!is_mistakable).then_some(spelled)
    }

    fn hash(&self) -> String {
        let mut hash = String::with_capacity(2 * HASH_BYTES);
        for byte in Sha256::digest(self.text().as_bytes())
            .into_iter()
            .take(HASH_BYTES)
        {
            push_hex(&mut hash, byte, b"0123456789abcdef");
        }
        hash
    }
}

/// Returns `text` with each letter and its accents as one character, where there is one.
///
/// Some editors and file systems write them apart, and nobody sees the difference.
fn nfc(text: &str) -> Cow<'_, str> {
    if is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Tells whether `text` is what the key of a long target decodes to.
fn is_hash(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 2 * HASH_BYTES && hex.bytes().all(is_hex))
}

fn push_hex(text: &mut String, byte: u8, digits: &[u8; 16]) {
    text.push(digits[usize::from(byte >> 4)].into());
    text.push(digits[usize::from(byte & 0xF)].into());
}

impl Ord for Target {
    fn cmp(&self, other: &Self) -> Ordering {
        // The slash before everything else: `src/a` comes after `src` and before `src-old`.
        let rank = |byte| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
        let tops = other.is_top().cmp(&self.is_top());
        let names = || self.text.bytes().map(rank).cmp(other.text.bytes().map(rank));
        self.form.cmp(&other.form).then(tops).then_with(names)
    }
}

impl PartialOrd for Target {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests;
