//! What a simulation has seen.

use super::clocks::{Shift, shifts};
use super::load::{self, Load};
use super::waits::Waits;
use super::{Conditions, load::stretches};
use crate::model::{Ending, Name, Now, Outcome, Plan};
use crate::scheduler::{NotedEnd, Spawn};
use crate::trigger::Zone;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use std::collections::BTreeMap;
use std::time::Duration;

/// What would happen. See [`super::simulate`].
#[derive(Clone, Debug)]
pub struct Report {
    /// Each job, in plan order.
    pub jobs: Vec<JobReport>,
    /// From when each run was due to its start: of the jobs of each group.
    pub groups: BTreeMap<Name, Waits>,
    /// The same of all jobs.
    pub waits: Waits,
    /// How many run at once.
    pub load: Load,
    /// The length of a [`Slice`], the first of which begins with [`Load::begins`].
    pub slice: Duration,
}

/// What would happen to one job.
#[derive(Clone, Debug, Default)]
pub struct JobReport {
    /// How fire times and runs have ended, and how many so, in the order in which that came first.
    pub endings: Vec<(Ending, u64)>,
    /// When the first came that did not run or did not succeed.
    pub first_trouble: Option<DateTime<Utc>>,
    /// How many runs began.
    pub runs: u64,
    /// How many attempts began.
    pub attempts: u64,
    /// How many runs are under way at the end, those between two attempts among them.
    pub running: u64,
    /// How many fire times wait for a place at the end.
    pub waiting: u64,
    /// The most attempts of it at once.
    pub peak: u64,
    /// From when each run was due to its start.
    pub waits: Waits,
    /// How long its attempts ran, all together.
    pub busy: Duration,
    /// When its first run began.
    pub first_run: Option<DateTime<Utc>>,
    /// What it did in one slice of time after another.
    pub slices: Vec<Slice>,
    /// Its fire times that daylight saving moves or doubles.
    pub shifts: Vec<Shift>,
}

/// What a job did in a slice of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// How many attempts began.
    pub starts: u32,
    /// How many fire times did not run, or ended without success.
    pub troubles: u32,
    /// How long attempts ran.
    pub busy: Duration,
}

impl JobReport {
    /// How many fire times and runs have ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        let counts = self.endings.iter().filter(|(ending, _)| ending.outcome() == outcome);
        counts.map(|(_, count)| count).sum()
    }

    /// How many fire times did not run, or ended without success.
    pub fn troubles(&self) -> u64 {
        self.ended() - self.count(Outcome::Succeeded)
    }

    /// How many fire times and runs there were, ended or not.
    pub fn all(&self) -> u64 {
        self.ended() + self.running + self.waiting
    }

    /// How many fire times and runs have ended.
    pub fn ended(&self) -> u64 {
        self.endings.iter().map(|(_, count)| count).sum()
    }
}

impl Report {
    /// How many fire times and runs of all jobs have ended so.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.jobs.iter().map(|job| job.count(outcome)).sum()
    }

    /// How many fire times and runs of all jobs have ended.
    pub fn ended(&self) -> u64 {
        self.jobs.iter().map(JobReport::ended).sum()
    }
}

/// A report that is being written.
pub(super) struct Observed {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    lead: Duration,
    slice: Duration,
    jobs: Vec<JobReport>,
    /// By slice and then by job, so that what is counted at a time lies together.
    slices: Vec<Slice>,
    load: Load,
}

impl Observed {
    pub(super) fn new(plan: &Plan, conditions: &Conditions<'_>) -> Observed {
        let Conditions { from, until, slice, .. } = *conditions;
        let begins = beginning_of_hour(from, &plan.settings.zone);
        let lead = (from - begins).to_std().unwrap_or_default();
        let whole = (until - begins).to_std().unwrap_or_default();
        let slices = load::index(whole.saturating_sub(Duration::from_nanos(1)), slice) + 1;
        Observed {
            from,
            until,
            lead,
            slice,
            jobs: vec![JobReport::default(); plan.jobs.len()],
            slices: vec![Slice::default(); plan.jobs.len() * slices],
            load: Load::new(begins, from, until),
        }
    }

