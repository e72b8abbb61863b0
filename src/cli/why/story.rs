//! What is known of one job at one moment, and the answer that follows from it.

use super::bare::{Bare, BareWhy};
use super::moment::{Change, Moment, TICK, Window};
use super::ran::Part;
use super::words;
use crate::cli::records::{Found, Holding};
use crate::cli::time::{show_distance, show_time};
use crate::engine;
use crate::ledger::{InForce, JobFacts, LedgerError, NodeSeen, Reader, UnderWay, Wanted};
use crate::model::{Cause, Claim, Job, Name, OpenRun, Outcome, Row, Tally};
use crate::trigger::{Schedule, Trigger, Zone};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;

/// So many fire times of one moment are each explained; of more the first of those that did not succeed.
const EXPLAINED_MAX: usize = 5;

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// In one word: an outcome, or `running`, `waiting`, `not_due`, `future`, `undecided`, `deleted`,
    /// `unaccounted`, `no_schedule`, `not_yet_there`, `summary`.
    pub(super) verdict: &'static str,
    pub(super) run: Option<String>,
    /// Of what it is about, if that is one fire time.
    pub(super) fire_time: Option<DateTime<Utc>>,
    /// In sentences.
    pub(super) text: String,
    zone: Zone,
}

impl Answer {
    pub(super) fn json(&self, job: &Name) -> Value {
        let fire_time = self.fire_time.map(|at| self.zone.at(at).to_rfc3339());
        json!({ "job": job.as_str(), "fire_time": fire_time, "verdict": self.verdict, "run": self.run, "text": self.text })
    }
}

/// All that is known.
pub(super) struct Story<'a> {
    pub(super) reader: &'a Reader,
    pub(super) name: Name,
    /// `None`: it is not in the ledger.
    pub(super) facts: Option<JobFacts>,
    /// `None`: it is not in the job file.
    pub(super) job: Option<Arc<Job>>,
    pub(super) seed: Arc<str>,
    pub(super) nodes: Vec<NodeSeen>,
    pub(super) steps: Vec<(DateTime<Utc>, TimeDelta)>,
    pub(super) runs: Vec<OpenRun>,
    pub(super) waiting: Vec<Claim>,
    /// Of the runner.
    pub(super) max_running: Option<NonZeroU32>,
    /// Who has the ledger.
    holding: Option<Holding>,
    pub(super) zone: Zone,
    pub(super) now: DateTime<Utc>,
}

/// Something at a moment.
pub(super) enum Item {
    /// A row, and which of its fire times are asked about.
    Ended(Row, Part),
    Running(OpenRun),
    Waiting(Claim),
    /// Fire times that no row is there for, all for the same reason.
    Bare(Bare),
}

impl Item {
    /// Whether it only makes up for a fire time, which is accounted for otherwise.
    pub(super) fn is_backfill(&self) -> bool {
        match self {
            Item::Ended(row, _) => row.cause == Cause::Backfill.as_str(),
            Item::Running(open) => open.claim.cause == Cause::Backfill,
            Item::Waiting(claim) => claim.cause == Cause::Backfill,
            Item::Bare(_) => false,
        }
    }
}

