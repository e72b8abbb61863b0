//! For a person: time, job, and what happened, one line each.
//!
//! ```text
//! 14:03:05 backup   started backup#41
//! 14:03:05 backup | dumping shop
//! 14:03:09 backup   succeeded in 4.1s
//! ```

use crate::cli::check::zone_line;
use crate::cli::ledger::{Before, Told};
use crate::cli::style::{Style, shown};
use crate::cli::time::{show_distance, show_duration};
use crate::model::{
    Attempt, Event, ExitStatus, Now, Outcome, OutputSource, Pause, Plan, Row, RunId, Started, StopStage,
    Tally,
};
use crate::scheduler::Core;
use crate::trigger::{Zone, render_duration};
use chrono::{DateTime, TimeDelta, Utc};
use std::borrow::Cow;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::time::Duration;

/// Below this nobody wants to read of lateness.
const LATE_NOTABLE: TimeDelta = TimeDelta::seconds(1);

/// Names are set in a column; longer ones stick out.
const NAME_WIDTH_MAX: usize = 20;

/// How many first fire times the start shows.
const FIRST_SHOWN: usize = 5;

pub(super) struct Text {
    style: Style,
    zone: Zone,
    width: usize,
}

/// The line that stands for dropped ones.
pub(super) fn dropped_line(count: u64) -> String {
    let lines = if count == 1 { "line" } else { "lines" };
    format!("... {count} {lines} dropped, because standard output was too slow\n")
}

/// As process 1 it is a container's, which is killed after ten seconds unless that is asked for otherwise.
fn patience_of_containers(plan: &Plan) -> Option<String> {
    let grace = plan.settings.shutdown_grace;
    let patience = grace.as_secs() + 5;
    let text =
        format!("as process 1: docker stop -t {patience} leaves it its grace of {}\n", show_duration(grace));
    (std::process::id() == 1).then_some(text)
}

impl Text {
    pub(super) fn new(style: Style, plan: &Plan) -> Text {
        let names = plan.jobs.iter().map(|job| job.name.as_str().len());
        Text {
            style,
            zone: plan.settings.zone.clone(),
            width: names.filter(|width| *width <= NAME_WIDTH_MAX).max().unwrap_or(0),
        }
    }

    pub(super) fn runner_started(
        &self,
        plan: &Plan,
        core: &Core,
        ledger: &Told,
        now: Now,
        dry_run: bool,
    ) -> String {
        let jobs =
            if plan.jobs.len() == 1 { "1 job".to_owned() } else { format!("{} jobs", plan.jobs.len()) };
        let dry = if dry_run { ", dry run: no process is started" } else { "" };
        let first = format!(
            "runner {}: {}, {jobs}, {}{dry}",
            env!("CARGO_PKG_VERSION"),
            plan.settings.file.display(),
            zone_line(plan)
        );
        let grace = patience_of_containers(plan).unwrap_or_default();
        let (ledger, next) = (self.ledger(ledger, now), self.first_fire_times(core, now));
        let catching_up = match core.recovery().catching_up {
            0 => String::new(),
            1 => "catching up 1 job\n".to_owned(),
            jobs => format!("catching up {jobs} jobs\n"),
        };
        format!("{}\n{grace}{ledger}\n{catching_up}{next}\n", self.style.bold(first))
    }

    /// Which ledger it is, and when its last runner stopped.
    fn ledger(&self, ledger: &Told, now: Now) -> String {
        let ago = |at: DateTime<Utc>| {
            format!("{} ({})", self.zone.at(at).format("%Y-%m-%d %H:%M"), show_distance(at, now.wall))
        };
        let before = match ledger.before {
            Before::Forgotten => "forgotten when the runner ends".to_owned(),
            Before::New => "new".to_owned(),
            Before::ByHand => "with runs by hand only".to_owned(),
            Before::Stopped(at) => format!("last stopped {}", ago(at)),
            Before::LastHeardOf(at) => format!("not stopped but ended, last heard of {}", ago(at)),
        };
        let path = ledger.path.as_ref().map_or("memory".into(), |path| path.display().to_string());
        format!("ledger: {path}, {before}")
    }

