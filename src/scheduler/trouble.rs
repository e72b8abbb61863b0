//! A ledger that cannot be written: nothing new starts, and what runs is not harmed.
//!
//! What was given to it waits, claims among it, and is written when it can. What is due meanwhile is not looked at:
//! afterwards it is a misfire. A claim that has waited longer than its job's grace is not started any more.
//!
//! A stop does not wait for it for ever: at the end of the grace, or at a second request, the runner ends, and
//! what could not be written is lost; who goes on finds the runs still open. So it is too with a ledger that says
//! nothing and does not answer, as if it were a process that cannot be killed.

use super::Core;
use crate::model::{Event, MissedWhy, Now};
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;

/// Since when the ledger cannot be written.
#[derive(Debug)]
pub(super) struct Trouble {
    since: DateTime<Utc>,
}

impl Core {
    pub(super) fn ledger_failed(&mut self, why: Arc<str>, now: Now) {
        self.trouble.get_or_insert(Trouble { since: now.wall });
        self.announce(Event::LedgerFailed { why });
    }

    /// What is due is looked at again.
    pub(super) fn ledger_works(&mut self, now: Now) {
        let Some(Trouble { since }) = self.trouble.take() else { return };
        self.clock.lapsed(since, MissedWhy::Ledger);
        self.announce(Event::LedgerWorks);
        self.take_due(now);
    }

    /// When a stop no longer waits for the ledger.
    pub(super) fn gives_up_on_ledger_at(&self) -> Option<Duration> {
        // Once that has passed there is nothing to wake up for.
        self.patience_ends().filter(|at| *at > self.clock.now().monotonic)
    }

    fn patience_ends(&self) -> Option<Duration> {
        let stop = self.stop.as_ref().filter(|_| !self.unanswered.is_empty())?;
        Some(stop.patience_ends(self.trouble.is_some()))
    }

    /// Whether a stop waits for nothing but a ledger that does not write, and has waited long enough.
    pub(super) fn has_given_up_on_ledger(&self) -> bool {
        let is_over = self.patience_ends().is_some_and(|end| self.clock.now().monotonic >= end);
        is_over && self.actions.is_empty() && !self.runs.iter().any(|(_, run)| run.has_process())
    }
}
