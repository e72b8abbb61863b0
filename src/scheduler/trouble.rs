//! A ledger that cannot be written: nothing new starts, and what runs is not harmed.
//!
//! What was given to it waits, claims among it, and is written when it can. What is due meanwhile is not looked at:
//! afterwards it is a misfire. A claim that has waited longer than its job's grace is not started any more.
//!
//! A stop does not wait for it for ever: at the end of the grace, or at a second request, the runner ends, and
//! what could not be written is lost; who goes on finds the runs still open.

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
        let stop = self.stop.as_ref().filter(|_| self.trouble.is_some())?;
        // Once that has passed there is nothing to wake up for.
        Some(stop.patience_ends()).filter(|at| *at > self.clock.now().monotonic)
    }

    /// Whether a stop waits for nothing but a ledger that cannot be written, and has waited long enough.
    pub(super) fn has_given_up_on_ledger(&self) -> bool {
        let Some(stop) = self.stop.as_ref().filter(|_| self.trouble.is_some()) else { return false };
        let is_over = self.clock.now().monotonic >= stop.patience_ends();
        is_over && self.actions.is_empty() && !self.runs.iter().any(|(_, run)| run.has_process())
    }
}
