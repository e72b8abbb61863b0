//! A piece of a text that is being read, and where it stands in the whole.

use super::TriggerError;
use std::ops::Range;

/// See the module's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// The byte of the whole text at which it begins.
    pub(super) at: usize,
}

impl<'a> Piece<'a> {
    /// The whole of `text`, without the white space around it.
    pub(super) fn trimmed(text: &'a str) -> Piece<'a> {
        Piece { text: text.trim(), at: text.len() - text.trim_start().len() }
    }

    pub(super) fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    pub(super) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Its first `length` bytes and the rest.
    pub(super) fn split_at(self, length: usize) -> (Piece<'a>, Piece<'a>) {
        let (before, after) = self.text.split_at(length);
        (Piece { text: before, at: self.at }, Piece { text: after, at: self.at + length })
    }

    /// What stands before and after the first `mark`, or all of it if there is none.
    pub(super) fn split_once(self, mark: &str) -> (Piece<'a>, Option<Piece<'a>>) {
        match self.text.find(mark) {
            Some(length) => {
                let (before, after) = self.split_at(length);
                (before, Some(after.split_at(mark.len()).1))
            }
            None => (self, None),
        }
    }

    /// What stands between the `mark`s.
    pub(super) fn split(self, mark: char) -> impl Iterator<Item = Piece<'a>> {
        let mut at = self.at;
        self.text.split(mark).map(move |text| {
            let piece = Piece { text, at };
            at += text.len() + mark.len_utf8();
            piece
        })
    }

    /// What follows `mark` (a letter in either case), if that is the first character.
    pub(super) fn strip(self, mark: char) -> Option<Piece<'a>> {
        let text = self.text.strip_prefix([mark, mark.to_ascii_uppercase()])?;
        Some(Piece { text, at: self.at + 1 })
    }

    /// What stands before `mark`, if that is the last character.
    pub(super) fn strip_end(self, mark: char) -> Option<Piece<'a>> {
        let text = self.text.strip_suffix([mark, mark.to_ascii_uppercase()])?;
        Some(Piece { text, ..self })
    }

    /// It, if it is made of digits.
    pub(super) fn digits(self) -> Option<&'a str> {
        let digits = !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then_some(self.text)
    }

    /// Its words, with white space between them.
    pub(super) fn words(self) -> impl Iterator<Item = Piece<'a>> {
        let start = self.text.as_ptr().addr();
        self.text
            .split_whitespace()
            .map(move |text| Piece { text, at: self.at + (text.as_ptr().addr() - start) })
    }

    pub(super) fn error(self, expected: &str, hint: Option<String>) -> TriggerError {
        let found = if self.is_empty() { "nothing".into() } else { format!("`{}`", self.text) };
        TriggerError { span: self.span(), expected: expected.into(), found, hint }
    }
}
