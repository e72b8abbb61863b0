//! What a clock says.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// The first moment of the month in which this release was made. A wall clock that is before it is wrong:
/// the battery is empty, or the time has not been fetched yet.
///
/// Kept by hand: each release sets it to the first of its month, never to a time that is still to come, and
/// never back.
pub const RELEASED: DateTime<Utc> = DateTime::from_timestamp(1_793_491_200, 0).expect("2026-11-01T00:00:00Z");

/// One reading of the three clocks, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The wall clock: decides what is due and how late it is. It may step either way.
    pub wall: DateTime<Utc>,
    /// Time since some fixed origin; never steps, stands still in suspend. Timeouts, backoff, the kill
    /// ladder and the shutdown run on it.
    pub monotonic: Duration,
    /// Time since some fixed origin; never steps and goes on in suspend, so that the three together tell a
    /// sleep from a step of the wall clock.
    pub boot: Duration,
}

/// When the scheduler next has work: at `wall` or at `monotonic`, whichever comes first.
///
/// Two clocks, because a fire time moves when the wall clock is set and a timeout does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadline {
    /// The next instant at which something is due by the calendar; `None`: nothing ever.
    pub wall: Option<DateTime<Utc>>,
    /// The next elapsed-time deadline, on [`Now::monotonic`]'s scale; `None`: nothing runs out.
    pub monotonic: Option<Duration>,
}

impl Deadline {
    /// Returns how long to sleep from `now`; zero if the deadline has passed, `None` if there is none.
    pub fn sleep(self, now: Now) -> Option<Duration> {
        let wall = self.wall.map(|at| (at - now.wall).to_std().unwrap_or(Duration::ZERO));
        let monotonic = self.monotonic.map(|at| at.saturating_sub(now.monotonic));
        [wall, monotonic].into_iter().flatten().min()
    }
}
