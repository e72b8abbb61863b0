//! Time for the tests of embedding programs: it begins at a chosen instant, passes in no time, and is moved by the
//! test.
//!
//! [`Builder::start_at`] is all that differs from the real program. Under it the scheduler's clock goes as tokio's,
//! which must be paused (`#[tokio::test(start_paused = true)]`): when nothing is left to do it leaps to the next
//! moment at which something is. So nothing needs to sleep or to guess, and jobs may sleep as they like.

use super::clock::{look_again, sleep};
use super::{Builder, Clock, Engine, Handle};
use crate::model::Now;
use chrono::{DateTime, Utc};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// Tokio's timers are no finer than this.
const TICK: Duration = Duration::from_millis(1);

/// A clock that goes as tokio's, from a chosen instant on.
#[derive(Debug)]
pub(super) struct VirtualClock {
    reading: Mutex<Reading>,
    was_set: Notify,
    /// Whether it is noticed at once that it was set, as on Linux; else it is looked at every 30 s.
    has_alarm: bool,
}

/// What it showed then, and since when it goes on; `None`: it stands still.
#[derive(Clone, Copy, Debug)]
struct Reading {
    then: Now,
    goes_since: Option<Instant>,
}

impl VirtualClock {
    /// Returns a clock that shows `start` now.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn starting_at(start: DateTime<Utc>) -> VirtualClock {
        let then = Now { wall: start, monotonic: Duration::ZERO, boot: Duration::ZERO };
        let reading = Reading { then, goes_since: Some(Instant::now()) };
        VirtualClock { reading: Mutex::new(reading), was_set: Notify::new(), has_alarm: true }
    }

    #[cfg(test)]
    pub(super) fn without_alarm(self) -> VirtualClock {
        VirtualClock { has_alarm: false, ..self }
    }

    pub(super) fn now(&self) -> Now {
        self.reading().now()
    }

    pub(super) async fn wall_reaches(&self, at: Option<DateTime<Utc>>, now: Now) {
        if !self.has_alarm {
            return look_again(at, now).await;
        }
        tokio::select! {
            () = sleep(at.map(|at| (at - now.wall).to_std().unwrap_or_default())) => {}
            () = self.was_set.notified() => {}
        }
    }

    /// Sets the wall clock.
    pub(super) fn set(&self, wall: DateTime<Utc>) {
        self.change(|now| Now { wall, ..now });
    }

    /// The machine sleeps for so long.
    pub(super) fn suspend(&self, by: Duration) {
        self.change(|now| Now { wall: now.wall + by, boot: now.boot + by, ..now });
    }

    fn change(&self, change: impl FnOnce(Now) -> Now) {
        let mut reading = self.reading();
        let goes_since = reading.goes_since.map(|_| Instant::now());
        *reading = Reading { then: change(reading.now()), goes_since };
        drop(reading);
        self.was_set.notify_one();
    }

    /// Returns when all that can be done at this moment has been. Tokio tells that by going on to the next tick, which
    /// is not counted.
    async fn settle(&self) {
        let _still = self.stand_still();
        tokio::time::sleep(TICK).await;
    }

    fn stand_still(&self) -> Still<'_> {
        let mut reading = self.reading();
        *reading = Reading { then: reading.now(), goes_since: None };
        Still(self)
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock goes on when this is dropped.
struct Still<'a>(&'a VirtualClock);

impl Drop for Still<'_> {
    fn drop(&mut self) {
        self.0.reading().goes_since = Some(Instant::now());
    }
}

impl Reading {
    fn now(self) -> Now {
        let passed = self.goes_since.map_or(Duration::ZERO, |since| since.elapsed());
        let Now { wall, monotonic, boot } = self.then;
        Now { wall: wall + passed, monotonic: monotonic + passed, boot: boot + passed }
    }
}

/// Time does not leap until this is dropped.
pub(super) struct Hold {
    _until: mpsc::Sender<()>,
}

