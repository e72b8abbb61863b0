//! The last line of a terminal: what is running, and what comes next.
//!
//! ```text
//! 2 running: backup#41 3m 4s, sync#7 2s; next: report in 5m 12s
//! ```
//!
//! It is drawn anew when it would read otherwise, and at most once a second. While nothing runs, a fire time
//! that is minutes away is told in minutes, so that a runner at rest wakes up once a minute; one that is hours
//! or days away likewise.

use crate::cli::console::Console;
use crate::cli::time::show_duration;
use crate::engine;
use crate::model::{Event, Now};
use crate::scheduler::Core;
use chrono::{DateTime, Utc};
use rustix::termios::tcgetwinsize;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

const REFRESH: Duration = Duration::from_secs(1);

/// What runs from the start on is under way by then, and the first line need not be taken back.
const FIRST: Duration = Duration::from_millis(200);

const MINUTE: Duration = Duration::from_secs(60);

/// Of a terminal that does not say.
const WIDTH: usize = 80;

/// See the module's page.
pub(super) struct Status {
    console: Console,
    seen: Mutex<Seen>,
    changed: Notify,
}

/// What was heard of.
#[derive(Debug, Default)]
struct Seen {
    /// Since when, on the monotonic clock, each attempt runs.
    running: BTreeMap<String, Duration>,
    /// What is due next, and when.
    next: Option<(String, DateTime<Utc>)>,
    stopping: bool,
}

impl Status {
    pub(super) fn new(console: Console) -> Status {
        Status { console, seen: Mutex::default(), changed: Notify::new() }
    }

    pub(super) fn event(&self, now: Now, event: &Event) {
        if self.seen().takes(now, event) {
            self.changed.notify_one();
        }
    }

    pub(super) fn waits(&self, core: &Core) {
        let next = core.next_due().map(|(job, due)| (job.name.as_str(), due));
        let mut seen = self.seen();
        if seen.next.as_ref().map(|(job, due)| (job.as_str(), *due)) != next {
            seen.next = next.map(|(job, due)| (job.to_owned(), due));
            self.changed.notify_one();
        }
    }

