//! Shutting down: how much time there is, and what came of it.

use crate::model::{Event, ExitStatus, Outcome, RunId, StopStage};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a shutdown waits, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// For runs that end by themselves. Then the rest are cancelled.
    pub drain: Duration,
    /// For those that were cancelled. Then the rest are dropped.
    pub cancel: Duration,
}

impl Grace {
    /// Waits this many seconds for runs to end, and five more for those that are cancelled then.
    pub const fn secs(drain: u64) -> Grace {
        Grace { drain: Duration::from_secs(drain), cancel: Duration::from_secs(5) }
    }

    /// Cancels all at once, and waits this many seconds for them.
    pub const fn cancel_now(cancel: u64) -> Grace {
        Grace { drain: Duration::ZERO, cancel: Duration::from_secs(cancel) }
    }

    /// Takes this long: what still runs five seconds before that is cancelled. Only code that blocks and goes on
    /// regardless is waited for two seconds longer.
    pub const fn within(all: Duration) -> Grace {
        let cancel = if all.as_secs() < 5 { all } else { Duration::from_secs(5) };
        Grace { drain: all.saturating_sub(cancel), cancel }
    }

    /// Returns it with another time for those that are cancelled.
    #[must_use]
    pub const fn then_cancel(self, cancel: Duration) -> Grace {
        Grace { cancel, ..self }
    }
}

/// What became of the runs that were under way when a shutdown began. Each is in one of the four.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShutdownReport {
    /// They ended by themselves.
    pub finished: BTreeSet<RunId>,
    /// They ended when they were cancelled.
    pub cancelled: BTreeSet<RunId>,
    /// They did not, and were dropped or killed.
    pub aborted: BTreeSet<RunId>,
    /// They run still: blocking code that did not heed its cancellation, and the run that asked for the shutdown.
    pub still_running: BTreeSet<RunId>,
}

/// A report in the making.
#[derive(Debug, Default)]
pub(super) struct Closing {
    has_begun: bool,
    report: ShutdownReport,
}

impl Closing {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::RunnerStopping { stage: StopStage::Drain, running, .. } => {
                self.has_begun = true;
                self.report.still_running = running.iter().cloned().collect();
            }
            Event::AttemptFinished(attempt) if self.has_begun => {
                let status = attempt.result.as_ref().ok().map(|exit| exit.status);
                if attempt.retry_in.is_none()
                    && attempt.outcome != Outcome::Lost
                    && self.report.still_running.remove(&attempt.run)
                {
                    let end = match (status, attempt.outcome) {
                        (Some(ExitStatus::Aborted | ExitStatus::Signal(9)), _) => &mut self.report.aborted,
                        (_, Outcome::Cancelled) => &mut self.report.cancelled,
                        _ => &mut self.report.finished,
                    };
                    end.insert(attempt.run.clone());
                }
            }
            _ => {}
        }
    }

    pub(super) fn report(&self) -> ShutdownReport {
        self.report.clone()
    }
}
