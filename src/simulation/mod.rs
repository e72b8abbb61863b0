//! WHAT WOULD HAPPEN: a plan on a virtual clock, before anything runs.
//!
//! [`simulate`] drives the real [`Core`], and so every policy of it, through a time that passes at once. Around it is
//! a small world: a runner that has just been started and never stops, no ledger, and processes
//! that take as long as their [`Behaviour`] says and fail as often. A process that is sent a stop signal ends at once.
//! What ends and what is due at the same moment happens in this order.
//!
//! It looks at no clock, and reads and writes nothing. One seed, one history: what fails is drawn from the seed, the job,
//! the fire time and the attempt.
//!
//! Millions of runs are only counted: what [`Report`] holds, and so the memory, grows with the jobs and the hours, not
//! with the runs. `load` is how many run at once, `waits` how long runs have waited, `clocks` what daylight saving does.

mod clocks;
mod load;
mod report;
#[cfg(test)]
mod tests;
mod waits;

pub use clocks::Shift;
pub use load::{Hour, Load, Peak};
pub use report::{JobReport, Report, Slice};
pub use waits::Waits;

use crate::model::{Exit, ExitStatus, Now, Plan, ProcessId, RunMap, RunRef, stable_hash};
use crate::scheduler::{Action, Beginning, Core, Fact, Spawn};
use chrono::{DateTime, TimeDelta, Utc};
use report::Observed;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// What a simulation begins with, beside its plan.
#[derive(Clone, Debug)]
pub struct Conditions<'a> {
    /// The runner is started then: fire times strictly after this are its own.
    pub from: DateTime<Utc>,
    /// The simulation ends then; fire times up to this are due.
    pub until: DateTime<Utc>,
    /// Decides jitter.
    pub seed: &'a str,
    /// Decides which attempts fail.
    pub chance_seed: &'a str,
    /// How the processes of each job behave, in plan order.
    pub behaviours: &'a [Behaviour],
    /// The length of a [`Slice`]: whole seconds, not zero.
    pub slice: Duration,
}

/// How the processes of a job behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// How long an attempt takes, if nothing stops it.
    pub takes: Duration,
    /// How many of a million attempts fail.
    pub failures_per_million: u32,
}

/// Returns what would happen.
///
/// # Panics
/// When there is not a behaviour for each job.
pub fn simulate(plan: &Plan, conditions: &Conditions<'_>) -> Report {
    assert_eq!(plan.jobs.len(), conditions.behaviours.len(), "every job behaves in some way");
    let mut world = World::new(plan, conditions);
    world.pass();
    world.report(plan)
}

struct World<'a> {
    conditions: &'a Conditions<'a>,
    core: Core,
    now: Now,
    until: Duration,
    processes: RunMap<Process>,
    /// When processes end, the first first. One that was stopped has an entry for the end that it does not come to.
    ends: BinaryHeap<Reverse<(Duration, RunRef)>>,
    observed: Observed,
}

#[derive(Clone, Copy)]
struct Process {
    job: usize,
    began: Duration,
    ends: Duration,
    status: ExitStatus,
}

