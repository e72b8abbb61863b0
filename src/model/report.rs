//! What came of an attempt, for the scheduler.

use super::{Exit, ProcessId, RunRef, SpawnError};

/// What came of an attempt: [`Report::NotStarted`], or [`Report::Started`] and later [`Report::Exited`] or
/// [`Report::Vanished`], which alone come of one that was taken over.
#[derive(Debug)]
pub enum Report {
    /// The process is there.
    Started {
        /// Whose it is.
        run_ref: RunRef,
        /// Which process.
        process: ProcessId,
    },
    /// The process has ended, and how is not known, because others collect its exit; if it was signalled, its whole
    /// tree has.
    Vanished {
        /// Whose it was.
        run_ref: RunRef,
    },
    /// There is no process and there will be none.
    NotStarted {
        /// Whose it would have been.
        run_ref: RunRef,
        /// Why not.
        error: SpawnError,
    },
    /// The process has ended; if it was signalled, so has its whole tree.
    Exited {
        /// Whose it was.
        run_ref: RunRef,
        /// How it ended.
        exit: Exit,
    },
}
