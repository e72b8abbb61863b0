//! Output: cut into lines as it comes, and its head and tail kept. Bounded whatever is printed.

use crate::model::{OutputKept, OutputMode, OutputSink, OutputSource, Pace, Stream};

/// A longer line is passed on in parts.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// What becomes of an attempt's output.
pub(super) struct Output<'a> {
    source: OutputSource,
    /// `None`: it is not shown while it comes.
    sink: Option<&'a dyn OutputSink>,
    stdout: Line,
    stderr: Line,
    kept: Keeper,
}

/// The beginning of a line whose end has not come.
#[derive(Default)]
struct Line(Vec<u8>);

impl<'a> Output<'a> {
    pub(super) fn new(
        source: OutputSource,
        mode: OutputMode,
        keep: u64,
        sink: &'a dyn OutputSink,
    ) -> Output<'a> {
        let sink = (mode == OutputMode::All).then_some(sink);
        let (stdout, stderr) = (Line::default(), Line::default());
        Output { source, sink, stdout, stderr, kept: Keeper::new(keep) }
    }

    /// Takes what was just read.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8]) -> Pace {
        self.kept.take(bytes);
        let mut pace = Pace::Keep;
        let Some(sink) = self.sink else { return pace };
        let line = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        line.take(bytes, |lines| pace = sink.lines(&self.source, stream, lines));
        pace
    }

    /// Passes on what has no line end, and returns what is kept.
    pub(super) fn finish(self) -> OutputKept {
        for (stream, Line(rest)) in [(Stream::Stdout, self.stdout), (Stream::Stderr, self.stderr)] {
            if let Some(sink) = self.sink.filter(|_| !rest.is_empty()) {
                sink.lines(&self.source, stream, &rest);
            }
        }
        self.kept.finish()
    }
}

impl Line {
    /// Passes whole lines on, many at a time, and holds back the beginning of the last.
    fn take(&mut self, mut bytes: &[u8], mut pass_on: impl FnMut(&[u8])) {
        if !self.0.is_empty() {
            let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
            let (rest_of_line, rest) = bytes.split_at(end);
            self.0.extend_from_slice(rest_of_line);
            bytes = rest;
            if self.0.ends_with(b"\n") {
                pass_on(&self.0);
                self.0.clear();
            } else if self.0.len() >= LINE_BYTES_MAX {
                let whole = whole_characters(&self.0);
                pass_on(&self.0[..whole]);
                self.0.drain(..whole);
            }
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(whole);
        if !lines.is_empty() {
            pass_on(lines);
        }
        let passed = if rest.len() >= LINE_BYTES_MAX { whole_characters(rest) } else { 0 };
        if passed > 0 {
            pass_on(&rest[..passed]);
        }
        self.0.extend_from_slice(&rest[passed..]);
    }
}

/// Returns where to cut `bytes` so that no character of UTF-8 is cut: at most three bytes before their end.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    let start = (last..bytes.len()).rev().find(|at| bytes[*at] & 0b1100_0000 != 0b1000_0000);
    let width = |first: u8| match first {
        0b1100_0000..=0b1101_1111 => 2,
        0b1110_0000..=0b1110_1111 => 3,
        0b1111_0000..=0b1111_0111 => 4,
        _ => 1,
    };
    start.filter(|start| start + width(bytes[*start]) > bytes.len()).unwrap_or(bytes.len())
}

/// The first and the last bytes, and a count of all.
struct Keeper {
    head: Vec<u8>,
    /// Holds up to twice `half`, so that its front is cut off only now and then.
    tail: Vec<u8>,
    half: usize,
    bytes: u64,
}

impl Keeper {
    fn new(keep: u64) -> Keeper {
        let half = usize::try_from(keep / 2).unwrap_or(usize::MAX / 4);
        Keeper { head: Vec::new(), tail: Vec::new(), half, bytes: 0 }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let room = self.half - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        if self.tail.len() + rest.len() > self.half.saturating_mul(2) {
            self.cut_tail(self.half - rest.len());
        }
        self.tail.extend_from_slice(rest);
    }

    fn cut_tail(&mut self, keep: usize) {
        let cut = self.tail.len().saturating_sub(keep);
        self.tail.drain(..cut);
    }

    fn finish(mut self) -> OutputKept {
        self.cut_tail(self.half);
        let kept = (self.head.len() + self.tail.len()) as u64;
        OutputKept { bytes: self.bytes, dropped_bytes: self.bytes - kept, head: self.head, tail: self.tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lines(chunks: &[&str], expected: &[&str]) {
        let (mut line, mut passed) = (Line::default(), Vec::new());
        for chunk in chunks {
            line.take(chunk.as_bytes(), |lines| passed.push(String::from_utf8_lossy(lines).into_owned()));
        }
        passed.push(format!("rest: {}", String::from_utf8_lossy(&line.0)));
        assert_eq!(passed, expected);
    }

    #[test]
    fn lines_are_passed_on_whole() {
        check_lines(&["a\nb\n"], &["a\nb\n", "rest: "]);
        check_lines(&["a", "b\nc\nd", "\n"], &["ab\n", "c\n", "d\n", "rest: "]);
        check_lines(&["", "a"], &["rest: a"]);
        check_lines(&["\n\n"], &["\n\n", "rest: "]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_on_in_parts() {
        let (mut line, mut passed, mut longest) = (Line::default(), 0, 0);
        for _ in 0..1000 {
            line.take(&[b'x'; 1000], |part| {
                passed += part.len();
                longest = longest.max(part.len());
            });
            assert!(line.0.len() < LINE_BYTES_MAX);
        }
        assert_eq!(passed + line.0.len(), 1_000_000);
        assert!(longest <= LINE_BYTES_MAX + 1000);
    }

    #[test]
    fn no_character_is_cut() {
        let check = |text: &[u8], expected| assert_eq!(whole_characters(text), expected, "{text:?}");
        check(b"", 0);
        check(b"abc", 3);
        check("ab\u{e4}".as_bytes(), 4);
        check(b"ab\xc3", 2);
        check(b"ab\xe2\x82", 2);
        check(b"ab\xf0\x9f\x98", 2);
        check("ab\u{1f600}".as_bytes(), 6);
        check(b"ab\x80\x80\x80", 5);
        let (mut line, mut passed) = (Line::default(), Vec::new());
        for chunk in "x\u{e4}".repeat(100_000).as_bytes().chunks(1001) {
            line.take(chunk, |part| passed.push(String::from_utf8(part.to_vec()).expect("whole characters")));
        }
        assert!(passed.len() > 2);
    }

    #[track_caller]
    fn check_kept(keep: u64, chunks: &[&str], expected: (&str, &str, u64)) {
        let mut keeper = Keeper::new(keep);
        for chunk in chunks {
            keeper.take(chunk.as_bytes());
        }
        let kept = keeper.finish();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let total: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        assert_eq!((&*text(&kept.head), &*text(&kept.tail), kept.dropped_bytes), expected);
        assert_eq!(kept.bytes, total as u64);
    }

    #[test]
    fn head_and_tail_are_kept_and_the_rest_is_counted() {
        check_kept(8, &["abc"], ("abc", "", 0));
        check_kept(8, &["abcdefgh"], ("abcd", "efgh", 0));
        check_kept(8, &["abcdefghi"], ("abcd", "fghi", 1));
        check_kept(8, &["abc", "def", "ghi", "jkl", "mno", "p"], ("abcd", "mnop", 8));
        check_kept(8, &["abcdefghijklmnopqrstuvwxyz"], ("abcd", "wxyz", 18));
        check_kept(0, &["abc"], ("", "", 3));
    }
}
