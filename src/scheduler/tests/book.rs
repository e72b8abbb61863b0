//! A ledger of a test: it keeps what a later scheduler goes on with, and sees that nothing is written twice.

use crate::model::{
    Answer, CauseClass, Claim, Defined, JobPast, Name, OpenRun, Past, Pause, Record, RunId, RunKey,
};
use crate::trigger::Schedule;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waits,
    Claimed,
    Closed,
}

#[derive(Default)]
pub(super) struct Book {
    keys: BTreeMap<RunKey, State>,
    /// The last fire time of each stretch, and how many it is said to be.
    stretches: BTreeMap<RunKey, (DateTime<Utc>, u64)>,
    numbers: BTreeMap<Name, u64>,
    /// Which fire times each job had, and from when until when.
    periods: BTreeMap<Name, Vec<Period>>,
    pauses: BTreeMap<Name, Option<Pause>>,
    /// The fire time of each job with a fixed delay that is under way.
    delayed: BTreeMap<Name, RunKey>,
    past: Past,
}

/// The fire times after `from` and up to `until` (to the end if there is none) were those of `schedule`.
struct Period {
    clock_epoch: u32,
    from: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    schedule: Option<Arc<str>>,
}

impl Book {
    /// What is known from before, at this moment.
    pub(super) fn past(&self) -> Past {
        let mut past = self.past.clone();
        for (name, job) in &mut past.jobs {
            job.pause = self.pauses.get(name).cloned().flatten();
        }
        let is_known = |name: &Name, job: &JobPast| {
            self.periods.contains_key(name) || !job.waiting.is_empty() || job.pause.is_some()
        };
        past.jobs.retain(|name, job| is_known(name, job));
        past
    }

    /// The runner was there at this moment.
    pub(super) fn seen(&mut self, at: DateTime<Utc>) {
        self.past.down_since = Some(at);
    }

    pub(super) fn finished(&mut self, dependent: Name, firsts: Vec<Name>) {
        self.past.finished.insert(dependent, firsts);
    }

    /// The fire times of a job that were claimed, in order.
    pub(super) fn claimed(&self) -> impl Iterator<Item = &RunKey> {
        self.keys.iter().filter(|(_, state)| **state == State::Claimed).map(|(key, _)| key)
    }

    /// How many definitions a job has had.
    pub(super) fn definitions(&self, job: &str) -> usize {
        self.periods.get(job).map_or(0, Vec::len)
    }

    /// Asserts that each fire time that any job had until `end` is accounted for once, and nothing else is.
    pub(super) fn accounts_for_all_until(&self, end: DateTime<Utc>) {
        for (job, periods) in &self.periods {
            // The clock may have been set back since.
            let past = &self.past.jobs[job];
            let end = if past.accounted_is_fire_time { end.max(past.accounted) } else { end };
            let mut of_epochs: BTreeMap<u32, Vec<DateTime<Utc>>> = BTreeMap::new();
            for Period { clock_epoch, from, until, schedule } in periods {
                let fire_times = of_epochs.entry(*clock_epoch).or_default();
                let Some(schedule) = schedule else { continue };
                let schedule = Schedule::of_definition(schedule).expect("it was written");
                let all = std::iter::successors(schedule.next_after(*from), |at| schedule.next_after(*at));
                fire_times.extend(all.take_while(|at| *at <= until.unwrap_or(end)));
            }
            for (clock_epoch, fire_times) in of_epochs {
                self.accounts_for(job, clock_epoch, &fire_times);
            }
        }
    }

    /// Asserts that nothing is open: no run, and nothing that waits.
    pub(super) fn is_closed(&self) {
        let waiting: Vec<_> = self.keys.iter().filter(|(_, state)| **state == State::Waits).collect();
        assert!(waiting.is_empty() && self.past.runs.is_empty(), "{waiting:?} {:?}", self.past.runs);
    }

    fn accounts_for(&self, job: &Name, clock_epoch: u32, fire_times: &[DateTime<Utc>]) {
        assert!(fire_times.is_sorted());
        let mut times = vec![0; fire_times.len()];
        let of_job = |key: &&RunKey| {
            key.job == *job && key.clock_epoch == clock_epoch && key.class == CauseClass::Calendar
        };
        for key in self.keys.keys().filter(of_job) {
            let (last, count) = self.stretches.get(key).copied().unwrap_or((key.instant, 1));
            let (from, to) = (
                fire_times.partition_point(|at| *at < key.instant),
                fire_times.partition_point(|at| *at <= last),
            );
            assert_eq!((to - from) as u64, count, "{key:?} until {last}");
            times[from..to].iter_mut().for_each(|times| *times += 1);
        }
        for (at, times) in fire_times.iter().zip(times) {
            assert_eq!(times, 1, "`{job}` at {at} in epoch {clock_epoch}");
        }
    }

