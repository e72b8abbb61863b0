//! Of what there is a row for: how it ran, or why it did not.

use super::story::{Answer, Story};
use super::words;
use crate::cli::time::show_duration;
use crate::ledger::{LedgerError, Wanted};
use crate::model::{Grace, Outcome, Row};
use crate::scheduler::armed;
use chrono::{DateTime, TimeDelta, Utc};

impl Story<'_> {
    pub(super) fn explain_row(&self, row: &Row) -> Result<Answer, LedgerError> {
        let at = row.fire_time.to_utc();
        let what = match row.outcome {
            Outcome::Skipped | Outcome::Missed | Outcome::Coalesced => self.not_run(row)?,
            _ => self.ran(row),
        };
        let due = match (row.count, row.fire_time_last) {
            (2.., Some(last)) => {
                format!("{} fire times from {} to {}", row.count, self.at(at), self.at(last.to_utc()))
            }
            _ => self.due_by(at, row.cause),
        };
        let text = format!("{due}: {what}.{}", self.dst(at));
        Ok(self.answer(row.outcome.as_str(), row.run.clone(), Some(at), text))
    }

    /// `ran as backup#41, on time, and succeeded in 4.1s`
    fn ran(&self, row: &Row) -> String {
        let run = row.run.as_deref().unwrap_or("a run");
        let at = row.fire_time.to_utc();
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
    fn not_run(&self, row: &Row) -> Result<String, LedgerError> {
        let first = row.fire_time.to_utc();
        let last = row.fire_time_last.map_or(first, |last| last.to_utc());
        let decided = last + TimeDelta::milliseconds(row.late_ms.unwrap_or_default().max(0));
        let late = words::length(decided - last);
        Ok(match (row.outcome, row.reason.as_deref()) {
            (Outcome::Skipped, Some("overlap")) => {
                let other = self.reader.under_way(&self.name, decided)?;
                let other = other.map(|run| format!(": {} was under way", self.run_in_time(&run)));
                let most =
                    self.job.as_ref().map(|job| format!(" (max_instances = {})", job.policy.max_instances));
                format!(
                    "it did not run, because as many runs as may were there already{}{}",
                    most.unwrap_or_default(),
                    other.unwrap_or_default()
                )
            }
            (Outcome::Skipped, Some("stopping")) => {
                "it did not run, because the runner was stopping".to_owned()
            }
            (Outcome::Skipped, Some("removed")) => {
                "it did not run, because the job was removed or switched off".to_owned()
            }
            (Outcome::Skipped, Some("paused")) => "it did not run, because the job was paused".to_owned(),
            (Outcome::Coalesced, _) => {
                let into = row.coalesced_into.map(|into| into.to_utc());
                let heir = into.map(|into| self.heir(into)).transpose()?.unwrap_or_default();
                let which = into.map(|into| self.at(into)).unwrap_or_default();
                format!("it did not run by itself, but was folded into the fire time of {which}{heir}")
            }
            (Outcome::Missed, Some(reason)) => {
                let why = match reason {
                    "ledger" => "the ledger could not be written".to_owned(),
                    "asleep" => "the machine was asleep".to_owned(),
                    "clock" => self
                        .clock_set(last, decided)
                        .unwrap_or_else(|| "the clock was set forward".to_owned()),
                    "late" => "the runner was too busy".to_owned(),
                    _ => self.unseen(last, decided),
                };
                format!(
                    "it was missed, because {why}; when it was seen it was {late} late, over its misfire_grace_time{}",
                    self.grace()
                )
            }
            (outcome, reason) => {
                let reason = reason.map(|reason| format!(", because of {reason}")).unwrap_or_default();
                format!("it {}{reason}", words::ended(outcome))
            }
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
        if let Some(row) = self.reader.rows(&wanted)?.next() {
            let row = row?;
            let run = row.run.as_ref().map(|run| format!("ran as {run} and ")).unwrap_or_default();
            return Ok(format!(", which {run}{}", words::ended(row.outcome)));
        }
        let running = self.runs.iter().find(|open| open.claim.key.instant == into);
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