impl<'a> World<'a> {
    fn new(plan: &Plan, conditions: &'a Conditions<'a>) -> World<'a> {
        let Conditions { from, until, seed, .. } = *conditions;
        let now = Now { wall: from, monotonic: Duration::ZERO, boot: Duration::ZERO };
        let beginning = Beginning { seed, keeps_nothing: true, ..Beginning::default() };
        World {
            conditions,
            core: Core::new(plan, beginning, now),
            now,
            until: (until - from).to_std().unwrap_or_default(),
            processes: RunMap::default(),
            ends: BinaryHeap::new(),
            observed: Observed::new(plan, conditions),
        }
    }

    /// Lets all of the time pass, from one moment at which something happens to the next.
    fn pass(&mut self) {
        self.settle();
        loop {
            let timeout = self.core.poll_timeout().sleep(self.now).map(|sleep| self.now.monotonic + sleep);
            let end = self.ends.peek().map(|Reverse((at, _))| *at);
            let next = [timeout, end].into_iter().flatten().min().filter(|next| *next <= self.until);
            let Some(next) = next else { break };
            if next > self.now.monotonic {
                self.advance_to(next);
            }
            self.end_processes();
            if timeout.is_some_and(|timeout| timeout <= next) {
                self.core.handle_timeout(self.now);
                self.settle();
            }
        }
        self.advance_to(self.until);
    }

    fn advance_to(&mut self, elapsed: Duration) {
        let wall = self.conditions.from + TimeDelta::from_std(elapsed).expect("the end is in the calendar");
        self.now = Now { wall, monotonic: elapsed, boot: elapsed };
    }

    fn end_processes(&mut self) {
        let now = self.now.monotonic;
        while let Some(Reverse((at, run))) = self.ends.peek().copied()
            && at <= now
        {
            self.ends.pop();
            // Else it was stopped before, or another attempt of the run is there.
            let Some(process) = self.processes.get(&run).copied().filter(|process| process.ends == at) else {
                continue;
            };
            self.processes.remove(&run);
            self.observed.stopped(process.job, process.began, now);
            let took = now.saturating_sub(process.began);
            let exit = Exit { status: process.status, message: None, took, usage: None, output: None };
            self.core.handle_event(self.now, Fact::Exited { run, exit });
            self.settle();
        }
    }

    /// Carries out all that the core asks for.
    fn settle(&mut self) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Spawn(spawn) => self.spawn(&spawn),
                Action::Signal { run, signal } => {
                    let process = self.processes.get_mut(&run).expect("only what runs is stopped");
                    (process.ends, process.status) =
                        (self.now.monotonic, ExitStatus::Signal(signal.as_raw()));
                    self.ends.push(Reverse((process.ends, run)));
                }
                Action::NoteEnd(end) => self.observed.ended(&end, self.now),
                Action::Record(_) | Action::Adopt(_) | Action::Announce(_) => {
                    unreachable!("nothing is kept")
                }
            }
        }
    }

    fn spawn(&mut self, spawn: &Spawn) {
        let (began, run, job) = (self.now.monotonic, spawn.run_ref, spawn.place);
        let behaviour = self.conditions.behaviours[job];
        let status = self.status(spawn, behaviour);
        let process = Process { job, began, ends: began + behaviour.takes, status };
        self.processes.insert(run, process);
        self.ends.push(Reverse((process.ends, run)));
        self.observed.started(job, spawn, self.now);
        self.core.handle_event(self.now, Fact::Started { run, process: ProcessId::NONE });
    }

    fn status(&self, spawn: &Spawn, behaviour: Behaviour) -> ExitStatus {
        let succeeds = &spawn.job.policy.success_codes;
        let fails = behaviour.failures_per_million > 0 && {
            let (instant, attempt) =
                (spawn.fire_time.timestamp_micros().to_le_bytes(), spawn.attempt.to_le_bytes());
            let name = spawn.job.name.as_str().as_bytes();
            let drawn = stable_hash(&[self.conditions.chance_seed.as_bytes(), name, &instant, &attempt]);
            drawn % 1_000_000 < u64::from(behaviour.failures_per_million)
        };
        let code = if fails {
            (1..=u8::MAX).find(|code| !succeeds.contains(code)).unwrap_or(1)
        } else {
            succeeds[0]
        };
        ExitStatus::Code(code)
    }

    fn report(self, plan: &Plan) -> Report {
        let under_way = self.processes.values().map(|process| (process.job, process.began)).collect();
        let states = self.core.job_states();
        let unfinished = states.map(|state| (state.running as u64, state.waiting as u64)).collect();
        self.observed.report(plan, under_way, unfinished, self.now.monotonic)
    }
}