    pub(super) fn write(&mut self, record: &Record) -> Answer {
        match record {
            Record::Defined(defined) => self.define(defined),
            Record::Paused { job, pause } => {
                self.job(job);
                self.pauses.insert(job.clone(), pause.clone());
            }
            Record::Stored { job, text: Some(text) } => {
                let before = self.past.stored.insert(job.clone(), Arc::clone(text));
                assert_ne!(before.as_ref(), Some(text), "it is written when it is another");
            }
            Record::Stored { job, text: None } => {
                assert!(self.past.stored.remove(job).is_some(), "`{job}` is stored");
            }
            Record::Waits(claim) => {
                assert_eq!(self.keys.insert(claim.key.clone(), State::Waits), None, "{claim:?} is new");
                self.delayed_begins(&claim.key);
                self.account(&claim.key, claim.key.instant);
                self.job(&claim.key.job).waiting.push(claim.clone());
            }
            Record::Claim(claim) => return self.claim(claim),
            Record::Retry { run, attempt } => self.open(run).attempts = *attempt,
            Record::Started { run, attempt, process, at } => {
                let open = self.open(run);
                open.started_at.get_or_insert(*at);
                (open.attempts, open.process) = (*attempt, Some(*process));
            }
            Record::AttemptEnded(attempt) => {
                let open = self.open(&attempt.run);
                (open.last, open.process) = (Some(attempt.clone()), None);
            }
            Record::RunEnded { run, .. } => {
                let place = self.past.runs.iter().position(|open| open.run == *run);
                let open = self.past.runs.remove(place.expect("a run ends once"));
                self.delayed_ends(&open.claim.key);
            }
            Record::Closed { key, row } => {
                let before = self.keys.insert(key.clone(), State::Closed);
                assert!(matches!(before, None | Some(State::Waits)), "{key:?} is closed and was {before:?}");
                if let Some(last) = row.fire_time_last {
                    self.stretches.insert(key.clone(), (last.to_utc(), row.count));
                }
                self.account(key, row.fire_time_last.unwrap_or(row.fire_time).to_utc());
                self.no_longer_waits(key);
                self.delayed_ends(key);
            }
            Record::ClockStepped { .. } => {}
        }
        Answer::Written
    }

    fn claim(&mut self, claim: &Claim) -> Answer {
        let key = &claim.key;
        if matches!(self.keys.insert(key.clone(), State::Claimed), Some(State::Claimed | State::Closed)) {
            return Answer::Taken;
        }
        self.delayed_begins(key);
        self.account(key, key.instant);
        self.no_longer_waits(key);
        if key.class.is_of_fire_times()
            && let Some(job) = self.past.jobs.get_mut(&key.job)
        {
            job.claims += 1;
        }
        let number = self.numbers.entry(key.job.clone()).or_default();
        *number += 1;
        let number = *number;
        self.past.runs.push(OpenRun {
            run: RunId { job: key.job.clone(), number },
            claim: claim.clone(),
            attempts: 1,
            started_at: None,
            last: None,
            process: None,
            node: "node".into(),
            boot_id: "boot".into(),
            alive_for: None,
        });
        Answer::Claimed { number }
    }

    fn define(&mut self, defined: &Defined) {
        let Defined { job, clock_epoch, from, schedule, zone, zone_data, claims } = defined.clone();
        let before = self.past.jobs.get(&job);
        let periods = self.periods.entry(job.clone()).or_default();
        if let (Some(last), Some(before)) = (periods.last_mut(), before) {
            last.until = Some(if last.clock_epoch == clock_epoch { from } else { before.accounted });
        }
        periods.push(Period { clock_epoch, from, until: None, schedule: schedule.clone() });
        let keeps =
            before.filter(|before| before.clock_epoch == clock_epoch && before.accounted_is_fire_time);
        let (accounted, accounted_is_fire_time) =
            keeps.map_or((from, false), |before| (before.accounted.max(from), true));
        let waiting = before.map(|before| before.waiting.clone()).unwrap_or_default();
        let now = JobPast {
            clock_epoch,
            accounted,
            accounted_is_fire_time,
            schedule,
            zone,
            zone_data,
            claims,
            pause: None,
            waiting,
        };
        self.past.jobs.insert(job, now);
    }

    fn account(&mut self, key: &RunKey, until: DateTime<Utc>) {
        if key.class != CauseClass::Calendar {
            let newest = (key.clock_epoch, key.instant);
            self.past.asked = self.past.asked.max(Some(newest));
            return;
        }
        if self.past.jobs.is_empty() {
            // Nobody will go on: no definitions are written either.
            return;
        }
        let job = self.job(&key.job);
        if (key.clock_epoch, until) > (job.clock_epoch, job.accounted) {
            (job.clock_epoch, job.accounted, job.accounted_is_fire_time) = (key.clock_epoch, until, true);
        }
    }

    /// A fire time of a fixed delay comes when no other is under way.
    fn delayed_begins(&mut self, key: &RunKey) {
        if key.class == CauseClass::Delay {
            let before = self.delayed.insert(key.job.clone(), key.clone());
            assert!(before.is_none_or(|before| before == *key), "{key:?} comes too early");
        }
    }

    fn delayed_ends(&mut self, key: &RunKey) {
        if self.delayed.get(&key.job) == Some(key) {
            self.delayed.remove(&key.job);
        }
    }

    fn no_longer_waits(&mut self, key: &RunKey) {
        if let Some(job) = self.past.jobs.get_mut(&key.job) {
            job.waiting.retain(|waiting| waiting.key != *key);
        }
    }

    /// One that is asked for before it is defined has no fire times.
    fn job(&mut self, name: &Name) -> &mut JobPast {
        self.past.jobs.entry(name.clone()).or_insert_with(|| JobPast {
            clock_epoch: 0,
            accounted: DateTime::UNIX_EPOCH,
            accounted_is_fire_time: false,
            schedule: None,
            zone: "UTC".into(),
            zone_data: None,
            claims: 0,
            pause: None,
            waiting: Vec::new(),
        })
    }

    fn open(&mut self, run: &RunId) -> &mut OpenRun {
        self.past.runs.iter_mut().find(|open| open.run == *run).expect("a run is open until it ends")
    }
}