impl<'a> Story<'a> {
    pub(super) fn read(
        reader: &'a Reader,
        found: &Found,
        name: Name,
        now: DateTime<Utc>,
    ) -> Result<Story<'a>, LedgerError> {
        let facts = reader.job(&name)?;
        let job = found.plan.job(name.as_str()).cloned();
        let zone = job.as_ref().map(|job| job.zone.clone()).or_else(|| Some(facts.as_ref()?.zone.clone()));
        Ok(Story {
            reader,
            facts,
            job,
            seed: engine::seed(&found.plan).into(),
            nodes: reader.nodes()?,
            steps: reader.clock_steps()?,
            runs: reader.open_runs()?.into_iter().filter(|open| open.run.job == name).collect(),
            waiting: reader.waiting()?.into_iter().filter(|claim| claim.key.job == name).collect(),
            max_running: found.plan.settings.max_running,
            holding: Holding::read(reader)?,
            zone: zone.unwrap_or_else(Zone::utc),
            now,
            name,
        })
    }

    /// Whether a runner has the ledger; a run by hand decides nothing.
    pub(super) fn has_runner(&self) -> bool {
        self.holding.as_ref().is_some_and(Holding::is_runner)
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Its latest fire time or request, whether a row is there for it or not.
    pub(super) fn latest(&self) -> Option<DateTime<Utc>> {
        let in_ledger = self.facts.as_ref().and_then(|facts| facts.latest);
        let in_force = self.definitions().last();
        let due = in_force.filter(|definition| definition.until.is_none()).and_then(|definition| {
            let due = schedule(definition)?.prev_before(self.now + TICK)?;
            (due > definition.from).then_some(due)
        });
        in_ledger.max(due)
    }

    /// Of a job that has none.
    pub(super) fn never(&self) -> Answer {
        let seen = match (&self.job, self.definitions().first()) {
            (None, _) => "it is not in the job file any more".to_owned(),
            (Some(_), None) => "no runner has seen it yet".to_owned(),
            (Some(_), Some(first)) => format!("it was first seen at {}", self.at(first.from)),
        };
        let next = self.coming().unwrap_or_default();
        self.answer("not_yet_there", None, None, format!("it has never been due: {seen}.{next}"))
    }

    pub(super) fn answers(&self, moment: &Moment) -> Result<Vec<Answer>, LedgerError> {
        let mut answers = Vec::new();
        let windows =
            if moment.is_near { self.nearest(moment.windows[0].0)? } else { moment.windows.clone() };
        for (from, until) in windows {
            let items = self.items(from, until)?;
            if items.is_empty() {
                continue;
            }
            if items.len() <= EXPLAINED_MAX {
                for item in &items {
                    answers.push(self.explain(item)?);
                }
            } else {
                answers.extend(self.summary(moment, &items)?);
            }
        }
        if answers.is_empty() {
            answers.push(self.nothing(moment)?);
        }
        if let (Some(change), Some(first)) = (&moment.change, answers.first_mut()) {
            first.text = format!("{} {}", self.of_the_clock(&moment.text, change), first.text);
        }
        Ok(answers)
    }

    /// The latest fire time or request up to `at`, and the first after it.
    fn nearest(&self, at: DateTime<Utc>) -> Result<Vec<Window>, LedgerError> {
        let [before, after] = self.reader.around(&self.name, at)?;
        let (mut before, mut after) = (Vec::from_iter(before), Vec::from_iter(after));
        for definition in self.definitions() {
            let Some(schedule) = schedule(definition) else { continue };
            let end = definition.until.unwrap_or(self.now);
            before.extend(schedule.prev_before(at.min(end) + TICK).filter(|due| *due > definition.from));
            after.extend(schedule.next_after(at.max(definition.from)).filter(|due| *due <= end));
        }
        if let Some(job) = self.job.as_ref().filter(|job| job.enabled) {
            before.extend(job.schedule.prev_before(at + TICK).filter(|due| *due > self.now));
            after.extend(job.schedule.next_after(at.max(self.now)));
        }
        let nearest = before.into_iter().max().into_iter().chain(after.into_iter().min());
        Ok(nearest.map(|at| (at, at + TICK)).collect())
    }

    /// All that is from `from` to before `until`, in order.
    fn items(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Item>, LedgerError> {
        let wanted = Wanted {
            jobs: vec![self.name.clone()],
            since: Some(from),
            until: Some(until - TICK),
            ..Wanted::default()
        };
        let mut items: Vec<(DateTime<Utc>, Item)> = Vec::new();
        let within = |at: DateTime<Utc>| from <= at && at < until;
        for row in self.reader.rows(&wanted)? {
            let row = row?;
            if let Some(part) = self.part(&row, from, until) {
                items.push((part.first, Item::Ended(row, part)));
            }
        }
        let running = self.runs.iter().filter(|open| within(open.claim.fire_time));
        items.extend(running.map(|open| (open.claim.fire_time, Item::Running(open.clone()))));
        let waiting = self.waiting.iter().filter(|claim| within(claim.fire_time));
        items.extend(waiting.map(|claim| (claim.fire_time, Item::Waiting(claim.clone()))));
        let bare = self.bare(&items, from, until);
        items.extend(bare.into_iter().map(|bare| (bare.first, Item::Bare(bare))));
        items.sort_by_key(|(at, item)| (*at, item.is_backfill()));
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    pub(super) fn definitions(&self) -> &[InForce] {
        self.facts.as_ref().map_or(&[], |facts| &facts.definitions)
    }

    /// The last of those that were in force at a moment.
    pub(super) fn in_force(&self, at: DateTime<Utc>) -> Option<&InForce> {
        let is_in_force =
            |definition: &&InForce| definition.from < at && definition.until.is_none_or(|until| at <= until);
        self.definitions().iter().rfind(is_in_force)
    }

    fn explain(&self, item: &Item) -> Result<Answer, LedgerError> {
        match item {
            Item::Ended(row, part) => self.explain_row(row, *part),
            Item::Running(open) => {
                let at = open.claim.fire_time;
                let since = open.started_at.map(|at| format!(", since {}", self.at(at))).unwrap_or_default();
                let retry = match &open.last {
                    Some(last) if last.number == open.attempts => {
                        format!("; attempt {} {}, another follows", last.number, words::ended(last.outcome))
                    }
                    _ => String::new(),
                };
                let lost = if self.holding.as_ref().is_some_and(|holding| holding.has(open)) {
                    ""
                } else {
                    "; its runner is gone, and the next start closes or adopts it"
                };
                let due = self.due_by(at, open.claim.cause.as_str());
                let text = format!("{due}: it runs as {}{since}{retry}{lost}.", open.run);
                Ok(self.answer("running", Some(open.run.to_string()), Some(at), text + &self.dst(at)))
            }
            Item::Waiting(claim) => {
                let at = claim.fire_time;
                let text =
                    format!("{}: it waits{}.", self.due_by(at, claim.cause.as_str()), self.waits_for()?);
                Ok(self.answer("waiting", None, Some(at), text))
            }
            Item::Bare(bare) => Ok(self.explain_bare(*bare)),
        }
    }

    /// Of a moment at which nothing was due.
    fn nothing(&self, moment: &Moment) -> Result<Answer, LedgerError> {
        let (from, _) = moment.windows[0];
        let asked = &moment.text;
        let Some(first) = self.definitions().first() else {
            if from > self.now || self.facts.is_none() {
                return self.not_due(asked, from);
            }
            let text = format!("{asked}: nothing is recorded of it then, and no runner has seen it yet.");
            return Ok(self.answer("no_schedule", None, None, text + &self.recorded_around(from)?));
        };
        if from <= first.from {
            let text =
                format!("{asked}: the job was not there yet; it was first seen at {}.", self.at(first.from));
            return Ok(self.answer("not_yet_there", None, None, text));
        }
        match self.in_force(from).filter(|_| from <= self.now) {
            Some(InForce { schedule: None, from: since, until, .. }) => {
                let between = match until {
                    Some(until) => format!("from {} to {}", self.at(*since), self.at(*until)),
                    None => format!("since {}", self.at(*since)),
                };
                let is_as_it_was = until.is_none() && self.schedule_of_file().is_none();
                let why = if is_as_it_was {
                    self.without_fire_times()
                } else {
                    "it was disabled, not in the job file, or without a schedule".to_owned()
                };
                let text = format!("{asked}: it was not due then, and had no fire times {between}: {why}.");
                let around = self.recorded_around(from)?;
                Ok(self.answer("no_schedule", None, None, text + &around + &self.would_name(moment)))
            }
            _ => {
                let answer = self.not_due(asked, from)?;
                Ok(Answer { text: answer.text + &self.would_name(moment), ..answer })
            }
        }
    }

    fn schedule_of_file(&self) -> Option<Schedule> {
        let job = self.job.as_ref().filter(|job| job.enabled)?;
        Some(Schedule::clone(&job.schedule)).filter(|schedule| !schedule.is_empty())
    }

    /// Why the job has none, as the job file is now.
    fn without_fire_times(&self) -> String {
        let Some(job) = &self.job else { return "it is not in the job file any more".to_owned() };
        let startup = job.startup.then(|| "when the runner starts".to_owned());
        let after = job.after.as_ref().map(|after| format!("when {after}"));
        let runs: Vec<String> = startup.into_iter().chain(after).collect();
        match runs.join(" and ") {
            _ if !job.enabled => "it is disabled".to_owned(),
            when if when.is_empty() => "it runs only by hand".to_owned(),
            when => format!("it runs {when}"),
        }
    }

    /// What is known of a job around a moment, whose fire times nothing names.
    fn recorded_around(&self, at: DateTime<Utc>) -> Result<String, LedgerError> {
        let [before, after] = self.reader.around(&self.name, at)?;
        let before = before.map(|at| format!("before it {}", self.at(at)));
        let after = after.map(|at| format!("after it {}", self.at(at)));
        let around: Vec<String> = before.into_iter().chain(after).collect();
        let around = around.join(", ");
        Ok(if around.is_empty() { around } else { format!(" The nearest that are recorded: {around}.") })
    }

    /// With the fire times around it.
    fn not_due(&self, asked: &str, at: DateTime<Utc>) -> Result<Answer, LedgerError> {
        let in_force = self.in_force(at).filter(|_| at <= self.now).and_then(schedule);
        let tense = if at > self.now { "it will not be due then" } else { "it was not due then" };
        let in_force = in_force.filter(|schedule| !schedule.is_empty());
        let Some(schedule) = in_force.or_else(|| self.schedule_of_file()) else {
            let text = format!("{asked}: {tense}: {}.", self.without_fire_times());
            return Ok(self.answer("no_schedule", None, None, text + &self.recorded_around(at)?));
        };
        let texts: Vec<&str> = schedule.triggers().iter().map(Trigger::text).collect();
        let before = schedule.prev_before(at).map(|at| format!("before it {}", self.at(at)));
        let after = schedule.next_after(at).map(|at| format!("after it {}", self.at(at)));
        let around: Vec<String> = before.into_iter().chain(after).collect();
        let around = if around.is_empty() { "it has no fire times".to_owned() } else { around.join(", ") };
        let text =
            format!("{asked}: {tense}, by `{}`. The nearest fire times: {around}.", texts.join("`, `"));
        Ok(self.answer("not_due", None, None, text))
    }

    /// Another definition may have been meant.
    fn would_name(&self, moment: &Moment) -> String {
        let names = |schedule: &Schedule| {
            moment
                .windows
                .iter()
                .any(|(from, until)| schedule.next_after(*from - TICK).is_some_and(|at| at < *until))
        };
        let at = moment.windows[0].0;
        let Some(other) = self
            .definitions()
            .iter()
            .find(|definition| schedule(definition).is_some_and(|schedule| names(&schedule)))
        else {
            return String::new();
        };
        if at <= other.from {
            format!(
                " Its definition that would have been due then came into force at {}.",
                self.at(other.from)
            )
        } else {
            let until = other.until.map(|until| self.at(until)).unwrap_or_default();
            format!(" By the definition that was in force until {until} it would have been due.")
        }
    }

    /// Of many.
    fn summary(&self, moment: &Moment, items: &[Item]) -> Result<Vec<Answer>, LedgerError> {
        let mut tally = Tally::default();
        let (mut open, mut bare, mut to_come) = (0, 0, 0);
        for item in items {
            match item {
                Item::Ended(row, part) => tally.add(row.outcome, part.count),
                Item::Running(_) | Item::Waiting(_) => open += 1,
                Item::Bare(some) if some.why == BareWhy::Future => to_come += some.count,
                Item::Bare(some) => bare += some.count,
            }
        }
        let mut parts = vec![tally.to_string()];
        parts.extend((open > 0).then(|| format!("{open} open")));
        parts.extend((to_come > 0).then(|| format!("{to_come} to come")));
        parts.extend((bare > 0).then(|| format!("{bare} of which nothing is recorded")));
        let text = format!("{}: {}.", moment.text, parts.join("; "));
        let mut answers = vec![self.answer("summary", None, None, text)];
        let is_notable =
            |item: &&Item| !matches!(item, Item::Ended(row, _) if row.outcome == Outcome::Succeeded);
        for item in items.iter().filter(is_notable).take(EXPLAINED_MAX) {
            answers.push(self.explain(item)?);
        }
        Ok(answers)
    }

    /// When it is due next.
    fn coming(&self) -> Option<String> {
        let job = self.job.as_ref().filter(|job| job.enabled)?;
        let next = job.schedule.next_after(self.now)?;
        let distance = show_distance(next, self.now);
        Some(format!(" It is due next at {}, {distance}.", self.at(next)))
    }

    /// What daylight saving has to do with a fire time.
    pub(super) fn dst(&self, at: DateTime<Utc>) -> String {
        let of_file = || self.job.as_ref().map(|job| Schedule::clone(&job.schedule));
        let schedule = self.in_force(at).and_then(schedule).or_else(of_file);
        words::dst(schedule.and_then(|schedule| schedule.dst_mark(at))).to_owned()
    }

    fn of_the_clock(&self, asked: &str, change: &Change) -> String {
        let zone = &self.zone;
        match change {
            Change::Gap { from, to } => {
                let clock = |at: &chrono::NaiveDateTime| at.format("%H:%M").to_string();
                format!("{asked} never was in {zone}: the clock went from {} to {}.", clock(from), clock(to))
            }
            Change::Fold => format!("{asked} was twice in {zone}: the clock was put back."),
        }
    }

    pub(super) fn run_in_time(&self, run: &UnderWay) -> String {
        let since = run.started_at.map(|at| format!("since {}", self.at(at)));
        let until = run.finished_at.map(|at| format!("until {}", self.at(at)));
        let times: Vec<String> = since.into_iter().chain(until).collect();
        format!("{} ({})", run.run, times.join(" "))
    }

    pub(super) fn due(&self, at: DateTime<Utc>) -> String {
        format!("due at {}", self.at(at))
    }

    pub(super) fn due_by(&self, at: DateTime<Utc>, cause: &str) -> String {
        let at = self.at(at);
        match cause {
            "manual" => format!("asked for at {at}"),
            "startup" => format!("due when the runner started, at {at}"),
            "backfill" => format!("backfill of {at}"),
            "dependency" => format!("due when what it runs after had finished, at {at}"),
            _ => format!("due at {at}"),
        }
    }

    pub(super) fn at(&self, at: DateTime<Utc>) -> String {
        show_time(self.zone.at(at))
    }

    pub(super) fn answer(
        &self,
        verdict: &'static str,
        run: Option<String>,
        fire_time: Option<DateTime<Utc>>,
        text: String,
    ) -> Answer {
        Answer { verdict, run, fire_time, text, zone: self.zone.clone() }
    }
}

/// One that cannot be read has no fire times that could be told.
pub(super) fn schedule(definition: &InForce) -> Option<Schedule> {
    Schedule::of_definition(definition.schedule.as_deref()?).ok()
}