    fn first_fire_times(&self, core: &Core, now: Now) -> String {
        if core.clock_is_wrong() {
            return "next: nothing before the clock is right".into();
        }
        let (mut jobs, mut coming) = (0, BinaryHeap::new());
        for (job, armed) in core.upcoming() {
            let Some(armed) = armed else { continue };
            jobs += 1;
            coming.push((armed.due, job.name.as_str()));
            if coming.len() > FIRST_SHOWN {
                coming.pop();
            }
        }
        if jobs == 0 {
            return "next: nothing, no job has a fire time to come".into();
        }
        let coming = coming.into_sorted_vec();
        let shown = coming.iter().map(|(due, name)| {
            format!(
                "{} {} ({})",
                self.style.job(name, *name),
                self.moment(*due, now),
                show_distance(*due, now.wall)
            )
        });
        let more =
            if jobs > FIRST_SHOWN { format!(", and {} more", jobs - FIRST_SHOWN) } else { String::new() };
        format!("next: {}{more}", shown.collect::<Vec<_>>().join(", "))
    }

    pub(super) fn runner_stopped(&self, tally: &Tally, now: Now) -> String {
        format!("{} {}\n", self.time(now.wall), self.style.bold(format!("stopped: {tally}")))
    }

    pub(super) fn event(&self, now: Now, event: &Event) -> String {
        match event {
            Event::RunStarted(started) => self.run_started(now, started),
            Event::RunAdopted(started) => self.run_adopted(now, started),
            Event::LedgerFailed { why } => {
                let text = format!("{why}; nothing new starts until it can be written");
                format!("{} {}\n", self.time(now.wall), self.style.bold(text))
            }
            Event::LedgerWorks => format!("{} the ledger can be written again\n", self.time(now.wall)),
            Event::AttemptFinished(attempt) => self.attempt_finished(now, attempt),
            Event::RunFinished(row) => self.job_line(now, &row.job, &self.run_finished(row)),
            Event::FireTimeClosed(row) => self.job_line(now, &row.job, &self.fire_time_closed(row, now)),
            Event::JobAdded { job } => self.job_line(now, job.as_str(), &self.style.dim("added")),
            Event::JobChanged { job } => self.job_line(now, job.as_str(), &self.style.dim("changed")),
            Event::JobPaused { job, pause } => {
                self.job_line(now, job.as_str(), &self.style.dim(self.paused(pause, now)))
            }
            Event::JobResumed { job } => self.job_line(now, job.as_str(), &self.style.dim("resumed")),
            Event::JobRemoved { job } => self.job_line(now, job.as_str(), &self.style.dim("removed")),
            Event::ClockStepped { by } => {
                let (way, by) = if *by < TimeDelta::zero() { ("back", -*by) } else { ("forward", *by) };
                let by = show_duration(by.to_std().unwrap_or_default());
                format!("{} the clock was set {way} by {by}\n", self.time(now.wall))
            }
            Event::ClockWrong { least } => {
                let (clock, least) = (now.wall.format("%Y-%m-%d %H:%M:%S"), least.format("%Y-%m-%d"));
                let text = format!("the clock is wrong: it says {clock} UTC, and this release is of {least}");
                let remedy = "nothing is due until it is set; start with --trust-clock to believe it";
                format!("{} {}\n", self.time(now.wall), self.style.bold(format!("{text}; {remedy}")))
            }
            Event::LoopStalled { run, lasted } => {
                let lasted = render_duration(Duration::from_millis(
                    u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
                ));
                format!("{} {run} has held up its thread for {lasted}\n", self.time(now.wall))
            }
            Event::ClockRight => format!("{} the clock is right\n", self.time(now.wall)),
            Event::RunnerStopping { stage, running, within } => self.stopping(now, *stage, running, *within),
        }
    }

    /// What stands before each line of a run's output.
    pub(super) fn output_prefix(&self, now: Now, source: &OutputSource) -> String {
        format!("{} {} ", self.time(now.wall), self.name(source.run.job.as_str(), "|"))
    }

