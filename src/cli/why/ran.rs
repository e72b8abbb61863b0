//! Of what there is a row for: how it ran, or why it did not.

use super::moment::TICK;
use super::story::{Answer, Story};
use super::words::{self, Subject, subject};
use crate::cli::time::show_duration;
use crate::ledger::{LedgerError, Wanted};
use crate::model::{Cause, Grace, Outcome, Overlap, Row};
use crate::scheduler::armed;
use crate::trigger::Schedule;
use chrono::{DateTime, TimeDelta, Utc};

/// The fire times of a row that are asked about: of one that stands for many perhaps a few.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    pub(super) count: u64,
}

impl Part {
    fn whole(row: &Row) -> Part {
        let first = row.fire_time.to_utc();
        Part { first, last: row.fire_time_last.map_or(first, |last| last.to_utc()), count: row.count }
    }
}

impl Story<'_> {
    /// Those that are from `from` to before `until`; `None`: the row lies around it, and none of them is.
    pub(super) fn part(&self, row: &Row, from: DateTime<Utc>, until: DateTime<Utc>) -> Option<Part> {
        let whole = Part::whole(row);
        if from <= whole.first && whole.last < until {
            return Some(whole);
        }
        // Which they are can only be told by what they were computed from.
        let schedule = self.in_force(whole.first).and_then(super::story::schedule);
        let count = |schedule: &Schedule, first, last| schedule.count_between(first - TICK, last);
        let schedule = schedule.filter(|schedule| count(schedule, whole.first, whole.last) == whole.count);
        let Some(schedule) = schedule else { return Some(whole) };
        let first = schedule.next_after(from.max(whole.first) - TICK)?;
        let last = schedule.prev_before(until.min(whole.last + TICK))?;
        (first <= last).then(|| Part { first, last, count: count(&schedule, first, last) })
    }

    pub(super) fn explain_row(&self, row: &Row, part: Part) -> Result<Answer, LedgerError> {
        let what = match row.outcome {
            Outcome::Skipped | Outcome::Missed | Outcome::Coalesced => self.not_run(row, part)?,
            _ => self.ran(row),
        };
        let text = format!("{}: {what}.{}", self.when_due(row, part), self.dst(part.first));
        Ok(self.answer(row.outcome.as_str(), row.run.clone(), Some(part.first), text))
    }

    fn when_due(&self, row: &Row, part: Part) -> String {
        let between = |part: Part| format!("from {} to {}", self.at(part.first), self.at(part.last));
        let whole = Part::whole(row);
        match (part.count, whole.count) {
            (1, 1) => self.due_by(part.first, row.cause),
            (1, all) => format!("{} (one of {all} {})", self.due(part.first), between(whole)),
            (some, all) if some == all => format!("{all} fire times {}", between(whole)),
            (some, all) => format!("{some} fire times {} (of {all} {})", between(part), between(whole)),
        }
    }

    /// `ran as backup#41, on time, and succeeded in 4.1s`
    fn ran(&self, row: &Row) -> String {
        let run = row.run.as_deref().unwrap_or("a run");
        // Nobody waits for what is made up for before it is asked for.
        let at = row.key.instant;
        let late =
            row.started_at.map(|started| started.to_utc() - at).filter(|late| *late >= TimeDelta::seconds(1));
        let start = match (row.started_at, late) {
            (None, _) => format!("it was to run as {run}, of which no process came to be"),
            (Some(_), None) if row.cause == "scheduled" => format!("it ran as {run}, on time"),
            (Some(_), None) => format!("it ran as {run}"),
            (Some(_), Some(late)) => {
                format!("it ran as {run}, {} late{}", words::length(late), self.why_late(row, at, late))
            }
        };
        let how = words::how_it_ended(row);
        let lost = match row.outcome {
            Outcome::Lost => self.lost(row),
            _ => String::new(),
        };
        format!("{start}, and {how}{lost}")
    }

    fn why_late(&self, row: &Row, at: DateTime<Utc>, late: TimeDelta) -> String {
        let decided = TimeDelta::milliseconds(row.late_ms.unwrap_or_default().max(0));
        let jitter = self.jitter(at);
        let mut whys = Vec::new();
        if row.cause == "catch_up" {
            whys.push(self.unseen(at, at + jitter + decided));
        }
        if jitter > TimeDelta::zero() {
            whys.push(format!("its jitter put it off by {}", words::length(jitter)));
        }
        let waited = late - decided - jitter;
        if waited >= TimeDelta::seconds(1) {
            whys.push(format!("it waited {} for its turn", words::length(waited)));
        }
        if whys.is_empty() { String::new() } else { format!(" ({})", whys.join("; ")) }
    }

    /// How long a fire time of the job as it is now is put off.
    pub(super) fn jitter(&self, at: DateTime<Utc>) -> TimeDelta {
        let job =
            self.job.as_ref().filter(|job| job.policy.jitter.is_some() && job.schedule.naming(at).is_some());
        job.map_or(TimeDelta::zero(), |job| armed(job, &self.seed, at).due - at)
    }

    fn lost(&self, row: &Row) -> String {
        let started = row.started_at.map_or(row.fire_time.to_utc(), |at| at.to_utc());
        let runner = self.nodes.iter().rfind(|node| node.started_at <= started);
        let ended = runner.map(|node| {
            format!(": its runner, process {}, was last heard of at {}", node.pid, self.at(node.until()))
        });
        ended.unwrap_or_default()
    }

    /// Why nothing ran.
    fn not_run(&self, row: &Row, part: Part) -> Result<String, LedgerError> {
        let Subject { it, was, itself, its, .. } = subject(part.count);
        let due = |at| at + self.jitter(at);
        let decided =
            due(Part::whole(row).last) + TimeDelta::milliseconds(row.late_ms.unwrap_or_default().max(0));
        Ok(match (row.outcome, row.reason.as_deref()) {
            (Outcome::Skipped, Some("overlap")) => {
                let most =
                    self.job.as_ref().map(|job| format!(" (max_instances = {})", job.policy.max_instances));
                format!(
                    "{it} did not run, because as many runs as may were there already{}{}",
                    most.unwrap_or_default(),
                    self.occupant(decided)?
                )
            }
            (Outcome::Skipped, Some("stopping")) => {
                format!("{it} did not run, because the runner was stopping")
            }
            (Outcome::Skipped, Some("removed")) => {
                format!("{it} did not run, because the job was removed or switched off")
            }
            (Outcome::Skipped, Some("finished")) => {
                format!("{it} did not run, because the job had all the runs that it was to have")
            }
            (Outcome::Skipped, Some("paused")) => format!("{it} did not run, because the job was paused"),
            (Outcome::Coalesced, _) => {
                let into = row.coalesced_into.map(|into| into.to_utc());
                let heir = into.map(|into| self.heir(into)).transpose()?.unwrap_or_default();
                let which = into.map(|into| self.at(into)).unwrap_or_default();
                format!("{it} did not run by {itself}, but {was} folded into the fire time of {which}{heir}")
            }
            (Outcome::Missed, Some(reason)) => {
                let why = match reason {
                    "ledger" => "the ledger could not be written".to_owned(),
                    "asleep" => "the machine was asleep".to_owned(),
                    "clock" => self
                        .clock_set(part.last, decided)
                        .unwrap_or_else(|| "the clock was set forward".to_owned()),
                    "late" => "the runner was too busy".to_owned(),
                    _ => self.unseen(part.last, decided),
                };
                let late = |at| words::length(decided - due(at));
                let late = if part.count == 1 {
                    format!("it was {} late", late(part.first))
                } else {
                    format!("the last was {} late and the first {}", late(part.last), late(part.first))
                };
                format!(
                    "{it} {was} missed, because {why}; when {it} {was} seen {late}, over {its} misfire_grace_time{}",
                    self.grace()
                )
            }
            (outcome, reason) => {
                let reason = reason.map(|reason| format!(", because of {reason}")).unwrap_or_default();
                format!("{it} {was} {}{reason}", outcome.as_str())
            }
        })
    }

    /// Who had the place at that moment for which there was none.
    fn occupant(&self, at: DateTime<Utc>) -> Result<String, LedgerError> {
        if let Some(run) = self.reader.under_way(&self.name, at)? {
            return Ok(match run.started_at {
                Some(started) if started > at => format!(
                    ": the fire time of {} had the place and was still waiting{}; it began at {} as {}",
                    self.at(run.fire_time),
                    self.what_is_waited_for(),
                    self.at(started),
                    run.run
                ),
                Some(_) => format!(": {} was under way", self.run_in_time(&run)),
                None => format!(": {} was about to begin", run.run),
            });
        }
        let waiting = self.waiting.iter().map(|claim| claim.fire_time).filter(|waits| *waits <= at).max();
        let waiting = waiting.map(|waits| {
            format!(
                ": the fire time of {} had the place and was still waiting{}, as it is now",
                self.at(waits),
                self.what_is_waited_for()
            )
        });
        Ok(waiting.unwrap_or_default())
    }

    /// What a run has to wait for that has a place of its job, as the job file is now.
    pub(super) fn what_is_waited_for(&self) -> String {
        let group = self.job.as_ref().and_then(|job| job.policy.group.as_ref());
        match (group, self.max_running) {
            (Some(group), None) => format!(" for its group `{group}`"),
            (None, Some(most)) => format!(" for others to end (max_running = {most})"),
            (Some(group), Some(most)) => format!(" for its group `{group}` or max_running = {most}"),
            (None, None) => " to be written to the ledger".to_owned(),
        }
    }

    /// What a fire time that has not begun waits for.
    pub(super) fn waits_for(&self) -> Result<String, LedgerError> {
        if !self.has_runner() {
            return Ok("; no runner runs, and the next start decides whether it still runs".to_owned());
        }
        let has_limit = self.job.as_ref().is_none_or(|job| job.policy.overlap != Overlap::Allow);
        let ahead = self.reader.under_way(&self.name, self.now)?.filter(|_| has_limit);
        Ok(match ahead {
            Some(run) => format!(", behind {}", self.run_in_time(&run)),
            None => self.what_is_waited_for(),
        })
    }

    fn grace(&self) -> String {
        let grace = self.job.as_ref().and_then(|job| match job.policy.misfire_grace_time {
            Grace::Within(grace) => Some(grace),
            Grace::Any => None,
        });
        grace.map(|grace| format!(" (now {})", show_duration(grace))).unwrap_or_default()
    }

    /// What became of the fire time that another was folded into.
    fn heir(&self, into: DateTime<Utc>) -> Result<String, LedgerError> {
        let wanted = Wanted {
            jobs: vec![self.name.clone()],
            since: Some(into),
            until: Some(into),
            ..Wanted::default()
        };
        let is_backfill = |row: &Row| row.cause == Cause::Backfill.as_str();
        let mut rows = self.reader.rows(&wanted)?;
        if let Some(row) = rows.find(|row| !row.as_ref().is_ok_and(is_backfill)) {
            let row = row?;
            let run = row.run.as_ref().map(|run| format!("ran as {run} and ")).unwrap_or_default();
            return Ok(format!(", which {run}{}", words::ended(row.outcome)));
        }
        let running =
            self.runs.iter().find(|open| open.claim.fire_time == into && open.claim.cause != Cause::Backfill);
        Ok(running.map(|open| format!(", which runs as {}", open.run)).unwrap_or_default())
    }

    /// Why a fire time was not seen when it was due, but only at `seen`.
    fn unseen(&self, at: DateTime<Utc>, seen: DateTime<Utc>) -> String {
        let before = self.nodes.iter().rfind(|node| node.started_at <= at);
        let after = self
            .nodes
            .iter()
            .rfind(|node| at < node.started_at && node.started_at <= seen + TimeDelta::seconds(1));
        match (before, after) {
            (before, Some(after)) => {
                let since = before.map(|before| match before.stopped_at {
                    Some(stopped) => format!(" from {}", self.at(stopped)),
                    None => format!(
                        " from {} (when one that never stopped was last heard of)",
                        self.at(before.seen_at)
                    ),
                });
                format!("no runner ran{} to {}", since.unwrap_or_default(), self.at(after.started_at))
            }
            _ => self.clock_set(at, seen).unwrap_or_else(|| "it was seen late".to_owned()),
        }
    }

    /// The step of the clock that led over a fire time.
    fn clock_set(&self, at: DateTime<Utc>, seen: DateTime<Utc>) -> Option<String> {
        let step = self.steps.iter().rfind(|(now, by)| {
            *by > TimeDelta::zero() && *now - *by <= at && *now <= seen + TimeDelta::seconds(1)
        });
        step.map(|(now, by)| {
            format!("the clock was set forward by {} to {}", words::length(*by), self.at(*now))
        })
    }
}