    pub(super) fn started(&mut self, job: usize, spawn: &Spawn, now: Now) {
        self.load.begin(now.monotonic);
        self.slice_mut(job, now.monotonic).starts += 1;
        let job = &mut self.jobs[job];
        job.attempts += 1;
        job.running += 1;
        job.peak = job.peak.max(job.running);
        if spawn.attempt == 1 {
            job.runs += 1;
            job.first_run.get_or_insert(now.wall);
            job.waits.add((now.wall - spawn.due).to_std().unwrap_or_default());
        }
    }

    pub(super) fn stopped(&mut self, job: usize, began: Duration, now: Duration) {
        self.load.end(now);
        self.jobs[job].running -= 1;
        self.was_busy(job, began, now);
    }

    fn was_busy(&mut self, job: usize, began: Duration, now: Duration) {
        self.jobs[job].busy += now.saturating_sub(began);
        for (slice, length) in stretches(self.lead + began, self.lead + now, self.slice) {
            if let Some(slice) = self.slices.get_mut(slice * self.jobs.len() + job) {
                slice.busy += length;
            }
        }
    }

    pub(super) fn ended(&mut self, end: &NotedEnd, now: Now) {
        let job = &mut self.jobs[end.job];
        match job.endings.iter_mut().find(|(ending, _)| *ending == end.ending) {
            Some((_, count)) => *count += end.count,
            None => job.endings.push((end.ending, end.count)),
        }
        if end.ending != Ending::Succeeded {
            job.first_trouble.get_or_insert(end.fire_time);
            self.slice_mut(end.job, now.monotonic).troubles += 1;
        }
    }

    fn slice_mut(&mut self, job: usize, elapsed: Duration) -> &mut Slice {
        let jobs = self.jobs.len();
        let last = self.slices.len() / jobs - 1;
        let slice = load::index(self.lead + elapsed, self.slice).min(last);
        &mut self.slices[slice * jobs + job]
    }

    /// `under_way` are the attempts that still run `now`, each with its job and since when; `unfinished` is how many
    /// runs of each job are under way then, and how many of its fire times wait.
    pub(super) fn report(
        mut self,
        plan: &Plan,
        under_way: Vec<(usize, Duration)>,
        unfinished: Vec<(u64, u64)>,
        now: Duration,
    ) -> Report {
        self.load.advance(now);
        for (job, began) in under_way {
            self.was_busy(job, began, now);
        }
        for (job, (running, waiting)) in self.jobs.iter_mut().zip(unfinished) {
            (job.running, job.waiting) = (running, waiting);
        }
        let (mut groups, mut waits) = (BTreeMap::<Name, Waits>::new(), Waits::default());
        for group in plan.groups.keys() {
            groups.insert(group.clone(), Waits::default());
        }
        let count = self.jobs.len();
        for (index, (report, job)) in self.jobs.iter_mut().zip(&plan.jobs).enumerate() {
            report.slices = self.slices.iter().skip(index).step_by(count).copied().collect();
            report.shifts = shifts(job, self.from, self.until);
            waits.extend(&report.waits);
            if let Some(group) = job.policy.group.as_ref().and_then(|group| groups.get_mut(group)) {
                group.extend(&report.waits);
            }
        }
        Report { jobs: self.jobs, groups, waits, load: self.load, slice: self.slice }
    }
}

/// The beginning of the hour in which `at` is, by the clocks of `zone`.
fn beginning_of_hour(at: DateTime<Utc>, zone: &Zone) -> DateTime<Utc> {
    let local = zone.at(at);
    let into = TimeDelta::seconds(i64::from(local.minute() * 60 + local.second()));
    at - into - TimeDelta::nanoseconds(i64::from(local.nanosecond()))
}
