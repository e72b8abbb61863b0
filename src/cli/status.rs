//! `runner status`: how every job is, the failing ones first.

use super::records::{Found, Holding, Records, Words};
use super::style::Style;
use super::table::{self, Cell, Column, Side, Tight};
use super::time::{show_distance, show_duration, show_time};
use super::{Ending, Failure, Format, Global, print};
use crate::engine;
use crate::ledger::{Ended, Lately, LedgerError, NodeSeen, Reader};
use crate::model::{Job, Name, OpenRun, Outcome};
use crate::scheduler::{Armed, armed};
use anyhow::anyhow;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

/// So far back a streak is counted.
const STREAK_MAX: u32 = 20;

/// Says whether a runner lives and writes, and of each job how it is: what it does now, how it ended last, when it is due next.
///
/// Failing jobs come first. Jobs that are no longer in the job file are left to `runner history`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The job file
    #[arg(value_name = "FILE")]
    words: Vec<String>,
    #[command(flatten)]
    records: Records,
    /// How to print
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

const COLUMNS: [Column; 6] = [
    Column { head: "job", side: Side::Left, tight: Tight::Shortened },
    Column { head: "state", side: Side::Left, tight: Tight::Stays },
    Column { head: "last", side: Side::Left, tight: Tight::Stays },
    Column { head: "when", side: Side::Left, tight: Tight::Spared },
    Column { head: "streak", side: Side::Right, tight: Tight::Spared },
    Column { head: "next", side: Side::Left, tight: Tight::Stays },
];

/// How a job is.
struct Line<'a> {
    job: &'a Job,
    state: State,
    /// Its runs that have not ended.
    open: Vec<&'a OpenRun>,
    waiting: usize,
    last: Option<&'a Ended>,
    streak: Option<Streak>,
    next: Option<Armed>,
}

/// What a job does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Retrying,
    Waiting,
    Idle,
    Disabled,
    /// A run of it has not ended, and no runner lives that could end it.
    Unfinished,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Retrying => "retrying",
            State::Waiting => "waiting",
            State::Idle => "idle",
            State::Disabled => "disabled",
            State::Unfinished => "unfinished",
        }
    }
}

/// How often in a row its runs have ended well, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Streak {
    is_good: bool,
    runs: usize,
    /// Whether it may be longer.
    is_open: bool,
}

