//! Colours, and what must never reach a terminal.

use super::{Colour, Global};
use crate::model::{Outcome, stable_hash};
use rustix::termios::isatty;
use std::borrow::Cow;
use std::os::fd::AsFd;

/// Whether to colour, decided once for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) colour: bool,
    /// Whether a person's terminal is at the other end: control characters are shown, not sent.
    pub(super) terminal: bool,
    /// Whether that terminal can take back what it shows.
    pub(super) can_redraw: bool,
}

/// Foreground colours that can be read on dark and on light ground.
const JOB_COLOURS: [u8; 12] = [32, 33, 34, 35, 36, 92, 94, 95, 96, 31, 93, 91];

impl Style {
    /// Decides for `stream`: the flag, else `NO_COLOR`, else whether it is a terminal.
    pub(super) fn of(stream: impl AsFd, global: &Global) -> Style {
        let terminal = isatty(stream);
        let colour = match global.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !no_colour(),
        };
        Style { colour, terminal, can_redraw: terminal && !is_dumb() }
    }

    fn paint<'a>(self, code: &str, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let text = text.into();
        if self.colour { Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m")) } else { text }
    }

    pub(super) fn dim<'a>(self, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        self.paint("2", text)
    }

    pub(super) fn bold<'a>(self, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        self.paint("1", text)
    }

    /// The colour of a job: always the same for the same name.
    pub(super) fn job<'a>(self, name: &str, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let index = stable_hash(&[name.as_bytes()]) % JOB_COLOURS.len() as u64;
        let code = JOB_COLOURS[usize::try_from(index).expect("less than twelve")];
        self.paint(&code.to_string(), text)
    }

    /// Green for what went well, red for what did not, yellow for what did not run.
    pub(super) fn outcome<'a>(self, outcome: Outcome, text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
        let code = match outcome {
            Outcome::Succeeded => "32",
            Outcome::Failed | Outcome::TimedOut | Outcome::Lost | Outcome::Missed => "1;31",
            Outcome::Cancelled | Outcome::Skipped | Outcome::Coalesced => "33",
        };
        self.paint(code, text)
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment is the command line's to read")]
fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "the environment is the command line's to read")]
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Returns `lines` as they can be shown on a terminal: control characters (C0, C1, DEL) and the marks that
/// reorder text are written out, tabs and line ends stay, and bytes that are no UTF-8 become the replacement
/// character.
pub(super) fn shown(lines: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(lines);
    if text.chars().any(must_be_escaped) {
        let escape =
            |c: char| if must_be_escaped(c) { c.escape_default().to_string() } else { c.to_string() };
        Cow::Owned(text.chars().map(escape).collect::<String>().into())
    } else {
        match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into()),
        }
    }
}

fn must_be_escaped(c: char) -> bool {
    let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\t' && c != '\n') || reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        let check = |line: &[u8], expected: &str| assert_eq!(shown(line), expected.as_bytes());
        check(b"one\ntwo\n", "one\ntwo\n");
        check(b"plain \t text", "plain \t text");
        check("grün ✓".as_bytes(), "grün ✓");
        check(b"\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}");
        check(b"50%\r100%", "50%\\r100%");
        check("a\u{9b}31m\u{202e}b".as_bytes(), "a\\u{9b}31m\\u{202e}b");
        check(b"\xff\xfe", "\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_job_keeps_its_colour_and_no_colour_adds_nothing() {
        let colour = Style { colour: true, terminal: true, can_redraw: true };
        assert_eq!(colour.job("backup", "x"), colour.job("backup", "x"));
        assert!(colour.job("backup", "x").contains("\x1b["));
        assert_eq!(Style { colour: false, ..colour }.job("backup", "x"), "x");
    }
}
