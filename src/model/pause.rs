//! Pauses: a job that has no runs by the calendar for a while.

use chrono::{DateTime, Utc};
use serde::Serialize;
use std::sync::Arc;

/// That a job is paused: fire times that come meanwhile are `skipped: paused`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Why, in a person's words.
    pub reason: Option<Arc<str>>,
    /// Who asked for it.
    pub by: Option<Arc<str>>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself: later fire times run again. `None`: not before the job is resumed.
    pub until: Option<DateTime<Utc>>,
}

impl Pause {
    /// Whether it has ended by itself at `wall`.
    pub fn is_over(&self, wall: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| until <= wall)
    }
}