impl Status {
    pub(super) fn carry_out(self, global: &Global) -> Ending {
        let Words { file, names } = Words::of(self.words)?;
        if let Some(name) = names.first() {
            return Err(Failure::usage(anyhow!(
                "expected a job file, found `{name}`; `runner history {name}` has one job"
            )));
        }
        let found = self.records.find(file, self.format, global)?;
        let reader = found.open()?;
        let now = engine::now().wall;
        let failed = |error| found.failure(error);
        let facts = Facts::read(&reader).map_err(failed)?;
        let lines = facts.lines(&found, now);
        match self.format {
            Format::Jsonl => print(&json_lines(&found, &facts, &lines, now))?,
            Format::Text => {
                let style = Style::of(io::stdout(), global);
                let header = facts.header(&found, now, style);
                let rows: Vec<_> = lines.iter().map(|line| cells(line, now, style)).collect();
                print(&(header + &table::render(&COLUMNS, &rows, table::width_of(io::stdout()), style)))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the ledger says of its runner and of all jobs.
struct Facts {
    /// Who has it.
    holding: Option<Holding>,
    /// The last start of a runner.
    last: Option<NodeSeen>,
    lately: BTreeMap<Name, Lately>,
    open: Vec<OpenRun>,
    waiting: BTreeMap<Name, usize>,
}

impl Facts {
    fn read(reader: &Reader) -> Result<Facts, LedgerError> {
        let lately = reader.lately(STREAK_MAX)?;
        let mut waiting = BTreeMap::new();
        for claim in reader.waiting()? {
            *waiting.entry(claim.key.job).or_default() += 1;
        }
        let lately = lately.into_iter().map(|lately| (lately.job.clone(), lately)).collect();
        let (holding, last) = (Holding::read(reader)?, reader.nodes()?.pop());
        Ok(Facts { holding, last, lately, open: reader.open_runs()?, waiting })
    }

    fn lines<'a>(&'a self, found: &'a Found, now: DateTime<Utc>) -> Vec<Line<'a>> {
        let seed = engine::seed(&found.plan);
        let mut lines: Vec<Line<'_>> = found.plan.jobs.iter().map(|job| self.line(job, &seed, now)).collect();
        lines.sort_by_key(|line| (!line.is_failing(), line.job.name.clone()));
        lines
    }

    fn line<'a>(&'a self, job: &'a Job, seed: &str, now: DateTime<Utc>) -> Line<'a> {
        let ended = self.lately.get(&job.name).map_or(&[][..], |lately| &lately.ended);
        let open: Vec<&OpenRun> = self.open.iter().filter(|open| open.run.job == job.name).collect();
        let waiting = self.waiting.get(&job.name).copied().unwrap_or(0);
        let next = job.enabled.then(|| job.schedule.next_after(now)).flatten();
        let is_between =
            |open: &&OpenRun| open.last.as_ref().is_some_and(|last| last.number == open.attempts);
        let state = match (open.as_slice(), waiting) {
            ([_, ..], _) if !open.iter().any(|open| self.is_seen_to(open)) => State::Unfinished,
            ([], 1..) if !self.has_runner() => State::Unfinished,
            ([_, ..], _) if open.iter().all(is_between) => State::Retrying,
            ([_, ..], _) => State::Running,
            ([], 1..) => State::Waiting,
            ([], 0) if job.enabled => State::Idle,
            ([], 0) => State::Disabled,
        };
        Line {
            job,
            state,
            open,
            waiting,
            last: ended.first(),
            streak: streak(ended),
            next: next.map(|next| armed(job, seed, next)),
        }
    }

    fn has_runner(&self) -> bool {
        self.holding.as_ref().is_some_and(Holding::is_runner)
    }

    fn is_seen_to(&self, open: &OpenRun) -> bool {
        self.holding.as_ref().is_some_and(|holding| holding.has(open))
    }

    /// Who has the ledger, whether that one writes, and if it is no runner, when the last one ran.
    fn header(&self, found: &Found, now: DateTime<Utc>, style: Style) -> String {
        let zone = &found.plan.settings.zone;
        let at = |at: DateTime<Utc>| {
            format!("{} ({})", show_time(zone.at(at.trunc_subsecs(0))), show_distance(at, now))
        };
        let mut lines = Vec::new();
        if let Some(holding) = &self.holding {
            let pid = holding.holder.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
            let since = holding.holder.since;
            let said = if holding.is_runner() {
                let since = since.map(|since| format!(", since {}", at(since)));
                format!("a runner runs{pid}{}", since.unwrap_or_default())
            } else {
                let since = since.map(|since| format!(", begun {}", show_distance(since, now)));
                format!("a run by hand is under way{pid}{}", since.unwrap_or_default())
            };
            lines.push(style.outcome(Outcome::Succeeded, said));
            lines.extend(holding.silent_since(now).map(|seen_at| {
                let length = show_duration((now - seen_at).to_std().unwrap_or_default());
                let said =
                    format!("it has written nothing for {length}, and should each minute: its ledger is in");
                style.outcome(Outcome::Failed, said + "\ntrouble, or it hangs; what it printed says more")
            }));
        }
        if !self.has_runner() {
            let said = match &self.last {
                None => "no runner has run yet".to_owned(),
                Some(NodeSeen { stopped_at: Some(stopped), .. }) => {
                    format!("no runner runs: the last one stopped {}", at(*stopped))
                }
                Some(NodeSeen { seen_at, .. }) => format!(
                    "no runner runs: the last one ended without having stopped\nit was last heard of {}",
                    at(*seen_at)
                ),
            };
            lines.push(style.outcome(Outcome::Skipped, said));
        }
        lines.join("\n") + "\n"
    }
}

impl Line<'_> {
    fn is_failing(&self) -> bool {
        self.streak.is_some_and(|streak| !streak.is_good)
    }
}

/// Of runs only: what did not run is neither good nor bad.
fn streak(ended: &[Ended]) -> Option<Streak> {
    let is_good = |ended: &Ended| ended.outcome == Outcome::Succeeded;
    let mut runs = ended.iter().filter(|ended| ended.outcome.ran() && ended.outcome != Outcome::Cancelled);
    let first = is_good(runs.clone().next()?);
    let length = runs.clone().take_while(|run| is_good(run) == first).count();
    let is_open = runs.all(|run| is_good(run) == first) && ended.len() == STREAK_MAX as usize;
    Some(Streak { is_good: first, runs: length, is_open })
}

fn cells(line: &Line<'_>, now: DateTime<Utc>, style: Style) -> Vec<Cell> {
    let name = line.job.name.as_str();
    let since = line.open.first().and_then(|open| open.started_at);
    let state = match (line.state, since) {
        (State::Running, Some(since)) => {
            let more = if line.open.len() > 1 { format!(" x{}", line.open.len()) } else { String::new() };
            format!("running{more} {}", show_duration((now - since).to_std().unwrap_or_default()))
        }
        (state, _) => state.as_str().to_owned(),
    };
    let last = line.last.map(|last| last.outcome.as_str().replace('_', " ")).unwrap_or_default();
    let when = line.last.map(|last| show_distance(last.finished_at.unwrap_or(last.fire_time), now));
    let next = line.next.map(|next| shown_next(line.job, next, now));
    vec![
        Cell::painted(name, |text| style.job(name, text).into_owned()),
        state.into(),
        Cell::painted(&last, |text| match line.last {
            Some(last) => style.outcome(last.outcome, text).into_owned(),
            None => text.to_owned(),
        }),
        when.unwrap_or_default().into(),
        line.streak.map(shown_streak).unwrap_or_default().into(),
        next.or_else(|| otherwise(line.job)).unwrap_or_default().into(),
    ]
}

/// `02:34:06, in 2s`, `2026-11-27 03:00:00, in 2d 1h`
fn shown_next(job: &Job, next: Armed, now: DateTime<Utc>) -> String {
    let is_near = next.fire_time - now < TimeDelta::days(1);
    let format = if is_near { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    format!("{}, {}", job.zone.at(next.fire_time).format(format), show_distance(next.due, now))
}

/// `12 ok`, `20+ ok`, `3 failed`
fn shown_streak(streak: Streak) -> String {
    let more = if streak.is_open { "+" } else { "" };
    format!("{}{more} {}", streak.runs, if streak.is_good { "ok" } else { "failed" })
}

/// When a job is due that has no fire times.
fn otherwise(job: &Job) -> Option<String> {
    let after = || job.after.as_ref().map(|after| format!("when {after}"));
    if !job.enabled {
        return None;
    }
    after().or_else(|| job.startup.then(|| "when the runner starts".to_owned()))
}

/// One line for the runner, and one for each job. The field names are a promise.
fn json_lines(found: &Found, facts: &Facts, lines: &[Line<'_>], now: DateTime<Utc>) -> String {
    let zone = &found.plan.settings.zone;
    let at = |at: Option<DateTime<Utc>>| at.map(|at| zone.at(at).to_rfc3339());
    let (holding, last) = (facts.holding.as_ref(), facts.last.as_ref());
    let stopped = last.and_then(|node| node.stopped_at).filter(|_| !facts.has_runner());
    let runner = json!({
        "runner": match holding {
            Some(holding) if holding.is_runner() => "running",
            Some(_) => "by_hand",
            None => "down",
        },
        "pid": holding.and_then(|holding| holding.holder.pid),
        "since": at(holding.and_then(|holding| holding.holder.since)),
        "silent_since": at(holding.and_then(|holding| holding.silent_since(now))),
        "stopped_at": at(stopped),
        "last_seen_at": at(last.map(NodeSeen::until)),
        "ledger": found.path.to_string_lossy(),
    });
    let mut text = runner.to_string() + "\n";
    for line in lines {
        text += &json_line(line).to_string();
        text.push('\n');
    }
    text
}

fn json_line(line: &Line<'_>) -> Value {
    let zone = &line.job.zone;
    let at = |at: Option<DateTime<Utc>>| at.map(|at| zone.at(at).to_rfc3339());
    json!({
        "job": line.job.name.as_str(),
        "state": line.state.as_str(),
        "running": line.open.iter().map(|open| open.run.to_string()).collect::<Vec<_>>(),
        "running_since": at(line.open.first().and_then(|open| open.started_at)),
        "waiting": line.waiting,
        "last_run": line.last.and_then(|last| last.run.as_ref()).map(ToString::to_string),
        "last_outcome": line.last.map(|last| last.outcome.as_str()),
        "last_fire_time": at(line.last.map(|last| last.fire_time)),
        "last_finished_at": at(line.last.and_then(|last| last.finished_at)),
        "next": at(line.next.map(|next| next.fire_time)),
        "due": at(line.next.map(|next| next.due)),
        "failing": line.is_failing(),
        "streak": line.streak.map(|streak| streak.runs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Cancelled, Failed, Lost, Missed, Skipped, Succeeded};

    #[test]
    fn a_streak_is_of_runs_that_ended_alike() {
        let check = |outcomes: &[Outcome], expected: Option<&str>| {
            let at = DateTime::<Utc>::UNIX_EPOCH;
            let ended =
                |outcome: &Outcome| Ended { run: None, outcome: *outcome, fire_time: at, finished_at: None };
            let ended: Vec<Ended> = outcomes.iter().map(ended).collect();
            assert_eq!(streak(&ended).map(shown_streak).as_deref(), expected);
        };
        check(&[], None);
        check(&[Skipped, Missed], None);
        check(&[Succeeded, Skipped, Succeeded, Failed], Some("2 ok"));
        check(&[Missed, Failed, Cancelled, Lost, Succeeded], Some("2 failed"));
        check(&[Succeeded; STREAK_MAX as usize], Some("20+ ok"));
    }
}
