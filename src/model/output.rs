//! What jobs print, on its way to whom it is shown.

use super::RunId;

/// Which stream of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Descriptor 1.
    Stdout,
    /// Descriptor 2.
    Stderr,
}

/// Whose output it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputSource {
    /// The run.
    pub run: RunId,
}

/// Takes output while it comes.
pub trait OutputSink: Send + Sync + 'static {
    /// Takes one or more whole lines with their line ends. Bytes without one at the end are the last line of
    /// the output, or a part of a line that is too long to be held. Must return at once.
    fn lines(&self, source: &OutputSource, stream: Stream, bytes: &[u8]) -> Pace;
}

/// How fast output is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// There is room for more.
    Keep,
    /// Room is getting scarce; a short rest before the next reading may save lines.
    Ease,
}