    /// The lines of a run's output as they are shown: to a terminal nothing that it would obey, elsewhere as
    /// they are.
    pub(super) fn output<'a>(&self, lines: &'a [u8]) -> Cow<'a, [u8]> {
        if self.style.terminal { shown(lines) } else { Cow::Borrowed(lines) }
    }

    fn run_started(&self, now: Now, started: &Started) -> String {
        let mut text = format!("started {}", started.run);
        match started.cause {
            "scheduled" => {}
            "catch_up" => text += ", catching up",
            "manual" => text += ", by hand",
            "backfill" => {
                let _ = write!(text, ", backfill of {}", self.moment(started.fire_time.to_utc(), now));
            }
            "dependency" => {
                let _ = started.after.iter().try_for_each(|first| write!(text, ", after {first}"));
            }
            other => text = format!("{text}, {other}"),
        }
        if started.attempt > 1 {
            let _ = write!(text, ", attempt {}", started.attempt);
        }
        let late = TimeDelta::milliseconds(started.late_ms);
        if late >= LATE_NOTABLE {
            let due = self.moment(started.fire_time.to_utc(), now);
            let _ = write!(text, ", due {due}, {} late", show_duration(late.to_std().unwrap_or_default()));
        }
        self.job_line(now, started.run.job.as_str(), &self.style.dim(text))
    }

    fn run_adopted(&self, now: Now, started: &Started) -> String {
        let age = (now.wall - started.started_at).to_std().unwrap_or_default();
        let age = show_duration(Duration::from_secs(age.as_secs()));
        let process = started.pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        let text = format!("took over {}, running for {age}{process}", started.run);
        self.job_line(now, started.run.job.as_str(), &self.style.dim(text))
    }

    /// Only what the end of the run does not say: that another attempt follows.
    fn attempt_finished(&self, now: Now, attempt: &Attempt) -> String {
        let job = attempt.run.job.as_str();
        let mut text = String::new();
        if let Some(delay) = attempt.retry_in {
            let how = match &attempt.result {
                _ if attempt.timed_out => "timed out".to_owned(),
                Ok(exit) => format!("failed: {}", exit.status.describe()),
                Err(error) => format!("failed: {}", error.message),
            };
            let again = format!("; attempt {} in {}", attempt.number + 1, show_duration(delay));
            text += &self.job_line(now, job, &(self.style.outcome(Outcome::Skipped, how) + again.as_str()));
        }
        text
    }

    /// `paused until 18:00:00 by me: repairs`
    fn paused(&self, pause: &Pause, now: Now) -> String {
        let until = pause.until.map_or(String::new(), |until| format!(" until {}", self.moment(until, now)));
        let shown = |text: &str| String::from_utf8_lossy(&self.output(text.as_bytes())).into_owned();
        let by = pause.by.as_deref().map_or(String::new(), |by| format!(" by {}", shown(by)));
        let reason = pause.reason.as_deref().map_or(String::new(), |reason| format!(": {}", shown(reason)));
        format!("paused{until}{by}{reason}")
    }

    fn run_finished(&self, row: &Row) -> String {
        let mut text = self.style.outcome(row.outcome, row.outcome.as_str().replace('_', " ")).into_owned();
        let after = row.duration_ms.map(|ms| match ms {
            0 => "<1ms".to_owned(),
            ms => show_duration(Duration::from_millis(ms)),
        });
        match (row.exit_status(), &row.reason) {
            (Some(ExitStatus::Code(0)), None) if row.outcome == Outcome::Succeeded => {}
            (None, None) => {}
            (Some(status), None) => {
                let _ = write!(text, ": {}", status.describe());
            }
            (_, Some(reason)) => {
                let by = if row.outcome == Outcome::Cancelled { " by" } else { ":" };
                let _ = write!(text, "{by} {reason}");
            }
        }
        if let Some(after) = after {
            let _ =
                write!(text, " {} {after}", if row.outcome == Outcome::Succeeded { "in" } else { "after" });
        }
        if row.attempts > 1 {
            let _ = write!(text, ", {} attempts", row.attempts);
        }
        text
    }

    fn fire_time_closed(&self, row: &Row, now: Now) -> String {
        let moment = |at: DateTime<chrono::FixedOffset>| self.moment(at.to_utc(), now);
        let what = match row.fire_time_last {
            Some(last) => {
                format!("{} fire times from {} to {}", row.count, moment(row.fire_time), moment(last))
            }
            None => moment(row.fire_time),
        };
        let outcome = self.style.outcome(row.outcome, row.outcome.as_str());
        let why = match (row.outcome, row.reason.as_deref(), row.coalesced_into) {
            (Outcome::Coalesced, _, Some(into)) => format!("into {}", moment(into)),
            (_, Some("overlap"), _) => "still running".into(),
            (_, Some("stopping"), _) => "the runner is stopping".into(),
            (_, Some("asleep"), _) => format!("the machine slept, {} late", late(row)),
            (_, Some("down"), _) => format!(
                "the runner was down, {} late, over its misfire_grace_time; to run it now: runner run {}",
                late(row),
                row.job
            ),
            (_, Some("ledger"), _) => format!("the ledger could not be written, {} late", late(row)),
            (_, Some("paused"), _) => "the job was paused".into(),
            (_, Some("removed"), _) => "the job was removed or switched off".into(),
            (_, Some("request"), _) => "by request".into(),
            (_, Some("clock"), _) => format!("the clock was set, {} late", late(row)),
            (_, Some("late"), _) => format!("{} late, over its misfire_grace_time", late(row)),
            (_, reason, _) => reason.unwrap_or_default().into(),
        };
        if row.outcome == Outcome::Coalesced {
            format!("{outcome} {what} {why}")
        } else {
            format!("{outcome} {what}: {why}")
        }
    }

    fn stopping(&self, now: Now, stage: StopStage, running: &[RunId], within: Duration) -> String {
        let runs = running.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let more =
            if running.len() > 10 { format!(" and {} more", running.len() - 10) } else { String::new() };
        let within = show_duration(within);
        let text = match stage {
            _ if running.is_empty() => "stopping".to_owned(),
            StopStage::Drain => {
                format!("stopping: waiting for {runs}{more}, at most {within}; again to end them now")
            }
            StopStage::Terminate => format!("stopping: ending {runs}{more}; again to kill"),
            StopStage::Kill => format!("stopping: killing {runs}{more}"),
        };
        format!("{} {}\n", self.time(now.wall), self.style.bold(text))
    }

    fn job_line(&self, now: Now, job: &str, text: &str) -> String {
        format!("{} {} {text}\n", self.time(now.wall), self.name(job, " "))
    }

    /// The job's column, in its colour, with a mark behind it.
    fn name(&self, job: &str, mark: &str) -> String {
        let width = self.width;
        self.style.job(job, format!("{job:width$} {mark}")).into_owned()
    }

    fn time(&self, at: DateTime<Utc>) -> String {
        self.style.dim(self.zone.at(at).format("%H:%M:%S").to_string()).into_owned()
    }

    /// A time of day; with its date when that is not today's.
    fn moment(&self, at: DateTime<Utc>, now: Now) -> String {
        let (at, today) = (self.zone.at(at), self.zone.at(now.wall).date_naive());
        let format = if at.date_naive() == today { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        at.format(format).to_string()
    }
}

fn late(row: &Row) -> String {
    show_duration(Duration::from_millis(row.late_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_one_short_line_that_no_terminal_obeys() {
        let style = Style { colour: false, terminal: true, can_redraw: false };
        let text = Text { style, zone: Zone::utc(), width: 3 };
        let wall = DateTime::from_timestamp(1_767_571_200, 0).expect("in range");
        let now = Now { wall, monotonic: Duration::ZERO, boot: Duration::ZERO };
        let check = |pause: Pause, line: &str| assert_eq!(text.paused(&pause, now), line);
        let pause = Pause { reason: None, by: None, since: wall, until: None };
        check(pause.clone(), "paused");
        let until = Some(wall + TimeDelta::hours(2));
        check(
            Pause { reason: Some("re\x1b[2Jpairs".into()), by: Some("me".into()), until, ..pause },
            "paused until 02:00:00 by me: re\\u{1b}[2Jpairs",
        );
    }
}