impl Engine {
    /// Tokio knows nothing of what goes on outside: as long as a program runs, or a ledger writes, it is to believe
    /// that there is something to do. It does while a blocking thread is at work.
    pub(super) fn hold_time(&self) -> Option<Hold> {
        self.shared.clock.as_virtual()?;
        (self.writing.is_some() || self.workers.has_processes()).then(|| {
            let (sender, receiver) = mpsc::channel();
            spawn_blocking(move || receiver.recv());
            Hold { _until: sender }
        })
    }
}

impl Builder {
    /// Time begins at this instant and goes as tokio's does, which is to be paused: see [`Handle::advance`].
    pub fn start_at(mut self, start: DateTime<Utc>) -> Builder {
        self.clock = Box::new(move || Ok(Clock::of_tests(VirtualClock::starting_at(start))));
        self
    }
}

/// For tests, with a scheduler that was built with [`Builder::start_at`].
///
/// ```
/// use chrono::{DateTime, Utc};
/// use runner::{Job, Scheduler, ShutdownGrace, Trigger, Zone};
/// use std::time::Duration;
///
/// #[tokio::main(flavor = "current_thread", start_paused = true)]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let start: DateTime<Utc> = "2026-03-27T12:00:00Z".parse()?;
///     let zone = Zone::find("Europe/Berlin")?;
///     let mut scheduler = Scheduler::builder().start_at(start).zone(&zone).build();
///     let nightly = Trigger::cron("30 2 * * *", &zone)?;
///     scheduler.add(Job::new("report", nightly, |_| async {
///         tokio::time::sleep(Duration::from_secs(600)).await;
///     }))?;
///     let handle = scheduler.start()?;
///
///     handle.advance(Duration::from_secs(2 * 86_400)).await;
///
///     let fired: Vec<_> = handle.history("report", 9).iter().map(|row| row.fire_time.to_rfc3339()).collect();
///     // On the 29th there is no half past two.
///     assert_eq!(fired, ["2026-03-29T03:00:00+02:00", "2026-03-28T02:30:00+01:00"]);
///     handle.shutdown(ShutdownGrace::secs(30)).await;
///     Ok(())
/// }
/// ```
///
/// # Panics
/// Without [`Builder::start_at`], and what waits also if tokio's time is not paused.
impl Handle {
    /// Lets so much time pass, from one moment at which something is due to the next. Returns when all that can be
    /// done then has been: what runs still waits for a later moment, or for something from outside.
    ///
    /// Time stands still while a program runs, or code that [blocks](super::Job::blocking). To see that nothing is left
    /// to do takes one tick of tokio's timers, which the scheduler does not count: for code that sleeps meanwhile it is
    /// a millisecond.
    pub async fn advance(&self, by: Duration) {
        // Panics if it is not paused.
        tokio::time::advance(Duration::ZERO).await;
        let clock = self.virtual_clock();
        tokio::time::sleep(by).await;
        clock.settle().await;
    }

    /// As [`Handle::advance`], up to an instant; if that has passed, time stays.
    pub async fn advance_to(&self, at: DateTime<Utc>) {
        self.advance((at - self.now()).to_std().unwrap_or_default()).await;
    }

    /// Sets the wall clock, forward or back, as somebody might; no time passes.
    pub fn set_wall_clock(&self, wall: DateTime<Utc>) {
        let _runtime = self.shared.runtime.enter();
        self.virtual_clock().set(wall);
    }

    /// The machine sleeps for so long: the wall clock goes on, and tokio's timers do not.
    pub fn suspend(&self, by: Duration) {
        let _runtime = self.shared.runtime.enter();
        self.virtual_clock().suspend(by);
    }

    fn virtual_clock(&self) -> &VirtualClock {
        self.shared.clock.as_virtual().expect("the scheduler was built with `Builder::start_at`")
    }
}