    /// Keeps the line up to date for ever.
    pub(super) async fn keep(&self) {
        let mut resized = signal(SignalKind::window_change()).ok();
        sleep(FIRST).await;
        loop {
            let drawn = Instant::now();
            let (line, holds) = self.seen().line(engine::now(), width());
            self.console.set_status(line);
            tokio::select! {
                () = sleep(holds) => {}
                () = self.changed.notified() => {}
                Some(()) = next(resized.as_mut()) => {}
            }
            sleep_until(drawn + REFRESH).await;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the next signal; `None`: there will be none.
async fn next(signal: Option<&mut Signal>) -> Option<()> {
    signal?.recv().await
}

/// How many columns standard output has.
pub(super) fn width() -> usize {
    tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col.into()).filter(|width| *width > 0).unwrap_or(WIDTH)
}

impl Seen {
    /// Returns whether the line reads otherwise now.
    fn takes(&mut self, now: Now, event: &Event) -> bool {
        match event {
            Event::RunStarted(started) => {
                self.running.insert(started.run.to_string(), now.monotonic);
            }
            Event::AttemptFinished(attempt) => {
                self.running.remove(&attempt.run.to_string());
            }
            Event::RunnerStopping { .. } => self.stopping = true,
            _ => return false,
        }
        true
    }

    /// Returns the line, shorter than `width`, and how long it holds if nothing happens.
    fn line(&self, now: Now, width: usize) -> (String, Duration) {
        let room = width.saturating_sub(1);
        let stopping = if self.stopping { "stopping; " } else { "" };
        let (next, next_holds) = self.next(now);
        let (running, running_hold) = self.running(now, room.saturating_sub(stopping.len() + next.len()));
        let line = stopping.chars().chain(running.chars()).chain(next.chars());
        (line.take(room).collect(), next_holds.min(running_hold))
    }

    /// `2 running: backup#41 3m 4s, sync#7 2s`: those that run longest first, and as many as there is room
    /// for.
    fn running(&self, now: Now, room: usize) -> (String, Duration) {
        if self.running.is_empty() {
            return ("nothing running".into(), Duration::MAX);
        }
        let mut longest: Vec<(&Duration, &String)> =
            self.running.iter().map(|(run, since)| (since, run)).collect();
        longest.sort_unstable();
        let (mut line, mut between, mut holds) = (format!("{} running", longest.len()), ": ", Duration::MAX);
        for (since, run) in longest {
            let (age, age_holds) = whole(now.monotonic.saturating_sub(*since));
            let item = format!("{between}{run} {age}");
            if line.len() + item.len() + ", …".len() > room {
                line += between;
                line.push('…');
                break;
            }
            line += &item;
            (between, holds) = (", ", holds.min(age_holds));
        }
        (line, holds)
    }

    /// `; next: report in 5m 12s`
    fn next(&self, now: Now) -> (String, Duration) {
        match &self.next {
            _ if self.stopping => (String::new(), Duration::MAX),
            None => ("; next: nothing".into(), Duration::MAX),
            Some((job, due)) => {
                let left = (*due - now.wall).to_std().unwrap_or_default();
                let (left, holds) = remaining(left, self.running.is_empty());
                (format!("; next: {job} in {left}"), holds)
            }
        }
    }
}

/// Returns a growing duration in whole seconds, or minutes or hours when it is long, and until when it is so.
fn whole(age: Duration) -> (String, Duration) {
    let step = step_of(age);
    (show(age), step.saturating_sub(remainder(age, step)))
}

/// The same of a shrinking one; in minutes already when it is `sparse` and over a minute.
fn remaining(left: Duration, sparse: bool) -> (String, Duration) {
    let step = if sparse && left >= MINUTE { step_of(left).max(MINUTE) } else { step_of(left) };
    let after = remainder(left, step);
    (show(left.saturating_sub(after)), after.max(Duration::from_millis(1)))
}

/// How coarsely a duration is shown.
fn step_of(duration: Duration) -> Duration {
    match duration.as_secs() {
        0..3600 => Duration::from_secs(1),
        3600..86400 => MINUTE,
        _ => 60 * MINUTE,
    }
}

fn remainder(duration: Duration, step: Duration) -> Duration {
    let steps = duration.as_nanos() / step.as_nanos();
    duration.saturating_sub(step * u32::try_from(steps).unwrap_or(u32::MAX))
}

fn show(duration: Duration) -> String {
    if duration < MINUTE { format!("{}s", duration.as_secs()) } else { show_duration(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_571_200;

    fn now() -> Now {
        let wall = DateTime::from_timestamp(NOON, 0).expect("in range");
        Now { wall, monotonic: Duration::from_secs(1_000_000), boot: Duration::from_secs(1_000_000) }
    }

    fn seen(running: &[(&str, u64)], next: Option<(&str, i64)>) -> Seen {
        let since = |(run, millis): &(&str, u64)| {
            ((*run).to_owned(), now().monotonic.saturating_sub(Duration::from_millis(*millis)))
        };
        let due = |(job, millis): (&str, i64)| {
            (job.to_owned(), DateTime::from_timestamp_millis(NOON * 1000 + millis).expect("in range"))
        };
        Seen { running: running.iter().map(since).collect(), next: next.map(due), stopping: false }
    }

    #[track_caller]
    fn check(seen: &Seen, width: usize, line: &str, holds_millis: u64) {
        let expected = (line.to_owned(), Duration::from_millis(holds_millis));
        assert_eq!(seen.line(now(), width), expected);
    }

    #[test]
    fn it_says_what_runs_and_what_comes_next() {
        let two = seen(&[("backup#41", 184_200), ("sync#7", 2_900)], Some(("report", 312_400)));
        check(&two, 80, "2 running: backup#41 3m 4s, sync#7 2s; next: report in 5m 12s", 100);
        let day = seen(&[("a#1", 90_000_000)], Some(("b", 4_000_000)));
        check(&day, 80, "1 running: a#1 1d 1h; next: b in 1h 6m", 40_000);
        let nothing = ("nothing running; next: nothing".to_owned(), Duration::MAX);
        assert_eq!(seen(&[], None).line(now(), 80), nothing);
    }

    #[test]
    fn a_runner_at_rest_tells_minutes_until_the_last() {
        check(&seen(&[], Some(("a", 312_400))), 80, "nothing running; next: a in 5m", 12_400);
        check(&seen(&[], Some(("a", 60_000))), 80, "nothing running; next: a in 1m", 1);
        check(&seen(&[], Some(("a", 59_900))), 80, "nothing running; next: a in 59s", 900);
        check(&seen(&[], Some(("a", -5))), 80, "nothing running; next: a in 0s", 1);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let many = seen(&[("one#1", 30_000), ("two#1", 20_000), ("three#1", 10_000)], Some(("one", 5_000)));
        check(&many, 80, "3 running: one#1 30s, two#1 20s, three#1 10s; next: one in 5s", 1);
        check(&many, 60, "3 running: one#1 30s, two#1 20s, …; next: one in 5s", 1);
        check(&many, 45, "3 running: one#1 30s, …; next: one in 5s", 1);
        check(&many, 35, "3 running: …; next: one in 5s", 1);
        check(&many, 10, "3 running", 1);
        check(&many, 0, "", 1);
    }

    #[test]
    fn a_runner_that_stops_has_nothing_next() {
        let stopping = Seen { stopping: true, ..seen(&[("a#1", 1_500)], Some(("a", 5_000))) };
        check(&stopping, 80, "stopping; 1 running: a#1 1s", 500);
    }
}
